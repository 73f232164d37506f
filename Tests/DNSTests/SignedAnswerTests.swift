@testable import DNSCore
import Testing
import WireKit

/// What a signed zone's answers have for who sets DO: each kind of answer, by the names of the sets in it. Whether other
/// servers say the same is `DNSDifferentialTests`' affair.
@Suite struct SignedAnswerTests {
  private static func signed(_ line: String, _ type: String, _ labels: Int, ttl: Int = 3600) -> String {
    let owner = line.split(separator: " ").first ?? ""
    let signature =
      "\(owner) \(ttl) IN RRSIG \(type) 13 \(labels) \(ttl) 20380101000000 20200101000000 7 lab.test. AAAA"
    return "\(line)\n\(signature)\n"
  }

  private static let common =
    signed("lab.test. 3600 IN SOA ns.lab.test. h.lab.test. 1 2 3 4 300", "SOA", 2)
    + signed("lab.test. 3600 IN NS ns.lab.test.", "NS", 2) + signed("ns.lab.test. 3600 IN A 192.0.2.1", "A", 3)
    + signed("*.w.lab.test. 3600 IN A 192.0.2.2", "A", 3)
    + signed(
      "secure.lab.test. 3600 IN DS 1 13 2 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF", "DS", 3)
    + "secure.lab.test. 3600 IN NS ns.lab.test.\nplain.lab.test. 3600 IN NS ns.lab.test.\n"

  static let named =
    common + signed("lab.test. 300 IN NSEC ns.lab.test. NS SOA RRSIG NSEC", "NSEC", 2, ttl: 300)
    + signed("ns.lab.test. 300 IN NSEC plain.lab.test. A RRSIG NSEC", "NSEC", 3, ttl: 300)
    + signed("plain.lab.test. 300 IN NSEC secure.lab.test. NS RRSIG NSEC", "NSEC", 3, ttl: 300)
    + signed("secure.lab.test. 300 IN NSEC *.w.lab.test. NS DS RRSIG NSEC", "NSEC", 3, ttl: 300)
    + signed("*.w.lab.test. 300 IN NSEC lab.test. A RRSIG NSEC", "NSEC", 3, ttl: 300)

  /// The same with hashes, the delegation without DS left out.
  static let hashed: String = {
    let names = ["lab.test.", "ns.lab.test.", "*.w.lab.test.", "w.lab.test.", "secure.lab.test."]
    let hashes = names.compactMap { try? Name($0) }.map { NSEC3.hash($0, iterations: 0, salt: []) }
      .sorted { $0.lexicographicallyPrecedes($1) }
    var text = common + "lab.test. 0 IN NSEC3PARAM 1 0 0 -\n"
    for (index, hash) in hashes.enumerated() {
      guard let apex = try? Name("lab.test."), let owner = NSEC3.owner(hash, in: apex) else { continue }
      let record = NSEC3(flags: 1, next: hashes[(index + 1) % hashes.count], types: [.a])
      text += signed("\(owner) 300 IN NSEC3 \(RData(record))", "NSEC3", 3, ttl: 300)
    }
    return text
  }()

  private func ask(_ zone: String, _ name: String, _ type: RecordType, isDO: Bool = true) throws -> [String] {
    let answering = try Answering([("lab.test.", zone)])
    let message = try answering.ask(name, type, edns: EDNS(wantsDNSSEC: isDO))
    #expect(message.edns?.wantsDNSSEC == isDO)
    return
      (message.answers.map { ("answer", $0) } + message.authorities.map { ("authority", $0) }
      + message.additionals.map { ("additional", $0) })
      .map { section, record in
        let covered = (try? record.data.value(as: RRSIG.self).covered).map { "(\($0))" } ?? ""
        return "\(section) \(record.name) \(record.type)\(covered)"
      }
  }

  @Test func signaturesGoAlongOnlyWhereWanted() throws {
    #expect(try ask(Self.named, "ns.lab.test.", .a) == ["answer ns.lab.test. A", "answer ns.lab.test. RRSIG(A)"])
    #expect(try ask(Self.named, "ns.lab.test.", .a, isDO: false) == ["answer ns.lab.test. A"])
    #expect(
      try ask(Self.named, "no.lab.test.", .a, isDO: false) == ["authority lab.test. SOA"])
    // A question for what is a signature, or a proof, is a question like any other.
    #expect(try ask(Self.named, "ns.lab.test.", .nsec).prefix(1) == ["answer ns.lab.test. NSEC"])
    #expect(try ask(Self.named, "ns.lab.test.", .rrsig) == ["answer ns.lab.test. RRSIG(A)"])
  }

  @Test func namesThatDoNotExist() throws {
    // One record covers the name and the wildcard, and stands there once.
    #expect(
      try ask(Self.named, "zz.lab.test.", .a) == [
        "authority lab.test. SOA", "authority lab.test. RRSIG(SOA)", "authority *.w.lab.test. NSEC",
        "authority *.w.lab.test. RRSIG(NSEC)", "authority lab.test. NSEC", "authority lab.test. RRSIG(NSEC)",
      ])
    let hashed = try ask(Self.hashed, "zz.lab.test.", .a)
    #expect((1...3).contains(hashed.filter { $0.hasSuffix("NSEC3") }.count))
    #expect(Set(hashed).count == hashed.count)
  }

  @Test func wildcardsProveThatThereIsNoCloserName() throws {
    #expect(
      try ask(Self.named, "x.w.lab.test.", .a) == [
        "answer x.w.lab.test. A", "answer x.w.lab.test. RRSIG(A)", "authority *.w.lab.test. NSEC",
        "authority *.w.lab.test. RRSIG(NSEC)",
      ])
    #expect(
      try ask(Self.named, "x.w.lab.test.", .txt).filter { $0.hasSuffix(" NSEC") } == ["authority *.w.lab.test. NSEC"])
    #expect(try ask(Self.hashed, "x.w.lab.test.", .a).filter { $0.hasSuffix("NSEC3") }.count == 1)
    // An empty name is covered by the record before it.
    #expect(try ask(Self.named, "w.lab.test.", .a).contains("authority secure.lab.test. NSEC"))
  }

  @Test func delegations() throws {
    #expect(
      try ask(Self.named, "www.secure.lab.test.", .a) == [
        "authority secure.lab.test. NS", "authority secure.lab.test. DS", "authority secure.lab.test. RRSIG(DS)",
        "additional ns.lab.test. A", "additional ns.lab.test. RRSIG(A)",
      ])
    #expect(
      try ask(Self.named, "www.plain.lab.test.", .a).prefix(3) == [
        "authority plain.lab.test. NS", "authority plain.lab.test. NSEC", "authority plain.lab.test. RRSIG(NSEC)",
      ])
    #expect(try ask(Self.named, "plain.lab.test.", .ds).contains("authority plain.lab.test. NSEC"))
    // Left out of the chain: the apex, and what covers the delegation.
    let optedOut = try ask(Self.hashed, "www.plain.lab.test.", .a)
    #expect((1...2).contains(optedOut.filter { $0.hasSuffix("NSEC3") }.count), "\(optedOut)")
  }

  /// A name that only owns NSEC3 does not exist (RFC 5155 §7.2.8); its records are there for who reads the zone.
  @Test func hashedOwnersAreNoNames() throws {
    let bytes = Array(Self.hashed.utf8)
    let zone = try #require(Zone.load(bytes.span.bytes, apex: try Name("lab.test.")).zone)
    #expect(zone.isSigned)
    var owners: [Name] = []
    zone.forEachRecord { if $0.type == .nsec3 { owners.append($0.name) } }
    #expect(owners.count == 5)
    let message = try Answering([("lab.test.", Self.hashed)]).ask("\(owners[0])", .nsec3)
    #expect(message.responseCode == .nxDomain)
  }

  /// The vectors of RFC 5155 appendix A.
  @Test func hashesOfNames() throws {
    let salt: [UInt8] = [0xAA, 0xBB, 0xCC, 0xDD]
    for (name, hash) in [
      ("example.", "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"), ("a.example.", "35mthgpgcu1qg68fab165klnsnk3dpvl"),
      ("ns1.example.", "2t7b4g4vsa5smi47k61mv5bv1a22bojr"), ("*.w.example.", "r53bq7cc2uvmubfu5ocmm6pers9tk9en"),
    ] {
      let digest = NSEC3.hash(try Name(name), iterations: 12, salt: salt)
      let owner = try Name("\(hash).")
      #expect(NSEC3.owner(digest, in: .root) == owner)
      let longer = try Name("\(hash).example.")
      #expect(NSEC3.hash(of: longer) == digest)
    }
  }

  /// RFC 4034 §5.4 and §6.1.
  @Test func keyTagAndCanonicalOrder() throws {
    let key = try RData(
      """
      256 3 5 AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmAphXdvx\
      egXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==
      """, type: .dnskey
    ).value(as: DNSKEY.self)
    #expect(key.tag == 60485 && key.isZoneKey && !key.isEntryPoint)
    let order = [
      "example.", "a.example.", "yljkjljk.a.example.", "Z.a.example.", "zABC.a.EXAMPLE.", "z.example.",
      "\\001.z.example.", "*.z.example.", "\\200.z.example.",
    ]
    let keys = try order.map { try Name($0).canonicalKey }
    #expect(keys == keys.sorted { $0.lexicographicallyPrecedes($1) })
  }
}
