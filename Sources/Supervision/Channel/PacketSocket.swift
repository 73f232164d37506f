import Glibc
import SystemShims

/// One end of a SOCK_SEQPACKET pair: packets with descriptors, whole or not at all.
struct PacketSocket: Sendable {
  let descriptor: Descriptor

  /// Two ends that are connected to each other, both close-on-exec.
  static func pair() throws(SupervisionError) -> (PacketSocket, PacketSocket) {
    var numbers: [Int32] = [-1, -1]
    guard socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue), 0, &numbers) == 0 else {
      throw .system("make a control socket", errno)
    }
    return (PacketSocket(descriptor: Descriptor(numbers[0])), PacketSocket(descriptor: Descriptor(numbers[1])))
  }

  enum Received {
    case packet(ControlPacket, [Descriptor])
    /// The other end is closed.
    case end
    /// Nothing there yet.
    case nothing
  }

  /// Sends a packet. Returns whether it went; `false` when there is no room and `blocking` is not set.
  func send(
    _ packet: ControlPacket, _ descriptors: [Descriptor] = [], blocking: Bool
  ) throws(SupervisionError) -> Bool {
    let numbers = descriptors.map(\.number)
    let bytes = packet.encoded
    let sent = withExtendedLifetime(descriptors) {
      portside_send(
        descriptor.number, bytes, bytes.count, numbers, numbers.count, blocking ? 0 : Int32(MSG_DONTWAIT))
    }
    if sent == -Int(EAGAIN) { return false }
    if sent == -Int(EPIPE) || sent == -Int(ECONNRESET) {
      throw SupervisionError(.notRunning, "the other end of a control socket is closed")
    }
    guard sent == bytes.count else { throw .system("send to a control socket", Int32(truncatingIfNeeded: -sent)) }
    return true
  }

  /// Receives a packet into `room`, which has `ControlPacket.sizeLimit` bytes. Descriptors that come with it are owned by
  /// the caller.
  func receive(into room: inout [UInt8], blocking: Bool) throws(SupervisionError) -> Received {
    var numbers = [Int32](repeating: -1, count: Int(PORTSIDE_DESCRIPTORS_MAX))
    var count = 0
    let flags = blocking ? 0 : Int32(MSG_DONTWAIT)
    var received = portside_receive(descriptor.number, &room, room.count, &numbers, &count, flags)
    // Said once when the other end was closed with something unread; what it had sent itself is still there.
    if received == -Int(ECONNRESET) {
      received = portside_receive(descriptor.number, &room, room.count, &numbers, &count, flags)
    }
    let descriptors = numbers.prefix(count).map { Descriptor($0) }
    if received == -Int(EAGAIN) { return .nothing }
    if received == 0 || received == -Int(ECONNRESET) { return .end }
    guard received > 0 else { throw .system("receive from a control socket", Int32(truncatingIfNeeded: -received)) }
    do {
      return .packet(try ControlPacket(decoding: room.span.bytes.extracting(first: received)), descriptors)
    } catch {
      throw SupervisionError(.channel, "a control packet is malformed: \(error)")
    }
  }
}
