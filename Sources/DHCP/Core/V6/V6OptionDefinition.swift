import WireKit

/// An option of DHCPv6 as IANA lists it: its number, its name in the configuration, and what its bytes are.
public struct V6OptionDefinition: Sendable, Hashable {
  public enum Kind: String, Sendable, Hashable {
    case uint8, uint16, uint32
    /// IPv6 addresses, one after the other.
    case addresses
    /// Domain names in wire form, without compression (RFC 8415 §10).
    case domains
    case text
    /// Texts, each behind its length in two octets (RFC 5970 §3.2).
    case texts
    /// Any bytes, written as hexadecimal digits.
    case binary
    /// Options within the option.
    case encapsulated
  }

  public let code: UInt16
  public let name: String
  public let kind: Kind

  init(_ code: UInt16, _ name: String, _ kind: Kind) {
    self.code = code
    self.name = name
    self.kind = kind
  }

  /// The option of this number; `nil` when the table has none.
  public static func numbered(_ code: UInt16) -> V6OptionDefinition? { all.first { $0.code == code } }

  /// The code and the bytes for an option as the configuration has it: by name, or `option-NUMBER` in hexadecimal digits.
  public static func encode(_ name: String, _ values: [String]) throws(OptionValueError) -> (UInt16, [UInt8]) {
    if let definition = all.first(where: { $0.name == name }) {
      return (definition.code, try definition.encode(values))
    }
    guard name.hasPrefix("option-"), let code = UInt16(name.dropFirst(7)),
      let bytes = Hexadecimal.bytes(values.joined())
    else {
      throw OptionValueError("there is no option '\(name)' of DHCPv6; by number: option-NUMBER = [\"HEXADECIMAL\"]")
    }
    guard !reserved.contains(code) else { throw OptionValueError("option \(code) is the protocol's own") }
    return (code, bytes)
  }

  /// What client, server and relays tell each other; nobody's to configure (RFC 8415 §21).
  private static let reserved: Set<UInt16> = [0, 1, 2, 3, 4, 5, 6, 8, 9, 11, 13, 14, 18, 19, 20, 25, 26]

  private func encode(_ values: [String]) throws(OptionValueError) -> [UInt8] {
    guard !values.isEmpty else { throw OptionValueError("\(name) needs a value") }
    let isList = kind == .addresses || kind == .domains || kind == .texts
    guard isList || values.count == 1 else { throw OptionValueError("\(name) takes one value, not \(values.count)") }
    var bytes: [UInt8] = []
    for value in values { try encode(value, into: &bytes) }
    return bytes
  }

  private func encode(_ value: String, into bytes: inout [UInt8]) throws(OptionValueError) {
    switch kind {
    case .uint8: bytes.append(try number(value, UInt8.self))
    case .uint16: bytes.appendInteger(try number(value, UInt16.self))
    case .uint32: bytes.appendInteger(try number(value, UInt32.self))
    case .addresses:
      guard let address = IPAddress(value), address.family == .v6 else { throw wrong(value, "an IPv6 address") }
      bytes += address.octets
    case .domains:
      guard let name = DomainNames.encode(value) else { throw wrong(value, "a domain name") }
      bytes += name
    case .text:
      guard !value.isEmpty, value.utf8.count <= 1_024 else { throw wrong(value, "1 to 1024 octets of text") }
      bytes += value.utf8
    case .texts:
      guard value.utf8.count <= 1_024 else { throw wrong(value, "1024 octets of text at most") }
      bytes.appendInteger(UInt16(clamping: value.utf8.count))
      bytes += value.utf8
    case .binary, .encapsulated:
      guard let digits = Hexadecimal.bytes(value) else { throw wrong(value, "hexadecimal digits") }
      bytes += digits
    }
  }

  private func number<Value: FixedWidthInteger>(
    _ text: String, _ type: Value.Type
  ) throws(OptionValueError) -> Value {
    guard let value = Value(text) else { throw wrong(text, "a number \(Value.min)...\(Value.max)") }
    return value
  }

  private func wrong(_ value: String, _ expected: String) -> OptionValueError {
    OptionValueError("\(name): \(value) is not \(expected)")
  }

  /// The bytes in words, for `portside watch`. Never fails: what does not fit its kind is shown as hexadecimal digits.
  public func describe(_ bytes: [UInt8]) -> String {
    let words: String?
    switch kind {
    case .uint8, .uint16, .uint32:
      words = bytes.count <= 4 && !bytes.isEmpty ? String(bytes.reduce(0) { $0 << 8 | UInt64($1) }) : nil
    case .addresses:
      words =
        bytes.count % 16 == 0
        ? stride(from: 0, to: bytes.count, by: 16).compactMap {
          IPAddress(octets: bytes[$0..<$0 + 16])?.description
        }.joined(separator: ", ") : nil
    case .domains: words = DomainNames.decode(bytes)?.joined(separator: ", ")
    case .text: words = Hexadecimal.printable(bytes)
    case .texts, .binary, .encapsulated: words = nil
    }
    return words ?? Hexadecimal.text(bytes)
  }

  public static let all: [V6OptionDefinition] = [
    V6OptionDefinition(7, "preference", .uint8),
    V6OptionDefinition(12, "unicast", .addresses),
    V6OptionDefinition(15, "user-class", .binary),
    V6OptionDefinition(16, "vendor-class", .binary),
    V6OptionDefinition(17, "vendor-opts", .binary),
    V6OptionDefinition(21, "sip-server-dns", .domains),
    V6OptionDefinition(22, "sip-server-addr", .addresses),
    V6OptionDefinition(23, "dns-servers", .addresses),
    V6OptionDefinition(24, "domain-search", .domains),
    V6OptionDefinition(27, "nis-servers", .addresses),
    V6OptionDefinition(28, "nisp-servers", .addresses),
    V6OptionDefinition(29, "nis-domain-name", .domains),
    V6OptionDefinition(30, "nisp-domain-name", .domains),
    V6OptionDefinition(31, "sntp-servers", .addresses),
    V6OptionDefinition(32, "information-refresh-time", .uint32),
    V6OptionDefinition(33, "bcmcs-server-dns", .domains),
    V6OptionDefinition(34, "bcmcs-server-addr", .addresses),
    V6OptionDefinition(36, "geoconf-civic", .binary),
    V6OptionDefinition(37, "remote-id", .binary),
    V6OptionDefinition(38, "subscriber-id", .binary),
    V6OptionDefinition(39, "client-fqdn", .binary),
    V6OptionDefinition(40, "pana-agent", .addresses),
    V6OptionDefinition(41, "new-posix-timezone", .text),
    V6OptionDefinition(42, "new-tzdb-timezone", .text),
    V6OptionDefinition(51, "v6-lost", .domains),
    V6OptionDefinition(52, "capwap-ac-v6", .addresses),
    V6OptionDefinition(54, "ipv6-address-mos", .encapsulated),
    V6OptionDefinition(55, "ipv6-fqdn-mos", .encapsulated),
    V6OptionDefinition(56, "ntp-server", .encapsulated),
    V6OptionDefinition(57, "v6-access-domain", .domains),
    V6OptionDefinition(58, "sip-ua-cs-list", .domains),
    V6OptionDefinition(59, "bootfile-url", .text),
    V6OptionDefinition(60, "bootfile-param", .texts),
    V6OptionDefinition(61, "client-arch-type", .binary),
    V6OptionDefinition(62, "nii", .binary),
    V6OptionDefinition(64, "aftr-name", .domains),
    V6OptionDefinition(65, "erp-local-domain-name", .domains),
    V6OptionDefinition(66, "rsoo", .encapsulated),
    V6OptionDefinition(74, "rdnss-selection", .binary),
    V6OptionDefinition(79, "client-linklayer-addr", .binary),
    V6OptionDefinition(82, "solmax-rt", .uint32),
    V6OptionDefinition(83, "inf-max-rt", .uint32),
    V6OptionDefinition(86, "pcp-server", .addresses),
    V6OptionDefinition(88, "dhcp4o6-server-addr", .addresses),
    V6OptionDefinition(94, "s46-cont-mape", .encapsulated),
    V6OptionDefinition(95, "s46-cont-mapt", .encapsulated),
    V6OptionDefinition(96, "s46-cont-lw", .encapsulated),
    V6OptionDefinition(103, "v6-captive-portal", .text),
    V6OptionDefinition(112, "mud-url", .text),
    V6OptionDefinition(136, "v6-sztp-redirect", .binary),
    V6OptionDefinition(141, "v6-dots-ri", .domains),
    V6OptionDefinition(142, "v6-dots-address", .addresses),
    V6OptionDefinition(144, "v6-dnr", .binary),
  ]
}
