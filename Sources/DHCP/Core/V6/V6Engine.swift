import WireKit

/// What is to be done about a DHCPv6 message.
public struct V6Decision: Sendable {
  /// Leases that must be durable before the reply leaves.
  public var changes: [Decision.Change] = []
  public var reply: V6Message?
  public var reason: StaticString

  init(_ reason: StaticString) { self.reason = reason }
}

/// The DHCPv6 server's mind (RFC 8415 §18.3): message in, decision out. No sockets, no clock, no disk; for one thread.
public struct V6Engine: Sendable {
  public var policy: V6Policy
  public internal(set) var table = LeaseTable()
  private var lastForgetting: Int64 = 0

  /// RFC 8415 §21.13.
  enum Status: UInt16 {
    case success = 0
    case noAddresses = 2
    case noBinding = 3
    case notOnLink = 4
    case noPrefixes = 6
  }

  /// What all the parts of a decision need to know.
  struct Inquiry {
    var message: V6Message
    var client: [UInt8]
    var subnet: V6Policy.Subnet
    var reservation: V6Policy.Reservation?
    var place: [UInt8]
    var now: Int64
  }

  public init(_ policy: V6Policy, leases: [Lease] = []) {
    self.policy = policy
    for lease in leases where lease.address.family == .v6 { table.set(lease) }
  }

  /// Decides about a message.
  /// - Parameters:
  ///   - addresses: Those of the interface that it came in by.
  ///   - now: Seconds since 1970.
  public mutating func receive(_ message: V6Message, interface addresses: [IPAddress], now: Int64) -> V6Decision {
    forgetEnded(now)
    let client = message.options[.clientIdentifier] ?? []
    // A DUID has a kind of two octets and at most 128 more (RFC 8415 §11.1). Only questions may come without one.
    guard (3...130).contains(client.count) || client.isEmpty && message.kind == .informationRequest else {
      return V6Decision("a client without an identifier")
    }
    guard let subnet = subnet(message, addresses) else { return V6Decision("no subnet for this link") }
    let named = message.options[.serverIdentifier]
    switch message.kind {
    case .request, .renew, .release, .decline:
      guard named == policy.server else { return V6Decision("for another server") }
    case .solicit, .confirm, .rebind:
      guard named == nil else { return V6Decision("a server named where none may be") }
    case .informationRequest:
      guard named == nil || named == policy.server else { return V6Decision("for another server") }
    case .advertise, .reply, .reconfigure: return V6Decision("a message that servers send")
    }
    var place: [UInt8] = []
    if let relay = message.relays.last { place = relay.link.octets + (relay.interface ?? []) }
    let inquiry = Inquiry(
      message: message, client: client, subnet: subnet, reservation: reservation(client, subnet), place: place, now: now
    )
    switch message.kind {
    case .solicit: return solicit(inquiry)
    case .request: return grant(inquiry, "bound", isExtension: false)
    case .renew, .rebind: return grant(inquiry, "extended", isExtension: true)
    case .confirm: return confirm(inquiry)
    case .release: return giveUp(inquiry, isDecline: false)
    case .decline: return giveUp(inquiry, isDecline: true)
    default:
      var decision = V6Decision("informed")
      decision.reply = blank(.reply, inquiry)
      return decision
    }
  }

  /// Takes over what another process wrote into the store, unless what stands here is newer.
  public mutating func adopt(_ lease: Lease) -> Bool { table.adopt(lease) }

  /// The store did not keep a change.
  public mutating func refused(_ change: Decision.Change, actual: Lease?) {
    if let lease = actual ?? change.previous { table.set(lease) } else { table.remove(change.lease.address) }
  }

  /// Makes room where the table is full, once a minute at most: the space is endless, so ended leases need not wait for reuse.
  private mutating func forgetEnded(_ now: Int64) {
    guard table.count >= policy.maximumLeases, now - lastForgetting >= 60 else { return }
    lastForgetting = now
    for lease in Array(table.all) where !lease.isHeld(at: now) { table.remove(lease.address) }
  }

  /// The client's link: by the nearest relay that names one, or the interface's addresses.
  private func subnet(_ message: V6Message, _ addresses: [IPAddress]) -> V6Policy.Subnet? {
    let named = message.relays.last { !$0.link.isUnspecified && !$0.link.isLinkLocal }?.link
    let candidates = named.map { [$0] } ?? (message.relays.isEmpty ? addresses : [])
    for address in candidates {
      if let subnet = policy.subnets.first(where: { $0.network.contains(address) }) { return subnet }
    }
    return nil
  }

  private func reservation(_ client: [UInt8], _ subnet: V6Policy.Subnet) -> V6Policy.Reservation? {
    policy.reservations.first { entry in
      guard subnet.network.contains(entry.address) else { return false }
      switch entry.identity {
      case .client(let duid): return duid == client
      // Kind 1 has a time before the hardware address, kind 3 has not; hardware type 1 is Ethernet.
      case .hardwareAddress(let hardware):
        return client.starts(with: [0, 1, 0, 1]) && client.dropFirst(8).elementsEqual(hardware)
          || client.starts(with: [0, 3, 0, 1]) && client.dropFirst(4).elementsEqual(hardware)
      }
    }
  }

  private mutating func solicit(_ inquiry: Inquiry) -> V6Decision {
    if inquiry.message.options[.rapidCommit] != nil, inquiry.subnet.allowsRapidCommit {
      var decision = grant(inquiry, "bound at once", isExtension: false)
      decision.reply?.options.append(.rapidCommit, [])
      return decision
    }
    var decision = V6Decision("advertised")
    var reply = blank(.advertise, inquiry)
    var hasAny = false
    // What is advertised is found again by the request, as the place in the pool follows from the client.
    var taken: Set<IPAddress> = []
    for association in V6Association.all(inquiry.message.options) {
      let address = choose(association, inquiry, besides: taken)
      if let address { taken.insert(address) }
      hasAny = hasAny || address != nil
      reply.options.append(self.answer(association, address, inquiry))
    }
    if !hasAny { decision.reason = "nothing to give" }
    decision.reply = reply
    return decision
  }

  /// REQUEST, RENEW, REBIND (RFC 8415 §18.3.2, §18.3.4, §18.3.5).
  private mutating func grant(_ inquiry: Inquiry, _ reason: StaticString, isExtension: Bool) -> V6Decision {
    var decision = V6Decision(reason)
    var reply = blank(.reply, inquiry)
    for association in V6Association.all(inquiry.message.options) {
      let key = Self.key(association, inquiry.client)
      let network = network(association.kind, inquiry.subnet)
      let known = network.flatMap { table.lease(of: key, in: $0) }
      if isExtension, known == nil {
        // Another server's, when the client asks everyone (§18.3.5); unknown, when it asks us (§18.3.4).
        if inquiry.message.kind == .rebind { continue }
        reply.options.append(self.status(association, .noBinding, "no binding"))
        continue
      }
      guard let network, let address = choose(association, inquiry, besides: []) else {
        reply.options.append(answer(association, nil, inquiry))
        continue
      }
      decision.changes.append(bind(key, address, network, association, inquiry))
      reply.options.append(answer(association, address, inquiry))
    }
    decision.reply = reply
    return decision
  }

  /// Whether all addresses are of this link (RFC 8415 §18.3.3).
  private func confirm(_ inquiry: Inquiry) -> V6Decision {
    let wanted = V6Association.all(inquiry.message.options).filter { $0.kind == .address }.flatMap(\.wanted)
    guard !wanted.isEmpty else { return V6Decision("a confirm without an address") }
    let fits = wanted.allSatisfy(inquiry.subnet.network.contains)
    var decision = V6Decision(fits ? "confirmed" : "of another link")
    decision.reply = blank(.reply, inquiry)
    decision.reply?.options.append(.status, Self.statusBytes(fits ? .success : .notOnLink, ""))
    return decision
  }

  /// RELEASE and DECLINE (RFC 8415 §18.3.7, §18.3.8).
  private mutating func giveUp(_ inquiry: Inquiry, isDecline: Bool) -> V6Decision {
    var decision = V6Decision(isDecline ? "declined" : "released")
    var reply = blank(.reply, inquiry)
    reply.options.append(.status, Self.statusBytes(.success, ""))
    for association in V6Association.all(inquiry.message.options) {
      let key = Self.key(association, inquiry.client)
      let mine = association.wanted.compactMap { table.lease(at: $0) }.filter { $0.client == key && $0.state == .bound }
      if mine.isEmpty { reply.options.append(status(association, .noBinding, "no binding")) }
      for lease in mine {
        var changed = lease
        changed.state = isDecline ? .declined : .released
        changed.starts = inquiry.now
        changed.expires = isDecline ? inquiry.now + policy.quarantineTime : inquiry.now
        if isDecline { changed.client = ClientKey(bytes: [2] + lease.address.octets) }
        table.set(changed)
        decision.changes.append(Decision.Change(lease: changed, previous: lease))
      }
    }
    decision.reply = reply
    return decision
  }
}
