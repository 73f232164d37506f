import DNSCore
import DNSSecurity
@testable import DNSResolver
import DNSServer
import TestKit
import Testing
import WireKit

/// The small Internet with signed zones in it, and some that are broken in one way each.
struct SignedInternet {
  let internet: SmallInternet
  let resolver: Resolver
  let clock: ManualClock

  /// What is wrong with a zone below `example.`.
  enum Fault: String, CaseIterable {
    case none, hashed, expired, future, wrongKey, stripped, altered, unsigned, unknownAlgorithm, noDenial
  }

  private static let start = "@ 3600 IN SOA ns.invalid. h.invalid. 1 3600 600 86400 300\n@ 3600 IN NS "
  private static let leaf = """
    \(start) ns.example.
    www 60 IN A 198.51.100.7
    *.wild 60 IN A 198.51.100.8
    alias 60 IN CNAME www.hashed.example.
    tounsigned 60 IN CNAME www.unsigned.example.
    mail 60 IN MX 10 www
    _25._tcp.mail 60 IN TLSA 3 1 1 0011223344556677889900112233445566778899001122334455667788990011
    moved 60 IN DNAME www.example.
    """

  init(_ change: (inout ResolverConfiguration) -> Void = { _ in }) throws {
    clock = ManualClock()
    let now = UInt32(truncatingIfNeeded: clock.wallTime().seconds)
    let rootKey = try SigningKey(.ecdsaP256, flags: 257)
    let exampleKey = try SigningKey(.ed25519, flags: 257)
    var example = "\(Self.start) ns.example.\nns 3600 IN A 192.0.2.2\n"
    var leaves: [Zone] = []
    for fault in Fault.allCases {
      let (zone, delegation) = try Self.leaf(fault, now)
      leaves.append(zone)
      example += delegation
    }
    let root = """
      \(Self.start) a.root.\na.root. 3600 IN A 192.0.2.1
      example. 3600 IN NS ns.example.\nns.example. 3600 IN A 192.0.2.2
      example. 3600 IN DS \(RData(try #require(DS(of: exampleKey.record, zone: try Name("example.")))))
      plain. 3600 IN NS ns.plain.\nns.plain. 3600 IN A 192.0.2.3
      """
    let plain = "\(Self.start) ns.plain.\nns 3600 IN A 192.0.2.3\nwww 60 IN A 198.51.100.9\n"
    internet = try SmallInternet([
      "192.0.2.1": .zones(ZoneSet(ZoneCatalog([try Self.signed(".", root, rootKey, now)]))),
      "192.0.2.2": .zones(ZoneSet(ZoneCatalog([try Self.signed("example.", example, exampleKey, now)] + leaves))),
      "192.0.2.3": SmallInternet.zones(["plain.": plain]),
    ])
    var configuration = ResolverConfiguration(
      networks: [], roots: [Endpoint(try #require(IPAddress("192.0.2.1")), 53)],
      anchors: TrustAnchors(keys: [.root: [try #require(DS(of: rootKey.record, zone: .root))]]))
    change(&configuration)
    let internet = internet
    resolver = Resolver(configuration, zones: ZoneSet(), clock: clock) { _ in internet }
  }

  /// A zone with one fault, and the lines for it in its parent.
  private static func leaf(_ fault: Fault, _ now: UInt32) throws -> (Zone, String) {
    let name = try Name("\(fault.rawValue).example.")
    let key = try SigningKey(.ecdsaP256, flags: 257)
    var delegation = "\(name) 3600 IN NS ns.example.\n"
    var ds = try #require(DS(of: key.record, zone: name))
    switch fault {
    case .wrongKey: ds = try #require(DS(of: try SigningKey(.ecdsaP256, flags: 257).record, zone: name))
    case .unknownAlgorithm: ds.algorithm = SecurityAlgorithm(rawValue: 200)
    default: break
    }
    if fault != .unsigned { delegation += "\(name) 3600 IN DS \(RData(ds))\n" }
    let made = fault == .expired ? now - 30 * 86_400 : fault == .future ? now + 30 * 86_400 : now
    let zone =
      fault == .stripped || fault == .unsigned
      ? try plain("\(name)", leaf) : try signed("\(name)", leaf, key, made, fault == .hashed ? .nsec3 : .nsec)
    switch fault {
    case .altered: return (try changed(zone) { $0.replacing("198.51.100", with: "198.51.101") }, delegation)
    case .noDenial:
      return (try changed(zone) { $0.contains(" NSEC ") && !$0.contains(" SOA ") ? "" : $0 }, delegation)
    default: return (zone, delegation)
    }
  }

  private static func plain(_ apex: String, _ text: String) throws -> Zone {
    let loaded = ZoneSource(apex: try Name(apex), .text(text)).load()
    return try #require(loaded.zone, "\(loaded.findings)")
  }

  static func signed(
    _ apex: String, _ text: String, _ key: SigningKey, _ now: UInt32, _ denial: SigningPolicy.Denial = .nsec
  ) throws -> Zone {
    var signer = ZoneSigner()
    let keys = ZoneKeys(published: [key.record], keySigning: [key], zoneSigning: [key], announced: [])
    return try signer.sign(
      try plain(apex, text), keys: keys, policy: SigningPolicy(denial: denial), serial: 1, now: now)
  }

  /// The zone with each of its lines put through a change.
  private static func changed(_ zone: Zone, _ change: (String) -> String) throws -> Zone {
    var text = ""
    zone.forEachRecord { text += change($0.description) + "\n" }
    return try plain(zone.apex.description, text)
  }

  /// The answer as a client sees it: response code, whether AD, and the code of the extended error.
  func ask(
    _ name: String, _ type: RecordType = .a, flags: Header.Flags = [], isDO: Bool = true
  ) async throws -> (message: Message, summary: String) {
    let query = try Message(
      header: Header(id: 7, flags: flags.union(.recursionDesired)), questions: [Question(try Name(name), type)],
      edns: EDNS(wantsDNSSEC: isDO)
    ).encoded()
    let message = try Message.decode(try #require(await resolver.reply(to: query, over: .stream)))
    let error = message.edns?.options.compactMap { ExtendedError($0) }.first
    let isAuthentic = message.header.flags.contains(.authenticData)
    return (message, "\(message.responseCode)\(isAuthentic ? " AD" : "")\(error.map { " EDE \($0.code)" } ?? "")")
  }
}

@Suite(.timeLimit(.minutes(2))) struct ResolverSecurityTests {
  @Test(arguments: [
    ("www.none.example.", "NOERROR AD"), ("www.hashed.example.", "NOERROR AD"), ("www.unsigned.example.", "NOERROR"),
    ("www.plain.", "NOERROR"), ("www.expired.example.", "SERVFAIL EDE 7"), ("www.future.example.", "SERVFAIL EDE 8"),
    ("www.wrongKey.example.", "SERVFAIL EDE 9"), ("www.stripped.example.", "SERVFAIL EDE 9"),
    ("www.altered.example.", "SERVFAIL EDE 6"), ("www.unknownAlgorithm.example.", "NOERROR"),
    ("x.wild.none.example.", "NOERROR AD"), ("x.wild.hashed.example.", "NOERROR AD"),
    ("no.none.example.", "NXDOMAIN AD"), ("no.hashed.example.", "NXDOMAIN AD"), ("no.unsigned.example.", "NXDOMAIN"),
    ("no.noDenial.example.", "SERVFAIL EDE 12"), ("mail.none.example.", "NOERROR AD"),
    ("wild.none.example.", "NOERROR AD"), ("wild.hashed.example.", "NOERROR AD"), ("nosuch.", "NXDOMAIN AD"),
    ("alias.none.example.", "NOERROR AD"), ("tounsigned.none.example.", "NOERROR"),
    ("no.moved.none.example.", "NXDOMAIN AD"), ("x.wild.noDenial.example.", "SERVFAIL EDE 12"),
  ])
  func judgements(name: String, expected: String) async throws {
    let world = try SignedInternet()
    #expect(try await world.ask(name).summary == expected)
    // From memory it is the same.
    #expect(try await world.ask(name).summary == expected)
  }

  @Test func flagsOfClients() async throws {
    let world = try SignedInternet()
    // AD only for who knows what it means; records only for who wants them.
    #expect(try await world.ask("www.none.example.", isDO: false).summary == "NOERROR")
    #expect(try await world.ask("www.none.example.", flags: .authenticData, isDO: false).summary == "NOERROR AD")
    #expect(try await world.ask("www.none.example.", isDO: false).message.answers.count == 1)
    #expect(try await world.ask("www.none.example.").message.answers.count == 2)
    #expect(try await world.ask("no.none.example.", isDO: false).message.authorities.map(\.type) == [.soa])
    // With CD the client judges by itself.
    let unchecked = try await world.ask("www.altered.example.", flags: .checkingDisabled)
    #expect(unchecked.summary == "NOERROR EDE 6" && unchecked.message.answers.count == 2)
    #expect(try await world.ask("www.altered.example.").summary == "SERVFAIL EDE 6")
  }

  @Test func forProgramsOfThisHouse() async throws {
    let world = try SignedInternet()
    let tlsa = RecordType(rawValue: 52)
    let answer = try await world.resolver.lookUp(Question(try Name("_25._tcp.mail.none.example."), tlsa))
    #expect(answer.security == .secure && answer.records.count == 1 && answer.code == .noError)
    let unsigned = try await world.resolver.lookUp(Question(try Name("_25._tcp.mail.unsigned.example."), tlsa))
    #expect(unsigned.security == .insecure && unsigned.records.count == 1)
    let altered = try await world.resolver.lookUp(Question(try Name("www.altered.example."), .a))
    #expect(altered.security.isBogus)
  }

  /// Zones whose signatures are known to be wrong can be let through (RFC 7646), and without an anchor nothing is judged.
  @Test func negativeAnchorsAndNoAnchors() async throws {
    let name = try Name("altered.example.")
    let given = try SignedInternet { $0.anchors.insecure = [name] }
    #expect(try await given.ask("www.altered.example.").summary == "NOERROR")
    #expect(try await given.ask("www.none.example.").summary == "NOERROR AD")
    let none = try SignedInternet { $0.anchors = .none }
    #expect(try await none.ask("www.none.example.").summary == "NOERROR")
    #expect(try await none.ask("www.altered.example.").summary == "NOERROR")
  }

  /// A liar beside an honest server costs some questions, and no wrong answer.
  @Test func anotherServerIsAskedWhenOneLies() async throws {
    let world = try SignedInternet()
    let lie = try SmallInternet.zones([
      "example.": "\(ResolverTests.start) ns.example.\nns 60 IN A 192.0.2.2\nwww.none 60 IN A 203.0.113.66\n"
    ])
    let honest = try #require(world.internet.server("192.0.2.2"))
    try world.internet.set("192.0.2.2", lie)
    #expect(try await world.ask("www.none.example.").summary.hasPrefix("SERVFAIL"))
    try world.internet.set("192.0.2.2", honest)
    world.clock.advance(by: .seconds(61))
    #expect(try await world.ask("www.none.example.").summary == "NOERROR AD")
  }

  /// KeyTrap (CVE-2023-50387): many keys of one tag and many signatures cost a bounded number of checks.
  @Test func manyKeysAndSignaturesCostLittle() throws {
    let key = try SigningKey(.ecdsaP256, flags: 256)
    let zone = try Name("x.example.")
    let good = try #require(ZoneKey(key.record))
    let signature = RRSIG(
      covered: .a, algorithm: .ecdsaP256, labels: 2, originalTTL: 60, expiration: 200, inception: 100, keyTag: key.tag,
      signer: zone, signature: [UInt8](repeating: 1, count: 64))
    let set = SignedSet(
      name: zone, type: .a, ttl: 60, data: [RData(A(IPAddress(192, 0, 2, 1)))],
      signatures: Array(repeating: signature, count: 500))
    var budget = VerificationBudget()
    #expect(throws: SecurityFailure.self) {
      try set.verified(by: Array(repeating: good, count: 500), of: zone, now: 150, &budget)
    }
    // Of the failures that one question may cause; after that, nothing is checked any more.
    #expect(budget.failures == 0 && budget.signatures >= 64 - 17)
    #expect(throws: SecurityFailure.self) {
      try set.verified(by: [good], of: zone, now: 150, &budget)
    }
  }

  /// More rounds of hashing than anybody need do make a zone count as unsigned (RFC 9276), and cost no hashing.
  @Test func costlyHashesAreNotComputed() throws {
    let zone = try Name("x.example.")
    let owner = try #require(NSEC3.owner([UInt8](repeating: 1, count: 20), in: zone))
    let record = NSEC3(iterations: 2500, next: [UInt8](repeating: 2, count: 20), types: [.a])
    let denial = Denial(
      zone: zone, sets: [SignedSet(name: owner, type: .nsec3, ttl: 60, data: [RData(record)])])
    var budget = VerificationBudget()
    #expect(denial.noName(try Name("a.x.example."), &budget) == .tooCostly)
    #expect(denial.cut(try Name("a.x.example."), &budget) == .tooCostly)
    #expect(budget.hashes == VerificationBudget().hashes)
  }
}
