import SMTPCore
import Services
import Transport
import WireKit

/// What the checks of a received message have found, and what follows.
struct PolicyFindings: Sendable {
  var spf: (result: SPFCheck.Result, sender: String, hello: String)?
  var dkim: [DKIMVerifier.Finding] = []
  var dmarc: DMARCCheck.Finding?
  var arc: ARCChain.Finding?
  /// Refused, with these words.
  var refusal: SMTPReply?
  /// For the folder for junk.
  var isSuspicious = false

  /// The Authentication-Results field (RFC 8601); empty where nothing was checked.
  func header(by hostname: String) -> String {
    let results = results
    return results.isEmpty ? "" : "Authentication-Results: \(hostname);\r\n\t\(results)\r\n"
  }

  /// What was found, method by method.
  var results: String {
    var results: [String] = []
    if let spf {
      let property =
        spf.sender.isEmpty ? "smtp.helo=\(Self.token(spf.hello))" : "smtp.mailfrom=\(Self.token(spf.sender))"
      results.append("spf=\(spf.result.rawValue) \(property)")
    }
    for finding in dkim {
      let reason = finding.reason.map { " reason=\"\($0)\"" } ?? ""
      results.append(
        "dkim=\(finding.result.rawValue)\(reason) header.d=\(Self.token(finding.domain)) "
          + "header.s=\(Self.token(finding.selector)) header.b=\(Self.token(finding.mark))")
    }
    if spf != nil, dkim.isEmpty { results.append("dkim=none") }
    if let dmarc {
      results.append(
        "dmarc=\(dmarc.result.rawValue) (p=\(dmarc.policy.rawValue)) header.from=\(Self.token(dmarc.domain))")
    }
    if let arc, arc.result != .none {
      let reason = arc.reason.map { " reason=\"\($0)\"" } ?? ""
      results.append(
        "arc=\(arc.result.rawValue)\(reason)\(arc.result == .pass ? " header.oldest-pass=0" : "") arc.chain=\(Self.token(arc.domain))"
      )
    }
    return results.joined(separator: ";\r\n\t")
  }

  /// A peer's word as a token, or in quotes (RFC 2045 §5.1).
  private static func token(_ text: String) -> String {
    let isToken =
      !text.isEmpty
      && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && !"()<>,;:\\\"/[]?=".utf8.contains($0) }
    if isToken { return text }
    let safe = text.unicodeScalars.map {
      $0 == "\"" || $0 == "\\" || $0.value < 0x20 || $0.value > 0x7E ? "_" : Character($0)
    }
    return "\"\(String(safe.prefix(200)))\""
  }
}

/// The chain of checks on a message from another server, in order: SPF, DKIM, DMARC.
struct ReceivingPolicy: Sendable {
  let server: SMTPServer

  func judge(
    _ message: CollectedMessage, _ envelope: Envelope, _ client: ServerRequest.Client, _ connection: Connection
  ) async -> PolicyFindings {
    let findings = await find(message, envelope, client, connection)
    note(findings, "\(connection.peer.address)", envelope.sender.description, client.helloName)
    return findings
  }

  private func find(
    _ message: CollectedMessage, _ envelope: Envelope, _ client: ServerRequest.Client, _ connection: Connection
  ) async -> PolicyFindings {
    var findings = PolicyFindings()
    let configuration = server.configuration
    // Our own machines, which may send anything anyway, are not asked for papers.
    guard !configuration.mayRelay(connection.peer.address) else { return findings }
    let resolver = server.parts.resolver
    let sender = envelope.sender.description
    let verifier = DKIMVerifier(resolver: resolver, now: server.parts.context.clock.wallTime())
    async let dkim = verifier.verify(message.header, body: message.body)
    async let arc = ARCChain.verify(message.header, body: message.body, verifier)
    let spf = await SPFCheck.check(
      resolver, address: connection.peer.address, sender: sender.isEmpty ? "postmaster@\(client.helloName)" : sender,
      hello: client.helloName)
    findings.spf = (spf, sender, client.helloName)
    findings.dkim = await dkim
    findings.arc = await arc
    let from = message.header.all("from")
    guard from.count == 1, let domain = FromDomain.of(from[0].value) else {
      // Nobody vouches for a message of several authors or none.
      findings.isSuspicious = from.count != 1
      return findings
    }
    let spfDomain =
      spf == .pass ? (envelope.sender.address?.domain ?? client.helloName).lowercased() : nil
    let dmarc = await DMARCCheck(resolver: resolver).check(
      from: domain, spf: spfDomain, dkim: findings.dkim.filter { $0.result == .pass }.map(\.domain))
    findings.dmarc = dmarc
    guard dmarc.result == .fail, !isVouchedFor(findings.arc, configuration) else { return findings }
    switch dmarc.policy {
    case .reject:
      findings.refusal = SMTPReply(550, "5.7.1", "Refused by the DMARC policy of \(domain)")
    case .quarantine: findings.isSuspicious = true
    case .none: break
    }
    return findings
  }

  /// Whether somebody whose word counts here has sealed that it was in order when it came to them (RFC 8617 §7.2).
  private func isVouchedFor(_ arc: ARCChain.Finding?, _ configuration: SMTPServerConfiguration) -> Bool {
    guard let arc, arc.result == .pass else { return false }
    return configuration.trustedSealers.contains(arc.domain)
  }
}
