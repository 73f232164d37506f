import DNSCore
import WireKit

extension FuzzTarget {
  static let dnsResponder = FuzzTarget(
    "dns-responder", "Any packet gets silence or a well-formed reply with its id, no longer than the transport allows."
  ) { bytes in
    let responder = try shared.get()
    for transport in [DNSTransport.udp, .stream] {
      guard let reply = answer(bytes, responder, transport) else { continue }
      try require(bytes.count >= Header.wireLength && reply.count >= Header.wireLength, "a reply to no message")
      try require(reply[0] == bytes[0] && reply[1] == bytes[1] && reply[2] & 0x80 != 0, "id or QR")
      if transport == .udp { try require(reply.count <= Int(EDNS.safeUDPSize), "\(reply.count) octets by UDP") }
      do {
        let message = try Message.decode(reply)
        try require(transport == .udp || !message.header.flags.contains(.truncated), "truncated on a stream")
      } catch let error as WireError {
        throw BrokenInvariant("a reply that does not decode: \(error)")
      }
    }
  }

  private static let shared = Result { Responder(zones: try SampleZones.make()) }

  private static func answer(_ request: [UInt8], _ responder: Responder, _ transport: DNSTransport) -> [UInt8]? {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 65535, alignment: 16)
    defer { memory.deallocate() }
    var writer = FixedWriter(memory.mutableBytes)
    guard responder.respond(to: request.span.bytes, over: transport, into: &writer) != nil else { return nil }
    return writer.written.copied()
  }
}
