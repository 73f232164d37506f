import Foundation

/// A TCP port of loopback that somebody else listens at: this process, or one that inherits `number`.
final class BoundPort {
  let number: Int32
  let port: UInt16

  init() throws {
    number = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let number = number
    let failed = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(number, $0, size) != 0 || listen(number, 5) != 0 || getsockname(number, $0, &size) != 0
      }
    }
    if failed { throw Failure("bind") }
    port = UInt16(bigEndian: address.sin_port)
  }

  deinit { close(number) }

  /// Makes a socket's file that nobody listens at, as a killed server leaves it.
  static func leaveStaleSocket(_ path: String) throws {
    let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(number) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let bound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    if bound != 0 { throw Failure("bind \(path)") }
  }
}
