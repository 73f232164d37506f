import DNSCore
import Testing
import WireKit

@Suite struct ResponderTests {
  private func lab() throws -> Answering { try Answering([("lab.test.", exampleZone)]) }

  struct Row: Sendable, CustomTestStringConvertible {
    let name: String
    let type: RecordType
    let code: ResponseCode
    let isAuthoritative: Bool
    let lines: [String]
    var testDescription: String { "\(name) \(type)" }

    init(_ name: String, _ type: RecordType, aa: Bool = true, _ lines: [String]) {
      self.init(name, type, .noError, aa: aa, lines)
    }

    init(_ name: String, _ type: RecordType, _ code: ResponseCode, aa: Bool = true, _ lines: [String]) {
      self.name = name
      self.type = type
      self.code = code
      isAuthoritative = aa
      self.lines = lines
    }
  }

  static let web = ["answer web.lab.test. 3600 IN A 192.0.2.3", "answer web.lab.test. 3600 IN A 192.0.2.4"]
  static let mailGlue = "additional mail.lab.test. 3600 IN A 192.0.2.2"
  static let ns1 = [
    "additional ns1.lab.test. 3600 IN A 192.0.2.1", "additional ns1.lab.test. 3600 IN AAAA 2001:db8::1",
  ]
  static let referral =
    [
      "authority sub.lab.test. 3600 IN NS ns.other.example.", "authority sub.lab.test. 3600 IN NS ns.sub.lab.test.",
      "authority sub.lab.test. 3600 IN NS ns1.lab.test.", "additional ns.sub.lab.test. 3600 IN A 192.0.2.7",
      "additional ns.sub.lab.test. 3600 IN AAAA 2001:db8::7",
    ] + ns1
  static let negative =
    "authority lab.test. 300 IN SOA ns1.lab.test. hostmaster.lab.test. 2024010101 7200 3600 1209600 300"

  static let rows: [Row] = [
    Row("ns1.lab.test.", .a, ["answer ns1.lab.test. 3600 IN A 192.0.2.1"]),
    Row("NS1.Lab.Test.", .aaaa, ["answer NS1.Lab.Test. 3600 IN AAAA 2001:db8::1"]),
    Row("upper.lab.test.", .a, ["answer upper.lab.test. 3600 IN A 192.0.2.9"]),
    Row("ns1.lab.test.", .mx, [negative]),
    Row("nothing.lab.test.", .a, .nxDomain, [negative]),
    Row("below.ns1.lab.test.", .a, .nxDomain, [negative]),
    Row(
      "lab.test.", .ns,
      ["answer lab.test. 3600 IN NS ns.other.example.", "answer lab.test. 3600 IN NS ns1.lab.test."] + ns1),
    Row("lab.test.", .mx, ["answer lab.test. 3600 IN MX 10 mail.lab.test.", mailGlue]),
    Row("lab.test.", .aaaa, [negative]),
    Row("_imap._tcp.lab.test.", .srv, ["answer _imap._tcp.lab.test. 3600 IN SRV 0 1 143 mail.lab.test.", mailGlue]),
    Row("svc.lab.test.", .svcb, ["answer svc.lab.test. 3600 IN SVCB 1 mail.lab.test. alpn=\"dot\"", mailGlue]),
    // Aliases.
    Row("www.lab.test.", .a, ["answer www.lab.test. 3600 IN CNAME web.lab.test."] + web),
    Row("www.lab.test.", .cname, ["answer www.lab.test. 3600 IN CNAME web.lab.test."]),
    Row("www.lab.test.", .mx, ["answer www.lab.test. 3600 IN CNAME web.lab.test.", negative]),
    Row("out.lab.test.", .a, ["answer out.lab.test. 3600 IN CNAME www.other.example."]),
    Row("dangling.lab.test.", .a, .nxDomain, ["answer dangling.lab.test. 3600 IN CNAME missing.lab.test.", negative]),
    Row(
      "chain1.lab.test.", .a,
      [
        "answer chain1.lab.test. 3600 IN CNAME chain2.lab.test.",
        "answer chain2.lab.test. 3600 IN CNAME chain3.lab.test.",
        "answer chain3.lab.test. 3600 IN CNAME www.lab.test.", "answer www.lab.test. 3600 IN CNAME web.lab.test.",
      ] + web),
    Row(
      "loop1.lab.test.", .a,
      [
        "answer loop1.lab.test. 3600 IN CNAME loop2.lab.test.", "answer loop2.lab.test. 3600 IN CNAME loop1.lab.test.",
      ]),
    Row("self.lab.test.", .a, ["answer self.lab.test. 3600 IN CNAME self.lab.test."]),
    // Empty non-terminals.
    Row("ent.in.here.lab.test.", .a, [negative]),
    Row("here.lab.test.", .any, [negative]),
    Row("x.ent.in.here.lab.test.", .a, .nxDomain, [negative]),
    // Wildcards.
    Row("one.wild.lab.test.", .a, ["answer one.wild.lab.test. 3600 IN A 192.0.2.6"]),
    Row("one.two.wild.lab.test.", .a, ["answer one.two.wild.lab.test. 3600 IN A 192.0.2.6"]),
    Row("ONE.wild.lab.test.", .mx, ["answer ONE.wild.lab.test. 3600 IN MX 5 mail.lab.test.", mailGlue]),
    Row("*.wild.lab.test.", .a, ["answer *.wild.lab.test. 3600 IN A 192.0.2.6"]),
    Row("one.wild.lab.test.", .aaaa, [negative]),
    Row("x.inner.wild.lab.test.", .a, [negative]),
    Row("x.inner.wild.lab.test.", .txt, ["answer x.inner.wild.lab.test. 3600 IN TXT \"inner\""]),
    Row("a.alias.lab.test.", .a, ["answer a.alias.lab.test. 3600 IN CNAME web.lab.test."] + web),
    // Delegations.
    Row("sub.lab.test.", .a, aa: false, referral),
    Row("host.sub.lab.test.", .a, aa: false, referral),
    Row("a.b.sub.lab.test.", .ns, aa: false, referral),
    Row("ns.sub.lab.test.", .a, aa: false, referral),
    Row("sub.lab.test.", .any, aa: false, referral),
    Row(
      "sub.lab.test.", .ds,
      ["answer sub.lab.test. 3600 IN DS 1 13 2 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF"]),
    Row("below.sub.lab.test.", .ds, aa: false, referral),
    Row("tocut.lab.test.", .a, ["answer tocut.lab.test. 3600 IN CNAME host.sub.lab.test."] + referral),
    // DNAME.
    Row(
      "www.tree.lab.test.", .a,
      [
        "answer tree.lab.test. 3600 IN DNAME elsewhere.lab.test.",
        "answer www.tree.lab.test. 3600 IN CNAME www.elsewhere.lab.test.",
        "answer www.elsewhere.lab.test. 3600 IN A 192.0.2.8",
      ]),
    Row("tree.lab.test.", .dname, ["answer tree.lab.test. 3600 IN DNAME elsewhere.lab.test."]),
    Row("tree.lab.test.", .a, [negative]),
    Row(
      "A.b.far.lab.test.", .a,
      [
        "answer far.lab.test. 3600 IN DNAME other.example.",
        "answer A.b.far.lab.test. 3600 IN CNAME A.b.other.example.",
      ]),
    Row(
      "no.tree.lab.test.", .a, .nxDomain,
      [
        "answer tree.lab.test. 3600 IN DNAME elsewhere.lab.test.",
        "answer no.tree.lab.test. 3600 IN CNAME no.elsewhere.lab.test.", negative,
      ]),
    // Not ours.
    Row("www.example.", .a, .refused, aa: false, []),
    Row("test.", .a, .refused, aa: false, []),
    Row(".", .ns, .refused, aa: false, []),
    Row("lab.test.", .axfr, .refused, aa: false, []),
    Row("lab.test.", .maila, .notImp, aa: false, []),
    Row("lab.test.", .opt, .formErr, aa: false, []),
  ]

  @Test(arguments: rows) func answers(row: Row) throws {
    let message = try lab().ask(row.name, row.type)
    #expect(message.responseCode == row.code)
    #expect(message.lines.map { $0 } == row.lines.sorted())
    #expect(message.header.flags.contains(.authoritative) == row.isAuthoritative)
    #expect(!message.header.flags.contains(.truncated))
    #expect(message.header.flags.contains(.recursionDesired))
    #expect(!message.header.flags.contains(.recursionAvailable))
    // The same over a stream.
    #expect(try lab().ask(row.name, row.type, over: .stream).lines == message.lines)
  }

  @Test func anyIsMinimal() throws {
    let message = try lab().ask("lab.test.", .any)
    #expect(Set(message.answers.map(\.type)).count == 1)
    #expect(message.responseCode == .noError)
    #expect(try lab().ask("www.lab.test.", .any).answers.map(\.type) == [.cname])
  }

  @Test func classes() throws {
    var answering = try lab()
    #expect(try answering.ask("version.bind.", .txt, .ch).responseCode == .refused)
    #expect(try answering.ask("lab.test.", .soa, .hs).responseCode == .refused)
    #expect(try answering.ask("lab.test.", .soa, .any).answers.count == 1)
    answering.settings.version = "Portside"
    answering.settings.hostname = "ns1"
    #expect(try answering.ask("VERSION.bind.", .txt, .ch).lines == ["answer VERSION.bind. 0 CH TXT \"Portside\""])
    #expect(try answering.ask("id.server.", .txt, .ch).lines == ["answer id.server. 0 CH TXT \"ns1\""])
    #expect(try answering.ask("version.bind.", .a, .ch).responseCode == .refused)
  }

  @Test func ednsOfTheReply() throws {
    var answering = try lab()
    answering.settings.identifier = Array("node-1".utf8)
    let plain = try answering.ask("ns1.lab.test.", .a, edns: nil)
    #expect(plain.edns == nil)
    let edns = try #require(try answering.ask("ns1.lab.test.", .a, edns: EDNS(udpSize: 4096, wantsDNSSEC: true)).edns)
    #expect(edns == EDNS(udpSize: 1232, wantsDNSSEC: true))
    let nsid = try answering.ask("ns1.lab.test.", .a, edns: EDNS(options: [EDNSOption(code: EDNSOption.nsid)]))
    #expect(nsid.edns?.options == [EDNSOption(code: EDNSOption.nsid, data: Array("node-1".utf8))])
    let version = try answering.ask("ns1.lab.test.", .a, edns: EDNS(version: 1))
    #expect(version.responseCode == .badVers && version.answers.isEmpty && version.edns?.version == 0)
    let cookie = try answering.ask("ns1.lab.test.", .a, edns: EDNS(options: [EDNSOption(code: 10, data: [1, 2, 3])]))
    #expect(cookie.responseCode == .formErr)
  }

  @Test func truncation() throws {
    let answering = try lab()
    for (edns, limit) in [
      (nil, 512), (EDNS(udpSize: 100), 512), (EDNS(udpSize: 1000), 1000), (EDNS(udpSize: 65535), 1232),
    ] {
      let message = try answering.ask("big.lab.test.", .txt, edns: edns)
      #expect(message.header.flags.contains(.truncated))
      #expect(message.answers.isEmpty)
      #expect((message.edns != nil) == (edns != nil))
      #expect(try message.encoded().count <= limit)
    }
    let whole = try answering.ask("big.lab.test.", .txt, over: .stream)
    #expect(whole.answers.count == 1 && !whole.header.flags.contains(.truncated))
  }

  /// Glue that must be there but does not fit makes a truncated answer (RFC 9471); other addresses are left out silently.
  @Test func gluePressure() throws {
    let servers = (0..<12).map { "sub NS ns\($0).sub\nns\($0).sub AAAA 2001:db8::\($0)\n" }.joined()
    let hosts = (0..<12).map { "@ MX 10 mail\($0)\nmail\($0) AAAA 2001:db8::1:\($0)\n" }.joined()
    let answering = try Answering([
      ("lab.test.", "$TTL 60\n@ SOA ns1 who 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\n" + servers + hosts)
    ])
    let referral = try answering.ask("x.sub.lab.test.", .a, edns: nil)
    #expect(referral.header.flags.contains(.truncated))
    #expect(referral.authorities.count == 12 && referral.additionals.count < 12)
    let mail = try answering.ask("lab.test.", .mx, edns: nil)
    #expect(!mail.header.flags.contains(.truncated))
    #expect(mail.answers.count == 12 && (1..<12).contains(mail.additionals.count))
  }

  @Test func headersThatAreNoQueries() throws {
    let answering = try lab()
    let question = Question(try Name("ns1.lab.test."), .a)
    #expect(answering.reply(to: []) == nil)
    #expect(answering.reply(to: [UInt8](repeating: 0, count: 11)) == nil)
    let response = Message(header: Header(id: 1, flags: .response), questions: [question])
    #expect(answering.reply(to: try response.encoded()) == nil)
    for opcode in [Opcode.status, .notify, .update, Opcode(rawValue: 15)] {
      let request = Message(header: Header(id: 1, opcode: opcode), questions: [question])
      let reply = try Message.decode(#require(answering.reply(to: try request.encoded())))
      #expect(reply.responseCode == .notImp && reply.header.opcode == opcode && reply.header.id == 1)
    }
    let none = Message(header: Header(id: 2))
    let two = Message(header: Header(id: 2), questions: [question, question])
    for request in [none, two] {
      let reply = try Message.decode(#require(answering.reply(to: try request.encoded())))
      #expect(reply.responseCode == .formErr && reply.questions.isEmpty)
    }
    // A compressed question and one that is cut short.
    for tail: [UInt8] in [[0xC0, 12, 0, 1, 0, 1], [3, 0x61], [0, 0, 1, 0]] {
      let request: [UInt8] = [0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0] + tail
      let reply = try Message.decode(#require(answering.reply(to: request)))
      #expect(reply.responseCode == .formErr && reply.header.id == 9)
    }
  }

  @Test func longestNames() throws {
    let label = String(repeating: "a", count: 63)
    let answering = try Answering([
      (
        "lab.test.",
        "$TTL 60\n@ SOA ns1 who 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\nd DNAME \(label).\(label).lab.test.\n"
      )
    ])
    let long = "\(label).\(String(repeating: "b", count: 60)).d.lab.test."
    let message = try answering.ask(long, .a)
    #expect(message.responseCode == .yxDomain)
    #expect(message.answers.map(\.type) == [.dname])
    let labels = String(repeating: "a.", count: 122) + "lab.test."
    #expect(try answering.ask(labels, .a).responseCode == .nxDomain)
  }

  @Test func zonesInsideEachOther() throws {
    let parent =
      "$TTL 60\n@ SOA ns1 who 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\nsub NS ns.sub\nns.sub A 192.0.2.2\nto CNAME www.sub\n"
    let child = "$TTL 60\n@ SOA ns who 9 2 3 4 5\n@ NS ns\nns A 192.0.2.2\nwww A 192.0.2.3\n"
    let answering = try Answering([("lab.test.", parent), ("sub.lab.test.", child)])
    #expect(try answering.ask("www.sub.lab.test.", .a).answers.count == 1)
    // An alias leads on into the other zone.
    #expect(try answering.ask("to.lab.test.", .a).answers.map(\.type) == [.cname, .a])
    // DS is the parent's to answer: there is none.
    let ds = try answering.ask("sub.lab.test.", .ds)
    #expect(ds.authorities.first?.name == (try Name("lab.test.")) && ds.header.flags.contains(.authoritative))
    answering.zones.replace(with: ZoneCatalog())
    #expect(try answering.ask("www.sub.lab.test.", .a).responseCode == .refused)
  }
}
