extension TOMLParser {
  /// `"…"` on one line, with escapes.
  mutating func parseBasicString() throws(TOMLError) -> String {
    let start = position()
    offset += 1
    var text: [UInt8] = []
    while let byte = peek(), !isAtNewline {
      switch byte {
      case UInt8(ascii: "\""):
        offset += 1
        return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"): try parseEscape(into: &text)
      default: try appendPlain(byte, to: &text)
      }
    }
    throw TOMLError(start, "this string is never closed: expected '\"' on the same line")
  }

  /// `'…'` on one line, as it stands.
  mutating func parseLiteralString() throws(TOMLError) -> String {
    let start = position()
    offset += 1
    var text: [UInt8] = []
    while let byte = peek(), !isAtNewline {
      if byte == UInt8(ascii: "'") {
        offset += 1
        return String(decoding: text, as: UTF8.self)
      }
      try appendPlain(byte, to: &text)
    }
    throw TOMLError(start, "this string is never closed: expected \"'\" on the same line")
  }

  /// `"""…"""`, with escapes and line ends.
  mutating func parseMultilineBasicString() throws(TOMLError) -> String {
    let start = position()
    offset += 3
    if isAtNewline { skipNewline() }
    var text: [UInt8] = []
    while let byte = peek() {
      if isAtNewline {
        skipNewline()
        text.append(0x0A)
      } else if byte == UInt8(ascii: "\"") {
        if takeClosingQuotes(byte, into: &text) { return String(decoding: text, as: UTF8.self) }
      } else if byte == UInt8(ascii: "\\") {
        if !skipLineContinuation() { try parseEscape(into: &text) }
      } else {
        try appendPlain(byte, to: &text)
      }
    }
    throw TOMLError(start, "this string is never closed: expected '\"\"\"'")
  }

  /// `'''…'''`, as it stands.
  mutating func parseMultilineLiteralString() throws(TOMLError) -> String {
    let start = position()
    offset += 3
    if isAtNewline { skipNewline() }
    var text: [UInt8] = []
    while let byte = peek() {
      if isAtNewline {
        skipNewline()
        text.append(0x0A)
      } else if byte == UInt8(ascii: "'") {
        if takeClosingQuotes(byte, into: &text) { return String(decoding: text, as: UTF8.self) }
      } else {
        try appendPlain(byte, to: &text)
      }
    }
    throw TOMLError(start, "this string is never closed: expected \"'''\"")
  }

  /// Takes the run of quotes that stands here. Up to two of them may come right before the three that close.
  private mutating func takeClosingQuotes(_ quote: UInt8, into text: inout [UInt8]) -> Bool {
    var count = 0
    while count < 5, peek(count) == quote { count += 1 }
    offset += count
    guard count >= 3 else {
      text.append(contentsOf: [UInt8](repeating: quote, count: count))
      return false
    }
    text.append(contentsOf: [UInt8](repeating: quote, count: count - 3))
    return true
  }

  private mutating func appendPlain(_ byte: UInt8, to text: inout [UInt8]) throws(TOMLError) {
    guard byte >= 0x20 && byte != 0x7F || byte == 0x09 else { throw controlCharacter(byte, "a string") }
    text.append(byte)
    offset += 1
  }

  /// A backslash at the end of a line swallows all white space up to the next text.
  private mutating func skipLineContinuation() -> Bool {
    var distance = 1
    while let byte = peek(distance), byte == 0x20 || byte == 0x09 { distance += 1 }
    guard peek(distance) == 0x0A || peek(distance) == 0x0D && peek(distance + 1) == 0x0A else { return false }
    offset += distance
    while true {
      skipBlanks()
      guard isAtNewline else { return true }
      skipNewline()
    }
  }

  private mutating func parseEscape(into text: inout [UInt8]) throws(TOMLError) {
    let start = position()
    guard let mark = peek(1) else { throw TOMLError(start, "unfinished escape") }
    if let plain = Self.escapes[mark] {
      text.append(plain)
      offset += 2
      return
    }
    guard mark == UInt8(ascii: "u") || mark == UInt8(ascii: "U") else {
      throw TOMLError(
        start, "unknown escape", hint: "write \\\\ for a backslash, or use '…', where it has no meaning")
    }
    let width = mark == UInt8(ascii: "u") ? 4 : 8
    offset += 2
    var number: UInt32 = 0
    for _ in 0..<width {
      guard let byte = peek(), byte.isDigit(radix: 16), let digit = UInt32(String(UnicodeScalar(byte)), radix: 16)
      else { throw TOMLError(start, "this escape needs \(width) hexadecimal digits") }
      number = number << 4 | digit
      offset += 1
    }
    guard let scalar = UnicodeScalar(number) else {
      throw TOMLError(start, "this escape is no Unicode scalar value")
    }
    text.append(contentsOf: Array(String(Character(scalar)).utf8))
  }

  private static let escapes: [UInt8: UInt8] = [
    UInt8(ascii: "b"): 0x08, UInt8(ascii: "t"): 0x09, UInt8(ascii: "n"): 0x0A, UInt8(ascii: "f"): 0x0C,
    UInt8(ascii: "r"): 0x0D, UInt8(ascii: "\""): 0x22, UInt8(ascii: "\\"): 0x5C,
  ]
}
