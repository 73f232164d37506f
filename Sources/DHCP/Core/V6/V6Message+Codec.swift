import WireKit

extension V6Message {
  /// Relays that a message may have passed (RFC 8415 §7.6, HOP_COUNT_LIMIT).
  static let maximumRelays = 8
  private static let relayForward: UInt8 = 12
  private static let relayReply: UInt8 = 13

  /// Reads a datagram. Options that do not end within it are `.truncated`: the whole message is refused.
  public static func decode(_ bytes: RawSpan) throws(WireError) -> V6Message {
    var relays: [V6Relay] = []
    var inner = bytes.copied()
    while inner.first == relayForward {
      guard relays.count < maximumRelays else { throw WireError(.tooLong, "relays") }
      var reader = WireReader(inner.span.bytes)
      _ = try reader.readUInt8("type")
      let hops = try reader.readUInt8("hop count")
      let link = IPAddress(v6: try reader.readInteger("link address", as: UInt128.self))
      let peer = IPAddress(v6: try reader.readInteger("peer address", as: UInt128.self))
      let options = try V6Options(from: &reader)
      let wantsPort = options[.relayPort] != nil
      relays.append(
        V6Relay(hops: hops, link: link, peer: peer, interface: options[.interface], wantsSourcePort: wantsPort))
      guard let next = options[.relayed] else { throw WireError(.malformed, "relayed message") }
      inner = next
    }
    var reader = WireReader(inner.span.bytes)
    guard let kind = Kind(rawValue: try reader.readUInt8("type")) else { throw WireError(.unsupported, "type") }
    let high = UInt32(try reader.readUInt8("transaction"))
    let low = UInt32(try reader.readUInt16("transaction"))
    var message = V6Message(kind, transaction: high << 16 | low, options: try V6Options(from: &reader))
    message.relays = relays
    return message
  }

  /// What a relay that asks for itself sends (RFC 8415 §9): the message in a relay-forward, from any port (RFC 8357).
  public func forwarded(link: IPAddress, peer: IPAddress) -> [UInt8] {
    var options = V6Options()
    options.append(.relayPort, [0, 0])
    options.append(.relayed, encoded)
    return [Self.relayForward, 0] + link.octets + peer.octets + options.encoded
  }

  /// Reads an answer, taken out of the relay-reply that it may be in.
  public static func decodeAnswer(_ bytes: [UInt8]) throws(WireError) -> V6Message {
    guard bytes.first == relayReply else { return try decode(bytes.span.bytes) }
    guard bytes.count > 34, let inner = V6Options(bytes[34...])?[.relayed] else {
      throw WireError(.malformed, "relay-reply")
    }
    return try decode(inner.span.bytes)
  }

  /// The datagram; a reply to a relayed message in as many relay-replies.
  public var encoded: [UInt8] {
    var bytes = [kind.rawValue, UInt8(truncatingIfNeeded: transaction >> 16)]
    bytes.appendInteger(UInt16(truncatingIfNeeded: transaction))
    bytes += options.encoded
    for relay in relays.reversed() {
      var outer = [Self.relayReply, relay.hops] + relay.link.octets + relay.peer.octets
      var options = V6Options()
      if let interface = relay.interface { options.append(.interface, interface) }
      // RFC 8357 §5.3: the option goes back, for the next relay to see.
      if relay.wantsSourcePort { options.append(.relayPort, [0, 0]) }
      options.append(.relayed, bytes)
      outer += options.encoded
      bytes = outer
    }
    return bytes
  }
}

extension V6Options {
  /// Reads options up to the end.
  init(from reader: inout WireReader) throws(WireError) {
    self.init()
    while !reader.isAtEnd {
      let code = try reader.readUInt16("option code")
      let length = Int(try reader.readUInt16("option length"))
      append(code, try reader.readBytes(length, "option"))
    }
  }

  /// The options within an option; `nil` when one does not end within it.
  init?(_ bytes: ArraySlice<UInt8>) {
    let content = Array(bytes)
    var reader = WireReader(content.span.bytes)
    guard let options = try? V6Options(from: &reader) else { return nil }
    self = options
  }

  public var encoded: [UInt8] {
    var bytes: [UInt8] = []
    for item in items {
      guard let length = UInt16(exactly: item.bytes.count) else { continue }
      bytes.appendInteger(item.code)
      bytes.appendInteger(length)
      bytes += item.bytes
    }
    return bytes
  }
}

/// What a client wants for one of its identity associations (RFC 8415 §21.4, §21.21).
struct V6Association {
  /// A lone address, or a prefix for a network behind the client.
  enum Kind: UInt8 {
    case address = 1
    case prefix = 2
  }

  var kind: Kind
  var identifier: UInt32
  /// What it names: what it has, or would like.
  var wanted: [IPAddress]

  /// Those of a message, 16 at most; those that make no sense are left out.
  static func all(_ options: V6Options) -> [V6Association] {
    let found = options.items.compactMap { item -> V6Association? in
      switch V6OptionCode(rawValue: item.code) {
      case .addresses: V6Association(.address, item.bytes)
      case .delegations: V6Association(.prefix, item.bytes)
      default: nil
      }
    }
    return Array(found.prefix(16))
  }

  private init?(_ kind: Kind, _ bytes: [UInt8]) {
    guard bytes.count >= 12, let options = V6Options(bytes[12...]) else { return nil }
    self.kind = kind
    identifier = bytes[..<4].reduce(0) { $0 << 8 | UInt32($1) }
    wanted = options.all(kind == .address ? .address : .prefix).prefix(16).compactMap { part in
      // A prefix stands behind two lifetimes and its length, an address at the front.
      kind == .address
        ? (part.count >= 24 ? IPAddress(octets: part[..<16]) : nil)
        : (part.count >= 25 ? IPAddress(octets: part[9..<25]) : nil)
    }
  }
}
