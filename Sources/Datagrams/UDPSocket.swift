import Glibc
import SystemShims
import WireKit

/// UDP sockets for programs that have no supervisor to hand them sockets. Descriptors are the caller's to close.
public enum UDPSocket {
  /// Opens a bound socket.
  /// - Parameters:
  ///   - reuse: Whether other sockets may be bound to the same endpoint (SO_REUSEADDR).
  ///   - device: Receives from and sends to this interface only (SO_BINDTODEVICE).
  public static func open(
    _ endpoint: Endpoint, reuse: Bool = false, device: String? = nil
  ) throws(SystemError) -> CInt {
    let descriptor = endpoint.withSocketAddress { address, length in
      if let device { return device.withCString { portside_udp_open(address, UInt32(length), reuse ? 1 : 0, $0) } }
      return portside_udp_open(address, UInt32(length), reuse ? 1 : 0, nil)
    }
    guard descriptor >= 0 else { throw SystemError("bind \(endpoint)", -descriptor) }
    return descriptor
  }

  /// Makes a bound socket ready for `DatagramQueue`.
  /// - Parameter buffer: Octets that may wait in the kernel, each way.
  public static func prepare(_ socket: CInt, buffer: Int = 4 << 20) throws(SystemError) {
    let result = portside_queue_prepare(socket, CInt(clamping: buffer))
    guard result == 0 else { throw SystemError("setsockopt", -result) }
  }

  /// Sets how long a receive waits at most.
  public static func setTimeout(_ socket: CInt, milliseconds: Int) {
    _ = portside_queue_set_timeout(socket, CInt(clamping: milliseconds))
  }

  /// Has a socket talk to one peer only, from the address that the way there begins at.
  public static func connect(_ socket: CInt, to peer: Endpoint) throws(SystemError) {
    let result = peer.withSocketAddress { Glibc.connect(socket, $0, $1) }
    guard result == 0 else { throw SystemError("connect to \(peer)", errno) }
  }

  /// The endpoint that a socket is bound to.
  public static func localEndpoint(_ socket: CInt) throws(SystemError) -> Endpoint {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let result = withUnsafeMutablePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &length) }
    }
    guard result == 0 else { throw SystemError("getsockname", errno) }
    return withUnsafeBytes(of: storage) { Endpoint(socketAddress: $0) }
  }
}

extension Endpoint {
  /// The endpoint of a socket address; unspecified for a family that is neither IPv4 nor IPv6.
  init(socketAddress raw: UnsafeRawBufferPointer) {
    switch Int32(raw.loadUnaligned(as: sa_family_t.self)) {
    case AF_INET:
      let address = raw.loadUnaligned(as: sockaddr_in.self)
      self.init(IPAddress(v4: UInt32(bigEndian: address.sin_addr.s_addr)), UInt16(bigEndian: address.sin_port))
    case AF_INET6:
      let address = raw.loadUnaligned(as: sockaddr_in6.self)
      let bits = withUnsafeBytes(of: address.sin6_addr) { UInt128(bigEndian: $0.loadUnaligned(as: UInt128.self)) }
      self.init(IPAddress(v6: bits), UInt16(bigEndian: address.sin6_port))
    default: self.init(IPAddress(v4: 0), 0)
    }
  }

  var socketAddress: sockaddr_storage {
    var storage = sockaddr_storage()
    withUnsafeMutableBytes(of: &storage) { bytes in
      if address.family == .v4 {
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        name.sin_addr.s_addr = UInt32(truncatingIfNeeded: address.bits).bigEndian
        bytes.storeBytes(of: name, as: sockaddr_in.self)
      } else {
        var name = sockaddr_in6()
        name.sin6_family = sa_family_t(AF_INET6)
        name.sin6_port = port.bigEndian
        withUnsafeMutableBytes(of: &name.sin6_addr) { $0.storeBytes(of: address.bits.bigEndian, as: UInt128.self) }
        bytes.storeBytes(of: name, as: sockaddr_in6.self)
      }
    }
    return storage
  }

  func withSocketAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    let length = address.family == .v4 ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
    return withUnsafePointer(to: socketAddress) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(length)) }
    }
  }
}

extension UDPSocket {
  /// Wakes the thread that waits in `DatagramQueue.receive` on this socket, with an empty datagram to itself.
  public static func wake(_ socket: CInt, at endpoint: Endpoint) {
    var endpoint = endpoint
    if endpoint.address.isUnspecified {
      endpoint.address = endpoint.address.family == .v4 ? IPAddress(127, 0, 0, 1) : IPAddress(v6: 1)
    }
    _ = endpoint.withSocketAddress { sendto(socket, nil, 0, CInt(MSG_DONTWAIT), $0, $1) }
  }
}
