/// What a role permits: words between colons, the widest first: `mail`, `files:home`, `dns:edit:lan.acme.example`.
public struct Permission: Hashable, Sendable {
  public let description: String
}

extension Permission: ConfigurationText {
  public static var typeName: String { "permission" }
  public static var form: String { "a permission such as \"mail\", \"files:home\" or \"console:show\"" }

  public init(configuration text: String) throws(TextError) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    let isWord = { (part: Substring) in
      !part.isEmpty && part.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
    guard text.utf8.count <= 255, let first = parts.first, first.utf8.first.map(ASCIIText.isLetter) == true,
      parts.allSatisfy(isWord)
    else { throw Self.mismatch(text) }
    description = text
  }
}
