import DHCPCore
import Testing
import WireKit

/// RFC 4388: who has which address.
struct LeaseQueryTests {
  private static func laboratory() -> Laboratory {
    var policy = Laboratory.policy
    policy.leaseQueriesFrom = [Laboratory.network("10.0.0.2/32")]
    return Laboratory(policy)
  }

  private static func query(_ lab: inout Laboratory, _ change: (inout Message) -> Void) -> Decision {
    var message = lab.message(.leaseQuery, 0)
    message.hardwareAddress = []
    message.relayAddress = IPAddress(10, 0, 0, 2)
    change(&message)
    return lab.send(message, unicast: true)
  }

  @Test func byAddressByHardwareAndByIdentifier() throws {
    var lab = Self.laboratory()
    let lease = lab.lease(1)
    let address = try #require(lease)
    let byAddress = Self.query(&lab) { $0.clientAddress = address }
    #expect(byAddress.reply?.type == .leaseActive)
    #expect(byAddress.reply?.hardwareAddress == Laboratory.mac(1))
    #expect(byAddress.reply?.options[.leaseTime] == [0, 0, 0x70, 0x80])
    #expect(byAddress.delivery == .unicast(Endpoint(IPAddress(10, 0, 0, 2), 67)))
    #expect(byAddress.change == nil)
    let byHardware = Self.query(&lab) { $0.hardwareAddress = Laboratory.mac(1) }
    #expect(byHardware.reply?.clientAddress == address)
    let byIdentifier = Self.query(&lab) { $0.options[.clientIdentifier] = [1] + Laboratory.mac(1) }
    #expect(byIdentifier.reply?.clientAddress == address)
    #expect(Self.query(&lab) { $0.hardwareAddress = Laboratory.mac(2) }.reply?.type == .leaseUnknown)
    #expect(Self.query(&lab) { $0.clientAddress = IPAddress(10, 0, 0, 101) }.reply?.type == .leaseUnassigned)
    #expect(Self.query(&lab) { $0.clientAddress = IPAddress(192, 0, 2, 1) }.reply?.type == .leaseUnknown)
    lab.now += 30_000
    #expect(Self.query(&lab) { $0.clientAddress = address }.reply?.type == .leaseUnassigned)
  }

  @Test func onlyWhoMayAskIsHeardAndOnlyWhatIsWantedIsTold() throws {
    var lab = Self.laboratory()
    let lease = lab.lease(1)
    let address = try #require(lease)
    let stranger = Self.query(&lab) {
      $0.clientAddress = address
      $0.relayAddress = IPAddress(10, 0, 0, 3)
    }
    #expect(stranger.reply == nil)
    let little = Self.query(&lab) {
      $0.clientAddress = address
      $0.options[.parameterRequestList] = [91]
    }
    #expect(little.reply?.options[.leaseTime] == nil)
    #expect(little.reply?.options[.lastTransactionTime] == [0, 0, 0, 0])
  }
}
