import Glibc
import WireKit

/// Endpoints and paths as the kernel's `sockaddr`, and back.
enum SocketAddress {
  /// Lends the `sockaddr` of an endpoint.
  static func with<Result>(_ endpoint: Endpoint, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    switch endpoint.address.family {
    case .v4:
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = endpoint.port.bigEndian
      address.sin_addr.s_addr = UInt32(truncatingIfNeeded: endpoint.address.bits).bigEndian
      return lend(&address, body)
    case .v6:
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = endpoint.port.bigEndian
      withUnsafeMutableBytes(of: &address.sin6_addr) { $0.copyBytes(from: endpoint.address.octets) }
      return lend(&address, body)
    }
  }

  /// Lends the `sockaddr` of a path of at most 107 bytes; longer ones are cut.
  static func with<Result>(path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
    return lend(&address, body)
  }

  private static func lend<Address, Result>(
    _ address: inout Address, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<Address>.size)) }
    }
  }

  /// The address in a `sockaddr`, its port aside; `nil` for families that are neither IPv4 nor IPv6.
  static func address(_ pointer: UnsafeRawPointer) -> IPAddress? {
    switch Int32(pointer.loadUnaligned(as: sa_family_t.self)) {
    case AF_INET:
      let number = pointer.loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr
      return IPAddress(v4: UInt32(bigEndian: number))
    case AF_INET6:
      let name = pointer.loadUnaligned(as: sockaddr_in6.self)
      return withUnsafeBytes(of: name.sin6_addr) { IPAddress(octets: $0) }
    default: return nil
    }
  }

  /// Where a socket is bound, by its kind and address; `nil` for kinds that no plan has.
  static func place(of descriptor: Int32) -> SocketPlace? {
    var kind: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    guard getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &kind, &size) == 0 else { return nil }
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let named = withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
    }
    guard named == 0 else { return nil }
    let isStream = kind == Int32(SOCK_STREAM.rawValue)
    guard isStream || kind == Int32(SOCK_DGRAM.rawValue) else { return nil }
    let family = Int32(storage.ss_family)
    return withUnsafeBytes(of: storage) { bytes in
      // Offsets as in <netinet/in.h> and <sys/un.h>.
      let port = UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
      switch family {
      case AF_INET:
        guard let address = IPAddress(octets: bytes[4..<8]) else { return nil }
        return isStream ? .tcp(Endpoint(address, port)) : .udp(Endpoint(address, port))
      case AF_INET6:
        guard let address = IPAddress(octets: bytes[8..<24]) else { return nil }
        return isStream ? .tcp(Endpoint(address, port)) : .udp(Endpoint(address, port))
      case AF_UNIX where isStream && length > 2:
        let path = bytes[2..<min(Int(length), bytes.count)].prefix { $0 != 0 }
        return .unixStream(path: String(decoding: path, as: UTF8.self))
      default:
        return nil
      }
    }
  }
}
