import WireKit

/// Keeps the leases of the DHCP server: what must outlive a crash before a client hears of it.
public protocol LeaseStore: Sendable {
  /// Every record, ended ones too: they say who had an address last.
  func all() async throws(StoreError) -> [LeaseRecord]

  /// A page of records in the order of `LeasePosition`: at most `limit` of those behind a position.
  /// - Parameter heldAt: Only what is held at this time; `nil` for everything.
  func page(after: LeasePosition?, limit: Int, heldAt: WallTime?) async throws(StoreError) -> [LeaseRecord]

  /// Claims addresses, all in one transaction, durable when it returns.
  ///
  /// A claim holds if nobody has the address in its subnet, or its client or `replaces` has it, or what stands there has ended
  /// or was released. The client's other record in the subnet goes. Claims that do not hold change nothing and hinder no other.
  /// - Parameter now: The time by which records have ended.
  /// - Returns: For each claim, in order, `nil` when it holds, or else the record that stands against it.
  func claim(_ claims: [LeaseClaim], now: WallTime) async throws(StoreError) -> [LeaseRecord?]

  /// Forgets an address.
  func remove(subnet: IPNetwork, address: IPAddress) async throws(StoreError)
}

/// A place among the records: IPv4 by number, then IPv6 by the address's text; then by the subnet's text.
public struct LeasePosition: Sendable, Hashable, Comparable {
  public var address: IPAddress
  public var subnet: IPNetwork

  public init(_ address: IPAddress, _ subnet: IPNetwork) {
    self.address = address
    self.subnet = subnet
  }

  /// What the address is ordered by first.
  public var number: Int64 { address.family == .v4 ? Int64(truncatingIfNeeded: address.bits) & 0xFFFF_FFFF : 1 << 32 }

  public static func < (left: LeasePosition, right: LeasePosition) -> Bool {
    if left.number != right.number { return left.number < right.number }
    return (left.address.description, left.subnet.description) < (right.address.description, right.subnet.description)
  }
}

/// A wish to have a record stand.
public struct LeaseClaim: Sendable, Hashable {
  public var record: LeaseRecord
  /// Another client whose record may give way, as with an address that its client declines.
  public var replaces: [UInt8]?

  public init(_ record: LeaseRecord, replaces: [UInt8]? = nil) {
    self.record = record
    self.replaces = replaces
  }
}

/// An address in a client's hands, or last in its hands. In a subnet, an address and a client stand once each.
public struct LeaseRecord: Sendable, Hashable, Codable {
  public enum State: Int, Sendable, Hashable, Codable {
    case bound = 1
    /// Given back by the client.
    case released = 2
    /// In use by somebody unknown.
    case declined = 3
  }

  public var subnet: IPNetwork
  public var address: IPAddress
  /// Who has it, in the form that the DHCP server gives it.
  public var client: [UInt8]
  public var state: State
  public var starts: WallTime
  /// Whole seconds; `Int64.max` for never.
  public var expires: WallTime
  public var hardwareType: UInt8
  public var hardwareAddress: [UInt8]
  public var hostName: String?
  /// The relay and its circuit; empty on the server's own link.
  public var place: [UInt8]

  public init(
    subnet: IPNetwork, address: IPAddress, client: [UInt8], state: State, starts: WallTime, expires: WallTime,
    hardwareType: UInt8 = 1, hardwareAddress: [UInt8] = [], hostName: String? = nil, place: [UInt8] = []
  ) {
    self.subnet = subnet
    self.address = address
    self.client = client
    self.state = state
    self.starts = starts
    self.expires = expires
    self.hardwareType = hardwareType
    self.hardwareAddress = hardwareAddress
    self.hostName = hostName
    self.place = place
  }

  /// Whether nobody else may have the address.
  public func isHeld(at now: WallTime) -> Bool { state != .released && expires > now }
}
