import WireKit

/// What the DHCPv6 server gives, and to whom.
public struct V6Policy: Sendable {
  public struct Subnet: Sendable {
    public var network: IPNetwork
    /// First and last address to give; `nil` gives none but reserved ones.
    public var pool: ClosedRange<UInt128>?
    /// Prefixes for networks behind clients (RFC 8415 §6.3): from this network, each of this length.
    public var delegated: IPNetwork?
    public var delegatedLength = 64
    /// Seconds that an address or prefix is given for.
    public var lifetime: UInt32 = 28_800
    /// For those that ask.
    public var options = V6Options()
    public var allowsRapidCommit = true
    /// What firmware loads, and what iPXE gets once it runs (option 59, RFC 5970).
    public var bootFile: String?
    public var bootScript: String?

    public init(_ network: IPNetwork) { self.network = network }
  }

  public struct Reservation: Sendable {
    public enum Identity: Sendable, Hashable {
      /// A DUID.
      case client([UInt8])
      /// The hardware address within a DUID of the kinds 1 and 3.
      case hardwareAddress([UInt8])
    }
    public var identity: Identity
    public var address: IPAddress
    public var hostName: String?

    public init(_ identity: Identity, address: IPAddress, hostName: String?) {
      self.identity = identity
      self.address = address
      self.hostName = hostName
    }
  }

  /// The server's own DUID (RFC 8415 §11).
  public var server: [UInt8]
  public var subnets: [Subnet] = []
  public var reservations: [Reservation] = []
  /// Addresses and prefixes at a time for one interface of one relay.
  public var maximumLeasesPerCircuit = 256
  /// Addresses and prefixes at a time, in all: the space is endless, the memory is not.
  public var maximumLeases = 100_000
  /// Seconds for which a declined address is given to nobody.
  public var quarantineTime: Int64 = 3_600
  /// Whether the surroundings enter names; clients with option 39 are told (RFC 4704).
  public var registersNames = false

  public init(server: [UInt8]) { self.server = server }

  /// What cannot work, in words.
  public func problems() -> [String] {
    var problems: [String] = []
    for subnet in subnets {
      if let pool = subnet.pool,
        !subnet.network.contains(IPAddress(v6: pool.lowerBound))
          || !subnet.network.contains(IPAddress(v6: pool.upperBound))
      {
        problems.append("the pool of \(subnet.network) is not within it")
      }
      if let delegated = subnet.delegated {
        if !(delegated.prefixLength...64).contains(subnet.delegatedLength) {
          problems.append(
            "\(subnet.network): /\(subnet.delegatedLength) is no part of \(delegated), or longer than /64")
        }
        if delegated.contains(subnet.network) || subnet.network.contains(delegated) {
          problems.append("\(subnet.network): the delegated \(delegated) overlaps with it")
        }
      }
    }
    return problems
  }
}
