import ConsoleCore
import DNSCore
import DNSResolver
import DNSServer
import WireKit

/// `explain dns`: why a client gets the answer that it gets.
extension DNSHosting {
  static let explainCommand = Command(
    "explain dns", [.init("NAME"), .init("TYPE", isOptional: true), .init("ADDRESS", isOptional: true)],
    permission: "console:show", "why a client at an address gets the answer that it gets", columns: ["step", "what"])

  func explain(_ question: ConsoleQuestion) async -> ConsoleAnswer {
    let values = question.values
    guard let text = values.first, let name = try? Name(text) else {
      return .failure("'\(values.first ?? "")' is no domain name")
    }
    let typeText = values.count > 1 ? values[1] : "A"
    guard let type = RecordType(typeText) else { return .failure("'\(typeText)' is no record type") }
    let addressText = values.count > 2 ? values[2] : "127.0.0.1"
    guard let client = IPAddress(addressText) else { return .failure("'\(addressText)' is no address") }
    var rows = [["client", Self.view(server.viewNetworks(for: client), client)]]
    let asked = Question(name, type)
    let (reply, leadsOutside) = ownReply(asked, client)
    if let (zone, isViewsOwn) = server.zone(of: name, seenFrom: client) {
      rows += zoneRows(zone, isViewsOwn)
      if let reply { rows += Self.answerRows(reply, asked, zone) }
      let owners = server.owners(of: name)
      if !owners.isEmpty {
        rows.append(["owner", "records there besides the file's: " + owners.joined(separator: ", ")])
      }
    } else {
      rows.append(["zone", "none of ours"])
    }
    if leadsOutside {
      // An alias of ours that leads out is followed from where it leads.
      let last = reply?.answers.last { $0.type == .cname }
      let target = last.flatMap { try? $0.data.value(as: CNAME.self).target } ?? name
      for reason in await resolver.explain(Question(target, type), from: client) {
        rows.append([reason.step, reason.text])
      }
    }
    return question.page(["step", "what"], rows)
  }

  private static func view(_ networks: [IPNetwork]?, _ client: IPAddress) -> String {
    guard let networks else { return "\(client) sees the zones that everybody sees" }
    return "\(client) sees the zones for " + networks.map(\.description).joined(separator: ", ")
  }

  /// The reply of our zones, as a client with DNSSEC gets it over TCP.
  private func ownReply(_ question: Question, _ client: IPAddress) -> (Message?, leadsOutside: Bool) {
    let request = Message(
      header: Header(id: 0, flags: .recursionDesired), questions: [question], edns: EDNS(wantsDNSSEC: true))
    guard let octets = try? request.encoded(),
      let (reply, leadsOutside) = server.reply(to: octets, from: client, over: .stream, room: 0)
    else { return (nil, false) }
    return (try? Message.decode(reply), leadsOutside)
  }

  private func zoneRows(_ zone: Zone, _ isViewsOwn: Bool) -> [[String]] {
    var words = ["\(zone.apex) serial \(zone.soa.serial), \(zone.recordCount) records"]
    if isViewsOwn { words.append("of this view") }
    if zone.isPlaceholder {
      words = ["\(zone.apex) of another server: expired, or not there yet: SERVFAIL (EDE 14)"]
    } else if let status = replication.secondaries.first(where: { $0.zone == zone.apex }) {
      words.append("transferred from " + status.primaries.map(\.description).joined(separator: ", "))
    }
    words.append(zone.isSigned ? "signed" : "not signed")
    return [["zone", words.joined(separator: "; ")]]
  }

  private static func answerRows(_ reply: Message, _ question: Question, _ zone: Zone) -> [[String]] {
    var rows = [["answer", "\(reply.responseCode): " + how(reply, question, zone)]]
    rows += reply.answers.filter { $0.type != .rrsig }.prefix(20).map { ["record", "\($0)"] }
    for record in reply.authorities where [.nsec, .nsec3].contains(record.type) { rows.append(["proof", "\(record)"]) }
    for record in reply.answers + reply.authorities where record.type == .rrsig {
      guard let signature = try? record.data.value(as: RRSIG.self) else { continue }
      rows.append([
        "signature",
        "\(record.name) \(signature.covered): by \(signature.signer) key \(signature.keyTag) (\(signature.algorithm))",
      ])
    }
    for option in reply.edns?.options ?? [] {
      if let error = ExtendedError(option) { rows.append(["error", "EDE \(error.code) \(error.text)"]) }
    }
    return rows
  }

  /// What kind of an answer it is (RFC 1034 §4.3.2).
  private static func how(_ reply: Message, _ question: Question, _ zone: Zone) -> String {
    let isThere = !zone.records(of: question.name).isEmpty
    let isReferral = !reply.header.flags.contains(.authoritative) && reply.authorities.contains { $0.type == .ns }
    if isReferral { return "a referral: the name lies below a cut, another server has it" }
    if reply.answers.contains(where: { $0.type == .dname }) { return "a name above it leads elsewhere (DNAME)" }
    if reply.answers.contains(where: { $0.name == question.name && $0.type == .cname }), question.type != .cname {
      return isThere ? "an alias, which is followed" : "a wildcard's alias, which is followed"
    }
    if !reply.answers.isEmpty { return isThere ? "records at the name" : "records of a wildcard" }
    switch reply.responseCode {
    case .nxDomain: return "nothing at the name, no wildcard that it falls under"
    case .noError: return isThere ? "the name has records, none of this type" : "the name only has others below it"
    default: return "no answer"
    }
  }
}
