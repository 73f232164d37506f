import Glibc

/// A directory whose files are written whole or not at all: temporary file, fsync, rename, fsync of the directory.
///
/// What root makes in it belongs to the directory's owner: an administrator's command must not leave files that the
/// service can't read.
struct DurableDirectory: Sendable {
  let path: String

  /// Files that begin like this are being written; whoever holds the lock may remove them.
  static let temporaryPrefix = ".tmp-"

  init(path: String) { self.path = path }

  /// Makes the directory, and those above it, when it is not there; mode 0700.
  func make() throws(FileError) {
    if access(path, F_OK) == 0 { return }
    var made = path.hasPrefix("/") ? "" : "."
    for part in path.split(separator: "/") {
      let parent = made.isEmpty ? "/" : made
      made += "/\(part)"
      guard mkdir(made, 0o700) == 0 else {
        if errno == EEXIST { continue }
        throw FileError("mkdir", made)
      }
      let descriptor = open(made, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      guard descriptor >= 0 else { throw FileError("open", made) }
      defer { close(descriptor) }
      try Self.give(descriptor, toOwnerOf: parent)
    }
  }

  /// Takes the directory from everybody but its owner.
  func makePrivate() throws(FileError) {
    guard chmod(path, 0o700) == 0 else { throw FileError("chmod", path) }
  }

  /// The names of the files, sorted, without those that begin with a dot.
  func names() throws(FileError) -> [String] {
    try allNames().filter { !$0.hasPrefix(".") }.sorted()
  }

  private func allNames() throws(FileError) -> [String] {
    guard let directory = opendir(path) else { throw FileError("opendir", path) }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  /// A file's content; at most `limit` octets.
  func read(_ name: String, limit: Int = 1 << 20) throws(FileError) -> [UInt8] {
    try Self.readFile("\(path)/\(name)", limit: limit).bytes
  }

  func contains(_ name: String) -> Bool { access("\(path)/\(name)", F_OK) == 0 }

  /// A regular file's content and mode; never through a symbolic link at its end.
  static func readFile(_ path: String, limit: Int) throws(FileError) -> (bytes: [UInt8], mode: mode_t) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { throw FileError("open", path) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileError("fstat", path) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw FileError("open", path, number: EINVAL) }
    guard status.st_size <= limit else { throw FileError("read", path, number: EFBIG) }
    // One octet more than it should have, to see whether it grows.
    var bytes = [UInt8](repeating: 0, count: max(0, Int(status.st_size)) + 1)
    var count = 0
    while count < bytes.count {
      let got = bytes.withUnsafeMutableBytes {
        Glibc.read(descriptor, $0.baseAddress?.advanced(by: count), $0.count - count)
      }
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { throw FileError("read", path) }
      if got == 0 { break }
      count += got
    }
    guard count < bytes.count else { throw FileError("read", path, number: EFBIG) }
    bytes.removeLast(bytes.count - count)
    return (bytes, status.st_mode)
  }

  /// Puts the file in place, or replaces it.
  func write(_ name: String, _ bytes: [UInt8], mode: mode_t = 0o600) throws(FileError) {
    let temporary = try writeTemporary(bytes, mode: mode)
    guard rename(temporary, "\(path)/\(name)") == 0 else {
      let error = FileError("rename", name)
      unlink(temporary)
      throw error
    }
    try sync()
  }

  /// Puts the file in place unless there is one; that is no error.
  func create(_ name: String, _ bytes: [UInt8], mode: mode_t) throws(FileError) {
    let temporary = try writeTemporary(bytes, mode: mode)
    defer { unlink(temporary) }
    guard link(temporary, "\(path)/\(name)") == 0 || errno == EEXIST else { throw FileError("link", name) }
    try sync()
  }

  func remove(_ name: String) throws(FileError) {
    guard unlink("\(path)/\(name)") == 0 else { throw FileError("unlink", name) }
    try sync()
  }

  /// Removes what a crash left half written. Only for who holds the lock under which files are written here.
  func removeLeftovers() throws(FileError) {
    for name in try allNames() where name.hasPrefix(Self.temporaryPrefix) { unlink("\(path)/\(name)") }
  }

  /// Runs `body` while no other process or thread runs under the same lock. Waits for five seconds at most.
  func withLock<Result>(_ body: () throws -> Result) throws -> Result {
    let file = "\(path)/.lock"
    let descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw FileError("open", file) }
    defer { close(descriptor) }
    try Self.give(descriptor, toOwnerOf: path)
    var attempts = 0
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      guard errno == EWOULDBLOCK || errno == EINTR, attempts < 250 else { throw FileError("lock", file) }
      attempts += 1
      usleep(20_000)
    }
    return try body()
  }

  private func writeTemporary(_ bytes: [UInt8], mode: mode_t) throws(FileError) -> String {
    let file = "\(path)/\(Self.temporaryPrefix)\(String(UInt64.random(in: .min ... .max), radix: 36))"
    let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw FileError("open", file) }
    defer { close(descriptor) }
    do throws(FileError) {
      try Self.writeAll(bytes, to: descriptor, file)
      try Self.give(descriptor, toOwnerOf: path)
      guard fchmod(descriptor, mode) == 0 else { throw FileError("chmod", file) }
      guard fsync(descriptor) == 0 else { throw FileError("fsync", file) }
    } catch {
      unlink(file)
      throw error
    }
    return file
  }

  private static func give(_ descriptor: Int32, toOwnerOf directory: String) throws(FileError) {
    guard geteuid() == 0 else { return }
    var status = stat()
    guard stat(directory, &status) == 0 else { throw FileError("stat", directory) }
    guard fchown(descriptor, status.st_uid, status.st_gid) == 0 else { throw FileError("chown", directory) }
  }

  private static func writeAll(_ bytes: [UInt8], to descriptor: Int32, _ file: String) throws(FileError) {
    var count = 0
    while count < bytes.count {
      let put = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress?.advanced(by: count), $0.count - count) }
      if put < 0, errno == EINTR { continue }
      guard put > 0 else { throw FileError("write", file) }
      count += put
    }
  }

  private func sync() throws(FileError) {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError("open", path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw FileError("fsync", path) }
  }
}

/// A system call on a file failed.
struct FileError: Error, Hashable, Sendable, CustomStringConvertible {
  let operation: String
  let path: String
  let number: Int32

  init(_ operation: String, _ path: String, number: Int32 = errno) {
    self.operation = operation
    self.path = path
    self.number = number
  }

  var description: String { "\(operation) \(path): \(String(cString: strerror(number)))" }
}

/// The path without symbolic links; `nil` when nothing is there.
func resolve(_ path: String) -> String? {
  guard let resolved = realpath(path, nil) else { return nil }
  defer { free(resolved) }
  return String(cString: resolved)
}
