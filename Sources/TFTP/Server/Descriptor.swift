import Datagrams
import Glibc

/// A file descriptor that closes itself.
final class Descriptor: Sendable {
  let number: CInt
  init(_ number: CInt) { self.number = number }
  deinit { close(number) }

  /// Opens a directory to look things up beneath it.
  static func directory(_ path: String) throws(SystemError) -> Descriptor {
    let number = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard number >= 0 else { throw SystemError("open \(path)", errno) }
    return Descriptor(number)
  }
}
