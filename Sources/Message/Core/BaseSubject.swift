/// What SORT and THREAD compare subjects by (RFC 5256 §2.1).
public enum BaseSubject {
  /// The base subject of a decoded subject, and whether it was that of a reply or forward.
  public static func extract(_ subject: String) -> (base: String, isReply: Bool) {
    var text = collapse(subject)[...]
    var isReply = false
    while true {
      let before = text
      while true {
        let round = text
        text = trimmed(text)
        if hasSuffix(text, "(fwd)") {
          text = text.dropLast(5)
          isReply = true
        }
        if text == round { break }
      }
      while true {
        let round = text
        if let rest = withoutLeader(text) {
          text = rest
          isReply = true
        } else if let rest = withoutBlob(text), !trimmed(rest).isEmpty {
          text = trimmed(rest)
        }
        if text == round { break }
      }
      if hasPrefix(text, "[fwd:"), text.hasSuffix("]") {
        text = text.dropFirst(5).dropLast()
        isReply = true
      }
      if text == before { break }
    }
    return (String(text), isReply)
  }

  private static func collapse(_ text: String) -> String {
    var result = ""
    var lastWasSpace = false
    for scalar in text.unicodeScalars {
      let isSpace = scalar == " " || scalar == "\t" || scalar == "\r" || scalar == "\n"
      if !isSpace { result.unicodeScalars.append(scalar) } else if !lastWasSpace { result.append(" ") }
      lastWasSpace = isSpace
    }
    return result
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text
    while text.first == " " { text.removeFirst() }
    while text.last == " " { text.removeLast() }
    return text
  }

  private static func hasSuffix(_ text: Substring, _ suffix: String) -> Bool {
    equalsIgnoringASCIICase(text.suffix(suffix.count), suffix)
  }

  private static func hasPrefix(_ text: Substring, _ prefix: String) -> Bool {
    equalsIgnoringASCIICase(text.prefix(prefix.count), prefix)
  }

  /// Without `re:`, `fw:`, `fwd:`, blobs before them and inside them.
  private static func withoutLeader(_ text: Substring) -> Substring? {
    var rest = trimmed(text)
    while let after = withoutBlob(rest) { rest = trimmed(after) }
    for word in ["fwd", "re", "fw"] where hasPrefix(rest, word) {
      var after = trimmed(rest.dropFirst(word.count))
      if let blob = withoutBlob(after) { after = trimmed(blob) }
      if after.first == ":" { return trimmed(after.dropFirst()) }
    }
    return nil
  }

  /// Without `[anything]` at the front.
  private static func withoutBlob(_ text: Substring) -> Substring? {
    guard text.first == "[", let end = text.firstIndex(of: "]") else { return nil }
    let inside = text[text.index(after: text.startIndex)..<end]
    guard !inside.contains("[") else { return nil }
    return text[text.index(after: end)...]
  }
}
