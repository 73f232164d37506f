import DNSCore
import WireKit

extension DNSServer {
  /// The reply from our zones to a question, with octets left free behind it: for questions whose answer is signed.
  /// - Returns: The reply, and whether it leads out of our zones; `nil` for silence.
  public func reply(
    to request: [UInt8], over transport: DNSTransport, room: Int
  ) -> (octets: [UInt8], leadsOutside: Bool)? {
    let responder = Responder(zones: zones, settings: responderSettings)
    let size = transport == .udp ? max(512, min(Self.clientSize(request), responderSettings.udpLimit)) : 65_535
    var reply = [UInt8](repeating: 0, count: max(512, size - room))
    var result: ResponderResult?
    var count = 0
    reply.withUnsafeMutableBytes { bytes in
      var writer = FixedWriter(bytes.mutableBytes)
      result = responder.respond(to: request.span.bytes, over: transport, into: &writer)
      count = writer.count
    }
    guard let result else { return nil }
    reply.removeSubrange(count...)
    guard transport == .udp, count + room > size, let short = Self.truncated(reply) else {
      return (reply, result.leadsOutside)
    }
    return (short, result.leadsOutside)
  }

  /// What a client says that it takes over UDP (RFC 6891 §6.2.3).
  private static func clientSize(_ request: [UInt8]) -> Int {
    Int((try? Message.decode(request))?.edns?.udpSize ?? 512)
  }

  /// Header and question with TC: ask over TCP.
  private static func truncated(_ reply: [UInt8]) -> [UInt8]? {
    guard var message = try? Message.decode(reply) else { return nil }
    message.header.flags.insert(.truncated)
    message.answers = []
    message.authorities = []
    message.additionals = []
    return try? message.encoded()
  }
}
