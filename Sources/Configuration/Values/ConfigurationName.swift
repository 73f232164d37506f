/// A name that the configuration itself gives to something: a group of addresses, a role, a reservation.
public struct ConfigurationName: Hashable, Sendable {
  public let description: String

  public init?(_ text: String) {
    guard let name = try? ConfigurationName(configuration: text) else { return nil }
    self = name
  }
}

extension ConfigurationName: Comparable {
  public static func < (left: ConfigurationName, right: ConfigurationName) -> Bool {
    left.description < right.description
  }
}

extension ConfigurationName: ConfigurationText {
  public static var typeName: String { "name" }
  public static var form: String { "a name such as \"lan\": small letters, digits, \"-\" and \"_\"" }

  /// 1...63 characters, a letter or digit first.
  public init(configuration text: String) throws(TextError) {
    guard (1...63).contains(text.utf8.count), text.utf8.first.map(ASCIIText.isLetterOrDigit) == true,
      text.utf8.allSatisfy({ ASCIIText.isLetterOrDigit($0) && !(0x41...0x5A).contains($0) || $0 == 0x2D || $0 == 0x5F })
    else { throw Self.mismatch(text, hint: ConfigurationName.suggestion(text)) }
    description = text
  }

  private static func suggestion(_ text: String) -> String? {
    let small = text.lowercased()
    return small != text && (try? ConfigurationName(configuration: small)) != nil
      ? "did you mean \(TOMLText.string(small))?" : nil
  }
}
