import FoundationEssentials
import Glibc

/// Asks a running supervisor, over its control socket: `portside status`, `reload` and `stop`.
///
/// Calls block their thread until the answer is there.
public struct SupervisorClient: Sendable {
  public let path: String

  public init(path: String) { self.path = path }

  /// The answer to a request. Throws `.notRunning` when nobody listens at the path, or no answer comes within
  /// `secondsLimit`.
  public func send(_ command: ControlRequest.Command, secondsLimit: Int = 60) throws(SupervisionError) -> ControlAnswer
  {
    let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard number >= 0 else { throw .system("make a socket", errno) }
    let descriptor = Descriptor(number)
    var limit = timeval(tv_sec: secondsLimit, tv_usec: 0)
    setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    guard SocketAddress.with(path: path, { connect(descriptor.number, $0, $1) }) == 0 else {
      let reason = errno
      if reason == EACCES || reason == EPERM {
        throw SupervisionError(.system, "\(path): only root and the server's own user may ask it")
      }
      throw SupervisionError(.notRunning, "no server answers at \(path): \(errorText(reason))")
    }
    let line = Array("{\"command\":\"\(command.rawValue)\"}\n".utf8)
    guard Glibc.send(number, line, line.count, Int32(MSG_NOSIGNAL)) == line.count else {
      throw .system("ask the server at \(path)", errno)
    }
    var answer: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 65536)
    while answer.last != 0x0A {
      let count = recv(number, &part, part.count, 0)
      guard count > 0 else {
        throw SupervisionError(.notRunning, "the server at \(path) gave no answer within \(secondsLimit) seconds")
      }
      answer += part.prefix(count)
    }
    do {
      return try JSONDecoder().decode(ControlAnswer.self, from: Data(answer))
    } catch {
      throw SupervisionError(.channel, "the answer of the server at \(path) makes no sense: \(error)")
    }
  }
}
