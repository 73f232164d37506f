import WireKit

/// A DHCPv6 message between client and server (RFC 8415 §8), taken out of the relays that passed it on.
public struct V6Message: Sendable, Hashable {
  /// RFC 8415 §7.3.
  public enum Kind: UInt8, Sendable, Hashable {
    case solicit = 1
    case advertise = 2
    case request = 3
    case confirm = 4
    case renew = 5
    case rebind = 6
    case reply = 7
    case release = 8
    case decline = 9
    case reconfigure = 10
    case informationRequest = 11
  }

  public var kind: Kind
  /// The client's number, 24 bits.
  public var transaction: UInt32
  public var options: V6Options
  /// The relays on its way, the one nearest to the client last.
  public var relays: [V6Relay] = []

  public init(_ kind: Kind, transaction: UInt32, options: V6Options = V6Options()) {
    self.kind = kind
    self.transaction = transaction
    self.options = options
  }

  /// The message in words.
  public var summary: String {
    var parts = ["\(kind)"]
    if let client = options[.clientIdentifier] { parts.append("from \(Hexadecimal.text(client))") }
    for relay in relays { parts.append("relay \(relay.link) for \(relay.peer)") }
    for item in options.items where item.code != V6OptionCode.clientIdentifier.rawValue {
      parts.append(Self.describe(item))
    }
    return parts.joined(separator: "; ")
  }

  private static func describe(_ item: V6Options.Item) -> String {
    if let definition = V6OptionDefinition.numbered(item.code) {
      return "\(definition.name) \(definition.describe(item.bytes))"
    }
    let bytes = item.bytes
    switch V6OptionCode(rawValue: item.code) {
    case .addresses where bytes.count >= 12, .delegations where bytes.count >= 12:
      let inner = V6Options(bytes[12...])?.items.map(describe).joined(separator: ", ") ?? Hexadecimal.text(bytes[12...])
      return "\(item.code == 3 ? "addresses" : "prefixes") of association \(Hexadecimal.text(bytes[..<4])): \(inner)"
    case .address where bytes.count >= 24:
      return IPAddress(octets: bytes[..<16])?.description ?? Hexadecimal.text(bytes)
    case .prefix where bytes.count >= 25:
      return (IPAddress(octets: bytes[9..<25])?.description ?? "") + "/\(bytes[8])"
    case .status where bytes.count >= 2:
      return "status \(UInt16(bytes[0]) << 8 | UInt16(bytes[1])) \(Hexadecimal.printable(Array(bytes[2...])))"
    case .requested where bytes.count % 2 == 0:
      let names = stride(from: 0, to: bytes.count, by: 2).map { start in
        let code = UInt16(bytes[start]) << 8 | UInt16(bytes[start + 1])
        return V6OptionDefinition.numbered(code)?.name ?? "\(code)"
      }
      return "asks for \(names.joined(separator: ", "))"
    case let code?: return "\(code) \(Hexadecimal.text(bytes))"
    case nil: return "option \(item.code) \(Hexadecimal.text(bytes))"
    }
  }
}

/// A relay on a message's way (RFC 8415 §9).
public struct V6Relay: Sendable, Hashable {
  public var hops: UInt8
  /// An address of the client's link; unspecified when the relay leaves that to the interface's name.
  public var link: IPAddress
  /// Whom the relay has it from.
  public var peer: IPAddress
  /// The relay's name for the interface, which goes back as it came (§21.18).
  public var interface: [UInt8]?
  /// Whether it wants answers at the port that it sent from (RFC 8357).
  public var wantsSourcePort = false
}

/// Options in order. A code may come several times, as the identity associations do.
public struct V6Options: Sendable, Hashable {
  public struct Item: Sendable, Hashable {
    public var code: UInt16
    public var bytes: [UInt8]
  }

  public private(set) var items: [Item] = []

  public init() {}

  /// The first of a code.
  public subscript(_ code: V6OptionCode) -> [UInt8]? { items.first { $0.code == code.rawValue }?.bytes }

  /// All of a code.
  public func all(_ code: V6OptionCode) -> [[UInt8]] { items.filter { $0.code == code.rawValue }.map(\.bytes) }

  public mutating func append(_ code: V6OptionCode, _ bytes: [UInt8]) { append(code.rawValue, bytes) }
  public mutating func append(_ code: UInt16, _ bytes: [UInt8]) { items.append(Item(code: code, bytes: bytes)) }
}

/// The options that the server itself knows.
public enum V6OptionCode: UInt16, Sendable, Hashable {
  case clientIdentifier = 1
  case serverIdentifier = 2
  case addresses = 3
  case address = 5
  case requested = 6
  case relayed = 9
  case status = 13
  case rapidCommit = 14
  case userClass = 15
  case interface = 18
  case resolvers = 23
  case domains = 24
  case delegations = 25
  case prefix = 26
  case name = 39
  case timeServers = 56
  case relayPort = 135
  case bootFile = 59
}
