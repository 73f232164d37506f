import WireKit

/// Bytes as hexadecimal digits.
public enum Hexadecimal {
  /// `0001fe`
  public static func text(_ bytes: some Sequence<UInt8>) -> String {
    var text = ""
    for byte in bytes { text += byte < 16 ? "0" + String(byte, radix: 16) : String(byte, radix: 16) }
    return text
  }

  /// The bytes of `0001fe`, `00:01:fe`, `00-01-fe` or `0x0001fe`.
  public static func bytes(_ text: String) -> [UInt8]? {
    var digits = Array((text.hasPrefix("0x") ? text.dropFirst(2) : text[...]).utf8)
    digits.removeAll { $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "-") }
    guard !digits.isEmpty, digits.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    for start in stride(from: 0, to: digits.count, by: 2) {
      let pair = digits[start..<start + 2]
      guard pair.allSatisfy({ $0 != UInt8(ascii: "+") && $0 < 0x80 }),
        let byte = UInt8(String(decoding: pair, as: UTF8.self), radix: 16)
      else { return nil }
      bytes.append(byte)
    }
    return bytes
  }

  /// Text with whatever is not printable ASCII as `?`.
  public static func printable(_ bytes: [UInt8]) -> String {
    String(decoding: bytes.map { (0x20..<0x7F).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
  }
}

/// Domain names in wire form.
public enum DomainNames {
  /// One name, uncompressed, with its root; `nil` when it is none.
  public static func encode(_ name: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    let trimmed = name.hasSuffix(".") ? name.dropLast() : name[...]
    for label in trimmed.split(separator: ".", omittingEmptySubsequences: false) {
      guard (1...63).contains(label.utf8.count) else { return nil }
      bytes.append(UInt8(label.utf8.count))
      bytes += label.utf8
    }
    bytes.append(0)
    return bytes.count <= 255 ? bytes : nil
  }

  /// All names of an option, compression within it undone (RFC 3397 §2); `nil` when they make no sense.
  public static func decode(_ bytes: [UInt8]) -> [String]? {
    var names: [String] = []
    var position = 0
    while position < bytes.count {
      guard let (name, next) = decode(bytes, at: position) else { return nil }
      names.append(name)
      position = next
    }
    return names
  }

  /// One name. Pointers lead backwards only, so it ends.
  private static func decode(_ bytes: [UInt8], at start: Int) -> (String, next: Int)? {
    var labels: [String] = []
    var position = start
    var lowest = start
    var next: Int?
    var length = 0
    while position < bytes.count {
      let first = bytes[position]
      if first == 0 { return (labels.joined(separator: "."), next ?? position + 1) }
      if first & 0xC0 == 0xC0 {
        guard position + 1 < bytes.count else { return nil }
        let target = Int(first & 0x3F) << 8 | Int(bytes[position + 1])
        guard target < lowest else { return nil }
        next = next ?? position + 2
        lowest = target
        position = target
        continue
      }
      let end = position + 1 + Int(first)
      length += Int(first) + 1
      guard first & 0xC0 == 0, end <= bytes.count, length <= 254 else { return nil }
      labels.append(Hexadecimal.printable(Array(bytes[position + 1..<end])))
      position = end
    }
    return nil
  }
}

/// A route of option 121 (RFC 3442).
public struct ClasslessRoute: Sendable, Hashable, CustomStringConvertible {
  public var network: IPNetwork
  public var router: IPAddress
  public var description: String { "\(network) via \(router)" }

  /// The routes of the option; `nil` when they are cut or no routes.
  public static func decode(_ bytes: [UInt8]) -> [ClasslessRoute]? {
    var routes: [ClasslessRoute] = []
    var rest = bytes[...]
    while let length = rest.popFirst() {
      let significant = (Int(length) + 7) / 8
      guard length <= 32, rest.count >= significant + 4 else { return nil }
      let octets = Array(rest.prefix(significant)) + [UInt8](repeating: 0, count: 4 - significant)
      guard let address = IPAddress(octets: octets),
        let network = IPNetwork(containing: address, prefixLength: Int(length)),
        let router = IPAddress(octets: rest.dropFirst(significant).prefix(4))
      else { return nil }
      routes.append(ClasslessRoute(network: network, router: router))
      rest = rest.dropFirst(significant + 4)
    }
    return routes
  }
}

/// Sub-options of 43, 82, 175 and their kind: code, length, bytes.
public struct SubOptions: Sendable, Hashable {
  public var items: [Options.Item] = []

  public init() {}

  /// `nil` when one does not end within the option.
  public init?(_ bytes: [UInt8]) {
    var rest = bytes[...]
    while let code = rest.popFirst() {
      // In 43 and its kind 0 pads and 255 ends (RFC 2132 §8.4); in 82 neither is assigned.
      if code == 0 { continue }
      if code == 255 { return }
      guard let length = rest.popFirst(), rest.count >= Int(length) else { return nil }
      items.append(Options.Item(code: code, bytes: Array(rest.prefix(Int(length)))))
      rest = rest.dropFirst(Int(length))
    }
  }

  public subscript(_ code: UInt8) -> [UInt8]? { items.first { $0.code == code }?.bytes }

  public mutating func append(_ code: UInt8, _ bytes: [UInt8]) {
    items.append(Options.Item(code: code, bytes: Array(bytes.prefix(255))))
  }

  public var encoded: [UInt8] { items.flatMap { [$0.code, UInt8(clamping: $0.bytes.count)] + $0.bytes } }
}

/// What a relay says of where the client is (option 82, RFC 3046).
public struct RelayInformation: Sendable, Hashable {
  public var subOptions: SubOptions

  public init?(_ bytes: [UInt8]) {
    guard let subOptions = SubOptions(bytes) else { return nil }
    self.subOptions = subOptions
  }

  /// The port or circuit.
  public var circuitID: [UInt8]? { subOptions[1] }
  public var remoteID: [UInt8]? { subOptions[2] }
  /// The subnet that is asked for, where it is not that of `giaddr` (RFC 3527).
  public var linkSelection: IPAddress? { address(5) }
  /// Who the server shall say it is (RFC 5107).
  public var serverIdentifierOverride: IPAddress? { address(11) }
  /// Whether the relay wants answers at the port that it sent from (RFC 8357).
  public var wantsSourcePort: Bool { subOptions[19] != nil }

  private func address(_ code: UInt8) -> IPAddress? {
    subOptions[code].flatMap { $0.count == 4 ? IPAddress(octets: $0) : nil }
  }
}

/// The client's name (option 81, RFC 4702).
public struct ClientFQDN: Sendable, Hashable {
  /// S: the server updates the address record.
  public var serverUpdates: Bool
  /// N: nobody shall update anything.
  public var noUpdates: Bool
  /// E: wire form; clients of old send text.
  public var isWireForm: Bool
  public var name: String

  public init?(_ bytes: [UInt8]) {
    guard bytes.count >= 3 else { return nil }
    serverUpdates = bytes[0] & 1 != 0
    isWireForm = bytes[0] & 4 != 0
    noUpdates = bytes[0] & 8 != 0
    let rest = Array(bytes.dropFirst(3))
    if isWireForm {
      // A partial name has no root label at its end.
      guard let names = DomainNames.decode(rest.last == 0 ? rest : rest + [0]) else { return nil }
      name = names.first ?? ""
    } else {
      name = Hexadecimal.printable(rest.last == 0 ? Array(rest.dropLast()) : rest)
    }
  }

  /// The server's answer: it will update (`serverUpdates`), whatever the client wished (`overrides`).
  public static func reply(to client: ClientFQDN, name: String, serverUpdates: Bool) -> [UInt8] {
    var flags: UInt8 = serverUpdates ? 1 : 8
    if serverUpdates != client.serverUpdates { flags |= 2 }
    if client.isWireForm { flags |= 4 }
    let wire = client.isWireForm ? DomainNames.encode(name) ?? [0] : Array(name.utf8)
    return [flags, 255, 255] + wire
  }
}
