#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Reads secrets from this machine's files and this process's environment.
public struct SystemSecretReader: SecretReader {
  public let user: UInt32

  /// - Parameter user: Who the server runs as: its files are as good as root's.
  public init(user: UInt32 = geteuid()) { self.user = user }

  public func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  public func read(_ path: AbsolutePath, limit: Int) throws(SecretError) -> SecretFile {
    // Non-blocking, so that a pipe put in the file's place can't hold the server up.
    let descriptor = open(path.description, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else { throw failure(path) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw failure(path) }
    let isRegular = status.st_mode & S_IFMT == S_IFREG
    var content: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    // One byte beyond the limit shows that there is too much.
    while isRegular, content.count <= limit {
      let count = buffer.withUnsafeMutableBytes { Self.readOnce(descriptor, $0) }
      guard count >= 0 else { throw failure(path) }
      if count == 0 { break }
      content.append(contentsOf: buffer.prefix(count))
    }
    guard content.count <= limit else { throw SecretError("file:\(path): more than \(limit) bytes") }
    return SecretFile(
      content: content, mode: UInt32(status.st_mode) & 0o7777, owner: status.st_uid, isRegular: isRegular)
  }

  private static func readOnce(_ descriptor: CInt, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
    while true {
      #if canImport(Glibc)
        let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
      #else
        let count = Musl.read(descriptor, buffer.baseAddress, buffer.count)
      #endif
      if count >= 0 || errno != EINTR { return count }
    }
  }

  private func failure(_ path: AbsolutePath) -> SecretError {
    SecretError("file:\(path): \(String(cString: strerror(errno)))")
  }
}
