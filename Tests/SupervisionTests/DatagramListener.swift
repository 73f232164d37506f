import Foundation

/// What a service manager hears: the datagrams at a path, in order.
final class DatagramListener {
  private let number: Int32
  private var heard: [String] = []

  init(path: String) throws {
    number = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let number = number
    let bound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    if bound != 0 { throw Failure("bind \(path)") }
  }

  deinit { close(number) }

  /// Everything so far, a datagram after the other.
  var text: String {
    var room = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = recv(number, &room, room.count, 0)
      if count <= 0 { return heard.joined(separator: "\n--\n") }
      heard.append(String(decoding: room.prefix(count), as: UTF8.self))
    }
  }
}
