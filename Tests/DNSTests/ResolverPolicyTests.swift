import DNSCore
import DNSClient
@testable import DNSResolver
import DNSServer
import Testing
import WireKit

/// Block lists, policy zones, addresses that are made up.
@Suite(.timeLimit(.minutes(1))) struct ResolverPolicyTests {
  private func list(_ text: String) -> (layer: ResolverPolicy.Layer, unread: Int) {
    ResolverPolicy.Layer.list(Array(text.utf8), name: "list")
  }

  private func decision(_ layer: ResolverPolicy.Layer, _ name: String) throws -> ResolverPolicy.Action? {
    ResolverPolicy([layer]).decision(for: try Name(name))?.action
  }

  @Test func listsOfEveryKind() throws {
    let (layer, unread) = list(
      """
      # a remark
      ! another one
      ads.example
      0.0.0.0 hosts.example other.example # here as well
      127.0.0.1 localhost
      ||blocker.example^
      *.below.example
      /regular.expression/
      ||half.example
      192.0.2.1

      """)
    for name in [
      "ads.example.", "ADS.example.", "x.y.ads.example.", "hosts.example.", "other.example.", "blocker.example.",
    ] {
      #expect(try decision(layer, name) == .noName, "\(name)")
    }
    #expect(try decision(layer, "a.below.example.") == .noName)
    for name in ["example.", "below.example.", "notads.example.", "localhost.", "half.example."] {
      #expect(try decision(layer, name) == nil, "\(name)")
    }
    #expect(unread == 2, "the address alone, and half a rule")
  }

  private static let policyZone = """
    $TTL 60
    @ SOA localhost. root.localhost. 1 60 60 60 60
    @ NS localhost.
    gone.example CNAME .
    empty.example CNAME *.
    *.tracker.example CNAME .
    good.tracker.example CNAME rpz-passthru.
    silent.example CNAME rpz-drop.
    walled.example A 192.0.2.80
    walled.example AAAA 2001:db8::80
    moved.example CNAME elsewhere.example.
    32.1.2.0.192.rpz-ip CNAME .
    """

  @Test func policyZones() throws {
    let loaded = ZoneSource(apex: try Name("policy.invalid."), .text(Self.policyZone)).load()
    let (layer, unread) = ResolverPolicy.Layer.policyZone(try #require(loaded.zone, "\(loaded.findings)"))
    #expect(unread == 1)
    #expect(try decision(layer, "gone.example.") == .noName)
    #expect(try decision(layer, "x.gone.example.") == nil)
    #expect(try decision(layer, "empty.example.") == .noData)
    #expect(try decision(layer, "a.b.tracker.example.") == .noName)
    #expect(try decision(layer, "tracker.example.") == nil)
    #expect(try decision(layer, "good.tracker.example.") == .pass)
    #expect(try decision(layer, "silent.example.") == .drop)
    let walled = try #require(try decision(layer, "walled.example."))
    #expect(walled.answer(to: Question(try Name("walled.example."), .a))?.answers.count == 1)
    #expect(walled.answer(to: Question(try Name("walled.example."), .mx))?.answers.isEmpty == true)
    #expect(
      try decision(layer, "moved.example.")?.answer(to: Question(try Name("moved.example."), .a))?.answers.count == 1)
  }

  @Test func clientsGetWhatThePolicySays() async throws {
    let loaded = ZoneSource(
      apex: try Name("policy.invalid."),
      .text(
        Self.policyZone
          + "\nwww.none.example CNAME .\nwww.hashed.example CNAME www.none.example.\nmail.none.example CNAME rpz-drop.\n"
      )
    ).load()
    let layer = ResolverPolicy.Layer.policyZone(try #require(loaded.zone, "\(loaded.findings)")).layer
    let world = try SignedInternet { $0.policy = ResolverPolicy([layer]) }
    #expect(try await world.ask("www.none.example.").summary == "NXDOMAIN EDE 15")
    #expect(try await world.ask("www.hashed.example.").summary == "NXDOMAIN EDE 15")
    #expect(try await world.ask("x.wild.none.example.").summary == "NOERROR AD")
    let query = try Message(
      header: Header(id: 1, flags: .recursionDesired), questions: [Question(try Name("mail.none.example."), .a)]
    ).encoded()
    #expect(await world.resolver.reply(to: query, over: .udp) == nil)
    #expect(world.resolver.figures.blocked == 4)
  }

  @Test(arguments: [
    ("64:ff9b::/96", "64:ff9b::c000:221"), ("2001:db8::/32", "2001:db8:c000:221::"),
    ("2001:db8:100::/40", "2001:db8:1c0:2:21::"), ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
    ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"), ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"),
  ]) func addressesOfEveryPrefix(prefix: String, expected: String) throws {
    // RFC 6052 §2.4.
    let synthesis = try #require(AddressSynthesis(IPNetwork(prefix)))
    let original = try #require(IPAddress("192.0.2.33"))
    let made = try #require(synthesis.address(for: original))
    #expect(made == IPAddress(expected))
    #expect(synthesis.original(of: made) == original)
    #expect(synthesis.reverse(of: Name(reverseOf: made)) == Name(reverseOf: original))
  }

  @Test func addressesAreMadeUpWhereThereAreNone() async throws {
    let world = try SignedInternet { $0.synthesisPrefix = IPNetwork("64:ff9b::/96") }
    let (message, summary) = try await world.ask("www.none.example.", .aaaa)
    #expect(
      summary == "NOERROR" && message.answers.map(\.description) == ["www.none.example. 60 IN AAAA 64:ff9b::c633:6407"])
    let aliased = try await world.ask("alias.none.example.", .aaaa).message
    #expect(aliased.answers.map(\.type) == [.cname, .aaaa])
    // Who checks by itself gets what there is.
    #expect(try await world.ask("www.none.example.", .aaaa, flags: .checkingDisabled).message.answers.isEmpty)
    #expect(try await world.ask("no.none.example.", .aaaa).summary == "NXDOMAIN AD")
    // Nothing is made of what is wrong.
    #expect(try await world.ask("www.altered.example.", .aaaa).message.answers.isEmpty)
  }
}
