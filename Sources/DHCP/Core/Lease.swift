import WireKit

/// Who a client is: its identifier (option 61), or else its hardware address. What leases and reservations go by.
public struct ClientKey: Sendable, Hashable, CustomStringConvertible {
  /// A first byte that says which of the two, then the bytes themselves.
  public let bytes: [UInt8]

  public init(bytes: [UInt8]) { self.bytes = bytes }

  /// By RFC 2131 §4.2 the identifier, if there is one, is all that counts. One that only repeats the hardware address, as many
  /// clients make it, is the same machine as without: its firmware and its system get one address.
  public init(of message: Message) {
    if let identifier = message.options[.clientIdentifier], identifier.count >= 2,
      identifier != [message.hardwareType] + message.hardwareAddress
    {
      bytes = [1] + identifier
    } else {
      bytes = [0, message.hardwareType] + message.hardwareAddress
    }
  }

  public var description: String { Hexadecimal.text(bytes) }
}

/// An address in a client's hands.
public struct Lease: Sendable, Hashable {
  public enum State: UInt8, Sendable, Hashable {
    /// Offered, and kept for the client until `expires`; never stored.
    case offered = 0
    /// In use until `expires`.
    case bound = 1
    /// Given back before its time; it stays the client's first choice.
    case released = 2
    /// Somebody else answered at the address; nobody gets it until `expires`.
    case declined = 3
  }

  public var address: IPAddress
  /// The subnet's network, as the configuration has it.
  public var subnet: IPNetwork
  public var client: ClientKey
  public var state: State
  /// Seconds since 1970.
  public var starts: Int64
  /// Seconds since 1970; `.max` for never.
  public var expires: Int64
  public var hardwareType: UInt8 = 1
  public var hardwareAddress: [UInt8] = []
  public var hostName: String?
  /// Where it is: relay and circuit; empty on the server's own link.
  public var place: [UInt8] = []

  public init(
    address: IPAddress, subnet: IPNetwork, client: ClientKey, state: State, starts: Int64, expires: Int64
  ) {
    self.address = address
    self.subnet = subnet
    self.client = client
    self.state = state
    self.starts = starts
    self.expires = expires
  }

  /// Whether nobody else may have the address at this time.
  public func isHeld(at now: Int64) -> Bool { state != .released && expires > now }
}
