import WireKit

extension Engine {
  /// The address for a client, and the subnet that it lies in.
  struct Choice {
    var address: IPAddress
    var subnet: Policy.Subnet
    /// Whether nobody else can have it, as the client had it before or it is reserved: no probe is needed.
    var isFamiliar: Bool
  }

  /// Whether this client may have this address at this time: reserved for it, or in a pool that is open to it and held by nobody
  /// else.
  func mayHave(_ address: IPAddress, _ inquiry: Inquiry) -> Policy.Subnet? {
    guard let subnet = inquiry.subnets.first(where: { $0.network.contains(address) }) else { return nil }
    if let lease = table.lease(at: address), lease.isHeld(at: inquiry.now), lease.client != inquiry.client {
      return nil
    }
    if let holder = offers.holder(of: address), holder != inquiry.client { return nil }
    if inquiry.reservation?.address == address { return subnet }
    if isReserved(address) { return nil }
    return subnet.pools.contains { $0.range.contains(address) && isOpen($0, inquiry) } ? subnet : nil
  }

  private func isOpen(_ pool: Policy.Pool, _ inquiry: Inquiry) -> Bool {
    pool.onlyClass.map { name in inquiry.classes.contains { $0.name == name } } ?? true
  }

  /// The client's address, in the order of RFC 2131 §4.3.1: what is reserved, what it has or had, what it asks for, what is free.
  mutating func choose(_ inquiry: Inquiry) -> Choice? {
    if let reserved = inquiry.reservation?.address, let subnet = mayHave(reserved, inquiry) {
      return Choice(address: reserved, subnet: subnet, isFamiliar: table.lease(at: reserved)?.client == inquiry.client)
    }
    for subnet in inquiry.subnets {
      if let lease = table.lease(of: inquiry.client, in: subnet.network), mayHave(lease.address, inquiry) != nil {
        // A lease that ended counts as another one for its place.
        guard lease.isHeld(at: inquiry.now) || hasRoom(inquiry) else { return nil }
        return Choice(address: lease.address, subnet: subnet, isFamiliar: true)
      }
    }
    if let offer = offers.offer(to: inquiry.client), let subnet = mayHave(offer.address, inquiry) {
      return Choice(address: offer.address, subnet: subnet, isFamiliar: true)
    }
    guard hasRoom(inquiry) else { return nil }
    if let wanted = inquiry.message.address(.requestedAddress), let subnet = mayHave(wanted, inquiry) {
      return Choice(address: wanted, subnet: subnet, isFamiliar: false)
    }
    // No copy of the engine in the closure: its table would be copied whole when it changes.
    let (offers, reserved) = (offers, reservedAddresses)
    for subnet in inquiry.subnets {
      for pool in subnet.pools where isOpen(pool, inquiry) {
        let address = table.next(in: pool.range, of: subnet.network, now: inquiry.now) { address in
          reserved.contains(address) || offers.holder(of: address) != nil || address == subnet.network.address
            || address == subnet.network.lastAddress
        }
        if let address { return Choice(address: address, subnet: subnet, isFamiliar: false) }
      }
    }
    return nil
  }

  /// Whether the client's place may have one more address from a pool. Who floods a port with invented hardware addresses
  /// gets the port's share and no more.
  private mutating func hasRoom(_ inquiry: Inquiry) -> Bool {
    guard !inquiry.place.isEmpty else { return true }
    return table.held(at: inquiry.place, now: inquiry.now) + offers.count(at: inquiry.place)
      < policy.maximumLeasesPerCircuit
  }

  /// Seconds of the lease: what the client asks for, within the bounds of its class or subnet.
  func leaseTime(_ inquiry: Inquiry, _ subnet: Policy.Subnet) -> UInt32 {
    let time = inquiry.classes.lazy.compactMap(\.lease).first ?? subnet.lease
    guard let bytes = inquiry.message.options[.leaseTime], bytes.count == 4 else { return time.standard }
    let wanted = bytes.reduce(0) { $0 << 8 | UInt32($1) }
    return min(max(wanted, time.minimum), time.maximum)
  }

  /// Enters a lease for the client.
  mutating func bind(_ choice: Choice, _ inquiry: Inquiry, seconds: UInt32?) -> Decision.Change {
    offers.remove(inquiry.client)
    let previous = table.lease(at: choice.address)
    let isReserved = inquiry.reservation?.address == choice.address
    let expires = seconds.map { $0 == .max ? Int64.max : inquiry.now + Int64($0) } ?? .max
    var lease = Lease(
      address: choice.address, subnet: choice.subnet.network, client: inquiry.client, state: .bound,
      starts: inquiry.now,
      expires: expires)
    lease.hardwareType = inquiry.message.hardwareType
    lease.hardwareAddress = inquiry.message.hardwareAddress
    lease.hostName = inquiry.reservation?.hostName ?? clientName(inquiry.message)
    // A reservation is nobody's share of a pool.
    lease.place = isReserved ? [] : inquiry.place
    table.set(lease)
    return Decision.Change(lease: lease, previous: previous)
  }

  /// The name that the client gives itself, by option 81 or 12; none when it wants nothing entered (RFC 4702 §2.1, bit N).
  private func clientName(_ message: Message) -> String? {
    let wish = message.options[.clientFQDN].flatMap { ClientFQDN($0) }
    if wish?.noUpdates == true { return nil }
    let name = wish.flatMap { $0.name.isEmpty ? nil : $0.name } ?? message.text(.hostName)
    guard let name, !name.isEmpty, name.utf8.count <= 255 else { return nil }
    return Hexadecimal.printable(Array(name.utf8))
  }
}
