extension TOMLParser {
  /// Any value; `depth` is how many tables and lists enclose it.
  mutating func parseValue(depth: Int) throws(TOMLError) -> TOMLValue {
    let start = position()
    guard depth <= limits.depth else {
      throw TOMLError(start, "tables and lists lie more than \(limits.depth) deep")
    }
    switch peek() {
    case UInt8(ascii: "\""):
      let text = startsWith("\"\"\"") ? try parseMultilineBasicString() : try parseBasicString()
      return TOMLValue(.string(text), at: start)
    case UInt8(ascii: "'"):
      let text = startsWith("'''") ? try parseMultilineLiteralString() : try parseLiteralString()
      return TOMLValue(.string(text), at: start)
    case UInt8(ascii: "["): return TOMLValue(.array(try parseArray(depth: depth)), at: start)
    case UInt8(ascii: "{"): return TOMLValue(.table(try parseInlineTable(depth: depth)), at: start)
    case nil, 0x0A, 0x0D, UInt8(ascii: "#"), UInt8(ascii: ","), UInt8(ascii: "]"), UInt8(ascii: "}"):
      throw TOMLError(start, "expected a value")
    default: return TOMLValue(try parseScalar(), at: start)
    }
  }

  private mutating func parseArray(depth: Int) throws(TOMLError) -> [TOMLValue] {
    let start = position()
    offset += 1
    var elements: [TOMLValue] = []
    while true {
      try skipSpace()
      guard let byte = peek() else { throw TOMLError(start, "this list is never closed: expected \"]\"") }
      if byte == UInt8(ascii: "]") { break }
      elements.append(try parseValue(depth: depth + 1))
      try skipSpace()
      guard let next = peek() else { throw TOMLError(start, "this list is never closed: expected \"]\"") }
      if next == UInt8(ascii: "]") { break }
      guard next == UInt8(ascii: ",") else {
        throw TOMLError(position(), "expected \",\" or \"]\" in the list")
      }
      offset += 1
    }
    offset += 1
    return elements
  }

  private mutating func parseInlineTable(depth: Int) throws(TOMLError) -> TOMLTable {
    let table = TOMLTreeBuilder.Table(.header, at: position(), depth: depth)
    offset += 1
    skipBlanks()
    if peek() == UInt8(ascii: "}") {
      offset += 1
      return table.frozen()
    }
    while true {
      skipBlanks()
      if isAtNewline { throw TOMLError(position(), "expected a key", hint: "an inline table stands on one line") }
      try parseAssignment(in: table)
      skipBlanks()
      switch peek() {
      case UInt8(ascii: "}"):
        offset += 1
        return table.frozen()
      case UInt8(ascii: ","):
        offset += 1
        skipBlanks()
        if peek() == UInt8(ascii: "}") {
          throw TOMLError(position(), "expected a key", hint: "an inline table has no comma before \"}\"")
        }
      default:
        let hint = isAtNewline || peek() == UInt8(ascii: "#") ? "an inline table stands on one line" : nil
        throw TOMLError(position(), "expected \",\" or \"}\" in the inline table", hint: hint)
      }
    }
  }

  // MARK: Booleans, numbers, dates

  private mutating func parseScalar() throws(TOMLError) -> TOMLValue.Content {
    let start = position()
    let first = offset
    while let byte = peek(), TOMLText.isScalar(byte) { offset += 1 }
    // A date may have a space before its time.
    if offset - first == 10, peek() == 0x20, TOMLDateTime(bytes[first..<offset]) != nil,
      let tens = peek(1), (0x30...0x39).contains(tens)
    {
      offset += 1
      while let byte = peek(), TOMLText.isScalar(byte) { offset += 1 }
    }
    let token = bytes[first..<offset]
    if token.elementsEqual("true".utf8) { return .boolean(true) }
    if token.elementsEqual("false".utf8) { return .boolean(false) }
    let unsigned = token.first == UInt8(ascii: "+") || token.first == UInt8(ascii: "-") ? token.dropFirst() : token
    let isNumeric = unsigned.first.map { (0x30...0x39).contains($0) } == true
    if isNumeric, token.contains(UInt8(ascii: ":")) || token.dropFirst(4).first == UInt8(ascii: "-") {
      guard let value = TOMLDateTime(token) else {
        throw TOMLError(
          start, "this is no date or time", hint: "write 2026-07-01, 08:30:00 or 2026-07-01T08:30:00Z")
      }
      return .dateTime(value)
    }
    if let value = try TOMLNumber.parse(token, at: start) { return value }
    if isNumeric {
      throw TOMLError(start, "this is no number", hint: "a value with a unit or a name needs quotes")
    }
    throw TOMLError(start, "expected a value", hint: "text needs quotes")
  }
}

/// Integers and floats of TOML 1.0.
enum TOMLNumber {
  /// `nil` when the token is no number at all; throws when it is one that 64 bits can't hold.
  static func parse(_ token: ArraySlice<UInt8>, at position: TOMLPosition) throws(TOMLError) -> TOMLValue.Content? {
    let sign = token.first.flatMap { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") ? $0 : nil }
    let body = sign == nil ? token : token.dropFirst()
    if body.elementsEqual("inf".utf8) { return .float(sign == UInt8(ascii: "-") ? -.infinity : .infinity) }
    if body.elementsEqual("nan".utf8) { return .float(.nan) }
    if body.first == UInt8(ascii: "0"), let mark = body.dropFirst().first, let radix = radices[mark] {
      guard sign == nil, let digits = digits(body.dropFirst(2), { $0.isDigit(radix: radix) }) else { return nil }
      guard let value = Int64(digits, radix: radix) else { throw tooLarge(position) }
      return .integer(value)
    }
    let isFloat = body.contains { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "e") || $0 == UInt8(ascii: "E") }
    let prefix = sign == UInt8(ascii: "-") ? "-" : ""
    if !isFloat {
      guard let digits = decimal(body) else { return nil }
      guard let value = Int64(prefix + digits) else { throw tooLarge(position) }
      return .integer(value)
    }
    return float(body).flatMap { Double(prefix + $0) }.map { .float($0) }
  }

  private static let radices: [UInt8: Int] = [
    UInt8(ascii: "x"): 16, UInt8(ascii: "o"): 8, UInt8(ascii: "b"): 2,
  ]

  private static func tooLarge(_ position: TOMLPosition) -> TOMLError {
    TOMLError(position, "this integer does not fit 64 bits")
  }

  /// Digits without their underscores, which must stand between two digits; `nil` when anything else is in there.
  private static func digits(_ text: ArraySlice<UInt8>, _ isDigit: (UInt8) -> Bool) -> String? {
    var result: [UInt8] = []
    var wasDigit = false
    for byte in text {
      if byte == UInt8(ascii: "_") {
        guard wasDigit else { return nil }
        wasDigit = false
      } else {
        guard isDigit(byte) else { return nil }
        result.append(byte)
        wasDigit = true
      }
    }
    return wasDigit ? String(decoding: result, as: UTF8.self) : nil
  }

  /// Decimal digits without a leading zero.
  private static func decimal(_ text: ArraySlice<UInt8>) -> String? {
    guard text.count == 1 || text.first != UInt8(ascii: "0") else { return nil }
    return digits(text) { $0.isDigit(radix: 10) }
  }

  /// `1.5`, `1e6`, `1.5e-3`.
  private static func float(_ text: ArraySlice<UInt8>) -> String? {
    var mantissa = text
    var exponent = ""
    if let mark = text.firstIndex(where: { $0 == UInt8(ascii: "e") || $0 == UInt8(ascii: "E") }) {
      mantissa = text[..<mark]
      var rest = text[text.index(after: mark)...]
      var sign = ""
      if let first = rest.first, first == UInt8(ascii: "+") || first == UInt8(ascii: "-") {
        sign = first == UInt8(ascii: "-") ? "-" : ""
        rest = rest.dropFirst()
      }
      guard let power = digits(rest, { $0.isDigit(radix: 10) }) else { return nil }
      exponent = "e" + sign + power
    }
    guard let point = mantissa.firstIndex(of: UInt8(ascii: ".")) else {
      return decimal(mantissa).map { $0 + exponent }
    }
    guard let whole = decimal(mantissa[..<point]),
      let part = digits(mantissa[mantissa.index(after: point)...], { $0.isDigit(radix: 10) })
    else { return nil }
    return whole + "." + part + exponent
  }
}

extension UInt8 {
  /// Whether this is a digit in ASCII of a base up to 16.
  func isDigit(radix: Int) -> Bool {
    switch self {
    case 0x30...0x39: Int(self) - 0x30 < radix
    case 0x41...0x46, 0x61...0x66: radix == 16
    default: false
    }
  }
}
