import WireKit

/// An option as IANA lists it: its number, its name in the configuration, and what its bytes are.
public struct OptionDefinition: Sendable, Hashable {
  public enum Kind: String, Sendable, Hashable {
    /// No bytes at all: being there is what it says (80, 116 has a byte).
    case flag
    case bool, uint8, uint16, uint32, int32
    /// An IPv4 address.
    case address
    /// Two addresses: an address and a mask, or a destination and a router.
    case addressPair
    /// Text as it is.
    case text
    /// Any bytes, written as hexadecimal digits.
    case binary
    /// A domain name in wire form, without compression.
    case domainName
    /// Domain names in wire form, compressed (RFC 3397).
    case domainSearch
    /// `network/length via router` (RFC 3442).
    case routes
    /// Sub-options: code, length, bytes; written as hexadecimal digits.
    case encapsulated
  }

  public let code: UInt8
  public let name: String
  public let kind: Kind
  /// Whether it holds as many values as one likes.
  public let isArray: Bool

  init(_ code: UInt8, _ name: String, _ kind: Kind, array: Bool = false) {
    self.code = code
    self.name = name
    self.kind = kind
    isArray = array
  }

  /// The option of this name; `nil` when the table has none.
  public static func named(_ name: String) -> OptionDefinition? { OptionTable.all.first { $0.name == name } }

  /// The option of this number.
  public static func numbered(_ code: UInt8) -> OptionDefinition? { OptionTable.all.first { $0.code == code } }
}

/// Why a configured option value cannot be sent, for whoever wrote it.
public struct OptionValueError: Error, Sendable, Hashable, CustomStringConvertible {
  public let description: String
  init(_ description: String) { self.description = description }
}

extension OptionDefinition {
  /// The bytes for values as the configuration has them: `["192.0.2.1", "192.0.2.2"]` for `domain-name-servers`.
  public func encode(_ values: [String]) throws(OptionValueError) -> [UInt8] {
    if kind == .flag {
      guard values.isEmpty else { throw OptionValueError("\(name) takes no value") }
      return []
    }
    guard isArray || values.count == 1 else { throw OptionValueError("\(name) takes one value, not \(values.count)") }
    guard !values.isEmpty else { throw OptionValueError("\(name) needs a value") }
    var bytes: [UInt8] = []
    for value in values { bytes += try encode(value) }
    return bytes
  }

  private func encode(_ value: String) throws(OptionValueError) -> [UInt8] {
    switch kind {
    case .flag: return []
    case .bool:
      guard let number = ["true": 1, "false": 0][value] as UInt8? else { throw wrong(value, "true or false") }
      return [number]
    case .uint8: return try number(value, UInt8.self)
    case .uint16: return try number(value, UInt16.self)
    case .uint32: return try number(value, UInt32.self)
    case .int32: return try number(value, Int32.self)
    case .address: return try address(value)
    case .addressPair:
      let parts = value.split(separator: " ")
      guard parts.count == 2 else { throw wrong(value, "two addresses with a space between") }
      return try address(String(parts[0])) + address(String(parts[1]))
    case .text:
      guard !value.isEmpty, value.utf8.count <= 1_024 else { throw wrong(value, "1 to 1024 octets of text") }
      return Array(value.utf8)
    case .binary, .encapsulated:
      guard let bytes = Hexadecimal.bytes(value) else { throw wrong(value, "hexadecimal digits") }
      return bytes
    case .domainName, .domainSearch:
      guard let bytes = DomainNames.encode(value) else { throw wrong(value, "a domain name") }
      return bytes
    case .routes: return try route(value)
    }
  }

  private func number<Value: FixedWidthInteger>(_ text: String, _ type: Value.Type) throws(OptionValueError) -> [UInt8]
  {
    guard let value = Value(text) else { throw wrong(text, "a number \(Value.min)...\(Value.max)") }
    var bytes: [UInt8] = []
    bytes.appendInteger(value)
    return bytes
  }

  private func address(_ text: String) throws(OptionValueError) -> [UInt8] {
    guard let address = IPAddress(text), address.family == .v4 else { throw wrong(text, "an IPv4 address") }
    return address.octets
  }

  /// The prefix length, the octets of the network that count, the router (RFC 3442).
  private func route(_ text: String) throws(OptionValueError) -> [UInt8] {
    let parts = text.split(separator: " ")
    guard parts.count == 3, parts[1] == "via", let network = IPNetwork(String(parts[0])), network.address.family == .v4
    else { throw wrong(text, "`network/length via router`") }
    let significant = (network.prefixLength + 7) / 8
    return try [UInt8(clamping: network.prefixLength)] + network.address.octets.prefix(significant)
      + address(String(parts[2]))
  }

  private func wrong(_ value: String, _ expected: String) -> OptionValueError {
    OptionValueError("\(name): \(value) is not \(expected)")
  }

  /// The bytes in words, for `portside watch`. Never fails: what does not fit its type is shown as hexadecimal digits.
  public func describe(_ bytes: [UInt8]) -> String {
    let parts: [String]?
    switch kind {
    case .flag: parts = bytes.isEmpty ? [""] : nil
    case .bool: parts = bytes.count == 1 ? [bytes[0] == 0 ? "false" : "true"] : nil
    case .uint8: parts = bytes.map(String.init)
    case .uint16: parts = numbers(bytes, UInt16.self)
    case .uint32: parts = numbers(bytes, UInt32.self)
    case .int32: parts = numbers(bytes, UInt32.self)?.compactMap { UInt32($0).map { String(Int32(bitPattern: $0)) } }
    case .address: parts = addresses(bytes)
    case .addressPair: parts = addresses(bytes)
    case .text: parts = [Hexadecimal.printable(bytes)]
    case .domainName, .domainSearch: parts = DomainNames.decode(bytes)
    case .routes: parts = ClasslessRoute.decode(bytes)?.map(\.description)
    case .binary, .encapsulated: parts = nil
    }
    return parts?.joined(separator: ", ") ?? Hexadecimal.text(bytes)
  }

  private func numbers<Value: FixedWidthInteger>(_ bytes: [UInt8], _ type: Value.Type) -> [String]? {
    let size = Value.bitWidth / 8
    guard bytes.count % size == 0 else { return nil }
    return stride(from: 0, to: bytes.count, by: size).map { start in
      String(bytes[start..<start + size].reduce(0) { $0 << 8 | Value(truncatingIfNeeded: $1) })
    }
  }

  private func addresses(_ bytes: [UInt8]) -> [String]? {
    guard bytes.count % 4 == 0 else { return nil }
    return stride(from: 0, to: bytes.count, by: 4).compactMap { IPAddress(octets: bytes[$0..<$0 + 4])?.description }
  }
}
