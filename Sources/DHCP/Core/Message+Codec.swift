import WireKit

extension Message {
  /// The fixed part and the cookie.
  static let headerLength = 240
  static let cookie: UInt32 = 0x6382_5363
  private static let pad: UInt8 = 0
  private static let end: UInt8 = 255

  /// Reads a datagram. Options that do not end within their field are `.truncated`; the whole message is refused then, as
  /// nobody can say what the rest of it means.
  public static func decode(_ bytes: RawSpan) throws(WireError) -> Message {
    var reader = WireReader(bytes)
    guard let operation = Operation(rawValue: try reader.readUInt8("op")) else { throw WireError(.unsupported, "op") }
    var message = Message(operation)
    message.hardwareType = try reader.readUInt8("htype")
    let hardwareLength = try Unverified(reader.readUInt8("hlen")).verified(atMost: 16, "hlen", at: 2)
    message.hops = try reader.readUInt8("hops")
    message.transaction = try reader.readUInt32("xid")
    message.seconds = try reader.readUInt16("secs")
    message.flags = try reader.readUInt16("flags")
    message.clientAddress = IPAddress(v4: try reader.readUInt32("ciaddr"))
    message.yourAddress = IPAddress(v4: try reader.readUInt32("yiaddr"))
    message.nextServer = IPAddress(v4: try reader.readUInt32("siaddr"))
    message.relayAddress = IPAddress(v4: try reader.readUInt32("giaddr"))
    message.hardwareAddress = Array(try reader.readBytes(16, "chaddr").prefix(hardwareLength))
    let serverName = try reader.readSpan(64, "sname")
    let bootFile = try reader.readSpan(128, "file")
    guard try reader.readUInt32("cookie") == cookie else { throw WireError(.malformed, "cookie", at: 236) }
    try decodeOptions(reader.readSpan(reader.remaining, "options"), into: &message.options)
    let overload = message.options[.overload].flatMap { $0.count == 1 ? $0[0] : nil } ?? 0
    if overload & 1 != 0 {
      try decodeOptions(bootFile, into: &message.options)
    } else {
      message.bootFile = text(bootFile)
    }
    if overload & 2 != 0 {
      try decodeOptions(serverName, into: &message.options)
    } else {
      message.serverName = text(serverName)
    }
    // It describes this packet, not what it says.
    message.options[.overload] = nil
    return message
  }

  /// Up to the end mark; what follows it in the field is nothing (RFC 2131 §4.1).
  private static func decodeOptions(_ field: RawSpan, into options: inout Options) throws(WireError) {
    var reader = WireReader(field)
    while !reader.isAtEnd {
      let code = try reader.readUInt8("option code")
      if code == pad { continue }
      if code == end { return }
      let length = Int(try reader.readUInt8("option length"))
      options.append(try reader.readBytes(length, "option"), to: code)
    }
  }

  private static func text(_ field: RawSpan) -> [UInt8] { Array(field.copied().prefix { $0 != 0 }) }

  /// The datagram, at least 300 octets (what BOOTP relays expect, RFC 1542 §2.1).
  ///
  /// Options that do not fit go into `file` and `sname` where those are empty (RFC 2131 §4.1, option 52), and what does not fit
  /// even there is left out, last first; the message type, the server's name, the lease times and the relay's own
  /// information come first.
  /// - Parameter limit: The largest datagram, in octets: 576 less the IP and UDP headers, or what the client said.
  public func encoded(limit: Int = 548) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(limit)
    bytes.append(operation.rawValue)
    bytes.append(hardwareType)
    bytes.append(UInt8(clamping: hardwareAddress.count))
    bytes.append(hops)
    bytes.appendInteger(transaction)
    bytes.appendInteger(seconds)
    bytes.appendInteger(flags)
    for address in [clientAddress, yourAddress, nextServer, relayAddress] { bytes.appendInteger(address.v4Number ?? 0) }
    bytes.append(contentsOf: Self.field(hardwareAddress, 16))
    let plan = planOptions(room: max(limit, 300) - Self.headerLength)
    bytes.append(contentsOf: Self.field(plan.overload & 2 != 0 ? plan.serverName : serverName, 64))
    bytes.append(contentsOf: Self.field(plan.overload & 1 != 0 ? plan.bootFile : bootFile, 128))
    bytes.appendInteger(Self.cookie)
    bytes.append(contentsOf: plan.options)
    if bytes.count < 300 { bytes.append(contentsOf: repeatElement(0, count: 300 - bytes.count)) }
    return bytes
  }

  private static func field(_ content: [UInt8], _ size: Int) -> [UInt8] {
    let content = content.prefix(size)
    return content + [UInt8](repeating: 0, count: size - content.count)
  }

  private struct Plan {
    var options: [UInt8] = []
    var bootFile: [UInt8] = []
    var serverName: [UInt8] = []
    var overload: UInt8 = 0
  }

  /// Where everything fits, which is the usual case: written in one go. `nil` where it does not.
  private func plainOptions(room: Int) -> Plan? {
    var size = 1
    for item in options.items where item.code != 0 && item.code != 255 {
      size += item.bytes.count + 2 * max(1, (item.bytes.count + 254) / 255)
    }
    // Above this `ordered` puts option 82 to the front.
    guard size <= min(room, 308) else { return nil }
    var plan = Plan()
    plan.options.reserveCapacity(size)
    for code in Self.head {
      if let item = options.items.first(where: { $0.code == code.rawValue }) { Self.append(item, to: &plan.options) }
    }
    for item in options.items where item.code != 0 && item.code != 255 {
      if item.code == OptionCode.relayAgentInformation.rawValue
        || Self.head.contains(where: { $0.rawValue == item.code })
      {
        continue
      }
      Self.append(item, to: &plan.options)
    }
    if let relay = options.items.first(where: { $0.code == OptionCode.relayAgentInformation.rawValue }) {
      Self.append(relay, to: &plan.options)
    }
    plan.options.append(Self.end)
    return plan
  }

  /// What no reply works without.
  private static let head: [OptionCode] = [
    .messageType, .serverIdentifier, .leaseTime, .subnetMask, .renewalTime, .rebindingTime,
  ]

  private static func append(_ item: Options.Item, to bytes: inout [UInt8]) {
    if item.bytes.count > 255 { return bytes.append(contentsOf: wire(item)) }
    bytes.append(item.code)
    bytes.append(UInt8(clamping: item.bytes.count))
    bytes.append(contentsOf: item.bytes)
  }

  private func planOptions(room: Int) -> Plan {
    if let plain = plainOptions(room: room) { return plain }
    let wire = ordered.map { item in (item: item, bytes: Self.wire(item)) }
    var plan = Plan()
    // Everything fits: the usual case.
    if wire.reduce(1, { $0 + $1.bytes.count }) <= room {
      for part in wire { plan.options += part.bytes }
      plan.options.append(Self.end)
      return plan
    }
    // Three octets for the overload option itself and one for the end mark.
    var fileRoom = bootFile.isEmpty ? 127 : 0
    var nameRoom = serverName.isEmpty ? 63 : 0
    var mainRoom = room - 4
    for part in wire {
      let size = part.bytes.count
      if size <= mainRoom {
        mainRoom -= size
        plan.options += part.bytes
      } else if size <= fileRoom, part.item.bytes.count <= 255 {
        fileRoom -= size
        plan.bootFile += part.bytes
        plan.overload |= 1
      } else if size <= nameRoom, part.item.bytes.count <= 255 {
        nameRoom -= size
        plan.serverName += part.bytes
        plan.overload |= 2
      }
    }
    if plan.overload & 1 != 0 { plan.bootFile.append(Self.end) }
    if plan.overload & 2 != 0 { plan.serverName.append(Self.end) }
    if plan.overload != 0 { plan.options += [OptionCode.overload.rawValue, 1, plan.overload] }
    plan.options.append(Self.end)
    return plan
  }

  /// First what no reply works without, last the relay's information, which relays look for at the end (RFC 3046 §2.1).
  private var ordered: [Options.Item] {
    let first: [OptionCode] = [
      .messageType, .serverIdentifier, .leaseTime, .relayAgentInformation, .subnetMask, .renewalTime, .rebindingTime,
    ]
    var head = first.compactMap { code in options.items.first { $0.code == code.rawValue } }
    let codes = Set(head.map(\.code))
    head += options.items.filter { !codes.contains($0.code) && $0.code != 0 && $0.code != 255 }
    let total = head.reduce(1) { $0 + Self.wire($1).count }
    // Where everything fits, 82 can stand at its proper place without being in danger.
    if total <= 308, let index = head.firstIndex(where: { $0.code == OptionCode.relayAgentInformation.rawValue }) {
      head.append(head.remove(at: index))
    }
    return head
  }

  /// An option as it travels: in parts of up to 255 octets (RFC 3396).
  private static func wire(_ item: Options.Item) -> [UInt8] {
    guard item.bytes.count > 255 else { return [item.code, UInt8(clamping: item.bytes.count)] + item.bytes }
    var bytes: [UInt8] = []
    var rest = item.bytes[...]
    while !rest.isEmpty {
      let part = rest.prefix(255)
      bytes += [item.code, UInt8(clamping: part.count)] + part
      rest = rest.dropFirst(255)
    }
    return bytes
  }
}
