import DNSCore
import Testing
import WireKit

@Suite struct ZoneTests {
  private let head = "$TTL 60\n@ SOA ns1 who 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\n"

  private func load(_ text: String) throws -> (zone: Zone?, findings: [String]) {
    let bytes = Array(text.utf8)
    let (zone, findings) = Zone.load(bytes.span.bytes, apex: try Name("lab.test."), file: "z")
    return (zone, findings.map(\.description))
  }

  /// What is wrong with the records of a zone; lines count from the four of the head.
  @Test(arguments: [
    ("a CNAME ns1\na A 192.0.2.2\n", "z:5: error: CNAME and other records of the same name (RFC 1034 §3.6.2)"),
    ("a CNAME ns1\na CNAME b\n", "z:6: error: more than one CNAME of the same name"),
    ("a DNAME x.\na DNAME y.\n", "z:6: error: more than one DNAME of the same name"),
    ("a SOA x y 1 2 3 4 5\n", "z:5: error: SOA is not at the zone's apex"),
    ("@ SOA x y 1 2 3 4 5\n", "z:5: error: more than one SOA"),
    ("@ NS ns2\n", "z:5: error: NS leads to ns2.lab.test., which has no address in this zone"),
    ("other.example. A 192.0.2.2\n", "z:5: warning: other.example. is not in the zone lab.test.: left out"),
    ("sub NS ns.sub\n", "z:5: warning: NS leads to ns.sub.lab.test., which has no address in this zone"),
    ("@ MX 10 mail\n", "z:5: warning: MX leads to mail.lab.test., which has no address in this zone"),
    (
      "a 60 A 192.0.2.2\na 90 A 192.0.2.3\n",
      "z:6: warning: TTL 90 differs from 60 in the same set: the lowest is taken"
    ),
    ("a A 192.0.2.2\nA A 192.0.2.2\n", "z:6: warning: the same A record stands twice"),
    (
      "@ MX 10 alias\nalias CNAME ns1\n",
      "z:5: warning: MX leads to alias.lab.test., which is an alias (RFC 2181 §10.3)"
    ),
    ("@ MX 10 192.0.2.1.\n", "z:5: warning: MX leads to 192.0.2.1., which looks like an address, not a name"),
    ("sub NS ns1\nx.sub TXT x\n", "z:6: warning: TXT below a delegation is never answered"),
    ("d DNAME x.\na.d A 192.0.2.2\n", "z:6: warning: A below a DNAME is never answered"),
  ])
  func checks(text: String, finding: String) throws {
    let (zone, findings) = try load(head + text)
    #expect(findings == [finding])
    #expect((zone == nil) == finding.contains("error"))
  }

  @Test(arguments: [
    "sub NS ns.sub\nns.sub A 192.0.2.2\n", "@ MX 10 mail\n* A 192.0.2.2\n", "@ MX 0 .\n",
    "@ MX 10 mail.other.example.\n",
    "a CNAME b\na RRSIG CNAME 13 3 60 20300101000000 20200101000000 1 lab.test. AQID\n",
    "sub NS ns.other.\nsub DS 1 8 2 00\n",
  ])
  func nothingToFind(text: String) throws {
    #expect(try load(head + text).findings == [])
  }

  @Test func aZoneNeedsSOAAndNS() throws {
    #expect(try load("a 60 A 192.0.2.1\n").findings.count == 2)
    #expect(try load("").zone == nil)
    #expect(try load("@ 60 SOA a b 1 2 3 4 5\n").findings == ["z: error: the zone lab.test. has no NS at its apex"])
  }

  /// What was packed reads back as it was written.
  @Test func recordsReadBack() throws {
    let origin = try Name("lab.test.")
    let (written, _) = ZoneFile.records(exampleZone, origin: origin)
    let bytes = Array(exampleZone.utf8)
    let zone = try #require(Zone.load(bytes.span.bytes, apex: origin).zone)
    var read: [ResourceRecord] = []
    zone.forEachRecord { read.append($0) }
    #expect(read.first?.type == .soa)
    #expect(read.map(\.description).sorted() == written.map(\.description).sorted())
    #expect(zone.recordCount == written.count)
    #expect(zone.soa.serial == 2_024_010_101)
  }

  /// Page by page, wherever the pages are cut, the records are those of one pass.
  @Test(arguments: [1, 2, 3, 7, 1000]) func recordsPageByPage(_ size: Int) throws {
    let bytes = Array(exampleZone.utf8)
    let zone = try #require(Zone.load(bytes.span.bytes, apex: try Name("lab.test.")).zone)
    var (whole, paged): ([ResourceRecord], [ResourceRecord]) = ([], [])
    zone.forEachRecord { whole.append($0) }
    var place: Zone.RecordPlace? = Zone.RecordPlace()
    while let current = place {
      var count = 0
      place = zone.forEachRecord(from: current) { record in
        paged.append(record)
        count += 1
        return count < size
      }
    }
    #expect(paged == whole)
  }

  /// Many names: every one is found, and nothing beside them.
  @Test func aLargeZone() throws {
    let names = (0..<20_000).map { "h\($0)\($0 % 7 == 0 ? ".deep.er" : "") A 10.\($0 >> 8 & 255).\($0 & 255).1\n" }
    let answering = try Answering([("lab.test.", head + names.joined())])
    for index in stride(from: 0, to: 20_000, by: 97) {
      let name = "h\(index)\(index % 7 == 0 ? ".deep.er" : "").lab.test."
      #expect(try answering.ask(name, .a).answers.map { "\($0.data)" } == ["10.\(index >> 8 & 255).\(index & 255).1"])
      #expect(try answering.ask("x" + name, .a).responseCode == .nxDomain)
    }
  }

  @Test func namesOfTheSameHash() throws {
    // FNV-1a of 32 bits collides often enough in 300,000 names that the comparison of names must decide.
    let count = 300_000
    var text = head
    for index in 0..<count { text += "n\(index) A 10.\(index >> 16).\(index >> 8 & 255).\(index & 255)\n" }
    let answering = try Answering([("lab.test.", text)])
    for index in stride(from: 0, to: count, by: 1009) {
      let reply = try answering.ask("n\(index).lab.test.", .a)
      #expect(reply.answers.map { "\($0.data)" } == ["10.\(index >> 16).\(index >> 8 & 255).\(index & 255)"])
    }
  }
}
