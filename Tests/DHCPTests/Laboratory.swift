import DHCPCore
import WireKit

/// A network with an engine, and clients that speak to it.
struct Laboratory {
  static let server = IPAddress(10, 0, 0, 1)
  var engine: Engine
  var now: Int64 = 1_000_000
  var transaction: UInt32 = 1

  static func network(_ text: String) -> IPNetwork { IPNetwork(text) ?? IPNetwork(IPAddress(v4: 0)) }

  static func range(_ third: UInt8, _ first: UInt8, _ last: UInt8) -> AddressRange {
    AddressRange(IPAddress(10, 0, third, first), IPAddress(10, 0, third, last)) ?? whole
  }

  private static var whole: AddressRange { range(0, 0, 0) }

  static var policy: Policy {
    var policy = Policy()
    policy.subnets = [Policy.Subnet(network("10.0.0.0/24"), pools: [Policy.Pool(range(0, 100, 109))])]
    policy.subnets[0].options[3] = [10, 0, 0, 1]
    policy.subnets[0].options[6] = [10, 0, 0, 1]
    return policy
  }

  init(_ policy: Policy = Laboratory.policy) { engine = Engine(policy) }

  static func mac(_ number: Int) -> [UInt8] {
    [
      2, 0, 0, UInt8(truncatingIfNeeded: number >> 16), UInt8(truncatingIfNeeded: number >> 8),
      UInt8(truncatingIfNeeded: number),
    ]
  }

  mutating func message(_ type: MessageType?, _ client: Int) -> Message {
    var message = Message(.request)
    message.hardwareAddress = Self.mac(client)
    message.transaction = transaction
    transaction += 1
    if let type { message.options[.messageType] = [type.rawValue] }
    return message
  }

  mutating func send(_ message: Message, unicast: Bool = false, port: UInt16 = 68, boot: Bool = false) -> Decision {
    var arrival = Arrival(
      interfaceAddresses: [Self.server], serverAddress: Self.server, sourcePort: port, isUnicast: unicast)
    arrival.isBootService = boot
    return engine.receive(message, arrival, now: now)
  }

  mutating func discover(_ client: Int, _ change: (inout Message) -> Void = { _ in }) -> Decision {
    var message = message(.discover, client)
    change(&message)
    return send(message)
  }

  /// REQUEST in the selecting state.
  mutating func select(_ client: Int, _ address: IPAddress, _ change: (inout Message) -> Void = { _ in }) -> Decision {
    var message = message(.request, client)
    message.options[.serverIdentifier] = Self.server.octets
    message.options[.requestedAddress] = address.octets
    change(&message)
    return send(message)
  }

  /// The whole exchange; the address, if there is one.
  mutating func lease(_ client: Int, _ change: (inout Message) -> Void = { _ in }) -> IPAddress? {
    guard let offer = discover(client, change).reply else { return nil }
    let decision = select(client, offer.yourAddress, change)
    return decision.reply?.type == .acknowledge ? decision.reply?.yourAddress : nil
  }
}
