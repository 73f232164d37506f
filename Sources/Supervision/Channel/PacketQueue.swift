/// What the supervisor has to say to a worker that does not read at the moment: the supervisor never waits for one.
struct PacketQueue {
  let socket: PacketSocket
  private var waiting: [(packet: ControlPacket, descriptors: [Descriptor])] = []

  init(_ socket: PacketSocket) { self.socket = socket }

  var isEmpty: Bool { waiting.isEmpty }

  /// Adds a packet; the descriptors stay open until it is sent.
  mutating func append(_ packet: ControlPacket, _ descriptors: [Descriptor] = []) {
    waiting.append((packet, descriptors))
  }

  /// Sends what the socket takes.
  mutating func flush() throws(SupervisionError) {
    var sent = 0
    defer { waiting.removeFirst(sent) }
    for (packet, descriptors) in waiting {
      guard try socket.send(packet, descriptors, blocking: false) else { return }
      sent += 1
    }
  }
}
