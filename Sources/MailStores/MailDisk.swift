import Glibc
import Services

/// The system's file calls, with `StoreError`s.
enum MailDisk {
  static func failure(_ what: String, _ code: Int32 = errno) -> StoreError {
    let text = "\(what): \(String(cString: strerror(code)))"
    return StoreError(code == ENOSPC || code == EDQUOT ? .full : .unavailable, text)
  }

  static func makeDirectory(_ path: String) throws(StoreError) {
    if mkdir(path, 0o700) != 0, errno != EEXIST { throw failure("can't create \(path)") }
  }

  static func open(_ path: String, _ flags: Int32) throws(StoreError) -> Int32 {
    let descriptor = Glibc.open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw failure("can't open \(path)") }
    return descriptor
  }

  static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: Int64) throws(StoreError) {
    var done = 0
    while done < bytes.count {
      guard let base = bytes.baseAddress else { return }
      let count = pwrite(descriptor, base + done, bytes.count - done, Int(offset) + done)
      if count < 0 {
        if errno == EINTR { continue }
        throw failure("can't write a message")
      }
      done += count
    }
  }

  static func read(into memory: UnsafeMutableRawBufferPointer, from descriptor: Int32, at offset: Int64)
    throws(StoreError) -> Int
  {
    while true {
      let count = pread(descriptor, memory.baseAddress, memory.count, Int(offset))
      if count >= 0 { return count }
      if errno != EINTR { throw failure("can't read a message") }
    }
  }

  static func synchronise(_ descriptor: Int32) throws(StoreError) {
    if fdatasync(descriptor) != 0 { throw failure("can't write messages to the disk") }
  }

  /// Makes names in a directory durable.
  static func synchroniseDirectory(_ path: String) throws(StoreError) {
    let descriptor = try open(path, O_RDONLY | O_DIRECTORY)
    defer { close(descriptor) }
    if fsync(descriptor) != 0 { throw failure("can't write \(path) to the disk") }
  }

  static func size(of descriptor: Int32) throws(StoreError) -> Int64 {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure("can't look at a file") }
    return Int64(status.st_size)
  }

  /// The names in a directory, without `.` and `..`.
  static func names(in path: String) -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }
}

/// A descriptor that is closed when nobody refers to it any more.
final class MailFile: Sendable {
  let descriptor: Int32
  init(owning descriptor: Int32) { self.descriptor = descriptor }
  deinit { close(descriptor) }
}
