/// A hardware address of six octets: `00:11:22:33:44:55`.
public struct HardwareAddress: Hashable, Sendable {
  /// Always six.
  public let octets: [UInt8]

  /// 00:00:00:00:00:00, which no device has.
  static let zero = HardwareAddress()

  private init() { octets = [0, 0, 0, 0, 0, 0] }

  public init?(octets: [UInt8]) {
    guard octets.count == 6 else { return nil }
    self.octets = octets
  }
}

extension HardwareAddress: ConfigurationText {
  public static var typeName: String { "hardware address" }
  public static var form: String { "a hardware address such as \"00:11:22:33:44:55\"" }

  /// Six pairs of hexadecimal digits between colons, or between hyphens.
  public init(configuration text: String) throws(TextError) {
    let separator: Character = text.contains("-") ? "-" : ":"
    let octets = text.split(separator: separator, omittingEmptySubsequences: false).compactMap { pair in
      pair.utf8.count == 2 && pair.utf8.allSatisfy { $0.isDigit(radix: 16) } ? UInt8(pair, radix: 16) : nil
    }
    guard text.utf8.count == 17, let address = HardwareAddress(octets: octets) else { throw Self.mismatch(text) }
    guard octets.first.map({ $0 & 1 == 0 }) == true else { throw TextError("\"\(text)\" is a group address") }
    self = address
  }

  public var description: String {
    octets.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
  }
}
