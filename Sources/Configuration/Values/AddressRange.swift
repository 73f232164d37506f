import WireKit

/// Consecutive addresses of one family, both ends included: `192.168.10.100-192.168.10.199`.
public struct AddressRange: Hashable, Sendable {
  public let lowest: IPAddress
  public let highest: IPAddress

  /// `nil` when the ends are of two families or the wrong way round.
  public init?(_ lowest: IPAddress, _ highest: IPAddress) {
    guard lowest.family == highest.family, lowest <= highest else { return nil }
    self.lowest = lowest
    self.highest = highest
  }

  public func contains(_ address: IPAddress) -> Bool {
    address.family == lowest.family && lowest <= address && address <= highest
  }

  public func overlaps(_ other: AddressRange) -> Bool {
    lowest.family == other.lowest.family && lowest <= other.highest && other.lowest <= highest
  }
}

extension AddressRange: ConfigurationText {
  public static var typeName: String { "address range" }
  public static var form: String { "a range of addresses such as \"192.168.10.100-192.168.10.199\"" }

  public init(configuration text: String) throws(TextError) {
    let ends = text.split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2, let lowest = IPAddress(String(ends[0])), let highest = IPAddress(String(ends[1])) else {
      throw Self.mismatch(text)
    }
    guard lowest.family == highest.family else { throw TextError("\"\(text)\" mixes IPv4 and IPv6") }
    guard let range = AddressRange(lowest, highest) else {
      throw TextError("\"\(text)\" ends before it begins", hint: "did you mean \"\(highest)-\(lowest)\"?")
    }
    self = range
  }

  public var description: String { "\(lowest)-\(highest)" }
}
