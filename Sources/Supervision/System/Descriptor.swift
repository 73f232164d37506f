import Glibc

/// Owns a descriptor: closed when the last one that refers to it is gone, on error paths as well.
final class Descriptor: Sendable {
  let number: Int32

  init(_ number: Int32) { self.number = number }

  deinit { close(number) }

  /// The reading and the writing end of a pipe, non-blocking and close-on-exec.
  static func pipe() throws(SupervisionError) -> (Descriptor, Descriptor) {
    var numbers: [Int32] = [-1, -1]
    guard Glibc.pipe(&numbers) == 0 else { throw .system("make a pipe", errno) }
    for number in numbers {
      _ = fcntl(number, F_SETFD, FD_CLOEXEC)
      _ = fcntl(number, F_SETFL, O_NONBLOCK)
    }
    return (Descriptor(numbers[0]), Descriptor(numbers[1]))
  }

  /// Another descriptor of the same file, close-on-exec, that nobody closes but who receives it.
  func released() throws(SupervisionError) -> Int32 {
    let copy = fcntl(number, F_DUPFD_CLOEXEC, 3)
    guard copy >= 0 else { throw .system("hand over a descriptor", errno) }
    return copy
  }
}
