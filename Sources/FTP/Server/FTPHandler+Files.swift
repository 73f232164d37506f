import Crypto
import FTPCore
import Services
import Transport
import WireKit

/// Names and attributes; everything here runs on a thread that may wait.
extension FTPHandler {
  func perform(_ request: FTPRequest, _ control: FTPControl) throws -> FTPOutcome {
    switch request {
    case .changeDirectory(let path): return try changeDirectory(path, control)
    case .renameFrom(let path):
      let (files, path) = try control.place(path)
      _ = try files.attributes(of: path, followingLinks: false)
      return .done
    case .rename(let from, let to):
      let (files, from) = try control.place(from)
      try files.rename(from, to: try control.place(to).path, replacing: true)
      return .done
    case .delete(let path): return try delete(path, control)
    case .makeDirectory(let path):
      let (files, path) = try control.place(path)
      try files.makeDirectory(path, permissions: 0o777)
      return .path(path.bytes)
    case .removeDirectory(let path): return try removeDirectory(path, control)
    case .facts(let path, let facts):
      let (files, path) = try control.place(path)
      var entry = FTPEntry(
        DirectoryEntry(name: path.bytes, attributes: try files.attributes(of: path, followingLinks: true)),
        isReadOnly: control.state.withLock { $0.isAnonymous })
      entry.name = path.bytes
      return .lines([entry.factLine(facts)])
    case .status(let path): return try status(path, control)
    case .size(let path, let isText): return try size(path, isText: isText, control)
    case .modified(let path):
      let (files, path) = try control.place(path)
      return .time(FTPTime(seconds: try files.attributes(of: path, followingLinks: true).modified.seconds))
    case .change(let path, let changes): return try change(path, changes, control)
    case .hash(let path, let algorithm, let first, let last):
      return try hash(path, algorithm, from: first, through: last, control)
    case .available(let path):
      let (files, path) = try control.place(path)
      let space = try files.space(at: path)
      return .number(space.availableBlocks.multipliedReportingOverflow(by: space.fragmentSize).partialValue)
    case .allocate(let size): return try allocate(size, control)
    default: throw FTPFailure.unsupported
    }
  }

  private func changeDirectory(_ path: [UInt8], _ control: FTPControl) throws -> FTPOutcome {
    let (files, path) = try control.place(path)
    guard try files.attributes(of: path, followingLinks: true).kind == .directory else {
      throw FTPFailure.notDirectory
    }
    control.state.withLock { $0.folder = path }
    return .path(path.bytes)
  }

  private func delete(_ path: [UInt8], _ control: FTPControl) throws -> FTPOutcome {
    let (files, path) = try control.place(path)
    do throws(FileError) { try files.removeFile(path) } catch {
      // What is left of an upload that broke off goes by the name that it was for.
      guard error == .notFound, let partial = PartialName.of(path) else { throw error }
      try files.removeFile(partial)
    }
    return .done
  }

  private func removeDirectory(_ path: [UInt8], _ control: FTPControl) throws -> FTPOutcome {
    let (files, path) = try control.place(path)
    do throws(FileError) { try files.removeDirectory(path) } catch {
      guard error == .notEmpty else { throw error }
      // A folder that holds nothing but the rests of uploads looks empty to the client, and is.
      let directory = try files.openDirectory(path)
      var rests: [FilePath] = []
      while true {
        let entries = try directory.next(256)
        if entries.isEmpty { break }
        for entry in entries where entry.name != [0x2E] && entry.name != [0x2E, 0x2E] {
          guard PartialName.isOne(entry.name), let rest = path.appending(entry.name) else { throw error }
          rests.append(rest)
        }
      }
      for rest in rests { try files.removeFile(rest) }
      try files.removeDirectory(path)
    }
    return .done
  }

  private func status(_ path: [UInt8], _ control: FTPControl) throws -> FTPOutcome {
    let listing = try Listing.open(path, .long, control, now: FTPTime(seconds: context.clock.wallTime().seconds))
    var bytes: [UInt8] = []
    // Over the control connection a listing has an end: a folder of a million names is for LIST.
    while bytes.count < 128 * 1024, try listing.next(into: &bytes) {}
    return .lines(bytes.split(separator: 0x0A).map { Array($0.dropLast()) })
  }

  private func size(_ path: [UInt8], isText: Bool, _ control: FTPControl) throws -> FTPOutcome {
    let (files, path) = try control.place(path)
    let attributes: FileAttributes
    do throws(FileError) { attributes = try files.attributes(of: path, followingLinks: true) } catch {
      // Whoever resumes an upload asks how far it came.
      guard error == .notFound, let partial = PartialName.of(path),
        let rest = try? files.attributes(of: partial, followingLinks: false)
      else { throw error }
      return .number(rest.size)
    }
    guard attributes.kind == .file else { throw FTPFailure.isDirectory }
    guard isText else { return .number(attributes.size) }
    // RFC 3659 §4 wants the bytes that would travel, which only the whole file tells.
    guard attributes.size <= 16 << 20 else { throw FTPFailure.unsupported }
    let file = try files.open(path, .read, permissions: 0)
    var count: UInt64 = 0
    var encoder = ASCIIEncoder()
    try Self.read(file, from: 0, through: nil) { bytes in
      var output: [UInt8] = []
      encoder.encode(bytes, into: &output)
      count += UInt64(output.count)
    }
    return .number(count)
  }

  private func change(_ path: [UInt8], _ changes: FTPFactChanges, _ control: FTPControl) throws -> FTPOutcome {
    let (files, path) = try control.place(path)
    var set = FileAttributeChanges()
    set.permissions = changes.permissions
    if let modified = changes.modified {
      let time = WallTime(seconds: modified.seconds)
      set.times = .init(accessed: time, modified: time)
    }
    try files.setAttributes(set, of: path, followingLinks: true)
    return changes.modified.map { .time($0) } ?? .done
  }

  private func allocate(_ size: UInt64, _ control: FTPControl) throws -> FTPOutcome {
    let (files, path) = try control.place(nil)
    if let space = try? files.space(at: path) {
      let (bytes, overflow) = space.availableBlocks.multipliedReportingOverflow(by: space.fragmentSize)
      guard overflow || size <= bytes else { throw FTPFailure.noSpace }
    }
    return .done
  }

  private func hash(
    _ path: [UInt8], _ algorithm: FTPHashAlgorithm, from first: UInt64, through last: UInt64?, _ control: FTPControl
  ) throws -> FTPOutcome {
    let (files, path) = try control.place(path)
    let file = try files.open(path, .read, permissions: 0)
    var sha = SHA256()
    var crc = CRC32()
    var count: UInt64 = 0
    try Self.read(file, from: first, through: last) { bytes in
      count += UInt64(bytes.count)
      if algorithm == .sha256 { sha.update(bufferPointer: bytes) } else { crc.update(bytes) }
    }
    let sum = algorithm == .sha256 ? Array(sha.finalize()) : crc.bytes
    return .hash(sum, from: first, through: first + max(count, 1) - 1)
  }

  /// Reads a file from one place through another, in pieces.
  static func read(
    _ file: any OpenedFile, from first: UInt64, through last: UInt64?, _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(FileError) {
    var buffer = [UInt8](repeating: 0, count: 256 * 1024)
    var place = first
    while last.map({ place <= $0 }) ?? true {
      var wanted = buffer.count
      if let last { wanted = Int(min(UInt64(wanted - 1), last - place)) + 1 }
      let outcome = buffer.withUnsafeMutableBytes { memory -> Result<Int, FileError> in
        do throws(FileError) {
          let count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: memory.prefix(wanted)), at: place)
          body(UnsafeRawBufferPointer(rebasing: memory.prefix(count)))
          return .success(count)
        } catch {
          return .failure(error)
        }
      }
      let count = try outcome.get()
      if count == 0 { return }
      place += UInt64(count)
    }
  }

  // MARK: The audit trail

  /// Tells what a request has changed.
  func reportChange(_ request: FTPRequest, _ control: FTPControl, _ connection: Connection) {
    let account = control.account
    func tell(_ message: StaticString, _ path: [UInt8], _ more: [Services.Event.Field] = []) {
      let place = (try? control.place(path).path.description) ?? ""
      emit(.info, message, connection, kind: .audit, account: account, [.init("path", .string(place))] + more)
    }
    switch request {
    case .delete(let path): tell("file removed", path)
    case .removeDirectory(let path): tell("folder removed", path)
    case .makeDirectory(let path): tell("folder made", path)
    case .rename(let from, let to):
      tell("renamed", from, [.init("to", .string((try? control.place(to).path.description) ?? ""))])
    case .change(let path, _): tell("attributes set", path)
    default: break
    }
  }
}

/// CRC-32 as IEEE 802.3 and zlib have it.
struct CRC32 {
  private var value = UInt32.max

  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
  }

  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    var value = value
    Self.table.withUnsafeBufferPointer { table in
      for byte in bytes { value = value >> 8 ^ table[Int((value ^ UInt32(byte)) & 0xFF)] }
    }
    self.value = value
  }

  /// Four bytes, highest first.
  var bytes: [UInt8] {
    let sum = ~value
    return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: sum >> UInt32($0)) }
  }
}
