import DHCPCore
import Datagrams
import Glibc
import SystemShims
import WireKit

/// Sends replies in batches. For one thread or task at a time.
///
/// `@unchecked Sendable` because its owner alone uses it: a receive thread, or the task that commits.
final class ReplySender: @unchecked Sendable {
  private var queue: DatagramQueue
  private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
  private var used = 0
  private var socket: CInt = -1
  /// Packet sockets by interface; `nil` where there is no privilege for one.
  private var packetSockets: [UInt32: CInt?] = [:]

  init() throws(SystemError) { queue = try DatagramQueue(receiveCount: 1, receiveSize: 1, sendCount: 128) }

  deinit {
    scratch.deallocate()
    for case let socket? in packetSockets.values { close(socket) }
  }

  func send(_ pending: Pending) {
    guard let reply = pending.reply else { return }
    switch pending.delivery {
    case .unicast(let endpoint):
      // A link-local address means nothing without its interface.
      let interface = endpoint.address.isLinkLocal ? pending.interface : 0
      add(reply, pending, DatagramRoute(to: endpoint, interface: interface))
    case .hardware(let address, let hardware):
      if sendFrame(reply, pending, address, hardware) { return }
      broadcast(reply, pending)
    case .broadcast: broadcast(reply, pending)
    }
  }

  private func broadcast(_ reply: [UInt8], _ pending: Pending) {
    let everyone = Endpoint(IPAddress(255, 255, 255, 255), 68)
    add(reply, pending, DatagramRoute(to: everyone, interface: pending.interface))
  }

  private func add(_ reply: [UInt8], _ pending: Pending, _ route: DatagramRoute) {
    var route = route
    route.local = pending.local
    if pending.socket != socket || queue.room == 0 || scratch.count - used < reply.count { flush() }
    socket = pending.socket
    guard reply.count <= scratch.count else { return }
    let place = UnsafeMutableRawBufferPointer(rebasing: scratch[used..<used + reply.count])
    place.copyBytes(from: reply)
    used += reply.count
    _ = queue.add(route, payload: UnsafeRawBufferPointer(place))
  }

  func flush() {
    if socket >= 0 { queue.flush(socket) }
    used = 0
  }

  /// - Returns: Whether it has left; without the privilege, or on a link of another kind, it has not.
  private func sendFrame(_ reply: [UInt8], _ pending: Pending, _ address: IPAddress, _ hardware: [UInt8]) -> Bool {
    let socket: CInt?
    if let known = packetSockets[pending.interface] {
      socket = known
    } else {
      let opened = portside_packet_open(pending.interface, 0)
      socket = opened >= 0 ? opened : nil
      packetSockets[pending.interface] = .some(socket)
    }
    guard let socket, let packet = FrameBuilder.packet(from: pending.local, to: address, payload: reply) else {
      return false
    }
    return portside_packet_send(
      socket, pending.interface, 0x0800, hardware, UInt8(clamping: hardware.count), packet,
      UInt32(clamping: packet.count))
      == 0
  }
}
