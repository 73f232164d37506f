import Glibc
import SystemShims
import WireKit

/// Where a datagram came from, and which of our addresses it came to: the way back.
public struct DatagramRoute {
  /// The peer, our address and the interface, as the system calls take them.
  public var raw: portside_route

  public init(raw: portside_route) { self.raw = raw }

  /// To a peer, from an address and interface that the kernel picks.
  /// - Parameter interface: The interface's index; 0 leaves it to the kernel.
  public init(to peer: Endpoint, interface: UInt32 = 0) {
    raw = portside_route()
    self.interface = interface
    self.peer = peer
  }

  public var peer: Endpoint {
    get { withUnsafeBytes(of: raw.peer) { Endpoint(socketAddress: $0) } }
    set {
      withUnsafeMutableBytes(of: &raw.peer) { place in
        withUnsafeBytes(of: newValue.socketAddress) { place.copyMemory(from: $0) }
      }
    }
  }

  /// Our own address, where it is known.
  public var local: IPAddress? {
    get {
      let octets = withUnsafeBytes(of: raw.local) { Array($0) }
      switch Int32(raw.local_family) {
      case AF_INET: return IPAddress(octets: octets.prefix(4))
      case AF_INET6: return IPAddress(octets: octets)
      default: return nil
      }
    }
    set {
      raw.local_family = newValue.map { $0.family == .v4 ? UInt16(AF_INET) : UInt16(AF_INET6) } ?? UInt16(AF_UNSPEC)
      let octets = newValue?.octets ?? []
      withUnsafeMutableBytes(of: &raw.local) { $0.copyBytes(from: octets) }
    }
  }

  /// The interface's index; 0 where it is not known.
  public var interface: UInt32 {
    get { raw.interface }
    set { raw.interface = newValue }
  }

  /// Whether the datagram went to a broadcast or multicast address.
  public var isMulticast: Bool { raw.is_multicast != 0 }

  /// The way for an answer: the same, but the interface left to routing, except where the peer's address means nothing
  /// without it.
  public var answer: DatagramRoute {
    var route = self
    if !peer.address.isLinkLocal { route.raw.interface = 0 }
    route.raw.is_multicast = 0
    return route
  }
}

/// Datagrams of one socket, received and sent in batches. For one thread.
public struct DatagramQueue: ~Copyable {
  private let queue: OpaquePointer

  /// - Parameters:
  ///   - receiveCount: Datagrams taken at once.
  ///   - receiveSize: Octets of a datagram that is taken; longer ones are dropped.
  ///   - sendCount: Datagrams that wait for `flush` at most.
  public init(receiveCount: Int = 64, receiveSize: Int, sendCount: Int = 256) throws(SystemError) {
    guard
      let queue = portside_queue_create(
        CInt(clamping: receiveCount), UInt32(clamping: receiveSize), CInt(clamping: sendCount))
    else { throw SystemError("malloc", ENOMEM) }
    self.queue = queue
  }

  deinit { portside_queue_destroy(queue) }

  /// Waits as long as the socket's time-out says, and takes what is there.
  public mutating func receive(_ socket: CInt) throws(SystemError) -> Int {
    let count = portside_queue_receive(queue, socket)
    guard count >= 0 else { throw SystemError("recvmmsg", -count) }
    return Int(count)
  }

  /// A datagram of the last receive; its bytes are valid until the next.
  public func arrival(_ index: Int) -> portside_arrival? {
    portside_queue_arrival(queue, CInt(clamping: index))?.pointee
  }

  /// Free places for `add`.
  public var room: Int { Int(portside_queue_room(queue)) }

  /// Puts a datagram in line. `payload` must stay where it is until `flush`. `false` when there is no room.
  public mutating func add(_ route: DatagramRoute, header: UInt32? = nil, payload: UnsafeRawBufferPointer) -> Bool {
    let length = UInt32(clamping: payload.count)
    return withUnsafePointer(to: route.raw) { way in
      guard let header else { return portside_queue_add(queue, way, nil, 0, payload.baseAddress, length) != 0 }
      return withUnsafeBytes(of: header.bigEndian) {
        portside_queue_add(queue, way, $0.baseAddress, 4, payload.baseAddress, length) != 0
      }
    }
  }

  /// Sends all that is in line.
  public mutating func flush(_ socket: CInt, inSegments: Bool = false) {
    _ = portside_queue_flush(queue, socket, inSegments ? 1 : 0)
  }

  /// Sends one datagram at once, together with all that is in line.
  public mutating func send(_ bytes: [UInt8], _ route: DatagramRoute, on socket: CInt) {
    if room == 0 { flush(socket) }
    bytes.withUnsafeBytes { bytes in
      withUnsafePointer(to: route.raw) { way in
        _ = portside_queue_add(queue, way, nil, 0, bytes.baseAddress, UInt32(clamping: bytes.count))
      }
      _ = portside_queue_flush(queue, socket, 0)
    }
  }
}
