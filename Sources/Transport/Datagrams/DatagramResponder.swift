import Glibc
import SystemShims
import WireKit

/// Answers datagrams one by one, in place: for protocols whose replies need nothing but memory.
///
/// One value per thread; it may keep counters and caches of its own.
public protocol DatagramResponder: ~Copyable, Sendable {
  /// A batch has come; what is shared with other threads is looked at here, once for all of it.
  mutating func beginBatch()

  /// Writes the reply to a request. `false`, whatever was written, sends none.
  @_lifetime(reply: copy reply)
  mutating func respond(to request: RawSpan, from peer: DatagramPeer, into reply: inout FixedWriter) -> Bool

  /// The replies of the batch have left.
  mutating func endBatch()
}

/// Where a datagram came from. Valid during the call that it is handed to.
public struct DatagramPeer {
  let storage: UnsafePointer<sockaddr_storage>
  let batch: OpaquePointer
  let index: CInt

  /// The address and port; unspecified for a family that is neither IPv4 nor IPv6.
  public var endpoint: Endpoint { Endpoint(storage) }

  /// What it takes to reply after the batch has gone.
  public var origin: DatagramOrigin {
    var origin = portside_datagram_origin()
    portside_datagrams_origin(batch, index, &origin)
    return DatagramOrigin(value: origin, endpoint: endpoint)
  }
}

/// Where a datagram came from, and to which of our addresses; good for longer than its batch.
public struct DatagramOrigin: Sendable {
  fileprivate var value: portside_datagram_origin
  public let endpoint: Endpoint
}

/// Sends replies that were not ready within their batch, from any thread.
///
/// It has a descriptor of its own for the socket, so that a late reply never goes to whatever took the number.
public final class LateReplies: Sendable {
  private let descriptor: CInt

  /// `nil` when the process has no descriptor left.
  public init?(_ socket: CInt) {
    descriptor = fcntl(socket, F_DUPFD_CLOEXEC, 0)
    guard descriptor >= 0 else { return nil }
  }

  deinit { close(descriptor) }

  /// Sends one reply. What the kernel does not take is lost, as on any network.
  public func send(_ bytes: [UInt8], to origin: DatagramOrigin) {
    var value = origin.value
    _ = bytes.withUnsafeBytes {
      portside_datagrams_reply(descriptor, &value, $0.baseAddress, UInt32(clamping: $0.count))
    }
  }
}

extension Endpoint {
  /// The endpoint of a socket address.
  init(_ storage: UnsafePointer<sockaddr_storage>) {
    let raw = UnsafeRawPointer(storage)
    switch Int32(storage.pointee.ss_family) {
    case AF_INET:
      let address = raw.load(as: sockaddr_in.self)
      self.init(IPAddress(v4: UInt32(bigEndian: address.sin_addr.s_addr)), UInt16(bigEndian: address.sin_port))
    case AF_INET6:
      let address = raw.load(as: sockaddr_in6.self)
      let bits = withUnsafeBytes(of: address.sin6_addr) { UInt128(bigEndian: $0.loadUnaligned(as: UInt128.self)) }
      self.init(IPAddress(v6: bits), UInt16(bigEndian: address.sin6_port))
    default: self.init(IPAddress(v4: 0), 0)
    }
  }

  /// Lends the socket address of this endpoint.
  func withSocketAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
    var storage = sockaddr_storage()
    let length: Int
    if address.family == .v4 {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr.s_addr = UInt32(truncatingIfNeeded: self.address.bits).bigEndian
      withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: sockaddr_in.self) }
      length = MemoryLayout<sockaddr_in>.size
    } else {
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port.bigEndian
      withUnsafeMutableBytes(of: &address.sin6_addr) {
        $0.storeBytes(of: self.address.bits.bigEndian, as: UInt128.self)
      }
      withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: sockaddr_in6.self) }
      length = MemoryLayout<sockaddr_in6>.size
    }
    return withUnsafePointer(to: &storage) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(length)) }
    }
  }
}
