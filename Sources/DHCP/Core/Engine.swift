import WireKit

/// The DHCP server's mind (RFC 2131): message in, decision out. No sockets, no clock, no disk.
///
/// It is a value for one thread. What it decides stands in its own table at once; `refused` takes back what the store would not
/// keep.
public struct Engine: Sendable {
  public let policy: Policy
  public internal(set) var table = LeaseTable()
  var offers = OfferBook()
  private let reservationsByIdentity: [Policy.Reservation.Identity: [Int]]
  let reservedAddresses: Set<IPAddress>
  var declinedCount = 0

  /// - Parameter leases: What the store has.
  public init(_ policy: Policy, leases: [Lease] = []) {
    self.policy = policy
    var index: [Policy.Reservation.Identity: [Int]] = [:]
    for (place, reservation) in policy.reservations.enumerated() {
      var identity = reservation.identity
      if case .hostName(let name) = identity { identity = .hostName(name.lowercased()) }
      index[identity, default: []].append(place)
    }
    reservationsByIdentity = index
    reservedAddresses = Set(policy.reservations.compactMap(\.address))
    for lease in leases { table.set(lease) }
    declinedCount = leases.count { $0.state == .declined }
  }

  /// The same with another policy: leases and offers stay.
  public func with(_ policy: Policy) -> Engine {
    var engine = Engine(policy, leases: Array(table.all))
    engine.offers = offers
    return engine
  }

  /// Takes over what another process wrote into the store, unless what stands here is newer: a lease that was given back or
  /// entered by hand.
  /// - Returns: Whether it was news.
  public mutating func adopt(_ lease: Lease) -> Bool {
    table.adopt(lease)
  }

  /// How full the pools of a subnet are.
  public func usage(of subnet: IPNetwork, now: Int64) -> (held: Int, size: Int) {
    guard let entry = policy.subnets.first(where: { $0.network == subnet }) else { return (0, 0) }
    let held = table.all.count { lease in
      lease.isHeld(at: now) && entry.pools.contains { $0.range.contains(lease.address) }
    }
    return (held, entry.pools.reduce(0) { $0 + $1.range.count })
  }

  /// What all the parts of a decision need to know of a message.
  struct Inquiry {
    var message: Message
    var arrival: Arrival
    var now: Int64
    var relay: RelayInformation?
    var client: ClientKey
    /// The subnets of the client's link, the one that was asked for first.
    var subnets: [Policy.Subnet]
    var classes: [Policy.Class]
    var reservation: Policy.Reservation?
    /// The relay and its circuit; empty without a relay.
    var place: [UInt8]
    /// What the server calls itself in the reply.
    var serverIdentifier: IPAddress
  }

  /// Decides about a message from a client or relay.
  /// - Parameter now: Seconds since 1970.
  public mutating func receive(_ message: Message, _ arrival: Arrival, now: Int64) -> Decision {
    guard message.operation == .request else { return .silent("not a request") }
    guard message.hardwareAddress.count > 0 || message.options[.clientIdentifier] != nil else {
      return .silent("a client without any identity")
    }
    for offer in offers.expire(now: now) { table.giveBack(offer.address, in: offer.subnet) }
    guard let inquiry = inquire(message, arrival, now) else { return .silent("no subnet for this link") }
    if policy.isBootProxy || arrival.isBootService { return boot(inquiry) }
    if message.isBOOTP { return bootp(inquiry) }
    switch message.type {
    case .discover: return discover(inquiry)
    case .request: return request(inquiry)
    case .decline: return decline(inquiry)
    case .release: return release(inquiry)
    case .inform: return inform(inquiry)
    default: return .silent("a message that servers send, or of a type unknown")
    }
  }

  /// The store did not keep a change: another node was first, or the disk failed.
  /// - Parameter actual: The lease that does stand at the address.
  public mutating func refused(_ change: Decision.Change, actual: Lease?) {
    if let lease = actual ?? change.previous { table.set(lease) } else { table.remove(change.lease.address) }
  }

  /// Somebody answered at an address that was to be offered.
  /// - Returns: The quarantine, to be stored.
  public mutating func conflict(at address: IPAddress, now: Int64) -> Decision.Change? {
    guard let subnet = policy.subnets.first(where: { $0.network.contains(address) }) else { return nil }
    if let holder = offers.holder(of: address) { offers.remove(holder) }
    return quarantine(address, subnet.network, now)
  }

  mutating func quarantine(_ address: IPAddress, _ subnet: IPNetwork, _ now: Int64) -> Decision.Change {
    let previous = table.lease(at: address)
    let lease = Lease(
      address: address, subnet: subnet, client: ClientKey(bytes: [2] + address.octets), state: .declined, starts: now,
      expires: now + policy.quarantineTime)
    table.set(lease)
    declinedCount += 1
    return Decision.Change(lease: lease, previous: previous)
  }

  /// Counts anew: quarantines end by themselves.
  mutating func countDeclined(_ now: Int64) {
    declinedCount = table.all.count { $0.state == .declined && $0.expires > now }
  }

  private func inquire(_ message: Message, _ arrival: Arrival, _ now: Int64) -> Inquiry? {
    let relay = message.options[.relayAgentInformation].flatMap { RelayInformation($0) }
    let subnets = link(message, relay, arrival)
    guard !subnets.isEmpty || policy.isBootProxy || arrival.isBootService else { return nil }
    var names: [String] = []
    var classes: [Policy.Class] = []
    for candidate in policy.classes where candidate.test.matches(message, relay: relay, classes: names) {
      names.append(candidate.name)
      classes.append(candidate)
    }
    var place: [UInt8] = []
    if !message.relayAddress.isUnspecified {
      place = message.relayAddress.octets + (relay?.circuitID ?? []) + [0] + (relay?.remoteID ?? [])
    }
    return Inquiry(
      message: message, arrival: arrival, now: now, relay: relay, client: ClientKey(of: message), subnets: subnets,
      classes: classes, reservation: reservation(message, relay, subnets), place: place,
      serverIdentifier: relay?.serverIdentifierOverride ?? arrival.serverAddress)
  }

  /// The subnets of the client's link: by the relay's link selection (RFC 3527), the client's own choice (RFC 3011), the relay's
  /// address, the client's address when it renews by unicast, or the interface.
  private func link(_ message: Message, _ relay: RelayInformation?, _ arrival: Arrival) -> [Policy.Subnet] {
    let addresses: [IPAddress]
    if let selected = relay?.linkSelection {
      addresses = [selected]
    } else if let selected = message.address(.subnetSelection) {
      addresses = [selected]
    } else if !message.relayAddress.isUnspecified {
      addresses = [message.relayAddress]
    } else if arrival.isUnicast, !message.clientAddress.isUnspecified {
      addresses = [message.clientAddress]
    } else {
      addresses = arrival.interfaceAddresses
    }
    var found: [Policy.Subnet] = []
    for address in addresses {
      guard let subnet = policy.subnets.first(where: { $0.network.contains(address) }) else { continue }
      if !found.contains(where: { $0.network == subnet.network }) { found.append(subnet) }
      guard let name = subnet.sharedNetwork else { continue }
      for other in policy.subnets
      where other.sharedNetwork == name && !found.contains(where: { $0.network == other.network }) {
        found.append(other)
      }
    }
    return found
  }

  private func reservation(
    _ message: Message, _ relay: RelayInformation?, _ subnets: [Policy.Subnet]
  ) -> Policy.Reservation? {
    var identities: [Policy.Reservation.Identity] = []
    if let identifier = message.options[.clientIdentifier] { identities.append(.clientIdentifier(identifier)) }
    identities.append(.hardwareAddress(message.hardwareAddress))
    if let circuit = relay?.circuitID { identities.append(.circuitID(circuit)) }
    if let name = message.text(.hostName), !name.isEmpty { identities.append(.hostName(name.lowercased())) }
    for identity in identities {
      for index in reservationsByIdentity[identity] ?? [] {
        let reservation = policy.reservations[index]
        guard let address = reservation.address else { return reservation }
        if subnets.contains(where: { $0.network.contains(address) }) { return reservation }
      }
    }
    return nil
  }

  /// Whether an address is somebody's by reservation.
  func isReserved(_ address: IPAddress) -> Bool { reservedAddresses.contains(address) }
}
