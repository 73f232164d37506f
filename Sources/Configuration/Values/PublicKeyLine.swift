/// A public SSH key as in `authorized_keys`, without options: `ssh-ed25519 AAAA… comment`.
public struct PublicKeyLine: Hashable, Sendable {
  public let description: String
}

extension PublicKeyLine: ConfigurationText {
  public static var typeName: String { "public SSH key" }
  public static var form: String { "a public SSH key such as \"ssh-ed25519 AAAAC3Nza... authority\"" }

  public init(configuration text: String) throws(TextError) {
    let words = text.split(separator: " ")
    let isBase64 = { (word: Substring) in
      word.utf8.allSatisfy { ASCIIText.isLetter($0) || (0x30...0x39).contains($0) || [0x2B, 0x2F, 0x3D].contains($0) }
    }
    guard text.utf8.count <= 4096, words.count >= 2, isBase64(words[1]), words[1].hasPrefix("AAAA"),
      ["ssh-", "ecdsa-", "sk-"].contains(where: { words[0].hasPrefix($0) })
    else { throw Self.mismatch(text) }
    description = text
  }
}
