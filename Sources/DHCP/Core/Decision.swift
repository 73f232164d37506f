import WireKit

/// Where a message came from and to, as the server's own sockets know it.
public struct Arrival: Sendable, Hashable {
  /// The addresses of the interface that it came in by, the first one first.
  public var interfaceAddresses: [IPAddress]
  /// The address that the server calls itself there.
  public var serverAddress: IPAddress
  /// The port that it was sent from.
  public var sourcePort: UInt16
  /// Whether it was sent to the server alone.
  public var isUnicast: Bool
  /// Whether it came to port 4011, where only network boot is talked about.
  public var isBootService = false

  public init(
    interfaceAddresses: [IPAddress], serverAddress: IPAddress, sourcePort: UInt16 = 68, isUnicast: Bool = false
  ) {
    self.interfaceAddresses = interfaceAddresses
    self.serverAddress = serverAddress
    self.sourcePort = sourcePort
    self.isUnicast = isUnicast
  }
}

/// What is to be done about a message.
public struct Decision: Sendable {
  /// The way to the client (RFC 2131 §4.1).
  public enum Delivery: Sendable, Hashable {
    /// To a relay, or to a client that has its address.
    case unicast(Endpoint)
    /// To the hardware address, as the client has its address only when it has read this; by broadcast where that cannot be sent.
    case hardware(IPAddress, [UInt8])
    case broadcast
  }

  public struct Change: Sendable, Hashable {
    public var lease: Lease
    /// What was at the address before.
    public var previous: Lease?
  }

  /// A lease that must be durable before the reply leaves.
  public var change: Change?
  public var reply: Message?
  public var delivery: Delivery = .broadcast
  /// The address of the offer, when it ought to be tried for another user first.
  public var probe: IPAddress?
  /// What was decided, in a few constant words.
  public var reason: StaticString

  static func silent(_ reason: StaticString) -> Decision { Decision(reason: reason) }
}
