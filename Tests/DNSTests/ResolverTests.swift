import DNSCore
@testable import DNSResolver
import DNSServer
import Services
import Synchronization
import TestKit
import Testing
import WireKit

/// A small Internet in memory: servers by address, each with zones of its own, or with a lie.
final class SmallInternet: UpstreamExchange {
  enum Server: Sendable {
    case zones(ZoneSet)
    case silent
    /// Says this, whatever is asked.
    case says(@Sendable (Question) -> Message)
  }

  private let servers: Mutex<[IPAddress: Server]>
  /// What was asked, in order: `192.0.2.1 www.example. A`.
  let log = Mutex<[String]>([])

  init(_ servers: [String: Server]) throws {
    var table: [IPAddress: Server] = [:]
    for (address, server) in servers { table[try #require(IPAddress(address))] = server }
    self.servers = Mutex(table)
  }

  static func zones(_ zones: [String: String]) throws -> Server {
    let set = ZoneSet()
    var all: [Zone] = []
    for (apex, text) in zones {
      let loaded = ZoneSource(apex: try Name(apex), .text(text)).load()
      all.append(try #require(loaded.zone, "\(loaded.findings)"))
    }
    set.replace(with: ZoneCatalog(all))
    return .zones(set)
  }

  func set(_ address: String, _ server: Server) throws {
    let key = try #require(IPAddress(address))
    servers.withLock { $0[key] = server }
  }

  func server(_ address: String) -> Server? { IPAddress(address).flatMap { key in servers.withLock { $0[key] } } }

  func ask(_ question: Question, of server: Upstream, wantsDNSSEC: Bool) async throws -> Message {
    log.withLock { $0.append("\(server.endpoint.address) \(question.name) \(question.type)") }
    switch servers.withLock({ $0[server.endpoint.address] }) {
    case .zones(let set):
      guard let message = LocalZones(set).answer(question, wantsDNSSEC: wantsDNSSEC) else {
        return Message(header: Header(id: 0, flags: .response, responseCode: .refused), questions: [question])
      }
      return message
    case .says(let words): return words(question)
    case .silent, nil: throw ResolutionError.tooLate
    }
  }

  func takeLog() -> [String] {
    log.withLock { log in
      defer { log = [] }
      return log
    }
  }
}

@Suite(.timeLimit(.minutes(1))) struct ResolverTests {
  static let start = "@ 3600 IN SOA ns.invalid. h.invalid. 1 3600 600 86400 300\n@ 3600 IN NS "
  static let root = """
    \(start) a.root.\na.root. 3600 IN A 192.0.2.1
    example. 3600 IN NS ns.example.\nns.example. 3600 IN A 192.0.2.2
    test. 3600 IN NS ns.far.example.
    """
  static let example = """
    \(start) ns.example.\nns.example. 3600 IN A 192.0.2.2
    leaf 3600 IN NS ns.leaf\nns.leaf 3600 IN A 192.0.2.3
    lame 3600 IN NS ns.lame\nns.lame 3600 IN A 192.0.2.9
    far 3600 IN NS ns.leaf
    """
  static let leaf = """
    \(start) ns.leaf.example.\nns 3600 IN A 192.0.2.3
    www 60 IN A 198.51.100.7
    alias 60 IN CNAME www.shop.test.
    loop 60 IN CNAME loop2\nloop2 60 IN CNAME loop
    a.b.c.d 60 IN TXT "deep"
    """
  static let far = "\(start) ns.leaf.example.\nns 3600 IN A 192.0.2.4\n"
  static let test = "\(start) ns.far.example.\nwww.shop 60 IN A 203.0.113.5\n"

  private struct World {
    var internet: SmallInternet
    var resolver: Resolver
    var clock: ManualClock

    func ask(_ name: String, _ type: RecordType = .a) async throws -> Message {
      let query = try Message(
        header: Header(id: 7, flags: .recursionDesired), questions: [Question(try Name(name), type)], edns: EDNS()
      ).encoded()
      return try Message.decode(try #require(await resolver.reply(to: query, over: .udp)))
    }

    func lines(_ name: String, _ type: RecordType = .a) async throws -> [String] {
      try await ask(name, type).answers.map(\.description)
    }
  }

  private func world(_ change: (inout ResolverConfiguration) -> Void = { _ in }, own: ZoneSet = ZoneSet()) throws
    -> World
  {
    let internet = try SmallInternet([
      "192.0.2.1": SmallInternet.zones([".": Self.root]), "192.0.2.2": SmallInternet.zones(["example.": Self.example]),
      "192.0.2.3": SmallInternet.zones(["leaf.example.": Self.leaf, "far.example.": Self.far]),
      "192.0.2.4": SmallInternet.zones(["test.": Self.test]), "192.0.2.9": SmallInternet.zones(["other.": Self.far]),
    ])
    let clock = ManualClock()
    var configuration = ResolverConfiguration(
      networks: [try #require(IPNetwork("127.0.0.0/8"))],
      roots: [Endpoint(try #require(IPAddress("192.0.2.1")), 53)])
    change(&configuration)
    let resolver = Resolver(configuration, zones: own, clock: clock) { _ in internet }
    return World(internet: internet, resolver: resolver, clock: clock)
  }

  @Test func fromTheRootDownAndFromMemory() async throws {
    let world = try world()
    #expect(try await world.lines("www.leaf.example.") == ["www.leaf.example. 60 IN A 198.51.100.7"])
    // No server learns more of the name than it needs (RFC 9156).
    #expect(
      world.internet.takeLog() == [
        "192.0.2.1 example. A", "192.0.2.2 leaf.example. A", "192.0.2.3 www.leaf.example. A",
      ])
    world.clock.advance(by: .seconds(20))
    #expect(try await world.lines("WWW.leaf.example.") == ["WWW.leaf.example. 40 IN A 198.51.100.7"])
    #expect(world.internet.takeLog().isEmpty)
    world.clock.advance(by: .seconds(41))
    #expect(try await world.lines("www.leaf.example.") == ["www.leaf.example. 60 IN A 198.51.100.7"])
    // The cuts are known still.
    #expect(world.internet.takeLog() == ["192.0.2.3 www.leaf.example. A"])
  }

  @Test func aliasesAndServersInOtherZones() async throws {
    let world = try world()
    #expect(
      try await world.lines("alias.leaf.example.") == [
        "alias.leaf.example. 60 IN CNAME www.shop.test.", "www.shop.test. 60 IN A 203.0.113.5",
      ])
    #expect(try await world.ask("loop.leaf.example.").responseCode == .servFail)
    #expect(try await world.lines("a.b.c.d.leaf.example.", .txt) == ["a.b.c.d.leaf.example. 60 IN TXT \"deep\""])
  }

  @Test func whatDoesNotExistIsRemembered() async throws {
    let world = try world()
    let none = try await world.ask("none.leaf.example.")
    #expect(none.responseCode == .nxDomain && none.authorities.map(\.type) == [.soa])
    let noType = try await world.ask("www.leaf.example.", .mx)
    #expect(noType.responseCode == .noError && noType.answers.isEmpty)
    _ = world.internet.takeLog()
    #expect(try await world.ask("none.leaf.example.").responseCode == .nxDomain)
    #expect(world.internet.takeLog().isEmpty)
    world.clock.advance(by: .seconds(301))
    #expect(try await world.ask("none.leaf.example.").responseCode == .nxDomain)
    #expect(!world.internet.takeLog().isEmpty)
  }

  @Test func anOldAnswerIsBetterThanNone() async throws {
    let world = try world()
    _ = try await world.ask("www.leaf.example.")
    for address in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] { try world.internet.set(address, .silent) }
    world.clock.advance(by: .seconds(3600))
    let stale = try await world.ask("www.leaf.example.")
    #expect(stale.answers.map(\.description) == ["www.leaf.example. 30 IN A 198.51.100.7"])
    #expect(stale.edns?.options.compactMap { ExtendedError($0)?.code } == [3])
    #expect(try await world.ask("other.leaf.example.").responseCode == .servFail)
  }

  /// In the last tenth of its life an answer that is asked for still serves, and is fetched anew meanwhile.
  @Test func whatIsWantedIsFetchedAhead() async throws {
    let world = try world()
    _ = try await world.ask("www.leaf.example.")
    _ = world.internet.takeLog()
    world.clock.advance(by: .seconds(50))
    #expect(try await world.lines("www.leaf.example.") == ["www.leaf.example. 10 IN A 198.51.100.7"])
    #expect(world.internet.takeLog().isEmpty, "too early")
    world.clock.advance(by: .seconds(5))
    #expect(try await world.lines("www.leaf.example.") == ["www.leaf.example. 5 IN A 198.51.100.7"])
    let end = ContinuousClock.now + .seconds(30)
    while try await world.lines("www.leaf.example.") != ["www.leaf.example. 60 IN A 198.51.100.7"] {
      try #require(ContinuousClock.now < end)
      try await Task.sleep(for: .milliseconds(10))
    }
    #expect(Set(world.internet.takeLog()) == ["192.0.2.3 www.leaf.example. A"])
  }

  @Test func lameServersEndInFailure() async throws {
    let world = try world()
    #expect(try await world.ask("www.lame.example.").responseCode == .servFail)
  }

  /// NXNSAttack and its kin (CVE-2020-8616): a delegation to many names that must be looked up.
  @Test func aDelegationToManyNamesCostsLittle() async throws {
    let world = try world()
    try world.internet.set(
      "192.0.2.2",
      .says { question in
        var message = Message(header: Header(id: 0, flags: .response), questions: [question])
        // Whatever is asked lies in a zone of a hundred servers, whose names lie in zones like it.
        for index in 0..<100 {
          guard let zone = question.name.labelCount > 1 ? question.name : try? Name("x.example."),
            let server = try? Name("ns\(index).v\(Int.random(in: 0..<1_000_000)).example.")
          else { continue }
          message.authorities.append(ResourceRecord(zone, ttl: 60, RData(NS(server))))
        }
        return message
      })
    #expect(try await world.ask("a.victim.example.").responseCode == .servFail)
    #expect(world.internet.takeLog().count <= ResolverConfiguration.Limits().questions)
  }

  /// Records of other zones in an answer are not believed (RFC 5452 §6).
  @Test func strangersVouchForNothing() async throws {
    let world = try world()
    try world.internet.set(
      "192.0.2.3",
      .says { question in
        var message = Message(header: Header(id: 0, flags: [.response, .authoritative]), questions: [question])
        message.answers = [ResourceRecord(question.name, ttl: 60, RData(A(IPAddress(198, 51, 100, 7))))]
        guard let bank = try? Name("www.bank.test."), let test = try? Name("test."),
          let evil = try? Name("ns.evil.test.")
        else { return message }
        message.answers.append(ResourceRecord(bank, ttl: 9999, RData(A(IPAddress(6, 6, 6, 6)))))
        message.authorities = [ResourceRecord(test, ttl: 9999, RData(NS(evil)))]
        message.additionals = [ResourceRecord(evil, ttl: 9999, RData(A(IPAddress(6, 6, 6, 6))))]
        return message
      })
    #expect(try await world.lines("www.leaf.example.") == ["www.leaf.example. 60 IN A 198.51.100.7"])
    _ = world.internet.takeLog()
    _ = try await world.ask("www.bank.test.")
    #expect(!world.internet.takeLog().contains { $0.hasPrefix("6.6.6.6") })
    #expect(world.resolver.cachedAnswers > 0)
  }

  @Test func ourOwnZonesComeFirstAndAliasesLeadOut() async throws {
    let own = ZoneSet()
    let text = "\(Self.start) ns.lab.test.\nns 60 IN A 127.0.0.1\nout 60 IN CNAME www.leaf.example.\n"
    own.replace(with: ZoneCatalog([try #require(ZoneSource(apex: try Name("lab.test."), .text(text)).load().zone)]))
    let world = try world(own: own)
    #expect(
      try await world.lines("out.lab.test.") == [
        "out.lab.test. 60 IN CNAME www.leaf.example.", "www.leaf.example. 60 IN A 198.51.100.7",
      ])
    #expect(try await world.ask("none.lab.test.").responseCode == .nxDomain)
  }

  @Test func namesThatNobodyIsAskedFor() async throws {
    let world = try world()
    #expect(try await world.lines("localhost.") == ["localhost. 3600 IN A 127.0.0.1"])
    for name in ["1.1.168.192.in-addr.arpa.", "x.onion.", "a.invalid.", "3.16.172.in-addr.arpa."] {
      #expect(try await world.ask(name, .ptr).responseCode == .nxDomain)
    }
    #expect(world.internet.takeLog().isEmpty)
  }

  @Test func manyWhoAskTheSameAskOnce() async throws {
    let world = try world()
    try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<50 { group.addTask { try await world.ask("www.leaf.example.").answers.count } }
      for try await count in group { #expect(count == 1) }
    }
    #expect(world.internet.takeLog().count(where: { $0 == "192.0.2.3 www.leaf.example. A" }) == 1)
  }

  @Test func forwardersStandInForEachOther() async throws {
    let first = Endpoint(try #require(IPAddress("192.0.2.8")), 53)
    let second = Endpoint(try #require(IPAddress("192.0.2.3")), 53)
    let world = try world { $0.forwarders = [Forwarder(.udp, first), Forwarder(.udp, second)] }
    for index in 0..<5 {
      world.clock.advance(by: .seconds(61))
      #expect(try await world.lines("www.leaf.example.").count == 1, "\(index)")
    }
  }
}
