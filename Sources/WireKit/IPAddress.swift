/// An IPv4 or IPv6 address.
public struct IPAddress: Hashable, Comparable, Sendable {
  public enum Family: UInt8, Hashable, Comparable, Sendable {
    case v4 = 4
    case v6 = 6
    public static func < (left: Family, right: Family) -> Bool { left.rawValue < right.rawValue }
    /// Bits of an address: 32 or 128.
    public var bitWidth: Int { self == .v4 ? 32 : 128 }
  }

  public let family: Family
  // Two halves, not one `UInt128`: Swift 6.3 without optimisation corrupts the stack where an async function gets a
  // 16-byte aligned value among more parameters than there are registers.
  private let high: UInt64
  private let low: UInt64

  /// The address as a number; an IPv4 address stands in the low 32 bits.
  public var bits: UInt128 { UInt128(high) << 64 | UInt128(low) }

  /// An IPv4 address from its number, first octet highest.
  public init(v4 number: UInt32) {
    family = .v4
    high = 0
    low = UInt64(number)
  }

  public init(v6 number: UInt128) {
    family = .v6
    high = UInt64(truncatingIfNeeded: number >> 64)
    low = UInt64(truncatingIfNeeded: number)
  }

  public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
    self.init(v4: UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d))
  }

  /// From 4 or 16 octets in network order; `nil` for any other count.
  public init?(octets: some Collection<UInt8>) {
    switch octets.count {
    case 4: self.init(v4: octets.reduce(0) { $0 << 8 | UInt32($1) })
    case 16: self.init(v6: octets.reduce(0) { $0 << 8 | UInt128($1) })
    default: return nil
    }
  }

  /// The 4 or 16 octets in network order.
  public var octets: [UInt8] {
    let count = family.bitWidth / 8
    return (0..<count).map { UInt8(truncatingIfNeeded: bits >> UInt128((count - 1 - $0) * 8)) }
  }

  /// The IPv4 number, when it is an IPv4 address.
  public var v4Number: UInt32? { family == .v4 ? UInt32(truncatingIfNeeded: bits) : nil }

  /// `127.0.0.0/8` or `::1`.
  public var isLoopback: Bool {
    family == .v4 ? bits >> 24 == 127 : bits == 1 || unmapped.family == .v4 && unmapped.isLoopback
  }

  /// `0.0.0.0` or `::`.
  public var isUnspecified: Bool { bits == 0 }

  /// `224.0.0.0/4` or `ff00::/8`.
  public var isMulticast: Bool { family == .v4 ? bits >> 28 == 0xE : bits >> 120 == 0xFF }

  /// `169.254.0.0/16` or `fe80::/10`.
  public var isLinkLocal: Bool { family == .v4 ? bits >> 16 == 0xA9FE : bits >> 118 == 0x3FA }

  /// An IPv4-mapped IPv6 address (`::ffff:0:0/96`, RFC 4291 §2.5.5.2) as the IPv4 address that it means; others as they
  /// are. Networks and penalties compare this form.
  public var unmapped: IPAddress {
    family == .v6 && bits >> 32 == 0xFFFF ? IPAddress(v4: UInt32(truncatingIfNeeded: bits)) : self
  }

  public static func < (left: IPAddress, right: IPAddress) -> Bool {
    (left.family, left.bits) < (right.family, right.bits)
  }
}

extension IPAddress: LosslessStringConvertible {
  /// Dotted decimal, or hexadecimal groups after RFC 4291 §2.2; nothing else: no octal, no missing octets, no zone.
  public init?(_ text: String) {
    if let address = text.utf8.contains(UInt8(ascii: ":")) ? Self.parseV6(text) : Self.parseV4(text) {
      self = address
    } else {
      return nil
    }
  }

  /// Dotted decimal, or the canonical form of RFC 5952.
  public var description: String {
    if family == .v4 { return octets.map(String.init).joined(separator: ".") }
    if bits >> 32 == 0xFFFF { return "::ffff:\(unmapped)" }
    let groups = (0..<8).map { UInt16(truncatingIfNeeded: bits >> UInt128((7 - $0) * 16)) }
    var longest = 0..<0
    var start = 0
    while start < 8 {
      var end = start
      while end < 8, groups[end] == 0 { end += 1 }
      if end - start > longest.count, end - start > 1 { longest = start..<end }
      start = max(end, start + 1)
    }
    let text = { (part: ArraySlice<UInt16>) in part.map { String($0, radix: 16) }.joined(separator: ":") }
    guard !longest.isEmpty else { return text(groups[...]) }
    return text(groups[..<longest.lowerBound]) + "::" + text(groups[longest.upperBound...])
  }

  private static func parseV4(_ text: String) -> IPAddress? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var number: UInt32 = 0
    for part in parts {
      guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
        part.utf8.count == 1 || part.utf8.first != 0x30, let octet = UInt8(part)
      else { return nil }
      number = number << 8 | UInt32(octet)
    }
    return IPAddress(v4: number)
  }

  private static func parseV6(_ text: String) -> IPAddress? {
    var text = text
    if text.contains("."), let colon = text.lastIndex(of: ":") {
      guard let tail = parseV4(String(text[text.index(after: colon)...])) else { return nil }
      let high = String(tail.bits >> 16, radix: 16)
      let low = String(tail.bits & 0xFFFF, radix: 16)
      text = text[...colon] + "\(high):\(low)"
    }
    guard let gap = text.firstRange(of: "::") else {
      guard let groups = parseGroups(text[...]), groups.count == 8 else { return nil }
      return IPAddress(v6: groups.reduce(0) { $0 << 16 | UInt128($1) })
    }
    guard let head = parseGroups(text[..<gap.lowerBound]), let tail = parseGroups(text[gap.upperBound...]),
      head.count + tail.count <= 7
    else { return nil }
    let zeros = [UInt16](repeating: 0, count: 8 - head.count - tail.count)
    return IPAddress(v6: (head + zeros + tail).reduce(0) { $0 << 16 | UInt128($1) })
  }

  private static func parseGroups(_ text: Substring) -> [UInt16]? {
    if text.isEmpty { return [] }
    var groups: [UInt16] = []
    for part in text.split(separator: ":", omittingEmptySubsequences: false) {
      guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy({ isHexadecimal($0) }),
        let group = UInt16(part, radix: 16)
      else { return nil }
      groups.append(group)
    }
    return groups
  }

  private static func isHexadecimal(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
    default: false
    }
  }
}

extension IPAddress: Codable {
  public init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let address = IPAddress(text) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "'\(text)' is no IP address"))
    }
    self = address
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
