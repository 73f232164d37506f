import Foundation

/// A connection to a Unix stream socket, with a time limit.
final class UnixClient {
  private let number: Int32

  init(path: String) throws {
    number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var limit = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let number = number
    let connected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    if connected != 0 { throw Failure("connect to \(path)") }
  }

  deinit { close(number) }

  /// Sends a text and returns everything until the other end closes.
  func exchange(_ text: String) -> String {
    let bytes = Array(text.utf8)
    _ = send(number, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    var answer: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = recv(number, &part, part.count, 0)
      if count <= 0 { return String(decoding: answer, as: UTF8.self) }
      answer += part.prefix(count)
    }
  }
}
