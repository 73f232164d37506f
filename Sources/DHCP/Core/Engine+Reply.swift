import WireKit

extension Engine {
  /// A reply with nothing but what it takes over from the request (RFC 2131 §4.3.1, table 3).
  func blankReply(_ inquiry: Inquiry) -> Message {
    let message = inquiry.message
    var reply = Message(.reply)
    reply.hardwareType = message.hardwareType
    reply.hardwareAddress = message.hardwareAddress
    reply.transaction = message.transaction
    reply.flags = message.flags
    reply.relayAddress = message.relayAddress
    reply.clientAddress = message.clientAddress
    return reply
  }

  /// What goes back as it came: the relay's information (RFC 3046 §2.2), the client's identifier (RFC 6842), its subnet selection
  /// (RFC 3011).
  func echo(_ inquiry: Inquiry, into reply: inout Message) {
    for code in [OptionCode.clientIdentifier, .subnetSelection, .relayAgentInformation] {
      if let bytes = inquiry.message.options[code] { reply.options[code] = bytes }
    }
  }

  /// An OFFER or ACK. `seconds` is `nil` where no lease is spoken of.
  func makeReply(_ type: MessageType, _ inquiry: Inquiry, _ choice: Choice, seconds: UInt32?) -> Message {
    var reply = blankReply(inquiry)
    if type == .offer { reply.clientAddress = IPAddress(v4: 0) }
    reply.yourAddress = choice.address
    reply.options[.messageType] = [type.rawValue]
    reply.options[.serverIdentifier] = inquiry.serverIdentifier.octets
    if let seconds {
      reply.options[.leaseTime] = Self.octets(seconds)
      if seconds != .max {
        reply.options[.renewalTime] = Self.octets(seconds / 2)
        reply.options[.rebindingTime] = Self.octets(UInt32(UInt64(seconds) * 7 / 8))
      }
    }
    fillOptions(inquiry, choice.subnet, into: &reply)
    fillBoot(inquiry, choice.subnet, into: &reply)
    fillName(inquiry, into: &reply)
    echo(inquiry, into: &reply)
    return reply
  }

  static func octets(_ number: UInt32) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendInteger(number)
    return bytes
  }

  /// The configured options that the client asks for, in the order in which it asks; all of them when it does not say.
  private func fillOptions(_ inquiry: Inquiry, _ subnet: Policy.Subnet, into reply: inout Message) {
    var all = inquiry.reservation?.options ?? Options()
    for member in inquiry.classes.reversed() { all.fill(from: member.options) }
    all.fill(from: subnet.options)
    all.fill(from: policy.options)
    if all[.subnetMask] == nil { all[.subnetMask] = Self.mask(subnet.network) }
    if let name = inquiry.reservation?.hostName, all[.hostName] == nil { all[.hostName] = Array(name.utf8) }
    guard let wanted = inquiry.message.options[.parameterRequestList] else {
      for item in all.items where reply.options[item.code] == nil { reply.options[item.code] = item.bytes }
      return
    }
    for code in wanted + [OptionCode.subnetMask.rawValue] {
      if reply.options[code] == nil, let bytes = all[code] { reply.options[code] = bytes }
    }
  }

  private static func mask(_ network: IPNetwork) -> [UInt8] {
    octets(network.prefixLength == 0 ? 0 : UInt32.max << UInt32(32 - min(32, network.prefixLength)))
  }

  private func bootEntry(_ inquiry: Inquiry, _ subnet: Policy.Subnet?) -> BootEntry? {
    inquiry.reservation?.boot ?? inquiry.classes.last { $0.boot != nil }?.boot ?? subnet?.boot ?? policy.boot
  }

  /// Boot data goes to those who boot: to others it would only make the reply longer.
  private func fillBoot(_ inquiry: Inquiry, _ subnet: Policy.Subnet, into reply: inout Message) {
    guard let entry = bootEntry(inquiry, subnet) else { return }
    let message = inquiry.message
    let wanted = message.options[.parameterRequestList] ?? []
    let asks = wanted.contains(OptionCode.bootFileName.rawValue) || wanted.contains(OptionCode.tftpServerName.rawValue)
    guard
      asks || message.isBOOTP || BootEntry.isPXE(message) || BootEntry.isIPXE(message)
        || BootEntry.isHTTPClient(message)
    else { return }
    entry.fill(&reply, for: message)
  }

  /// The server answers option 81 and says whether it sees to the names (RFC 4702 §4).
  private func fillName(_ inquiry: Inquiry, into reply: inout Message) {
    guard let bytes = inquiry.message.options[.clientFQDN], let wish = ClientFQDN(bytes) else { return }
    var name = inquiry.reservation?.hostName ?? wish.name
    if let domain = policy.nameDomain, !wish.noUpdates, let host = HostLabel.of(name) { name = "\(host).\(domain)" }
    reply.options[.clientFQDN] = ClientFQDN.reply(
      to: wish, name: name, serverUpdates: policy.registersNames && !wish.noUpdates)
  }

  /// RFC 2131 §4.1: to the relay; to the address that the client has; by broadcast if it wants that; else to its hardware.
  func delivery(_ inquiry: Inquiry, to address: IPAddress) -> Decision.Delivery {
    let message = inquiry.message
    if !message.relayAddress.isUnspecified { return relayDelivery(inquiry) }
    if !message.clientAddress.isUnspecified { return .unicast(Endpoint(message.clientAddress, 68)) }
    if message.wantsBroadcast || address.isUnspecified || message.hardwareAddress.count != 6 { return .broadcast }
    return .hardware(address, message.hardwareAddress)
  }

  func relayDelivery(_ inquiry: Inquiry) -> Decision.Delivery {
    let port = inquiry.relay?.wantsSourcePort == true ? inquiry.arrival.sourcePort : 67
    return .unicast(Endpoint(inquiry.message.relayAddress, port))
  }

  /// Beside a foreign DHCP server (PXE 2.1 §2.2): on port 67 an offer without an address, on 4011 the boot server's answer.
  func boot(_ inquiry: Inquiry) -> Decision {
    let message = inquiry.message
    guard BootEntry.isPXE(message) || BootEntry.isHTTPClient(message),
      let entry = bootEntry(inquiry, inquiry.subnets.first),
      entry.target(for: message) != nil
    else { return .silent("nothing to boot") }
    var decision = Decision(reason: "told what to boot")
    var reply = blankReply(inquiry)
    switch (message.type, inquiry.arrival.isBootService) {
    case (.discover, false):
      reply.options[.messageType] = [MessageType.offer.rawValue]
      decision.delivery = message.relayAddress.isUnspecified ? .broadcast : relayDelivery(inquiry)
    case (.request, true), (.inform, true):
      reply.options[.messageType] = [MessageType.acknowledge.rawValue]
      decision.delivery = .unicast(Endpoint(message.clientAddress, inquiry.arrival.sourcePort))
      guard !message.clientAddress.isUnspecified else { return .silent("a boot request without an address") }
    default: return .silent("for the other DHCP server")
    }
    reply.options[.serverIdentifier] = inquiry.serverIdentifier.octets
    entry.fill(&reply, for: message)
    echo(inquiry, into: &reply)
    decision.reply = reply
    return decision
  }
}
