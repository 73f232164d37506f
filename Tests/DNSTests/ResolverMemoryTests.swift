@testable import DNSCore
import DNSSecurity
@testable import DNSResolver
import DNSServer
import TestKit
import Testing
import WireKit

/// Proofs that answer other questions than they came for (RFC 8198).
@Suite(.timeLimit(.minutes(2))) struct ProofCacheTests {
  /// What was asked of others for a name, for its own sake.
  private func asked(_ world: SignedInternet, _ name: String, _ type: RecordType, _ expected: String) async throws
    -> Int
  {
    _ = world.internet.takeLog()
    #expect(try await world.ask(name, type).summary == expected, "\(name) \(type)")
    return world.internet.takeLog().count
  }

  @Test func namesBetweenTwoNames() async throws {
    let world = try SignedInternet()
    #expect(try await asked(world, "no.none.example.", .a, "NXDOMAIN AD") > 0)
    // Between `moved` and `tounsigned`, as `no` is; and below what does not exist (RFC 8020).
    #expect(try await asked(world, "nobody.none.example.", .a, "NXDOMAIN AD") == 0)
    #expect(try await asked(world, "x.y.no.none.example.", .txt, "NXDOMAIN AD") == 0)
    #expect(world.resolver.figures.proven == 2)
    let message = try await world.ask("nothing.none.example.").message
    // Whoever checks by itself gets all that it takes: SOA, two NSEC, a signature of each.
    #expect(
      message.authorities.map(\.type).sorted { $0.rawValue < $1.rawValue } == [
        .soa, .rrsig, .rrsig, .rrsig, .nsec, .nsec,
      ])
    #expect(message.authorities.allSatisfy { $0.ttl <= 300 })
    // The proof ends with the zone's own "no".
    world.clock.advance(by: .seconds(301))
    #expect(try await asked(world, "nobodyelse.none.example.", .a, "NXDOMAIN AD") > 0)
  }

  @Test(arguments: ["none", "hashed"]) func typesThatANameLacks(zone: String) async throws {
    let world = try SignedInternet()
    #expect(try await asked(world, "mail.\(zone).example.", .txt, "NOERROR AD") > 0)
    #expect(try await asked(world, "mail.\(zone).example.", .aaaa, "NOERROR AD") == 0)
    #expect(try await asked(world, "mail.\(zone).example.", .mx, "NOERROR AD") > 0)
  }

  /// A flood of made-up names in a signed zone costs others a bounded number of questions, and nothing that exists is denied.
  @Test(arguments: ["none", "hashed"]) func floods(zone: String) async throws {
    let world = try SignedInternet()
    for index in 0..<60 { _ = try await world.ask("r\(index)x.\(zone).example.") }
    _ = world.internet.takeLog()
    for index in 0..<200 {
      #expect(try await world.ask("q\(index).\(zone).example.").summary == "NXDOMAIN AD")
    }
    #expect(world.internet.takeLog().count <= 20, "\(zone)")
    for name in ["www", "alias", "x.wild", "mail", "wild", "a.b.wild"] {
      #expect(try await world.ask("\(name).\(zone).example.").summary == "NOERROR AD", "\(name)")
    }
  }

  @Test func whatIsNotSignedIsAskedFor() async throws {
    let world = try SignedInternet()
    #expect(try await asked(world, "no.unsigned.example.", .a, "NXDOMAIN") > 0)
    #expect(try await asked(world, "nobody.unsigned.example.", .a, "NXDOMAIN") > 0)
    #expect(world.resolver.figures.proven == 0)
  }

  /// Names that forwarders know alone don't exist for the zone above; who says so in `insecure` has them asked for.
  @Test func zonesThatAreGivenUpAreAskedFor() async throws {
    let corp = try Name("corp.example.")
    let world = try SignedInternet { $0.anchors.insecure = [corp] }
    #expect(try await asked(world, "cora.example.", .a, "NXDOMAIN AD") > 0)
    #expect(try await asked(world, "corb.example.", .a, "NXDOMAIN AD") == 0)
    #expect(try await asked(world, "www.corp.example.", .a, "NXDOMAIN AD") > 0)
  }
}

/// Whole replies that are repeated on the thread that took the query.
@Suite(.timeLimit(.minutes(1))) struct ReplyCacheTests {
  private func query(
    _ name: String, _ type: RecordType = .a, id: UInt16 = 7, flags: Header.Flags = .recursionDesired,
    edns: EDNS? = EDNS(wantsDNSSEC: true)
  ) throws -> [UInt8] {
    try Message(header: Header(id: id, flags: flags), questions: [Question(try Name(name), type)], edns: edns).encoded()
  }

  private func recalled(_ world: SignedInternet, _ query: [UInt8]) throws -> Message? {
    var output: [UInt8] = []
    guard world.resolver.replies.append(replyTo: query.span.bytes, now: world.clock.now(), to: &output) else {
      #expect(output.isEmpty)
      return nil
    }
    #expect(Int(output[0]) << 8 | Int(output[1]) == output.count - 2)
    return try Message.decode(output.span.bytes.extracting(2..<output.count))
  }

  @Test(arguments: ["www.none.example.", "alias.none.example.", "no.none.example.", "www.unsigned.example."])
  func repeatedAsItWas(name: String) async throws {
    let world = try SignedInternet()
    #expect(try recalled(world, query(name)) == nil)
    let first = try Message.decode(try #require(await world.resolver.reply(to: query(name), over: .stream)))
    #expect(try recalled(world, query(name)) == first)
    world.clock.advance(by: .seconds(5))
    // The id and the letters' case are the client's (0x20); TTLs run.
    let upper = name.uppercased()
    let second = try #require(try recalled(world, query(upper, id: 99)))
    #expect(second.header.id == 99 && second.header.flags == first.header.flags)
    #expect(second.questions[0].name.description == upper)
    #expect(second.answers.map(\.ttl) == first.answers.map { $0.ttl - 5 })
    #expect(second.authorities.map(\.ttl) == first.authorities.map { $0.ttl - 5 })
    // Names that end as the question does take on its letters, as in any compressed message.
    #expect(second.answers.map { "\($0.data)".lowercased() } == first.answers.map { "\($0.data)".lowercased() })
    #expect(second.edns == first.edns)
    #expect(world.resolver.figures.fromCache >= 2)
    // Not to the end of its time: before that it is fetched anew.
    world.clock.advance(by: .seconds(56))
    #expect(try recalled(world, query(name)) == nil)
  }

  @Test func whatMakesAReplyAnother() async throws {
    let world = try SignedInternet()
    let name = "www.none.example."
    _ = await world.resolver.reply(to: try query(name), over: .stream)
    #expect(try recalled(world, query(name)) != nil)
    #expect(try recalled(world, query(name, .aaaa)) == nil)
    #expect(try recalled(world, query("ww.none.example.")) == nil)
    #expect(try recalled(world, query(name, edns: nil)) == nil)
    #expect(try recalled(world, query(name, edns: EDNS())) == nil)
    #expect(try recalled(world, query(name, flags: [.recursionDesired, .checkingDisabled])) == nil)
    #expect(try recalled(world, query(name, flags: [.recursionDesired, .authenticData])) == nil)
    var reply = [UInt8](repeating: 0, count: 1232)
    reply.withUnsafeMutableBytes { bytes in
      var writer = FixedWriter(bytes.mutableBytes)
      let request = (try? query(name)) ?? []
      let isKnown = world.resolver.replies.write(
        replyTo: request.span.bytes, over: .udp, now: world.clock.now(), into: &writer)
      #expect(!isKnown, "over UDP another size counts")
    }
  }

  /// Nothing that came is a trap, and only whole questions are answered.
  @Test func requestsThatAreNone() async throws {
    let world = try SignedInternet()
    let whole = try query("www.none.example.")
    _ = await world.resolver.reply(to: whole, over: .stream)
    for count in 0..<whole.count { #expect(try recalled(world, Array(whole[..<count])) == nil) }
    for index in 2..<whole.count {
      for value in [UInt8(0xFF), 0xC0, whole[index] ^ 1] {
        var other = whole
        other[index] = value
        _ = try recalled(world, other)
      }
    }
    #expect(try recalled(world, whole) != nil)
  }

  @Test func forgottenWithTheRest() async throws {
    let world = try SignedInternet()
    let request = try query("www.none.example.")
    _ = await world.resolver.reply(to: request, over: .stream)
    world.resolver.forget(below: try Name("none.example."))
    #expect(try recalled(world, request) == nil)
    _ = await world.resolver.reply(to: request, over: .stream)
    // What was begun before a change is not put in after it.
    let generation = world.resolver.replies.generation
    let reply = try #require(await world.resolver.reply(to: request, over: .stream))
    world.resolver.replies.removeAll()
    world.resolver.replies.store(
      reply, to: request, over: .stream, generation: generation, now: world.clock.now(),
      until: world.clock.now() + .seconds(60))
    #expect(try recalled(world, request) == nil)
  }

  /// Wrong answers, and what a policy says, are never repeated from here.
  @Test func whatIsNotRepeated() async throws {
    let world = try SignedInternet { configuration in
      configuration.policy = ResolverPolicy([
        ResolverPolicy.Layer.list(Array("www.hashed.example\n".utf8), name: "list").layer
      ])
    }
    for name in ["www.altered.example.", "www.hashed.example.", "host.localhost."] {
      let request = try query(name)
      _ = await world.resolver.reply(to: request, over: .stream)
      #expect(try recalled(world, request) == nil, "\(name)")
    }
  }
}
