import DHCPCore
import Testing
import WireKit

@Suite struct PolicyTests {
  static let relay = IPAddress(10, 0, 5, 1)

  static func relayed(_ circuit: [UInt8] = [7], _ more: [UInt8] = []) -> (inout Message) -> Void {
    { message in
      message.relayAddress = relay
      message.hops = 1
      message.options[.relayAgentInformation] = [1, UInt8(circuit.count)] + circuit + more
    }
  }

  static var relayedPolicy: Policy {
    var policy = Laboratory.policy
    policy.subnets.append(
      Policy.Subnet(Laboratory.network("10.0.5.0/24"), pools: [Policy.Pool(Laboratory.range(5, 10, 200))]))
    policy.subnets.append(
      Policy.Subnet(Laboratory.network("10.0.6.0/24"), pools: [Policy.Pool(Laboratory.range(6, 10, 200))]))
    return policy
  }

  @Test func aRelaysClientGetsAnAddressOfItsLink() throws {
    var lab = Laboratory(Self.relayedPolicy)
    let decision = lab.discover(1, Self.relayed())
    let reply = try #require(decision.reply)
    #expect(reply.yourAddress == IPAddress(10, 0, 5, 10))
    #expect(decision.delivery == .unicast(Endpoint(Self.relay, 67)))
    #expect(reply.options.items.last?.code == 82)
    #expect(reply.options[.relayAgentInformation] == [1, 1, 7])
    #expect(reply.relayAddress == Self.relay)
  }

  @Test func linkAndSubnetSelectionGoBeforeTheRelaysAddress() {
    var lab = Laboratory(Self.relayedPolicy)
    #expect(lab.discover(1, Self.relayed([7], [5, 4, 10, 0, 6, 0])).reply?.yourAddress == IPAddress(10, 0, 6, 10))
    let selected = lab.discover(2) { $0.options[.subnetSelection] = [10, 0, 5, 0] }
    #expect(selected.reply?.yourAddress == IPAddress(10, 0, 5, 10))
    #expect(selected.reply?.options[.subnetSelection] == [10, 0, 5, 0])
  }

  @Test func relaysMayNameTheServerAndThePort() {
    var lab = Laboratory(Self.relayedPolicy)
    var message = lab.message(.discover, 1)
    Self.relayed([7], [11, 4, 10, 0, 5, 1, 19, 0])(&message)
    let decision = lab.send(message, port: 4_000)
    #expect(decision.reply?.options[.serverIdentifier] == [10, 0, 5, 1])
    #expect(decision.delivery == .unicast(Endpoint(Self.relay, 4_000)))
  }

  @Test func aDenialThroughARelayIsToBeBroadcast() {
    var lab = Laboratory(Self.relayedPolicy)
    var message = lab.message(.request, 1)
    Self.relayed()(&message)
    message.options[.requestedAddress] = [192, 168, 0, 9]
    let decision = lab.send(message)
    #expect(decision.reply?.type == .negativeAcknowledge)
    #expect(decision.reply?.wantsBroadcast == true)
    #expect(decision.delivery == .unicast(Endpoint(Self.relay, 67)))
  }

  @Test func anUnknownLinkGetsNothing() {
    var lab = Laboratory(Self.relayedPolicy)
    #expect(lab.discover(1) { $0.relayAddress = IPAddress(172, 16, 0, 1) }.reply == nil)
  }

  @Test func sharedNetworksContinueInTheNextSubnet() {
    var policy = Self.relayedPolicy
    for index in 1...2 { policy.subnets[index].sharedNetwork = "house" }
    policy.subnets[1].pools = [Policy.Pool(Laboratory.range(5, 10, 11))]
    var lab = Laboratory(policy)
    let addresses = (1...3).compactMap { lab.lease($0, Self.relayed()) }
    #expect(addresses == [IPAddress(10, 0, 5, 10), IPAddress(10, 0, 5, 11), IPAddress(10, 0, 6, 10)])
    #expect(lab.engine.table.lease(at: addresses[2])?.subnet == Laboratory.network("10.0.6.0/24"))
  }

  /// 10,000 hardware addresses at one port of one switch: the port gets its share, and nobody else feels it.
  @Test func starvationStopsAtThePort() {
    var policy = Self.relayedPolicy
    policy.maximumLeasesPerCircuit = 20
    let reserved = IPAddress(10, 0, 5, 240)
    policy.reservations = [Policy.Reservation("printer", .hardwareAddress(Laboratory.mac(99_999)), address: reserved)]
    var lab = Laboratory(policy)
    let taken = (1...10_000).compactMap { lab.lease($0, Self.relayed([1])) }
    #expect(taken.count == 20)
    let offered = (20_000...30_000).compactMap { lab.discover($0, Self.relayed([2])).reply }
    #expect(offered.count == 20)
    #expect(lab.lease(99_999, Self.relayed([1])) == reserved)
    #expect(lab.lease(40_000, Self.relayed([3])) != nil)
  }

  @Test(arguments: [
    Policy.Reservation.Identity.hardwareAddress(Laboratory.mac(1)), .clientIdentifier([0, 1, 2, 3]), .circuitID([7]),
    .hostName("Printer"),
  ])
  func reservationsGoByWhateverIsKnown(identity: Policy.Reservation.Identity) {
    var policy = Self.relayedPolicy
    // Within the pool, where nobody else may get it; then outside of every pool.
    for host in [10, 250] as [UInt8] {
      policy.reservations = [Policy.Reservation("it", identity, address: IPAddress(10, 0, 5, host))]
      policy.reservations[0].hostName = "lp0"
      var lab = Laboratory(policy)
      #expect(lab.lease(2, Self.relayed([9])) != IPAddress(10, 0, 5, host))
      let change = { (message: inout Message) in
        Self.relayed()(&message)
        message.options[.clientIdentifier] = [0, 1, 2, 3]
        message.options[.hostName] = Array("printer".utf8)
      }
      #expect(lab.lease(1, change) == IPAddress(10, 0, 5, host))
      #expect(lab.engine.table.lease(at: IPAddress(10, 0, 5, host))?.hostName == "lp0")
    }
  }

  @Test func classesHavePoolsOptionsAndTimes() throws {
    var policy = Laboratory.policy
    var phones = Policy.Class("phones", try Expression("substring(option[60], 0, 5) == 'phone'"))
    phones.options[150] = [10, 0, 0, 9]
    phones.lease = Policy.LeaseTime(standard: 600, minimum: 60, maximum: 600)
    policy.classes = [phones]
    policy.subnets[0].pools.append(Policy.Pool(Laboratory.range(0, 200, 209), onlyClass: "phones"))
    policy.subnets[0].pools.reverse()
    var lab = Laboratory(policy)
    #expect(lab.lease(1) == IPAddress(10, 0, 0, 100))
    let offer = lab.discover(2) { $0.options[.vendorClass] = Array("phone 7".utf8) }
    #expect(offer.reply?.yourAddress == IPAddress(10, 0, 0, 200))
    #expect(offer.reply?.options[150] == [10, 0, 0, 9])
    #expect(offer.reply?.options[.leaseTime] == [0, 0, 2, 88])
  }

  @Test(arguments: [
    ("option[93] == 0x0007", true), ("option[client-system] == 0x0000", false), ("option[60].exists", true),
    ("not option[60].exists", false), ("option[61].exists or relay[1] == 'p7'", true),
    ("relay[1] == 'p7' and option[61].exists", false), ("mac == 02:00:00:00:00:01", true),
    ("substring(mac, 0, 1) == 0x02", true), ("not not member('x')", true), ("member('y')", false),
    ("(option[60] == 'a' or option[60] == 'PXE') and relay[1] != 'p8'", true), ("relay[9].exists", false),
  ])
  func expressions(text: String, expected: Bool) throws {
    var message = Message(.request)
    message.hardwareAddress = Laboratory.mac(1)
    message.options[93] = [0, 7]
    message.options[60] = Array("PXE".utf8)
    let relay = RelayInformation([1, 2] + Array("p7".utf8))
    #expect(try Expression(text).matches(message, relay: relay, classes: ["x"]) == expected)
  }

  @Test(arguments: [
    "", "option[93]", "option[300] == 'x'", "option[nothing] == 'x'", "'a' == ", "('a' == 'b'", "'a' == 'b' 'c'",
    "substring(mac, -1, 2) == 'a'", "member(x)", "mac.exists", "'open == 'x", "0x0 == 'a'", "%", "relay[x] == 'a'",
    String(repeating: "(", count: 100),
  ])
  func wrongExpressionsSaySo(text: String) {
    #expect(throws: OptionValueError.self) { _ = try Expression(text) }
  }

  @Test func policiesThatCannotWorkSaySo() {
    #expect(Self.relayedPolicy.problems().isEmpty)
    var policy = Self.relayedPolicy
    policy.subnets.append(Policy.Subnet(Laboratory.network("10.0.5.128/25"), pools: []))
    policy.subnets[0].pools.append(Policy.Pool(Laboratory.range(9, 1, 2)))
    policy.subnets[0].pools.append(Policy.Pool(Laboratory.range(0, 105, 120), onlyClass: "none"))
    policy.subnets[1].lease = Policy.LeaseTime(standard: 10, minimum: 60, maximum: 600)
    policy.reservations = [
      Policy.Reservation("a", .hostName("a"), address: IPAddress(172, 16, 0, 1)),
      Policy.Reservation("b", .hostName("b"), address: IPAddress(10, 0, 0, 9)),
      Policy.Reservation("c", .hostName("c"), address: IPAddress(10, 0, 0, 9)),
    ]
    #expect(policy.problems().count == 7)
  }
}

@Suite struct BootTests {
  static var policy: Policy {
    var policy = Laboratory.policy
    var entry = BootEntry(server: IPAddress(10, 0, 0, 2), files: [0: "undionly.kpxe", 7: "ipxe.efi", 11: "arm.efi"])
    entry.script = "menu.ipxe"
    entry.httpURL = "http://10.0.0.2/boot.efi"
    policy.boot = entry
    return policy
  }

  struct Row: Sendable {
    var what: String
    var vendor: String
    var architecture: [UInt8]?
    var isIPXE = false
    var file: String?
  }

  @Test(arguments: [
    Row(what: "BIOS", vendor: "PXEClient:Arch:00000:UNDI:002001", architecture: [0, 0], file: "undionly.kpxe"),
    Row(what: "EFI", vendor: "PXEClient:Arch:00007:UNDI:003016", architecture: [0, 7], file: "ipxe.efi"),
    Row(what: "EFI by 9", vendor: "PXEClient", architecture: [0, 9], file: "ipxe.efi"),
    Row(what: "no option 93", vendor: "PXEClient:Arch:00011:UNDI:003016", architecture: nil, file: "arm.efi"),
    Row(what: "iPXE", vendor: "PXEClient:Arch:00000", architecture: [0, 0], isIPXE: true, file: "menu.ipxe"),
    Row(what: "HTTP", vendor: "HTTPClient:Arch:00016", architecture: [0, 16], file: "http://10.0.0.2/boot.efi"),
    Row(what: "an unknown machine", vendor: "PXEClient:Arch:00033", architecture: [0, 33], file: nil),
  ])
  func everyMachineGetsItsFile(row: Row) throws {
    var lab = Laboratory(Self.policy)
    let change = { (message: inout Message) in
      message.options[.vendorClass] = Array(row.vendor.utf8)
      message.options[.clientArchitecture] = row.architecture
      if row.isIPXE { message.options[.userClass] = Array("iPXE".utf8) }
    }
    let reply = try #require(lab.discover(1, change).reply)
    #expect(reply.options[.bootFileName].map { String(decoding: $0, as: UTF8.self) } == row.file)
    #expect(String(decoding: reply.bootFile, as: UTF8.self) == row.file ?? "")
    #expect(reply.nextServer == (row.file == nil ? IPAddress(v4: 0) : IPAddress(10, 0, 0, 2)))
    if row.what == "HTTP" { #expect(reply.options[.vendorClass] == Array("HTTPClient".utf8)) }
    if row.what == "EFI" { #expect(reply.options[.vendorSpecific] == [6, 1, 8, 255]) }
  }

  @Test func whoDoesNotBootHearsNothingOfIt() {
    var lab = Laboratory(Self.policy)
    let reply = lab.discover(1) { $0.options[.parameterRequestList] = [1, 3] }.reply
    #expect(reply?.options[.bootFileName] == nil)
    #expect(reply?.nextServer == IPAddress(v4: 0))
  }

  @Test func theProxySpeaksOfBootAndNothingElse() throws {
    var policy = Self.policy
    policy.isBootProxy = true
    var lab = Laboratory(policy)
    #expect(lab.discover(1).reply == nil)
    let pxe = { (message: inout Message) in
      message.options[.vendorClass] = Array("PXEClient:Arch:00000".utf8)
      message.options[.clientArchitecture] = [0, 0]
    }
    let offer = try #require(lab.discover(1, pxe).reply)
    #expect(offer.yourAddress == IPAddress(v4: 0))
    #expect(offer.options[.leaseTime] == nil)
    #expect(offer.options[.vendorClass] == Array("PXEClient".utf8))
    // A request on port 67 is for the other server.
    var request = lab.message(.request, 1)
    pxe(&request)
    #expect(lab.send(request).reply == nil)
    request.clientAddress = IPAddress(10, 0, 0, 77)
    let answer = lab.send(request, unicast: true, port: 4_011, boot: true)
    #expect(answer.reply?.type == .acknowledge)
    #expect(answer.reply?.nextServer == IPAddress(10, 0, 0, 2))
    #expect(answer.reply?.bootFile == Array("undionly.kpxe".utf8))
    #expect(answer.delivery == .unicast(Endpoint(IPAddress(10, 0, 0, 77), 4_011)))
    #expect(answer.change == nil)
  }
}
