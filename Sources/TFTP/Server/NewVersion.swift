import Datagrams
import Glibc
import Services
import SystemShims
import TFTPCore

/// A file on its way in. It becomes a version, under a name that no other has, or nothing.
final class NewVersion {
  private let directory: Descriptor
  private let file: Descriptor
  private let temporaryName: String
  private let finalName: String
  private let limit: UInt64
  private var decoder: NetASCIIDecoder?
  private var buffer: [UInt8] = []
  private var isCommitted = false
  /// Bytes written.
  private(set) var size: UInt64 = 0

  /// - Parameters:
  ///   - directory: The versions' directory of this file of this device.
  ///   - limit: The most that it may hold, in bytes.
  init(
    in directory: Descriptor, name: String, limit: UInt64, mode: TransferMode
  ) throws(TransferFailure) {
    self.directory = directory
    self.limit = limit
    finalName = name
    temporaryName = ".incoming-\(name)-\(UInt64.random(in: 0 ... .max))"
    decoder = mode == .netascii ? NetASCIIDecoder() : nil
    let number = portside_open_beneath_no_links(
      directory.number, temporaryName, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o640)
    guard number >= 0 else { throw Self.failure(-number) }
    file = Descriptor(number)
  }

  deinit { if !isCommitted { unlinkat(directory.number, temporaryName, 0) } }

  /// Adds a piece.
  func append(_ bytes: UnsafeRawBufferPointer) throws(TransferFailure) {
    if decoder == nil { return try write(bytes) }
    buffer.removeAll(keepingCapacity: true)
    decoder?.decode(bytes, into: &buffer)
    try writeBuffer()
  }

  /// Makes it durable and gives it its name. Never replaces anything: where the name is taken, it gets a number.
  /// - Returns: The version's name in its directory.
  func commit() throws(TransferFailure) -> String {
    buffer.removeAll(keepingCapacity: true)
    decoder?.finish(into: &buffer)
    try writeBuffer()
    guard fsync(file.number) == 0 else { throw Self.failure(errno) }
    for attempt in 0..<1_000 {
      let name = attempt == 0 ? finalName : "\(finalName).\(attempt)"
      if linkat(directory.number, temporaryName, directory.number, name, 0) == 0 {
        unlinkat(directory.number, temporaryName, 0)
        isCommitted = true
        guard fsync(directory.number) == 0 else { throw Self.failure(errno) }
        return name
      }
      guard errno == EEXIST else { throw Self.failure(errno) }
    }
    throw TransferFailure(.fileAlreadyExists)
  }

  private func writeBuffer() throws(TransferFailure) {
    let failure = buffer.withUnsafeBytes { bytes -> TransferFailure? in
      do throws(TransferFailure) { try write(bytes) } catch { return error }
      return nil
    }
    if let failure { throw failure }
  }

  private func write(_ bytes: UnsafeRawBufferPointer) throws(TransferFailure) {
    guard size + UInt64(bytes.count) <= limit else { throw TransferFailure(.diskFull) }
    var done = 0
    while done < bytes.count {
      let count = Glibc.write(file.number, bytes.baseAddress.map { $0 + done }, bytes.count - done)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw Self.failure(errno) }
      done += count
    }
    size += UInt64(bytes.count)
  }

  private static func failure(_ number: Int32) -> TransferFailure {
    switch number {
    case ENOSPC, EDQUOT, EFBIG: TransferFailure(.diskFull)
    case EACCES, EPERM, EROFS, ELOOP, EXDEV: TransferFailure(.accessViolation)
    default: TransferFailure(.notDefined, "the disk failed")
    }
  }
}
