import Compression
import FTPCore
import Glibc
import NIOCore
import Services
import Synchronization

/// A file on its way in.
///
/// Where the account may rename and remove, it is written under a hidden name and takes its own at the end, whole and, unless
/// the configuration leaves that to the system, on the disk. What breaks off stays under the hidden name, for the client to go on with.
final class Upload: Sendable {
  private struct State {
    /// Where the next bytes go.
    var place: UInt64
    var received: UInt64 = 0
    var decoder: ASCIIDecoder?
    var inflater: Inflater?
    var isFinished = false
  }

  /// Where the file will be.
  let path: FilePath
  private let partial: FilePath?
  private let files: any FileStore
  private let file: any OpenedFile
  private let replaces: Bool
  private let isDurable: Bool
  private let announcedSize: UInt64?
  private let state: Mutex<State>

  private init(
    _ place: Place, files: any FileStore, file: any OpenedFile, transfer: FTPTransfer, isDurable: Bool
  ) throws(CompressionError) {
    path = place.path
    partial = place.partial
    self.files = files
    self.file = file
    replaces = place.replaces
    self.isDurable = isDurable
    announcedSize = transfer.announcedSize
    let inflater: Inflater? = if transfer.compression != nil { try Inflater(.zlib) } else { nil }
    state = Mutex(
      State(place: place.offset, decoder: transfer.isText ? ASCIIDecoder() : nil, inflater: inflater))
  }

  // MARK: Opening

  /// What is opened, and how.
  private struct Place {
    var path: FilePath
    /// The hidden name; `nil` writes to the file itself.
    var partial: FilePath?
    var offset: UInt64 = 0
    var replaces = true
  }

  /// Opens it. Blocks while the medium works.
  static func open(_ transfer: FTPTransfer, _ control: FTPControl) throws -> Upload {
    let isVisible = control.configuration.showsUploadsAtOnce
    let files: any FileStore
    var place: Place
    switch transfer.content {
    case .store(let bytes, let offset):
      let target = try control.place(bytes)
      files = target.files
      place = try self.place(files, target.path, at: offset, isVisible: isVisible, control)
    case .append(let bytes):
      let target = try control.place(bytes)
      files = target.files
      place = try self.place(files, target.path, at: nil, isVisible: isVisible, control)
    case .storeUnique(let name):
      let target = try control.place(name ?? Array("upload".utf8))
      files = target.files
      place = Place(path: try unique(files, target.path), replaces: false)
      if !isVisible, control.mayComplete(files, place.path) { place.partial = PartialName.of(place.path) }
    default: throw FTPFailure.unsupported
    }
    return try open(place, files, transfer, isDurable: control.configuration.synchronisesUploads)
  }

  private static func open(_ place: Place, _ files: any FileStore, _ transfer: FTPTransfer, isDurable: Bool) throws
    -> Upload
  {
    var options: FileOpenOptions = [.write, .create]
    if !place.replaces, place.partial == nil { options.insert(.exclusive) }
    let file = try files.open(place.partial ?? place.path, options, permissions: 0o666)
    guard file.tryLock() else { throw FTPFailure.busy }
    let size = try file.attributes().size
    guard place.offset <= size else { throw FTPFailure.restartBeyondEnd }
    if place.offset < size { try file.setAttributes(FileAttributeChanges(size: place.offset)) }
    return try Upload(place, files: files, file: file, transfer: transfer, isDurable: isDurable)
  }

  /// - Parameter offset: Where to go on; `nil` is the end (APPE).
  private static func place(
    _ files: any FileStore, _ path: FilePath, at offset: UInt64?, isVisible: Bool, _ control: FTPControl
  ) throws(FileError) -> Place {
    guard !path.isRoot else { throw .isDirectory }
    let existing = try? files.attributes(of: path, followingLinks: true)
    if let existing, existing.kind != .file { throw existing.kind == .directory ? .isDirectory : .permissionDenied }
    let hidden = isVisible || !control.mayComplete(files, path) ? nil : PartialName.of(path)
    guard let hidden else { return Place(path: path, offset: offset ?? existing?.size ?? 0) }
    if offset == 0 { return Place(path: path, partial: hidden) }
    // To go on with: what was begun, where there is any; else the file, in its place.
    if existing == nil || offset != nil, let begun = try? files.attributes(of: hidden, followingLinks: false),
      offset ?? 0 <= begun.size
    {
      return Place(path: path, partial: hidden, offset: offset ?? begun.size)
    }
    guard let existing else { return Place(path: path, partial: hidden, offset: offset ?? 0) }
    return Place(path: path, offset: offset ?? existing.size)
  }

  /// The path itself, or with a number behind, that nothing has yet (STOU).
  private static func unique(_ files: any FileStore, _ path: FilePath) throws(FileError) -> FilePath {
    guard let name = path.name else { throw .isDirectory }
    for number in 0..<1_000 {
      guard let candidate = number == 0 ? path : path.parent.appending(name + Array(".\(number)".utf8)) else {
        throw .invalidName
      }
      if isFree(files, candidate), PartialName.of(candidate).map({ isFree(files, $0) }) ?? true { return candidate }
    }
    throw .exists
  }

  /// What may not be looked at is there all the same.
  private static func isFree(_ files: any FileStore, _ path: FilePath) -> Bool {
    do throws(FileError) { _ = try files.attributes(of: path, followingLinks: false) } catch {
      return error == .notFound
    }
    return false
  }

  // MARK: Writing

  /// Writes what came. Blocks while the medium works.
  func write(_ chunks: [ByteBuffer]) throws {
    try state.withLock { state in
      for chunk in chunks {
        state.received += UInt64(chunk.readableBytes)
        if state.inflater != nil {
          try inflate(Array(chunk.readableBytesView), &state)
        } else {
          try chunk.withUnsafeReadableBytes { try put($0, &state) }
        }
      }
    }
  }

  /// The same for bytes that lie elsewhere.
  func write(_ bytes: UnsafeRawBufferPointer) throws {
    try state.withLock { state in
      state.received += UInt64(bytes.count)
      if state.inflater != nil { try inflate(Array(bytes), &state) } else { try put(bytes, &state) }
    }
  }

  private func put(_ bytes: UnsafeRawBufferPointer, _ state: inout State) throws(FileError) {
    guard state.decoder != nil else {
      try file.write(bytes, at: state.place)
      state.place += UInt64(bytes.count)
      return
    }
    var lines: [UInt8] = []
    state.decoder?.decode(bytes, into: &lines)
    try append(lines, &state)
  }

  private func append(_ bytes: [UInt8], _ state: inout State) throws(FileError) {
    let place = state.place
    let failure = bytes.withUnsafeBytes { bytes -> FileError? in
      do throws(FileError) { try file.write(bytes, at: place) } catch { return error }
      return nil
    }
    if let failure { throw failure }
    state.place += UInt64(bytes.count)
  }

  private func inflate(_ input: [UInt8], _ state: inout State) throws {
    guard let inflater = state.inflater else { return }
    var taken = 0
    while !inflater.isFinished {
      var output: [UInt8] = []
      let rest = input.span.bytes.extracting(taken..<input.count)
      do throws(CompressionError) {
        taken += try inflater.decompress(rest, limit: 256 * 1024, into: &output)
      } catch {
        throw FTPFailure.corruptStream
      }
      if output.isEmpty { break }
      try output.withUnsafeBytes { try put($0, &state) }
    }
    if inflater.isFinished, taken < input.count { throw FTPFailure.corruptStream }
  }

  /// All has come: the rest is written, and all of it is on the disk when this returns.
  func complete() throws -> UInt64 {
    try state.withLock { state in
      if let inflater = state.inflater, !inflater.isFinished { throw FTPFailure.corruptStream }
      var rest: [UInt8] = []
      state.decoder?.finish(into: &rest)
      if !rest.isEmpty { try append(rest, &state) }
      if let announcedSize, state.decoder == nil, state.inflater == nil, state.received != announcedSize,
        state.place != announcedSize
      {
        throw FTPFailure.sizeDiffers
      }
      if isDurable { try file.synchronise() }
      return state.received
    }
  }

  /// The file takes its name, which is on the disk as well when this returns.
  func reveal() throws(FileError) {
    state.withLock { $0.isFinished = true }
    guard let partial else { return }
    guard isDurable else {
      if replaces, let old = try? files.attributes(of: path, followingLinks: true) {
        try? file.setAttributes(FileAttributeChanges(permissions: old.permissions & 0o1777))
      }
      return try files.rename(partial, to: path, replacing: replaces)
    }
    try PartialName.complete(partial, file, to: path, in: files, replacing: replaces)
  }

  /// It broke off. What can be gone on with stays; the rest goes.
  func abandon(_ failure: FTPFailure) {
    let (isFinished, place) = state.withLock { ($0.isFinished, $0.place) }
    guard let partial, !isFinished || failure != .aborted else { return }
    switch failure {
    case .aborted where place > 0, .dataConnectionLost where place > 0, .stalled where place > 0: break
    default: try? files.removeFile(partial)
    }
  }
}
