/// The name of a file alone: no slash, and neither `.` nor `..`.
public struct FileName: Hashable, Sendable {
  public let description: String

  /// For names written in the program.
  init(_ constant: StaticString) { description = constant.description }
}

extension FileName: ConfigurationText {
  public static var typeName: String { "file name" }
  public static var form: String { "the name of a file such as \"index.html\"" }

  public init(configuration text: String) throws(TextError) {
    guard ASCIIText.isPathPart(text), text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F })
    else { throw Self.mismatch(text) }
    description = text
  }
}
