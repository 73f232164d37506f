import DNSCore
import WireKit

/// Our own zones, and the names that no server outside should ever be asked for.
struct LocalZones: Sendable {
  private let zones: ZoneSet

  init(_ zones: ZoneSet) { self.zones = zones }

  /// What our zones say; `nil` when the name lies in none of them.
  func answer(_ question: Question, wantsDNSSEC: Bool) -> Message? {
    let request = Message(
      header: Header(id: 0, flags: .recursionDesired), questions: [question],
      edns: EDNS(wantsDNSSEC: wantsDNSSEC))
    guard let octets = try? request.encoded() else { return nil }
    let responder = Responder(zones: zones)
    var reply = [UInt8](repeating: 0, count: 65_535)
    var result: ResponderResult?
    var count = 0
    reply.withUnsafeMutableBytes { bytes in
      var writer = FixedWriter(bytes.mutableBytes)
      result = responder.respond(to: octets.span.bytes, over: .stream, into: &writer)
      count = writer.count
    }
    guard let result, result.responseCode != ResponseCode.refused.rawValue else { return nil }
    return try? Message.decode(reply.span.bytes.extracting(0..<count))
  }

  /// Names whose answers are known to everybody (RFC 6761 §6.3, §6.4; RFC 7686; RFC 6303): to ask for them would tell
  /// strangers of our network, and burden them. `nil` for all other names.
  static func special(_ question: Question) -> (code: ResponseCode, answers: [ResourceRecord])? {
    let name = question.name
    if name.isWithin(localhost) {
      switch question.type {
      case .a: return (.noError, [ResourceRecord(name, ttl: 3600, RData(A(IPAddress(127, 0, 0, 1))))])
      case .aaaa: return (.noError, [ResourceRecord(name, ttl: 3600, RData(AAAA(IPAddress(v6: 1))))])
      default: return (.noError, [])
      }
    }
    return empty.contains { name.isWithin($0) } ? (.nxDomain, []) : nil
  }

  private static let localhost = name("localhost")
  private static let empty: [Name] = {
    let private172 = (16...31).map { "\($0).172.in-addr.arpa" }
    return
      ([
        "invalid", "onion", "10.in-addr.arpa", "168.192.in-addr.arpa", "254.169.in-addr.arpa", "0.in-addr.arpa",
        "127.in-addr.arpa", "2.0.192.in-addr.arpa", "100.51.198.in-addr.arpa", "113.0.203.in-addr.arpa",
        "255.255.255.255.in-addr.arpa", "d.f.ip6.arpa", "8.e.f.ip6.arpa", "9.e.f.ip6.arpa", "a.e.f.ip6.arpa",
        "b.e.f.ip6.arpa", "8.b.d.0.1.0.0.2.ip6.arpa",
      ] + private172).map(name)
  }()

  private static func name(_ text: String) -> Name { (try? Name(text)) ?? .root }
}
