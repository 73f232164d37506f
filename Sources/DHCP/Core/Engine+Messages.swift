import WireKit

extension Engine {
  /// DHCPDISCOVER (RFC 2131 §4.3.1, RFC 4039).
  mutating func discover(_ inquiry: Inquiry) -> Decision {
    guard let choice = choose(inquiry) else { return .silent("no address to give") }
    let seconds = leaseTime(inquiry, choice.subnet)
    var decision: Decision
    if inquiry.message.options[.rapidCommit] != nil, choice.subnet.allowsRapidCommit {
      decision = Decision(reason: "bound at once")
      decision.change = bind(choice, inquiry, seconds: seconds)
      var reply = makeReply(.acknowledge, inquiry, choice, seconds: seconds)
      reply.options[.rapidCommit] = []
      decision.reply = reply
    } else {
      decision = Decision(reason: "offered")
      let isReserved = inquiry.reservation?.address == choice.address
      offers.add(
        OfferBook.Offer(
          address: choice.address, subnet: choice.subnet.network, client: inquiry.client,
          place: isReserved ? [] : inquiry.place, expires: inquiry.now + policy.offerTime))
      decision.reply = makeReply(.offer, inquiry, choice, seconds: seconds)
      if policy.probesConflicts, !choice.isFamiliar { decision.probe = choice.address }
    }
    decision.delivery = delivery(inquiry, to: choice.address)
    return decision
  }

  /// DHCPREQUEST in each of the client's states (RFC 2131 §4.3.2).
  mutating func request(_ inquiry: Inquiry) -> Decision {
    let message = inquiry.message
    let wanted = message.address(.requestedAddress)
    if let server = message.address(.serverIdentifier) {
      guard server == inquiry.serverIdentifier || inquiry.arrival.interfaceAddresses.contains(server) else {
        // It took another server's offer: ours is free again.
        if let offer = offers.remove(inquiry.client) { table.giveBack(offer.address, in: offer.subnet) }
        return .silent("another server was chosen")
      }
      guard let wanted = wanted ?? (message.clientAddress.isUnspecified ? nil : message.clientAddress) else {
        return .silent("a request for no address")
      }
      return grant(wanted, inquiry) ?? deny(inquiry, "the address is not to be had")
    }
    if let wanted, message.clientAddress.isUnspecified { return reboot(wanted, inquiry) }
    guard !message.clientAddress.isUnspecified else { return .silent("a request for no address") }
    return extend(message.clientAddress, inquiry)
  }

  /// INIT-REBOOT: the client remembers an address.
  private mutating func reboot(_ wanted: IPAddress, _ inquiry: Inquiry) -> Decision {
    guard inquiry.subnets.contains(where: { $0.network.contains(wanted) }) else {
      return deny(inquiry, "the address is of another network")
    }
    if isKnown(inquiry) || inquiry.reservation?.address == wanted {
      return hasOrMayRegain(wanted, inquiry)
        ? grant(wanted, inquiry) ?? deny(inquiry, "the address is not to be had")
        : deny(inquiry, "the address is another's, or another is the client's")
    }
    // A server without record of a client must be silent, unless it is the only one (RFC 2131 §4.3.2).
    return isAuthoritative(inquiry) ? deny(inquiry, "an unknown client") : .silent("an unknown client")
  }

  /// RENEWING and REBINDING: the client uses the address.
  private mutating func extend(_ address: IPAddress, _ inquiry: Inquiry) -> Decision {
    if hasOrMayRegain(address, inquiry), let decision = grant(address, inquiry) { return decision }
    if isKnown(inquiry) || isAuthoritative(inquiry) { return deny(inquiry, "the lease cannot be extended") }
    return .silent("another server's lease")
  }

  private func isAuthoritative(_ inquiry: Inquiry) -> Bool { inquiry.subnets.contains { $0.isAuthoritative } }

  private func isKnown(_ inquiry: Inquiry) -> Bool {
    inquiry.subnets.contains { table.lease(of: inquiry.client, in: $0.network) != nil }
  }

  /// Whether the address is, or was last, this client's, or is reserved for it.
  private func hasOrMayRegain(_ address: IPAddress, _ inquiry: Inquiry) -> Bool {
    if let reserved = inquiry.reservation?.address { return reserved == address }
    return table.lease(at: address)?.client == inquiry.client
  }

  private mutating func grant(_ address: IPAddress, _ inquiry: Inquiry) -> Decision? {
    guard let subnet = mayHave(address, inquiry) else { return nil }
    // A request out of the blue for a free address counts like a new one; what was offered has been counted.
    let isHis = offers.holder(of: address) == inquiry.client || hasOrMayRegain(address, inquiry)
    if !isHis, inquiry.reservation?.address != address {
      guard let other = choose(inquiry) else { return nil }
      guard other.address == address else {
        table.giveBack(other.address, in: other.subnet.network)
        return nil
      }
    }
    let choice = Choice(address: address, subnet: subnet, isFamiliar: true)
    let seconds = leaseTime(inquiry, subnet)
    var decision = Decision(reason: "bound")
    decision.change = bind(choice, inquiry, seconds: seconds)
    decision.reply = makeReply(.acknowledge, inquiry, choice, seconds: seconds)
    decision.delivery = delivery(inquiry, to: address)
    return decision
  }

  /// DHCPNAK: by broadcast, through the relay if there is one (RFC 2131 §4.3.2).
  private mutating func deny(_ inquiry: Inquiry, _ reason: StaticString) -> Decision {
    offers.remove(inquiry.client)
    var decision = Decision(reason: reason)
    var reply = blankReply(inquiry)
    reply.clientAddress = IPAddress(v4: 0)
    reply.options[.messageType] = [MessageType.negativeAcknowledge.rawValue]
    reply.options[.serverIdentifier] = inquiry.serverIdentifier.octets
    reply.options[.message] = Array(reason.description.utf8)
    echo(inquiry, into: &reply)
    if !inquiry.message.relayAddress.isUnspecified {
      // The relay is to send it on by broadcast: the client may be on the wrong network.
      reply.flags |= Message.broadcastFlag
      decision.delivery = relayDelivery(inquiry)
    }
    decision.reply = reply
    return decision
  }

  /// DHCPDECLINE: the client found another at the address (RFC 2131 §4.3.3).
  mutating func decline(_ inquiry: Inquiry) -> Decision {
    guard let address = inquiry.message.address(.requestedAddress), isForUs(inquiry),
      let lease = table.lease(at: address), lease.client == inquiry.client, lease.isHeld(at: inquiry.now)
    else { return .silent("declined what it did not have") }
    if declinedCount >= policy.maximumDeclined { countDeclined(inquiry.now) }
    guard declinedCount < policy.maximumDeclined else { return .silent("too much is declined already") }
    var decision = Decision(reason: "declined")
    decision.change = quarantine(address, lease.subnet, inquiry.now)
    return decision
  }

  /// DHCPRELEASE: there is no reply (RFC 2131 §4.3.4).
  mutating func release(_ inquiry: Inquiry) -> Decision {
    let address = inquiry.message.clientAddress
    guard isForUs(inquiry), let lease = table.lease(at: address), lease.client == inquiry.client, lease.state == .bound
    else {
      return .silent("released what it did not have")
    }
    var released = lease
    released.state = .released
    released.starts = inquiry.now
    released.expires = inquiry.now
    table.set(released)
    var decision = Decision(reason: "released")
    decision.change = Decision.Change(lease: released, previous: lease)
    return decision
  }

  private func isForUs(_ inquiry: Inquiry) -> Bool {
    guard let server = inquiry.message.address(.serverIdentifier) else { return true }
    return server == inquiry.serverIdentifier || inquiry.arrival.interfaceAddresses.contains(server)
  }

  /// DHCPINFORM: the client has an address from elsewhere, and wants the rest (RFC 2131 §4.3.5).
  func inform(_ inquiry: Inquiry) -> Decision {
    guard
      let subnet = inquiry.subnets.first(where: { $0.network.contains(inquiry.message.clientAddress) })
        ?? inquiry.subnets.first
    else { return .silent("no subnet for this link") }
    var decision = Decision(reason: "informed")
    let choice = Choice(address: IPAddress(v4: 0), subnet: subnet, isFamiliar: true)
    decision.reply = makeReply(.acknowledge, inquiry, choice, seconds: nil)
    let client = inquiry.message.clientAddress
    decision.delivery =
      client.isUnspecified ? delivery(inquiry, to: client) : .unicast(Endpoint(client, 68))
    return decision
  }

  /// BOOTP (RFC 951, RFC 1534): an address for good, or none.
  mutating func bootp(_ inquiry: Inquiry) -> Decision {
    guard let choice = choose(inquiry) else { return .silent("no address to give") }
    guard inquiry.reservation?.address == choice.address || choice.subnet.allowsDynamicBOOTP else {
      table.giveBack(choice.address, in: choice.subnet.network)
      return .silent("BOOTP without a reservation")
    }
    var decision = Decision(reason: "bound by BOOTP")
    decision.change = bind(choice, inquiry, seconds: nil)
    var reply = makeReply(.acknowledge, inquiry, choice, seconds: nil)
    reply.options[.messageType] = nil
    reply.options[.serverIdentifier] = nil
    decision.reply = reply
    decision.delivery = delivery(inquiry, to: choice.address)
    return decision
  }
}
