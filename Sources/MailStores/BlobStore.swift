import Crypto
import Glibc
import MailEngine
import Services
import Synchronization
import SystemShims

/// The bytes of messages: small ones one behind the other in segments, which are synchronised once for all that a commit adds;
/// large ones in files of their own.
///
/// A blob's number is its place: `segment << 32 | offset of its bytes`, or, with bit 62 set, the number of its own file. Each
/// record in a segment begins with a mark, its size and the hash of its bytes, so that a segment explains itself.
final class BlobStore: Sendable {
  static let segmentLimit: Int64 = 64 * 1024 * 1024
  static let ownFile: Int64 = 1 << 62
  /// `PSB1`, the size in eight bytes, the SHA-256.
  static let recordHeader = 44

  private struct State {
    /// The segment that grows, and where its committed bytes end.
    var segment: Int64 = 1
    var end: Int64 = 0
    var file: MailFile?
    /// Where the next reservation goes; beyond `end` by what the batch that is coming has reserved.
    var reserved: (segment: Int64, end: Int64) = (1, 0)
    var nextFile: Int64 = 1
    var open: [Int64: MailFile] = [:]
    var staged: UInt64 = 0
  }

  private let folder: String
  private let state = Mutex(State())

  private var segments: String { "\(folder)/segments" }
  private var files: String { "\(folder)/files" }
  private var staging: String { "\(folder)/staging" }

  /// - Parameter lastSegment: The last one that the index knows of, and where its last blob ends; what stands behind belongs to
  ///   a commit that never was.
  init(folder: String, lastSegment: (segment: Int64, end: Int64)?, lastFile: Int64) throws(StoreError) {
    self.folder = folder
    for path in [folder, "\(folder)/segments", "\(folder)/files", "\(folder)/staging"] {
      try MailDisk.makeDirectory(path)
    }
    for name in MailDisk.names(in: "\(folder)/staging") { unlink("\(folder)/staging/\(name)") }
    // Files of commits that never were.
    for name in MailDisk.names(in: "\(folder)/files") where (Int64(name) ?? 0) > lastFile {
      unlink("\(folder)/files/\(name)")
    }
    let (segment, end) = lastSegment ?? (1, 0)
    state.withLock { state in
      (state.segment, state.end) = (segment, end)
      state.reserved = (segment, end)
      state.nextFile = lastFile + 1
    }
    try MailDisk.synchroniseDirectory(folder)
  }

  /// For reading only: nothing is made or removed.
  init(reading folder: String) throws(StoreError) { self.folder = folder }

  func stage(expecting size: Int64?) throws(StoreError) -> StagedFile {
    if let size, size > 1024 * 1024 {
      var space = statvfs()
      if statvfs(folder, &space) == 0, Int64(clamping: space.f_bavail) * Int64(space.f_frsize) < size {
        throw StoreError(.full, "no room for \(size) bytes")
      }
    }
    let number = state.withLock { state in
      state.staged += 1
      return state.staged
    }
    return StagedFile(folder: staging, number: number)
  }

  // MARK: Writing, by one thread

  func reserve(_ staged: StagedFile) -> Int64 {
    state.withLock { state in
      if staged.bytes == nil {
        defer { state.nextFile += 1 }
        return Self.ownFile | state.nextFile
      }
      let length = Int64(Self.recordHeader) + staged.size
      if state.reserved.end > 0, state.reserved.end + length > Self.segmentLimit {
        state.reserved = (state.reserved.segment + 1, 0)
      }
      let offset = state.reserved.end + Int64(Self.recordHeader)
      state.reserved.end += length
      return state.reserved.segment << 32 | offset
    }
  }

  /// Writes blobs to the places that they have reserved; they are durable when this returns.
  func write(_ blobs: [(number: Int64, staged: StagedFile)]) throws(StoreError) {
    defer { state.withLock { $0.reserved = ($0.segment, $0.end) } }
    var bySegment: [Int64: [(offset: Int64, staged: StagedFile)]] = [:]
    for (number, staged) in blobs {
      if number & Self.ownFile != 0 {
        try keep(staged, as: number & ~Self.ownFile)
      } else {
        bySegment[number >> 32, default: []].append((number & 0xFFFF_FFFF, staged))
      }
    }
    if blobs.contains(where: { $0.number & Self.ownFile != 0 }) { try MailDisk.synchroniseDirectory(files) }
    for (segment, records) in bySegment.sorted(by: { $0.key < $1.key }) {
      try write(records, to: segment)
    }
  }

  private func write(_ records: [(offset: Int64, staged: StagedFile)], to segment: Int64) throws(StoreError) {
    let file = try growing(segment)
    guard let first = records.first else { return }
    let start = first.offset - Int64(Self.recordHeader)
    var run: [UInt8] = []
    for (offset, staged) in records {
      guard let bytes = staged.bytes else { throw StoreError(.corrupt, "a small blob has a file") }
      // What was reserved in between by an operation that failed.
      let gap = Int(offset - start) - Self.recordHeader - run.count
      if gap > 0 { run.append(contentsOf: repeatElement(0, count: gap)) }
      let sealed = staged.sealed()
      run.append(contentsOf: Self.header(sealed))
      run += bytes
    }
    var failure: StoreError?
    run.withUnsafeBytes { bytes in
      do throws(StoreError) { try MailDisk.write(bytes, to: file.descriptor, at: start) } catch { failure = error }
    }
    if let failure { throw failure }
    try MailDisk.synchronise(file.descriptor)
    state.withLock { ($0.segment, $0.end) = (segment, start + Int64(run.count)) }
  }

  static func header(_ sealed: StagedFile.Sealed) -> [UInt8] {
    let size = UInt64(sealed.size)
    return Array("PSB1".utf8) + (0..<8).map { UInt8(truncatingIfNeeded: size >> (56 - 8 * UInt64($0))) } + sealed.hash
  }

  /// The segment that grows, for writing; made, with its name durable, where it is new.
  private func growing(_ segment: Int64) throws(StoreError) -> MailFile {
    if let file = state.withLock({ $0.segment == segment ? $0.file : nil }) { return file }
    let path = segmentPath(segment)
    let isNew = access(path, F_OK) != 0
    let file = MailFile(owning: try MailDisk.open(path, O_RDWR | O_CREAT))
    if isNew { try MailDisk.synchroniseDirectory(segments) }
    state.withLock { state in
      (state.file, state.open[segment]) = (file, file)
      if state.segment != segment { (state.segment, state.end) = (segment, 0) }
    }
    return file
  }

  private func keep(_ staged: StagedFile, as number: Int64) throws(StoreError) {
    guard let (file, staging) = staged.file, let path = staging else {
      throw StoreError(.corrupt, "a large blob has no file")
    }
    try MailDisk.synchronise(file.descriptor)
    guard rename(path, filePath(number)) == 0 else { throw MailDisk.failure("can't keep a message") }
    staged.noteKept(at: filePath(number))
  }

  private func segmentPath(_ segment: Int64) -> String { "\(segments)/\(Self.segmentName(segment))" }

  private static func segmentName(_ segment: Int64) -> String {
    let digits = String(segment)
    return String(repeating: "0", count: max(0, 8 - digits.utf8.count)) + digits
  }

  /// Where the bytes are, below the store's folder, of a blob with a file of its own, or of a segment.
  static func relativePath(_ number: Int64) -> String {
    number & ownFile != 0 ? "blobs/files/\(number & ~ownFile)" : "blobs/segments/\(segmentName(number))"
  }

  private func filePath(_ number: Int64) -> String { "\(files)/\(number)" }

  // MARK: Reading

  func body(_ number: Int64, size: Int64) throws(StoreError) -> StoredBody {
    if number & Self.ownFile != 0 {
      let path = filePath(number & ~Self.ownFile)
      let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
      guard descriptor >= 0 else {
        throw errno == ENOENT ? StoreError(.notFound, "the bytes are gone") : MailDisk.failure("can't open \(path)")
      }
      return StoredBody(file: MailFile(owning: descriptor), offset: 0, size: size)
    }
    let file = try segment(number >> 32)
    return StoredBody(file: file, offset: number & 0xFFFF_FFFF, size: size)
  }

  /// Segments stay open: there are few.
  private func segment(_ segment: Int64) throws(StoreError) -> MailFile {
    if let file = state.withLock({ $0.open[segment] }) { return file }
    let path = segmentPath(segment)
    let descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else {
      throw errno == ENOENT ? StoreError(.notFound, "the bytes are gone") : MailDisk.failure("can't open \(path)")
    }
    let file = MailFile(owning: descriptor)
    state.withLock { state in
      if state.open.count > 256 { state.open.removeAll() }
      state.open[segment] = file
    }
    return file
  }

  /// Whether the bytes are what they were when they came.
  func verify(_ number: Int64, size: Int64, hash: [UInt8]) -> Bool {
    guard let body = try? body(number, size: size) else { return false }
    var hasher = SHA256()
    var offset: Int64 = 0
    while offset < size {
      guard let piece = try? body.bytes(offset..<(offset + 65_536)), !piece.isEmpty else { return false }
      hasher.update(data: piece)
      offset += Int64(piece.count)
    }
    return Array(hasher.finalize()) == hash
  }

  /// Whether the file is there and long enough.
  func isThere(_ number: Int64, size: Int64) -> Bool {
    guard let place = try? body(number, size: size).place else { return false }
    return ((try? MailDisk.size(of: place.descriptor)) ?? 0) >= place.offset + size
  }

  /// Gives the room of blobs back that nobody will read again. A failure costs room and nothing else.
  func remove(_ blobs: [(number: Int64, size: Int64)]) {
    for (number, size) in blobs {
      if number & Self.ownFile != 0 {
        unlink(filePath(number & ~Self.ownFile))
      } else if let file = try? segment(number >> 32) {
        _ = portside_punch_hole(file.descriptor, number & 0xFFFF_FFFF, max(1, size))
      }
    }
  }
}
