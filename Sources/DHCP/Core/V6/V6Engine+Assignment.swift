import WireKit

extension V6Engine {
  /// Whom a lease belongs to: the client, which of its associations, and of which kind.
  static func key(_ association: V6Association, _ client: [UInt8]) -> ClientKey {
    var bytes: [UInt8] = [3, association.kind.rawValue]
    bytes.appendInteger(association.identifier)
    return ClientKey(bytes: bytes + client)
  }

  /// The network that leases of a kind are kept under.
  func network(_ kind: V6Association.Kind, _ subnet: V6Policy.Subnet) -> IPNetwork? {
    kind == .address ? subnet.network : subnet.delegated
  }

  /// The address or prefix for an association: what is reserved, what it has or had, what it wants, what follows from who it
  /// is, or the next that is free.
  mutating func choose(_ association: V6Association, _ inquiry: Inquiry, besides taken: Set<IPAddress>) -> IPAddress? {
    let key = Self.key(association, inquiry.client)
    guard let network = network(association.kind, inquiry.subnet) else { return nil }
    func isFree(_ address: IPAddress) -> Bool {
      if taken.contains(address) { return false }
      guard let lease = table.lease(at: address), lease.isHeld(at: inquiry.now) else { return true }
      return lease.client == key
    }
    func isReserved(_ address: IPAddress) -> Bool { policy.reservations.contains { $0.address == address } }
    if association.kind == .address, let reserved = inquiry.reservation?.address, isFree(reserved) { return reserved }
    if let lease = table.lease(of: key, in: network), lease.state != .declined, isFree(lease.address),
      !isReserved(lease.address)
    {
      return lease.address
    }
    guard hasRoom(inquiry), let (first, step, count) = range(association.kind, inquiry.subnet) else { return nil }
    for address in association.wanted where isFree(address) && !isReserved(address) {
      let (offset, isBelow) = address.bits.subtractingReportingOverflow(first)
      if !isBelow, offset % step == 0, offset / step < count { return address }
    }
    // A walk from a place that the client's identity gives, so that it gets the same whenever the table has forgotten it.
    let start = Self.hash(key.bytes) % count
    for number in 0..<min(count, 4_096) {
      let place = (start + number) % count
      let address = IPAddress(v6: first &+ place &* step)
      if isFree(address), !isReserved(address) { return address }
    }
    return nil
  }

  /// What is given out: from where, in which steps, and how many.
  private func range(
    _ kind: V6Association.Kind, _ subnet: V6Policy.Subnet
  ) -> (first: UInt128, step: UInt128, count: UInt128)? {
    switch kind {
    case .address:
      guard let pool = subnet.pool else { return nil }
      let (count, overflow) = (pool.upperBound - pool.lowerBound).addingReportingOverflow(1)
      return (pool.lowerBound, 1, overflow ? .max : count)
    case .prefix:
      guard let delegated = subnet.delegated, (1...64).contains(subnet.delegatedLength),
        delegated.prefixLength <= subnet.delegatedLength
      else { return nil }
      let count = UInt128(1) << UInt128(min(64, subnet.delegatedLength - delegated.prefixLength))
      return (delegated.address.bits, UInt128(1) << UInt128(128 - subnet.delegatedLength), count)
    }
  }

  private mutating func hasRoom(_ inquiry: Inquiry) -> Bool {
    guard table.count < policy.maximumLeases else { return false }
    return inquiry.place.isEmpty || table.held(at: inquiry.place, now: inquiry.now) < policy.maximumLeasesPerCircuit
  }

  /// FNV-1a: the same in every process.
  private static func hash(_ bytes: [UInt8]) -> UInt128 {
    var value: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
    return UInt128(value)
  }

  /// Enters a lease.
  mutating func bind(
    _ key: ClientKey, _ address: IPAddress, _ network: IPNetwork, _ association: V6Association, _ inquiry: Inquiry
  ) -> Decision.Change {
    let previous = table.lease(at: address)
    var lease = Lease(
      address: address, subnet: network, client: key, state: .bound, starts: inquiry.now,
      expires: inquiry.now + Int64(inquiry.subnet.lifetime))
    if association.kind == .address {
      lease.hostName = inquiry.reservation?.hostName ?? Self.name(inquiry.message)
    }
    lease.place = inquiry.reservation?.address == address ? [] : inquiry.place
    table.set(lease)
    return Decision.Change(lease: lease, previous: previous)
  }

  /// The name that the client gives itself (option 39, RFC 4704); none when it wants nothing entered.
  private static func name(_ message: V6Message) -> String? {
    guard let bytes = message.options[.name], let flags = bytes.first, flags & 4 == 0 else { return nil }
    let wire = Array(bytes.dropFirst())
    return DomainNames.decode(wire.last == 0 ? wire : wire + [0])?.first.flatMap { $0.isEmpty ? nil : $0 }
  }

  // MARK: Replies

  /// A reply with what every one has: both identifiers and the options that are asked for.
  func blank(_ kind: V6Message.Kind, _ inquiry: Inquiry) -> V6Message {
    var reply = V6Message(kind, transaction: inquiry.message.transaction)
    reply.relays = inquiry.message.relays
    if !inquiry.client.isEmpty { reply.options.append(.clientIdentifier, inquiry.client) }
    reply.options.append(.serverIdentifier, policy.server)
    let asked = inquiry.message.options[.requested] ?? []
    for start in stride(from: 0, to: asked.count - 1, by: 2) {
      let code = UInt16(asked[start]) << 8 | UInt16(asked[start + 1])
      if code == V6OptionCode.bootFile.rawValue, let url = bootURL(inquiry) {
        reply.options.append(code, Array(url.utf8))
        continue
      }
      guard let item = inquiry.subnet.options.items.first(where: { $0.code == code }) else { continue }
      if !reply.options.items.contains(where: { $0.code == code }) { reply.options.append(code, item.bytes) }
    }
    if let wish = inquiry.message.options[.name], let flags = wish.first {
      // S: we enter the name; O: though it wished otherwise; N: nobody does (RFC 4704 §4.1).
      let enters = policy.registersNames && flags & 4 == 0
      reply.options.append(.name, [(enters ? 1 : 4) | (enters && flags & 1 == 0 ? 2 : 0)] + wish.dropFirst())
    }
    return reply
  }

  /// iPXE, which names itself in its user class (RFC 8415 §21.15), never gets itself again.
  private func bootURL(_ inquiry: Inquiry) -> String? {
    let userClass = inquiry.message.options[.userClass] ?? []
    let isIPXE = userClass.suffix(4).elementsEqual("iPXE".utf8)
    return isIPXE ? inquiry.subnet.bootScript : inquiry.subnet.bootFile
  }

  /// An association with what it gets; `nil` tells it that there is nothing.
  func answer(_ association: V6Association, _ address: IPAddress?, _ inquiry: Inquiry) -> V6Options.Item {
    guard let address else {
      let status: Status = association.kind == .address ? .noAddresses : .noPrefixes
      return self.status(association, status, "nothing to give")
    }
    let valid = inquiry.subnet.lifetime
    let preferred = UInt32(UInt64(valid) * 3 / 4)
    var part: [UInt8] = []
    if association.kind == .address { part += address.octets }
    part.appendInteger(preferred)
    part.appendInteger(valid)
    if association.kind == .prefix { part += [UInt8(clamping: inquiry.subnet.delegatedLength)] + address.octets }
    var options = V6Options()
    options.append(association.kind == .address ? .address : .prefix, part)
    // T1 and T2 as RFC 8415 §21.4 recommends: half, and four fifths of the preferred lifetime.
    return item(association, preferred / 2, UInt32(UInt64(preferred) * 4 / 5), options)
  }

  func status(_ association: V6Association, _ status: Status, _ text: String) -> V6Options.Item {
    var options = V6Options()
    options.append(.status, Self.statusBytes(status, text))
    return item(association, 0, 0, options)
  }

  private func item(_ association: V6Association, _ renew: UInt32, _ rebind: UInt32, _ options: V6Options)
    -> V6Options.Item
  {
    var bytes: [UInt8] = []
    bytes.appendInteger(association.identifier)
    bytes.appendInteger(renew)
    bytes.appendInteger(rebind)
    let code: V6OptionCode = association.kind == .address ? .addresses : .delegations
    return V6Options.Item(code: code.rawValue, bytes: bytes + options.encoded)
  }

  static func statusBytes(_ status: Status, _ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendInteger(status.rawValue)
    return bytes + text.utf8
  }
}

extension V6Options {
  mutating func append(_ item: Item) { append(item.code, item.bytes) }
}
