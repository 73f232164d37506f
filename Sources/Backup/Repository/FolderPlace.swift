import Glibc

/// A repository in a folder of this machine, or of whatever is mounted there.
public struct FolderPlace: BackupPlace {
  private let root: String

  /// - Parameter root: The folder; made, for its owner alone, by the first write.
  public init(_ root: String) { self.root = root }

  public func names(in folder: String) throws(BackupError) -> [String] {
    guard let directory = opendir(path(folder)) else {
      if errno == ENOENT { return [] }
      throw failure("can't list", folder)
    }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names
  }

  public func read(_ name: String) throws(BackupError) -> [UInt8]? {
    let descriptor = open(path(name), O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw failure("can't read", name)
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure("can't read", name) }
    return try bytes(of: name, descriptor, at: 0, count: Int(status.st_size))
  }

  public func read(_ name: String, at offset: Int, count: Int) throws(BackupError) -> [UInt8] {
    let descriptor = open(path(name), O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("can't read", name) }
    defer { close(descriptor) }
    return try bytes(of: name, descriptor, at: offset, count: count)
  }

  private func bytes(of name: String, _ descriptor: Int32, at offset: Int, count: Int) throws(BackupError) -> [UInt8] {
    var code: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        guard let base = buffer.baseAddress else { return }
        let got = pread(descriptor, base + filled, count - filled, offset + filled)
        if got < 0, errno == EINTR { continue }
        if got < 0 { code = errno }
        guard got > 0 else { return }
        filled += got
      }
    }
    guard code == 0 else { throw failure("can't read", name, code) }
    guard bytes.count == count else { throw BackupError("\(path(name)) is shorter than it was when it was written") }
    return bytes
  }

  public func write(_ name: String, _ bytes: [UInt8]) throws(BackupError) {
    let folder = name.split(separator: "/").dropLast().joined(separator: "/")
    for path in [root, path(folder)] where mkdir(path, 0o700) != 0 && errno != EEXIST {
      throw BackupError("can't make the folder \(path): \(String(cString: strerror(errno)))")
    }
    let (target, draft) = (path(name), path(".draft"))
    let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw failure("can't write", name) }
    do throws(BackupError) {
      defer { close(descriptor) }
      try write(bytes, to: descriptor, name)
      guard fdatasync(descriptor) == 0 else { throw failure("can't write", name) }
    } catch {
      unlink(draft)
      throw error
    }
    guard rename(draft, target) == 0 else { throw failure("can't write", name) }
    for path in [path(folder), root] { try synchronise(path) }
  }

  private func write(_ bytes: [UInt8], to descriptor: Int32, _ name: String) throws(BackupError) {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        buffer.baseAddress.map { Glibc.write(descriptor, $0 + done, buffer.count - done) } ?? 0
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw failure("can't write", name) }
      done += count
    }
  }

  /// Makes the names in a folder durable.
  private func synchronise(_ path: String) throws(BackupError) {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure("can't write", path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw failure("can't write", path) }
  }

  public func remove(_ name: String) throws(BackupError) {
    guard unlink(path(name)) == 0 || errno == ENOENT else { throw failure("can't remove", name) }
  }

  public func lock() throws(BackupError) -> any Sendable {
    guard mkdir(root, 0o700) == 0 || errno == EEXIST else { throw failure("can't make the folder", "") }
    let descriptor = open(path(".lock"), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw failure("can't lock", "") }
    let lock = FileLock(owning: descriptor)
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      throw BackupError("another command works on \(root)")
    }
    return lock
  }

  private func path(_ name: String) -> String { name.isEmpty ? root : "\(root)/\(name)" }

  private func failure(_ what: String, _ name: String, _ code: Int32 = errno) -> BackupError {
    BackupError("\(what) \(path(name)): \(String(cString: strerror(code)))")
  }
}

/// A descriptor whose lock ends with it.
final class FileLock: Sendable {
  private let descriptor: Int32
  init(owning descriptor: Int32) { self.descriptor = descriptor }
  deinit { close(descriptor) }
}
