/// One line of text without a form of its own: not empty, no control characters.
public struct PlainText: Hashable, Sendable {
  public let description: String

  /// For texts written in the program.
  init(_ constant: StaticString) { description = constant.description }
}

extension PlainText: ConfigurationText {
  public static var typeName: String { "text" }
  public static var form: String { "a line of text" }

  public init(configuration text: String) throws(TextError) {
    guard (1...1024).contains(text.utf8.count), text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
    else { throw Self.mismatch(text) }
    description = text
  }
}
