import WireKit

extension IPAddress: ConfigurationText {
  public static var typeName: String { "address" }
  public static var form: String { "an IP address such as \"192.168.10.2\" or \"fd00:10::2\"" }

  public init(configuration text: String) throws(TextError) {
    guard let address = IPAddress(text) else {
      throw Self.mismatch(text, hint: text.contains("/") ? "an address alone, without a prefix length" : nil)
    }
    self = address
  }
}

extension IPNetwork: ConfigurationText {
  public static var typeName: String { "network" }
  public static var form: String { "a network such as \"192.168.10.0/24\" or \"fd00:10::/64\"" }

  public init(configuration text: String) throws(TextError) {
    guard let network = IPNetwork(text) else { throw Self.mismatch(text, hint: Self.suggestion(text)) }
    self = network
  }

  /// The network that an address with its prefix length lies in.
  private static func suggestion(_ text: String) -> String? {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let address = IPAddress(String(parts[0])),
      let length = ASCIIText.number(parts[1], as: Int.self)
    else { return nil }
    guard let network = IPNetwork(containing: address, prefixLength: length) else {
      return "the prefix length is at most \(address.family.bitWidth)"
    }
    return "did you mean \"\(network)\"?"
  }
}

extension IPNetwork: Comparable {
  public static func < (left: IPNetwork, right: IPNetwork) -> Bool {
    (left.address, left.prefixLength) < (right.address, right.prefixLength)
  }
}
