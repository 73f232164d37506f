import Glibc

/// Why a file can't be written or read.
public struct StorageError: Error, Hashable, Sendable, CustomStringConvertible {
  public let path: String
  public let number: Int32

  public var description: String { "\(path): \(String(cString: strerror(number)))" }
}

/// Files that are replaced as a whole: whoever reads one finds the old or the new content, also after a power cut.
enum StoredFiles {
  /// A file's name for a zone: no character that a folder would take for its own.
  static func name(_ zone: String) -> String {
    let text = zone.hasSuffix(".") && zone.utf8.count > 1 ? String(zone.dropLast()) : zone
    return String(text.map { $0 == "/" ? "_" : $0 }.prefix(240))
  }

  static func makeFolder(_ path: String) throws(StorageError) {
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw StorageError(path: path, number: errno) }
  }

  static func replace(
    _ path: String, _ write: (_ append: ([UInt8]) throws(StorageError) -> Void) throws(StorageError) -> Void
  ) throws(StorageError) {
    let temporary = path + ".new"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw StorageError(path: temporary, number: errno) }
    do throws(StorageError) {
      try write { (bytes: [UInt8]) throws(StorageError) in try append(bytes, to: descriptor, temporary) }
      guard fsync(descriptor) == 0, rename(temporary, path) == 0 else {
        throw StorageError(path: temporary, number: errno)
      }
    } catch {
      close(descriptor)
      unlink(temporary)
      throw error
    }
    close(descriptor)
    syncFolder(of: path)
  }

  static func append(_ bytes: [UInt8], to descriptor: Int32, _ path: String) throws(StorageError) {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        write(descriptor, $0.baseAddress.map { $0 + written }, bytes.count - written)
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw StorageError(path: path, number: errno) }
      written += count
    }
  }

  /// The content of a file; `nil` where there is none.
  static func read(_ path: String) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
    return read(descriptor, 0, Int(status.st_size))
  }

  /// Octets of an open file; `nil` where there are not as many.
  static func read(_ descriptor: Int32, _ offset: Int, _ length: Int) -> [UInt8]? {
    var isWhole = true
    let bytes = [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
      while count < length, let start = buffer.baseAddress {
        let result = pread(descriptor, start + count, length - count, off_t(offset + count))
        if result < 0, errno == EINTR { continue }
        guard result > 0 else { break }
        count += result
      }
      isWhole = count == length
    }
    return isWhole ? bytes : nil
  }

  /// When a file was last written, in seconds since 1970.
  static func time(of path: String) -> Int64? {
    var status = stat()
    return stat(path, &status) == 0 ? Int64(status.st_mtim.tv_sec) : nil
  }

  /// Sets that time to now.
  static func touch(_ path: String) { utimensat(AT_FDCWD, path, nil, 0) }

  private static func syncFolder(of path: String) {
    let folder = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
    let descriptor = open(folder.isEmpty ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}
