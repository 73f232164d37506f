import WireKit

extension Engine {
  /// DHCPLEASEQUERY (RFC 4388): an access device that has forgotten who is behind it asks by address, by hardware address or by client
  /// identifier. Changes nothing.
  func leaseQuery(_ message: Message, _ arrival: Arrival, now: Int64) -> Decision {
    // §7: whoever may ask is configured; the answer goes to giaddr, so that one is looked at.
    guard policy.leaseQueriesFrom.contains(where: { $0.contains(message.relayAddress) }) else {
      return .silent("a lease query from one who may not ask")
    }
    var reply = Message(.reply)
    reply.transaction = message.transaction
    reply.relayAddress = message.relayAddress
    reply.options[.serverIdentifier] = arrival.serverAddress.octets
    var decision = Decision(reason: "told who has an address")
    if !message.clientAddress.isUnspecified {
      answerAddress(message, now, &reply)
    } else {
      answerClient(message, now, &reply)
    }
    decision.delivery = .unicast(Endpoint(message.relayAddress, 67))
    decision.reply = reply
    return decision
  }

  /// §6.4.1: by address.
  private func answerAddress(_ message: Message, _ now: Int64, _ reply: inout Message) {
    let address = message.clientAddress
    reply.clientAddress = address
    guard policy.subnets.contains(where: { $0.network.contains(address) }) else {
      return reply.options[.messageType] = [MessageType.leaseUnknown.rawValue]
    }
    guard let lease = table.lease(at: address), lease.state == .bound, lease.isHeld(at: now) else {
      return reply.options[.messageType] = [MessageType.leaseUnassigned.rawValue]
    }
    describe(lease, message, now, &reply)
  }

  /// §6.4.2, by client identifier or by hardware address: the address that it used last; the others stand in option 92.
  private func answerClient(_ message: Message, _ now: Int64, _ reply: inout Message) {
    let isHis: (Lease) -> Bool
    if let identifier = message.options[.clientIdentifier] {
      // One that only repeats the hardware address is kept as that (`ClientKey`).
      let keys = [ClientKey(bytes: [1] + identifier), ClientKey(bytes: [0] + identifier)]
      isHis = { keys.contains($0.client) }
    } else {
      isHis = { !$0.hardwareAddress.isEmpty && $0.hardwareAddress == message.hardwareAddress }
    }
    let leases = table.all.filter { $0.state == .bound && $0.isHeld(at: now) && isHis($0) }.sorted {
      ($0.starts, $1.address) > ($1.starts, $0.address)
    }
    guard let newest = leases.first else {
      return reply.options[.messageType] = [MessageType.leaseUnknown.rawValue]
    }
    reply.clientAddress = newest.address
    describe(newest, message, now, &reply)
    // §6.4.2: with more than one address, all of them are named.
    if leases.count > 1 {
      reply.options[.associatedAddresses] = leases.prefix(63).flatMap { $0.address.octets }
    }
  }

  private func describe(_ lease: Lease, _ message: Message, _ now: Int64, _ reply: inout Message) {
    reply.options[.messageType] = [MessageType.leaseActive.rawValue]
    reply.hardwareType = lease.hardwareType
    reply.hardwareAddress = lease.hardwareAddress
    let wanted = message.options[.parameterRequestList]
    func add(_ code: OptionCode, _ bytes: @autoclosure () -> [UInt8]?) {
      guard wanted?.contains(code.rawValue) ?? true, let bytes = bytes() else { return }
      reply.options[code] = bytes
    }
    let left = lease.expires == .max ? UInt32.max : UInt32(clamping: lease.expires - now)
    add(.leaseTime, Self.octets(left))
    if left != .max {
      // What is left until the times of RFC 2131 §4.4.5; both are over when the half of the lease is.
      let whole = UInt32(clamping: lease.expires - lease.starts)
      let gone = UInt32(clamping: now - lease.starts)
      add(.renewalTime, whole / 2 > gone ? Self.octets(whole / 2 - gone) : nil)
      let rebinding = UInt32(UInt64(whole) * 7 / 8)
      add(.rebindingTime, rebinding > gone ? Self.octets(rebinding - gone) : nil)
    }
    add(.lastTransactionTime, Self.octets(UInt32(clamping: now - lease.starts)))
    if lease.client.bytes.first == 1 { add(.clientIdentifier, Array(lease.client.bytes.dropFirst())) }
    add(.relayAgentInformation, Self.relayInformation(of: lease.place))
  }

  /// The sub-options circuit and remote identifier, as far as the lease's place has them: relay, circuit, a zero, remote identifier.
  private static func relayInformation(of place: [UInt8]) -> [UInt8]? {
    guard place.count > 5, let end = place.dropFirst(4).firstIndex(of: 0) else { return nil }
    var information = SubOptions()
    let (circuit, remote) = (Array(place[4..<end]), Array(place[(end + 1)...]))
    if !circuit.isEmpty { information.append(1, circuit) }
    if !remote.isEmpty { information.append(2, remote) }
    return information.items.isEmpty ? nil : information.encoded
  }
}
