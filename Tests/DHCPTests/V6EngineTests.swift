import DHCPCore
import Testing
import WireKit

@Suite struct V6EngineTests {
  static let server: [UInt8] = [0, 4] + [UInt8](repeating: 7, count: 16)
  static let link = IPAddress("fd00:9::1")

  static func policy() throws -> V6Policy {
    var policy = V6Policy(server: server)
    var subnet = V6Policy.Subnet(try #require(IPNetwork("fd00:9::/64")))
    let (first, last) = (try #require(IPAddress("fd00:9::100")), try #require(IPAddress("fd00:9::103")))
    subnet.pool = first.bits...last.bits
    subnet.delegated = IPNetwork("fd00:20::/48")
    subnet.delegatedLength = 56
    subnet.lifetime = 1_000
    subnet.options.append(.resolvers, try #require(link).octets)
    subnet.bootFile = "tftp://[fd00:9::1]/ipxe.efi"
    subnet.bootScript = "tftp://[fd00:9::1]/boot.ipxe"
    policy.subnets = [subnet]
    policy.reservations = [
      V6Policy.Reservation(
        .hardwareAddress([2, 0, 0, 0, 0, 9]), address: try #require(IPAddress("fd00:9::9")), hostName: "printer")
    ]
    return policy
  }

  static func duid(_ number: UInt8) -> [UInt8] { [0, 3, 0, 1, 2, 0, 0, 0, 0, number] }

  /// An identity association: its kind, and what it names.
  static func association(_ code: UInt16, _ wanted: IPAddress? = nil) -> [UInt8] {
    var bytes: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    if let wanted, code == 3 { bytes += [0, 5, 0, 24] + wanted.octets + [UInt8](repeating: 0, count: 8) }
    if let wanted, code == 25 { bytes += [0, 26, 0, 25] + [0, 0, 0, 0, 0, 0, 0, 0, 56] + wanted.octets }
    return bytes
  }

  static func message(
    _ kind: V6Message.Kind, from number: UInt8, to server: [UInt8]? = nil,
    _ associations: [(UInt16, IPAddress?)] = [(3, nil)],
    more: [(UInt16, [UInt8])] = []
  ) -> V6Message {
    var message = V6Message(kind, transaction: 0x12_3456)
    message.options.append(.clientIdentifier, duid(number))
    if let server { message.options.append(.serverIdentifier, server) }
    for (code, wanted) in associations { message.options.append(code, association(code, wanted)) }
    for (code, bytes) in more { message.options.append(code, bytes) }
    return message
  }

  /// The address that a reply gives to its first association; `nil` for a status instead.
  static func address(_ reply: V6Message?) -> IPAddress? {
    guard let bytes = reply?.options[.addresses], bytes.count >= 40, bytes[12] == 0, bytes[13] == 5 else { return nil }
    return IPAddress(octets: bytes[16..<32])
  }

  private static func receive(_ engine: inout V6Engine, _ message: V6Message, now: Int64 = 1_000) -> V6Decision {
    engine.receive(message, interface: link.map { [$0] } ?? [], now: now)
  }

  @Test func messagesAndRelaysSurviveTheWire() throws {
    var message = Self.message(.solicit, from: 1)
    let plain = try V6Message.decode(message.encoded.span.bytes)
    #expect(plain == message)
    // As two relays would pass it on: the outer one first.
    func relayed(_ inner: [UInt8], _ link: String) throws -> [UInt8] {
      let address = try #require(IPAddress(link)).octets
      let length = UInt8(inner.count)
      return [12, 0] + address + address + [0, 18, 0, 2, 0x61, 0x62, 0, 9, 0, length] + inner
    }
    let outer = try relayed(try relayed(message.encoded, "fd00:9::1"), "fd00:7::1")
    message = try V6Message.decode(outer.span.bytes)
    #expect(message.relays.map(\.link) == [IPAddress("fd00:7::1"), IPAddress("fd00:9::1")])
    #expect(message.relays.allSatisfy { $0.interface == [0x61, 0x62] })
    for count in 0..<outer.count {
      let cut = Array(outer[..<count])
      #expect(throws: WireError.self) { try V6Message.decode(cut.span.bytes) }
    }
    let reply = message.encoded
    #expect(reply.starts(with: [13, 0] + (try #require(IPAddress("fd00:7::1"))).octets))
  }

  @Test func anAddressIsAdvertisedRequestedRenewedAndReleased() throws {
    var engine = V6Engine(try Self.policy())
    let advertised = try #require(Self.address(Self.receive(&engine, Self.message(.solicit, from: 1)).reply))
    let bound = Self.receive(&engine, Self.message(.request, from: 1, to: Self.server, [(3, advertised)]))
    #expect(Self.address(bound.reply) == advertised)
    #expect(bound.changes.map(\.lease.address) == [advertised])
    #expect(bound.changes.first?.lease.expires == 2_000)
    let renewed = Self.receive(&engine, Self.message(.renew, from: 1, to: Self.server, [(3, advertised)]), now: 1_500)
    #expect(renewed.changes.first?.lease.expires == 2_500)
    let rebound = Self.receive(&engine, Self.message(.rebind, from: 1, [(3, advertised)]), now: 1_600)
    #expect(Self.address(rebound.reply) == advertised)
    let released = Self.receive(
      &engine, Self.message(.release, from: 1, to: Self.server, [(3, advertised)]), now: 1_700)
    #expect(released.changes.first?.lease.state == .released)
    // A stranger's release changes nothing.
    let theft = Self.receive(&engine, Self.message(.release, from: 2, to: Self.server, [(3, advertised)]), now: 1_700)
    #expect(theft.changes.isEmpty)
  }

  @Test func noAddressHasTwoHoldersAndAFullPoolSaysSo() throws {
    var engine = V6Engine(try Self.policy())
    var given: Set<IPAddress> = []
    for number in 1...4 as ClosedRange<UInt8> {
      let decision = Self.receive(&engine, Self.message(.solicit, from: number, more: [(14, [])]))
      #expect(decision.reply?.kind == .reply)
      given.insert(try #require(Self.address(decision.reply)))
    }
    #expect(given.count == 4)
    let fifth = Self.receive(&engine, Self.message(.solicit, from: 5))
    #expect(Self.address(fifth.reply) == nil && fifth.changes.isEmpty)
    // A reserved machine is served all the same; and after their end the others' addresses are free.
    let printer = Self.receive(&engine, Self.message(.solicit, from: 9, more: [(14, [])]))
    #expect(Self.address(printer.reply) == IPAddress("fd00:9::9"))
    #expect(printer.changes.first?.lease.hostName == "printer")
    #expect(Self.address(Self.receive(&engine, Self.message(.solicit, from: 5), now: 3_000).reply) != nil)
  }

  @Test func aRouterGetsAPrefixAndADeclinedAddressRests() throws {
    var engine = V6Engine(try Self.policy())
    let both = Self.receive(&engine, Self.message(.request, from: 1, to: Self.server, [(3, nil), (25, nil)]))
    #expect(both.changes.count == 2)
    let prefix = try #require(both.changes.last?.lease.address)
    #expect(IPNetwork("fd00:20::/48")?.contains(prefix) == true && prefix.bits % (UInt128(1) << 72) == 0)
    let address = try #require(Self.address(both.reply))
    let declined = Self.receive(&engine, Self.message(.decline, from: 1, to: Self.server, [(3, address)]))
    #expect(declined.changes.first?.lease.state == .declined)
    for _ in 0..<8 {
      let again = Self.receive(&engine, Self.message(.solicit, from: 1))
      #expect(Self.address(again.reply) != address)
    }
  }

  @Test func whatIsForOthersIsNotAnswered() throws {
    var engine = V6Engine(try Self.policy())
    #expect(Self.receive(&engine, Self.message(.request, from: 1, to: [0, 4, 1])).reply == nil)
    #expect(Self.receive(&engine, Self.message(.solicit, from: 1, to: Self.server)).reply == nil)
    #expect(Self.receive(&engine, Self.message(.reply, from: 1)).reply == nil)
    #expect(Self.receive(&engine, V6Message(.solicit, transaction: 1)).reply == nil)
    let elsewhere = engine.receive(Self.message(.solicit, from: 1), interface: [], now: 1)
    #expect(elsewhere.reply == nil)
    let moved = Self.receive(&engine, Self.message(.confirm, from: 1, [(3, IPAddress("fd00:8::1"))]))
    #expect(moved.reply?.options[.status]?.prefix(2) == [0, 4])
    // Questions need no identifier; firmware and iPXE are told different files.
    var question = V6Message(.informationRequest, transaction: 1)
    question.options.append(.requested, [0, 23, 0, 59])
    let answer = Self.receive(&engine, question).reply
    #expect(answer?.options[.resolvers] == Self.link?.octets)
    #expect(answer?.options[.bootFile] == Array("tftp://[fd00:9::1]/ipxe.efi".utf8))
    question.options.append(.userClass, [0, 4] + Array("iPXE".utf8))
    #expect(Self.receive(&engine, question).reply?.options[.bootFile] == Array("tftp://[fd00:9::1]/boot.ipxe".utf8))
  }
}
