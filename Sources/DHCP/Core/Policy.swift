import WireKit

/// Addresses from the first to the last.
public struct AddressRange: Sendable, Hashable, CustomStringConvertible {
  let first: UInt32
  let last: UInt32

  /// `nil` unless both are IPv4 and in order.
  public init?(_ first: IPAddress, _ last: IPAddress) {
    guard let low = first.v4Number, let high = last.v4Number, low <= high else { return nil }
    self.first = low
    self.last = high
  }

  public func contains(_ address: IPAddress) -> Bool { address.v4Number.map { (first...last).contains($0) } ?? false }
  public func overlaps(_ other: AddressRange) -> Bool { first <= other.last && other.first <= last }
  public var count: Int { Int(last - first) + 1 }
  public var firstAddress: IPAddress { IPAddress(v4: first) }
  public var lastAddress: IPAddress { IPAddress(v4: last) }
  public var description: String { "\(firstAddress)-\(lastAddress)" }
}

/// What the server gives, and to whom: the whole configuration of the machine.
public struct Policy: Sendable {
  /// For how long, in seconds.
  public struct LeaseTime: Sendable, Hashable {
    public var standard: UInt32
    public var minimum: UInt32
    public var maximum: UInt32
    public init(standard: UInt32 = 28_800, minimum: UInt32 = 60, maximum: UInt32 = 604_800) {
      self.standard = standard
      self.minimum = minimum
      self.maximum = maximum
    }
  }

  /// A part of a subnet that is given out.
  public struct Pool: Sendable {
    public var range: AddressRange
    /// Only for members of this class; `nil` for everyone.
    public var onlyClass: String?
    public init(_ range: AddressRange, onlyClass: String? = nil) {
      self.range = range
      self.onlyClass = onlyClass
    }
  }

  public struct Subnet: Sendable {
    public var network: IPNetwork
    public var pools: [Pool]
    public var lease = LeaseTime()
    public var options = Options()
    public var boot: BootEntry?
    /// Subnets of the same name share a link: a client may get an address of any of them.
    public var sharedNetwork: String?
    public var allowsRapidCommit = true
    /// Whether BOOTP clients without a reservation get an address, for ever.
    public var allowsDynamicBOOTP = false
    /// The server's place on this link is the only one, so that it may deny what it does not know (NAK).
    public var isAuthoritative = true
    public init(_ network: IPNetwork, pools: [Pool]) {
      self.network = network
      self.pools = pools
    }
  }

  public struct Reservation: Sendable {
    /// What a client is known by.
    public enum Identity: Sendable, Hashable {
      case hardwareAddress([UInt8])
      case clientIdentifier([UInt8])
      case circuitID([UInt8])
      case hostName(String)
    }
    public var name: String
    public var identity: Identity
    /// `nil`: any address of the pool, but with these options. It may lie outside every pool.
    public var address: IPAddress?
    public var hostName: String?
    public var options = Options()
    public var boot: BootEntry?
    public init(_ name: String, _ identity: Identity, address: IPAddress?) {
      self.name = name
      self.identity = identity
      self.address = address
    }
  }

  /// Clients that have something in common.
  public struct Class: Sendable {
    public var name: String
    public var test: Expression
    public var options = Options()
    public var lease: LeaseTime?
    public var boot: BootEntry?
    public init(_ name: String, _ test: Expression) {
      self.name = name
      self.test = test
    }
  }

  public var subnets: [Subnet] = []
  public var reservations: [Reservation] = []
  /// In order; a later one may ask for membership in an earlier one.
  public var classes: [Class] = []
  /// For every client, unless something nearer says otherwise.
  public var options = Options()
  public var boot: BootEntry?
  /// Seconds for which an offer is kept.
  public var offerTime: Int64 = 60
  /// Seconds for which a declined address is given to nobody (RFC 2131 §4.3.3).
  public var quarantineTime: Int64 = 3_600
  /// Addresses from pools for one circuit of one relay at a time: who invents hardware addresses there gets no more than this.
  /// Reservations do not count.
  public var maximumLeasesPerCircuit = 256
  /// Addresses declined at a time, in all: who declines everything gets no further.
  public var maximumDeclined = 1_024
  /// Whether an address is tried for another user before it is offered.
  public var probesConflicts = true
  /// Whether whoever runs the engine enters the clients' names into DNS; clients with option 81 are told (RFC 4702).
  public var registersNames = false
  /// The domain of those names, which clients with option 81 are told; `nil` where there is none.
  public var nameDomain: String?
  /// Beside another DHCP server: only network boot is answered, on 67 and 4011, and no addresses are given.
  public var isBootProxy = false

  /// Relays and access devices that may ask who has which address (RFC 4388), by their addresses; empty for nobody.
  public var leaseQueriesFrom: [IPNetwork] = []

  public init() {}

  /// What cannot work, in words for whoever wrote it.
  public func problems() -> [String] {
    var problems: [String] = []
    for (index, subnet) in subnets.enumerated() {
      if subnet.network.address.family != .v4 { problems.append("\(subnet.network) is not IPv4") }
      for other in subnets[..<index]
      where other.network.contains(subnet.network) || subnet.network.contains(other.network) {
        problems.append("the subnets \(other.network) and \(subnet.network) overlap")
      }
      for (place, pool) in subnet.pools.enumerated() {
        if !subnet.network.contains(pool.range.firstAddress) || !subnet.network.contains(pool.range.lastAddress) {
          problems.append("the pool \(pool.range) is not within \(subnet.network)")
        }
        for other in subnet.pools[..<place] where other.range.overlaps(pool.range) {
          problems.append("the pools \(other.range) and \(pool.range) overlap")
        }
        if let name = pool.onlyClass, !classes.contains(where: { $0.name == name }) {
          problems.append("the pool \(pool.range) is for a class \(name), which does not exist")
        }
      }
      if subnet.lease.minimum > subnet.lease.standard || subnet.lease.standard > subnet.lease.maximum {
        problems.append("\(subnet.network): lease times must rise from minimum to standard to maximum")
      }
    }
    var taken: [IPAddress: String] = [:]
    for reservation in reservations {
      guard let address = reservation.address else { continue }
      if !subnets.contains(where: { $0.network.contains(address) }) {
        problems.append("the reservation \(reservation.name) has \(address), which is in no subnet")
      }
      if let other = taken.updateValue(reservation.name, forKey: address) {
        problems.append("the reservations \(other) and \(reservation.name) both have \(address)")
      }
    }
    return problems
  }
}
