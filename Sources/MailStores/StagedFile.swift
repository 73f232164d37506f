import Crypto
import Glibc
import Services
import MailEngine
import Synchronization

/// A message on its way to the disk: in memory while it is small, in a file of its own when it is not.
final class StagedFile: StagedBlob {
  /// What fits here goes into a segment; what is larger keeps its file.
  static let memoryLimit = 128 * 1024

  /// What the message's bytes are when they are all there.
  struct Sealed: Sendable {
    var hash: [UInt8]
    var size: Int64
  }

  private struct State {
    var bytes: [UInt8] = []
    var file: MailFile?
    /// Where the file lies, and whether it is staged there, and goes with this object, or is kept.
    var path: String?
    var isKept = false
    var size: Int64 = 0
    var hasher = SHA256()
    var sealed: Sealed?
  }

  private let folder: String
  private let number: UInt64
  private let state = Mutex(State())

  init(folder: String, number: UInt64) {
    self.folder = folder
    self.number = number
  }

  deinit {
    if let path = state.withLock({ $0.isKept ? nil : $0.path }) { unlink(path) }
  }

  var size: Int64 { state.withLock { $0.size } }

  func write(_ bytes: UnsafeRawBufferPointer) throws(StoreError) {
    try state.withLock { state throws(StoreError) in
      guard state.sealed == nil else { throw StoreError(.conflict, "the message is complete") }
      if state.file == nil, state.bytes.count + bytes.count > Self.memoryLimit { try spill(&state) }
      if let file = state.file {
        try MailDisk.write(bytes, to: file.descriptor, at: state.size)
      } else {
        state.bytes.append(contentsOf: bytes)
      }
      state.hasher.update(bufferPointer: bytes)
      state.size += Int64(bytes.count)
    }
  }

  private func spill(_ state: inout State) throws(StoreError) {
    let path = "\(folder)/\(getpid()).\(number)"
    let file = MailFile(owning: try MailDisk.open(path, O_RDWR | O_CREAT | O_EXCL))
    state.path = path
    var failure: StoreError?
    state.bytes.withUnsafeBytes { bytes in
      do throws(StoreError) { try MailDisk.write(bytes, to: file.descriptor, at: 0) } catch { failure = error }
    }
    if let failure { throw failure }
    state.file = file
    state.bytes = []
  }

  func seal() throws(StoreError) { _ = sealed() }

  func sealed() -> Sealed {
    state.withLock { state in
      if let sealed = state.sealed { return sealed }
      let sealed = Sealed(hash: Array(state.hasher.finalize()), size: state.size)
      state.sealed = sealed
      return sealed
    }
  }

  func body() throws(StoreError) -> any MessageBody {
    state.withLock { state -> any MessageBody in
      if let file = state.file { return StoredBody(file: file, offset: 0, size: state.size) }
      return BytesBody(state.bytes)
    }
  }

  /// The bytes, while they are in memory.
  var bytes: [UInt8]? { state.withLock { $0.file == nil ? $0.bytes : nil } }

  /// Its file, and where that lies, while it is in one.
  var file: (file: MailFile, path: String?)? { state.withLock { state in state.file.map { ($0, state.path) } } }

  /// Its file has moved to its place; it moves again if that commit fails and another is tried.
  func noteKept(at path: String) { state.withLock { ($0.path, $0.isKept) = (path, true) } }
}

/// A part of a file that is a message.
final class StoredBody: MessageBody {
  private let file: MailFile
  private let offset: Int64
  let size: Int64

  init(file: MailFile, offset: Int64, size: Int64) {
    self.file = file
    self.offset = offset
    self.size = size
  }

  func read(into memory: UnsafeMutableRawBufferPointer, at position: Int64) throws(StoreError) -> Int {
    guard position >= 0, position < size else { return 0 }
    let count = Int(min(Int64(memory.count), size - position))
    return try MailDisk.read(
      into: UnsafeMutableRawBufferPointer(rebasing: memory[..<count]), from: file.descriptor, at: offset + position)
  }

  var place: MessagePlace? { MessagePlace(descriptor: file.descriptor, offset: offset) }
}

/// A message in memory.
final class BytesBody: MessageBody {
  private let bytes: [UInt8]
  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var size: Int64 { Int64(bytes.count) }

  func read(into memory: UnsafeMutableRawBufferPointer, at offset: Int64) throws(StoreError) -> Int {
    guard offset >= 0, offset < size else { return 0 }
    let count = min(memory.count, bytes.count - Int(offset))
    bytes.withUnsafeBytes { source in
      memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[Int(offset)..<(Int(offset) + count)]))
    }
    return count
  }

  var place: MessagePlace? { nil }
}
