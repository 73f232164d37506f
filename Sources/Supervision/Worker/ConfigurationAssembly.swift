/// Puts a `WorkerConfiguration` together from the packets between `begin` and `commit`.
struct ConfigurationAssembly {
  /// The last `begin`.
  private(set) var header: BeginHeader?
  private var bytes: [UInt8] = []
  private var sockets: [(header: SocketHeader, descriptors: [Descriptor])] = []

  /// Takes the next packet; the configuration when it is complete. Packets out of order throw.
  mutating func take(
    _ packet: ControlPacket, _ descriptors: [Descriptor]
  ) throws(SupervisionError) -> WorkerConfiguration? {
    switch packet.kind {
    case .begin:
      header = try packet.header(as: BeginHeader.self)
      bytes = []
      sockets = []
    case .bytes: bytes += packet.body
    case .socket: sockets.append((try packet.header(as: SocketHeader.self), descriptors))
    case .commit:
      guard header != nil else { throw SupervisionError(.channel, "commit without begin") }
      let configuration = WorkerConfiguration(
        generation: packet.generation, bytes: bytes,
        sockets: try sockets.map { socket throws(SupervisionError) in
          try Self.inherited(socket.header, socket.descriptors)
        })
      bytes = []
      sockets = []
      return configuration
    case .drain, .confined, .ready, .heartbeat, .refused, .failed, .ask, .answerPart, .answer:
      throw SupervisionError(.channel, "a packet of kind \(packet.kind) is no part of a configuration")
    }
    return nil
  }

  /// From owned descriptors to plain numbers, which the worker's own code owns.
  private static func inherited(
    _ header: SocketHeader, _ descriptors: [Descriptor]
  ) throws(SupervisionError) -> InheritedSocket {
    InheritedSocket(
      name: header.name, place: header.place,
      descriptors: try descriptors.map { owned throws(SupervisionError) in
        try owned.released()
      })
  }
}
