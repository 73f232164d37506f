import DHCPCore
import Testing
import WireKit

@Suite struct EngineTests {
  static func host(_ number: UInt8, _ third: UInt8 = 0) -> IPAddress { IPAddress(10, 0, third, number) }

  @Test func aClientGetsAnAddressInFourMessages() throws {
    var lab = Laboratory()
    let offer = lab.discover(1)
    #expect(offer.reply?.type == .offer)
    #expect(offer.reply?.yourAddress == Self.host(100))
    #expect(offer.change == nil)
    #expect(offer.probe == Self.host(100))
    #expect(offer.delivery == .hardware(Self.host(100), Laboratory.mac(1)))
    let bound = lab.select(1, Self.host(100))
    let reply = try #require(bound.reply)
    #expect(reply.type == .acknowledge)
    #expect(reply.options[.leaseTime] == [0, 0, 0x70, 0x80])
    #expect(reply.options[.renewalTime] == [0, 0, 0x38, 0x40])
    #expect(reply.options[.subnetMask] == [255, 255, 255, 0])
    #expect(reply.options[3] == [10, 0, 0, 1])
    #expect(bound.change?.lease.expires == lab.now + 28_800)
    #expect(lab.engine.table.lease(at: Self.host(100))?.client == ClientKey(of: lab.message(nil, 1)))
  }

  @Test func theClientGetsTheOptionsThatItAsksForInItsOrder() throws {
    var lab = Laboratory()
    let reply = try #require(lab.discover(1) { $0.options[.parameterRequestList] = [6, 3, 42] }.reply)
    let codes = reply.options.items.map(\.code)
    let dns = try #require(codes.firstIndex(of: 6))
    #expect(dns < (codes.firstIndex(of: 3) ?? 0))
    #expect(!codes.contains(42))
  }

  @Test func theBroadcastFlagIsHeeded() {
    var lab = Laboratory()
    #expect(lab.discover(1) { $0.flags = Message.broadcastFlag }.delivery == .broadcast)
  }

  @Test func anAddressIsNeverGivenTwiceAndThePoolCanBeExhausted() {
    var lab = Laboratory()
    let addresses = (1...10).compactMap { lab.lease($0) }
    #expect(Set(addresses).count == 10)
    #expect(lab.discover(11).reply == nil)
    // The lease that ended longest ago goes first.
    lab.now += 10
    for client in 2...10 { _ = lab.lease(client) }
    lab.now += 28_795
    #expect(lab.lease(11) == Self.host(100))
  }

  @Test func offersLapseAndComeBack() {
    var lab = Laboratory()
    for client in 1...10 { #expect(lab.discover(client).reply != nil) }
    #expect(lab.discover(11).reply == nil)
    lab.now += 61
    #expect(lab.lease(11) != nil)
  }

  /// An address whose lease ended and whose next offer nobody took, and one that a lost request or BOOTP had in its hands.
  @Test func noAddressIsLost() {
    var policy = Laboratory.policy
    policy.subnets[0].pools = [Policy.Pool(Laboratory.range(0, 100, 100))]
    var lab = Laboratory(policy)
    #expect(lab.lease(1) == Self.host(100))
    for client in 2...5 {
      lab.now += 30_000
      #expect(lab.discover(client).reply?.yourAddress == Self.host(100))
    }
    lab.now += 61
    #expect(lab.select(6, Self.host(101)).reply?.type == .negativeAcknowledge)
    #expect(lab.send(lab.message(nil, 7)).reply == nil)
    #expect(lab.lease(8) == Self.host(100))
  }

  @Test func aClientComesBackToItsAddress() {
    var lab = Laboratory()
    #expect(lab.lease(1) == Self.host(100))
    #expect(lab.lease(2) == Self.host(101))
    var release = lab.message(.release, 1)
    release.clientAddress = Self.host(100)
    release.options[.serverIdentifier] = Laboratory.server.octets
    let released = lab.send(release, unicast: true)
    #expect(released.reply == nil)
    #expect(released.change?.lease.state == .released)
    #expect(lab.lease(3) == Self.host(102))
    #expect(lab.lease(1) == Self.host(100))
    lab.now += 100_000
    #expect(lab.lease(2) == Self.host(101))
  }

  @Test func whoTakesAnotherServersOfferFreesOurs() {
    var lab = Laboratory()
    _ = lab.discover(1)
    let decision = lab.select(1, Self.host(50)) { $0.options[.serverIdentifier] = [10, 0, 0, 2] }
    #expect(decision.reply == nil)
    #expect(lab.engine.table.count == 0)
  }

  struct Reboot: Sendable {
    var what: String
    var client: Int
    var address: IPAddress
    var isAuthoritative = true
    var answer: MessageType?
  }

  @Test(arguments: [
    Reboot(what: "its own", client: 1, address: host(100), answer: .acknowledge),
    Reboot(what: "another network", client: 1, address: IPAddress(192, 168, 1, 5), answer: .negativeAcknowledge),
    Reboot(what: "another's", client: 2, address: host(100), answer: .negativeAcknowledge),
    Reboot(what: "not its own", client: 1, address: host(105), answer: .negativeAcknowledge),
    Reboot(what: "unknown client", client: 9, address: host(105), answer: .negativeAcknowledge),
    Reboot(what: "unknown client elsewhere", client: 9, address: host(105), isAuthoritative: false, answer: nil),
  ])
  func rebooting(row: Reboot) {
    var policy = Laboratory.policy
    policy.subnets[0].isAuthoritative = row.isAuthoritative
    var lab = Laboratory(policy)
    #expect(lab.lease(1) == Self.host(100))
    #expect(lab.lease(2) == Self.host(101))
    var message = lab.message(.request, row.client)
    message.options[.requestedAddress] = row.address.octets
    let decision = lab.send(message)
    #expect(decision.reply?.type == row.answer, "\(row.what)")
    if row.answer == .negativeAcknowledge {
      #expect(decision.delivery == .broadcast)
      #expect(decision.change == nil)
      #expect(decision.reply?.yourAddress == IPAddress(v4: 0))
    }
  }

  @Test(arguments: [true, false])
  func renewingAndRebinding(unicast: Bool) {
    var lab = Laboratory()
    _ = lab.lease(1)
    _ = lab.lease(2)
    lab.now += 20_000
    var message = lab.message(.request, 1)
    message.clientAddress = Self.host(100)
    let extended = lab.send(message, unicast: unicast)
    #expect(extended.reply?.type == .acknowledge)
    #expect(extended.delivery == .unicast(Endpoint(Self.host(100), 68)))
    #expect(extended.change?.lease.expires == lab.now + 28_800)
    message.hardwareAddress = Laboratory.mac(2)
    #expect(lab.send(message, unicast: unicast).reply?.type == .negativeAcknowledge)
  }

  @Test func declinedAddressesRest() {
    var lab = Laboratory()
    _ = lab.lease(1)
    var decline = lab.message(.decline, 1)
    decline.options[.requestedAddress] = Self.host(100).octets
    decline.options[.serverIdentifier] = Laboratory.server.octets
    let stranger = lab.send(
      {
        var copy = decline; copy.hardwareAddress = Laboratory.mac(5); return copy
      }())
    #expect(stranger.change == nil)
    let declined = lab.send(decline)
    #expect(declined.change?.lease.state == .declined)
    #expect(lab.lease(1) == Self.host(101))
    for client in 2...9 { #expect(lab.lease(client) != nil) }
    #expect(lab.lease(10) == nil)
    lab.now += 3_601
    #expect(lab.lease(10) == Self.host(100))
  }

  @Test func anAddressThatAnswersIsSetAside() {
    var lab = Laboratory()
    #expect(lab.discover(1).probe == Self.host(100))
    #expect(lab.engine.conflict(at: Self.host(100), now: lab.now)?.lease.state == .declined)
    #expect(lab.discover(1).reply?.yourAddress == Self.host(101))
  }

  @Test func whoHasAnAddressGetsTheRestByInform() throws {
    var lab = Laboratory()
    var message = lab.message(.inform, 1)
    message.clientAddress = Self.host(7)
    let decision = lab.send(message)
    let reply = try #require(decision.reply)
    #expect(reply.type == .acknowledge)
    #expect(reply.yourAddress == IPAddress(v4: 0))
    #expect(reply.options[.leaseTime] == nil)
    #expect(reply.options[3] != nil)
    #expect(decision.delivery == .unicast(Endpoint(Self.host(7), 68)))
    #expect(decision.change == nil)
  }

  @Test func bootpNeedsAReservationUnlessItIsAllowed() {
    var policy = Laboratory.policy
    policy.reservations = [Policy.Reservation("old", .hardwareAddress(Laboratory.mac(1)), address: Self.host(20))]
    var lab = Laboratory(policy)
    let reserved = lab.send(lab.message(nil, 1))
    #expect(reserved.reply?.yourAddress == Self.host(20))
    #expect(reserved.reply?.options[.messageType] == nil)
    #expect(reserved.change?.lease.expires == .max)
    #expect(lab.send(lab.message(nil, 2)).reply == nil)
    policy.subnets[0].allowsDynamicBOOTP = true
    lab = Laboratory(policy)
    #expect(lab.send(lab.message(nil, 2)).reply?.yourAddress == Self.host(100))
  }

  @Test func rapidCommitBindsAtOnce() {
    var lab = Laboratory()
    let decision = lab.discover(1) { $0.options[.rapidCommit] = [] }
    #expect(decision.reply?.type == .acknowledge)
    #expect(decision.reply?.options[.rapidCommit] == [])
    #expect(decision.change?.lease.address == Self.host(100))
    var policy = Laboratory.policy
    policy.subnets[0].allowsRapidCommit = false
    lab = Laboratory(policy)
    #expect(lab.discover(1) { $0.options[.rapidCommit] = [] }.reply?.type == .offer)
  }

  @Test func whatTheStoreRefusesIsTakenBack() throws {
    var lab = Laboratory()
    _ = lab.discover(1)
    let change = try #require(lab.select(1, Self.host(100)).change)
    var foreign = change.lease
    foreign.client = ClientKey(bytes: [1, 9, 9])
    lab.engine.refused(change, actual: foreign)
    #expect(lab.engine.table.lease(at: Self.host(100))?.client == foreign.client)
    #expect(lab.lease(1) == Self.host(101))
  }

  @Test func leaseTimesStayInBounds() {
    var lab = Laboratory()
    for (wanted, given) in [(1, 60), (3_600, 3_600), (4_000_000_000, 604_800)] as [(UInt32, Int64)] {
      var octets: [UInt8] = []
      octets.appendInteger(wanted)
      _ = lab.discover(1)
      let change = lab.select(1, Self.host(100)) { $0.options[.leaseTime] = octets }.change
      #expect(change?.lease.expires == lab.now + given)
    }
  }

  @Test func nonsenseIsIgnored() {
    var lab = Laboratory()
    for type in [MessageType.offer, .acknowledge, .negativeAcknowledge, .forceRenew] {
      #expect(lab.send(lab.message(type, 1)).reply == nil)
    }
    var reply = lab.message(.discover, 1)
    reply.operation = .reply
    #expect(lab.send(reply).reply == nil)
    var nobody = lab.message(.discover, 1)
    nobody.hardwareAddress = []
    #expect(lab.send(nobody).reply == nil)
    #expect(lab.send(lab.message(.request, 1)).reply == nil)
  }
}
