/// The syntax of account names and addresses: `local@domain`, ASCII, in lower case.
///
/// Stricter than mail addresses may be (RFC 5321 §4.1.2): a name becomes a directory, a log line and a URL.
enum AccountName {
  /// The full name in lower case; `defaultDomain` is added to a name without one. `nil` when it is no name.
  static func normalise(_ text: String, defaultDomain: String) -> String? {
    guard text.utf8.count <= 254 + 1, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
    let lower = text.lowercased()
    guard let at = lower.lastIndex(of: "@") else { return normalise("\(lower)@\(defaultDomain)") }
    return at == lower.startIndex ? nil : normalise(lower)
  }

  private static func normalise(_ name: String) -> String? {
    let parts = name.split(separator: "@", omittingEmptySubsequences: false)
    guard parts.count == 2, isLocalPart(parts[0]), isDomain(parts[1]), name.utf8.count <= 254 else { return nil }
    return name
  }

  private static func isLocalPart(_ text: Substring) -> Bool {
    guard (1...64).contains(text.utf8.count), let first = text.first, let last = text.last else { return false }
    return isWord(first) && last != "." && !text.contains("..")
      && text.allSatisfy { isWord($0) || $0 == "." || $0 == "-" || $0 == "+" }
  }

  private static func isWord(_ character: Character) -> Bool {
    character.isASCII && (character.isLetter || character.isNumber || character == "_")
  }

  /// Labels of letters, digits and hyphens (RFC 1123 §2.1).
  private static func isDomain(_ text: Substring) -> Bool {
    (1...253).contains(text.utf8.count)
      && text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
        (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
          && label.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
      }
  }
}
