import FoundationEssentials

/// The body of `begin`: who the worker is and how it is to confine itself.
struct BeginHeader: Codable, Hashable {
  var worker: WorkerName
  /// The supervisor's process, whose end is the worker's end.
  var supervisor: Int32
  var heartbeatMilliseconds: Int64
  var confinement: Confinement
}

/// The body of `socket`; the descriptors travel beside it.
struct SocketHeader: Codable, Hashable {
  var name: String
  var place: SocketPlace
}

/// The body of `drain`.
struct DrainHeader: Codable, Hashable {
  var milliseconds: Int64
}

extension ControlPacket {
  /// A packet with a header as its body. Throws when it is too long for one.
  init(_ kind: Kind, _ generation: UInt32, header: some Encodable) throws(SupervisionError) {
    do {
      body = Array(try JSONEncoder().encode(header))
    } catch {
      throw SupervisionError(.channel, "encode a header: \(error)")
    }
    guard body.count <= Self.bodyLimit else {
      throw SupervisionError(.badPlan, "the paths and ports of a worker's confinement take more than 32 KiB")
    }
    self.kind = kind
    self.generation = generation
  }

  /// The body as a header.
  func header<Header: Decodable>(as type: Header.Type) throws(SupervisionError) -> Header {
    do {
      return try JSONDecoder().decode(type, from: Data(body))
    } catch {
      throw SupervisionError(.channel, "decode a header: \(error)")
    }
  }
}
