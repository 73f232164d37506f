import DHCPCore
import WireKit

extension FuzzTarget {
  static let dhcpMessage = FuzzTarget(
    "dhcp-message",
    "A message that decodes encodes, without a bound, to one that decodes to the same options and fields; and its summary is text."
  ) { bytes in
    guard let message = try? Message.decode(bytes.span.bytes) else { return }
    try require(!message.summary.isEmpty, "no summary")
    let again: Message
    do throws(WireError) { again = try Message.decode(message.encoded(limit: 1 << 20).span.bytes) } catch {
      throw BrokenInvariant("\(error): \(message)")
    }
    let (one, other) = (sorted(message), sorted(again))
    try require(one == other, "\(one) became \(other)")
    for limit in [300, 548, 1_472] {
      let short = message.encoded(limit: limit)
      try require(short.count <= max(limit, 300), "\(short.count) octets for a limit of \(limit)")
      try require((try? Message.decode(short.span.bytes)) != nil, "a short form that does not decode")
    }
    for item in message.options.items { _ = OptionDefinition.numbered(item.code)?.describe(item.bytes) }
    _ = message.options[.clientFQDN].flatMap { ClientFQDN($0) }
    _ = message.options[.relayAgentInformation].flatMap { RelayInformation($0) }
  }

  /// The order of options says nothing.
  private static func sorted(_ message: Message) -> [String] {
    var fixed = message
    for item in message.options.items { fixed.options[item.code] = nil }
    return ["\(fixed)"] + message.options.items.map { "\($0.code) \($0.bytes)" }.sorted()
  }

  static let dhcpEngine = FuzzTarget(
    "dhcp-engine",
    "Whatever messages come, no address has two holders, and a bound one lies in the pool or is the client's reservation."
  ) { bytes in
    let policy = try dhcpPolicy()
    var engine = Engine(policy)
    var now: Int64 = 1_000_000
    // Messages one after the other, each behind its length: what an earlier one did, a later one meets.
    var rest = bytes[...]
    var holders: [IPAddress: ClientKey] = [:]
    while let high = rest.popFirst(), let low = rest.popFirst() {
      let part = Array(rest.prefix(Int(high) << 8 | Int(low)))
      rest = rest.dropFirst(part.count)
      guard let message = try? Message.decode(part.span.bytes) else { continue }
      let server = IPAddress(10, 0, 0, 1)
      let decision = engine.receive(
        message, Arrival(interfaceAddresses: [server], serverAddress: server), now: now)
      now += 7
      if let reply = decision.reply { try require(reply.encoded().count <= 548, "a long reply") }
      guard let change = decision.change else { continue }
      let lease = change.lease
      try require(policy.subnets[0].network.contains(lease.address), "\(lease.address) is outside of the subnet")
      if let holder = holders[lease.address], holder != lease.client, lease.state == .bound {
        try require(
          change.previous.map { !$0.isHeld(at: now - 7) } ?? true, "\(lease.address) was taken from \(holder)")
      }
      holders[lease.address] = lease.state == .bound ? lease.client : nil
    }
  }

  private static func dhcpPolicy() throws -> Policy {
    guard let network = IPNetwork("10.0.0.0/28"),
      let range = AddressRange(IPAddress(10, 0, 0, 4), IPAddress(10, 0, 0, 7))
    else { throw BrokenInvariant("no pool") }
    var policy = Policy()
    policy.subnets = [Policy.Subnet(network, pools: [Policy.Pool(range)])]
    var boot = BootEntry(server: IPAddress(10, 0, 0, 1), files: [0: "a", 7: "b"], file: "c")
    boot.script = "s"
    boot.httpURL = "http://10.0.0.1/x"
    policy.boot = boot
    policy.registersNames = true
    policy.nameDomain = "lab.test"
    policy.reservations = [
      Policy.Reservation("r", .hardwareAddress([2, 0, 0, 0, 0, 1]), address: IPAddress(10, 0, 0, 9))
    ]
    if let test = try? Expression("substring(option[60], 0, 3) == 'PXE' and not relay[1].exists") {
      policy.classes = [Policy.Class("pxe", test)]
    }
    return policy
  }
}
