import DNSCore
import Testing

/// The examples that the RFCs work out.
@Suite struct StandardExampleTests {
  /// RFC 4592 §2.2.1: what the wildcard stands for, and what it does not.
  @Test func wildcardsOfRFC4592() throws {
    let answering = try Answering([("example.", wildcardZone)])
    let cases: [(String, RecordType, ResponseCode, [String])] = [
      ("host3.example.", .mx, .noError, ["host3.example. 3600 IN MX 10 host1.example."]),
      ("host3.example.", .a, .noError, []),
      ("foo.bar.example.", .txt, .noError, ["foo.bar.example. 3600 IN TXT \"this is a wildcard\""]),
      ("host1.example.", .mx, .noError, []),
      ("sub.*.example.", .mx, .noError, []),
      ("_telnet._tcp.host1.example.", .srv, .nxDomain, []),
      ("ghost.*.example.", .mx, .nxDomain, []),
      ("*.example.", .txt, .noError, ["*.example. 3600 IN TXT \"this is a wildcard\""]),
      ("sub.*.example.", .txt, .noError, ["sub.*.example. 3600 IN TXT \"this is not a wildcard\""]),
    ]
    for (name, type, code, answers) in cases {
      let message = try answering.ask(name, type)
      #expect(message.responseCode == code, "\(name) \(type)")
      #expect(message.answers.map(\.description) == answers, "\(name) \(type)")
      #expect(message.authorities.map(\.type) == (answers.isEmpty ? [.soa] : []), "\(name) \(type)")
    }
    let referral = try answering.ask("host.subdel.example.", .a)
    #expect(referral.answers.isEmpty && referral.authorities.map(\.type) == [.ns, .ns])
    #expect(!referral.header.flags.contains(.authoritative))
  }

  /// RFC 1034 §6.2, asked of C.ISI.EDU, which has the root and EDU.
  @Test func queriesOfRFC1034() throws {
    let answering = try Answering([(".", rootZone), ("EDU.", eduZone)])
    let address = try answering.ask("SRI-NIC.ARPA.", .a)
    #expect(
      address.lines == ["answer SRI-NIC.ARPA. 86400 IN A 10.0.0.51", "answer SRI-NIC.ARPA. 86400 IN A 26.0.0.73"])
    #expect(address.header.flags.contains(.authoritative))
    // §6.2.3: the exchange's addresses go along.
    let mail = try answering.ask("SRI-NIC.ARPA.", .mx)
    #expect(mail.answers.map { "\($0.data)" } == ["0 SRI-NIC.ARPA."] && mail.additionals.count == 2)
    // §6.2.4: no NS of that name.
    let servers = try answering.ask("SRI-NIC.ARPA.", .ns)
    #expect(servers.responseCode == .noError && servers.answers.isEmpty && servers.authorities.map(\.type) == [.soa])
    // §6.2.5: a misspelled name.
    let missing = try answering.ask("SIR-NIC.ARPA.", .a)
    #expect(missing.responseCode == .nxDomain && missing.authorities.map(\.name) == [.root])
    // §6.2.6: a referral with the addresses of both servers.
    let referral = try answering.ask("BRL.MIL.", .a)
    #expect(referral.answers.isEmpty && !referral.header.flags.contains(.authoritative))
    #expect(referral.authorities.map { "\($0.name) \($0.data)" }.sorted() == ["MIL. A.ISI.EDU.", "MIL. SRI-NIC.ARPA."])
    // §6.2.7 and §6.2.8: the alias of a name that another server has; and the alias itself.
    let alias = try answering.ask("USC-ISIC.ARPA.", .a)
    #expect(alias.answers.map { "\($0.data)" } == ["C.ISI.EDU."])
    #expect(alias.header.flags.contains(.authoritative) && alias.responseCode == .noError)
    #expect(try answering.ask("USC-ISIC.ARPA.", .cname).answers.count == 1)
    let edu = try answering.ask("ISI.EDU.", .ns)
    #expect(edu.authorities.map(\.type) == [.ns, .ns] && edu.additionals.count == 3)
  }
}
