/// One way to log in over SSH: methods that must all succeed, one after the other, as a line of OpenSSH's
/// `AuthenticationMethods`: `publickey,keyboard-interactive`.
public struct LogInWay: Hashable, Sendable {
  public let description: String
  public var methods: [String] { description.split(separator: ",").map(String.init) }

  private static let known: Set<String> = ["publickey", "password", "keyboard-interactive"]
}

extension LogInWay: ConfigurationText {
  public static var typeName: String { "way to log in" }
  public static var form: String {
    "one or more of publickey, password and keyboard-interactive between commas, such as \"publickey\""
  }

  public init(configuration text: String) throws(TextError) {
    let words = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard words.count <= 3, words.allSatisfy(Self.known.contains), Set(words).count == words.count else {
      throw Self.mismatch(text)
    }
    description = text
  }

  init(constant: StaticString) { description = constant.description }
}
