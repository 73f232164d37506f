/// A network: an address and how many of its leading bits count (`192.168.10.0/24`).
public struct IPNetwork: Hashable, Sendable {
  /// The first address: every bit behind the prefix is zero.
  public let address: IPAddress
  /// Leading bits that count: 0...32 or 0...128.
  public let prefixLength: Int

  /// The network that contains `address`; `nil` when the family has no such prefix length.
  public init?(containing address: IPAddress, prefixLength: Int) {
    guard (0...address.family.bitWidth).contains(prefixLength) else { return nil }
    self.prefixLength = prefixLength
    let mask = Self.mask(prefixLength, address.family)
    self.address =
      address.family == .v4
      ? IPAddress(v4: UInt32(truncatingIfNeeded: address.bits & mask)) : IPAddress(v6: address.bits & mask)
  }

  /// The network of just one address.
  public init(_ address: IPAddress) {
    self.address = address
    prefixLength = address.family.bitWidth
  }

  /// Whether the address lies in the network. IPv4-mapped IPv6 addresses count as what they map.
  public func contains(_ candidate: IPAddress) -> Bool {
    let candidate = candidate.family == address.family ? candidate : candidate.unmapped
    guard candidate.family == address.family else { return false }
    return candidate.bits & Self.mask(prefixLength, address.family) == address.bits
  }

  /// Whether every address of `other` lies in this network.
  public func contains(_ other: IPNetwork) -> Bool {
    other.prefixLength >= prefixLength && other.address.family == address.family && contains(other.address)
  }

  /// The last address of the network.
  public var lastAddress: IPAddress {
    let rest = ~Self.mask(prefixLength, address.family)
    return address.family == .v4
      ? IPAddress(v4: UInt32(truncatingIfNeeded: address.bits | rest)) : IPAddress(v6: address.bits | rest)
  }

  private static func mask(_ length: Int, _ family: IPAddress.Family) -> UInt128 {
    let host = family.bitWidth - length
    return host >= 128 ? 0 : UInt128.max << UInt128(host)
  }
}

extension IPNetwork: LosslessStringConvertible {
  /// `address/length`, or an address alone for a network of one. Bits set behind the prefix are a mistake: `nil`.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first, let address = IPAddress(String(first)) else { return nil }
    guard parts.count == 2 else {
      self.init(address)
      return
    }
    guard (1...3).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let length = Int(parts[1]), let network = IPNetwork(containing: address, prefixLength: length),
      network.address == address
    else { return nil }
    self = network
  }

  public var description: String { "\(address)/\(prefixLength)" }
}

extension IPNetwork: Codable {
  public init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    guard let network = IPNetwork(text) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "'\(text)' is no network"))
    }
    self = network
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
