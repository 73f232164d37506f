/// Reads a TOML 1.0 document from its bytes. https://toml.io/en/v1.0.0
///
/// Hand-written descent over an array with checked look-ahead; every loop consumes at least one byte or ends.
struct TOMLParser {
  let bytes: [UInt8]
  let limits: TOMLDocument.Limits
  var offset = 0
  var builder: TOMLTreeBuilder
  private var line = 1
  /// The last place whose column is known, so that a long line costs linear time.
  private var anchor = (offset: 0, column: 1)

  init(_ bytes: [UInt8], limits: TOMLDocument.Limits) {
    self.bytes = bytes
    self.limits = limits
    builder = TOMLTreeBuilder(depthLimit: limits.depth)
  }

  // MARK: Looking and moving

  func peek(_ distance: Int = 0) -> UInt8? {
    let index = offset + distance
    return index < bytes.count ? bytes[index] : nil
  }

  func startsWith(_ text: StaticString, at distance: Int = 0) -> Bool {
    text.withUTF8Buffer { wanted in
      let start = offset + distance
      return start + wanted.count <= bytes.count && wanted.elementsEqual(bytes[start..<start + wanted.count])
    }
  }

  /// The position of the next byte.
  mutating func position() -> TOMLPosition {
    while anchor.offset < offset {
      // Continuation bytes belong to the character before them.
      if bytes[anchor.offset] & 0xC0 != 0x80 { anchor.column += 1 }
      anchor.offset += 1
    }
    return TOMLPosition(line: line, column: anchor.column)
  }

  mutating func skipBlanks() {
    while let byte = peek(), byte == 0x20 || byte == 0x09 { offset += 1 }
  }

  /// Whether LF or CRLF stands here.
  var isAtNewline: Bool { peek() == 0x0A || peek() == 0x0D && peek(1) == 0x0A }

  mutating func skipNewline() {
    offset += peek() == 0x0D ? 2 : 1
    line += 1
    anchor = (offset, 1)
  }

  mutating func skipComment() throws(TOMLError) {
    guard peek() == UInt8(ascii: "#") else { return }
    while let byte = peek(), !isAtNewline {
      guard byte >= 0x20 && byte != 0x7F || byte == 0x09 else { throw controlCharacter(byte, "a comment") }
      offset += 1
    }
  }

  mutating func controlCharacter(_ byte: UInt8, _ place: String) -> TOMLError {
    let digits = String(byte, radix: 16, uppercase: true)
    let code = "U+" + String(repeating: "0", count: 4 - digits.count) + digits
    return TOMLError(position(), "control character \(code) in \(place)")
  }

  /// Blanks, comments and line ends, as between the elements of a list.
  mutating func skipSpace() throws(TOMLError) {
    while true {
      skipBlanks()
      try skipComment()
      guard isAtNewline else { return }
      skipNewline()
    }
  }

  // MARK: The document

  mutating func parseDocument() throws(TOMLError) -> TOMLTable {
    guard bytes.count <= limits.bytes else {
      throw TOMLError(position(), "the file is larger than \(limits.bytes) bytes")
    }
    if startsWith("\u{FEFF}") {
      offset = 3
      anchor = (3, 1)
    }
    try checkEncoding()
    let root = TOMLTreeBuilder.Table(.header, at: position(), depth: 0)
    var current = root
    while true {
      try skipSpace()
      guard let byte = peek() else { return root.frozen() }
      if byte == UInt8(ascii: "[") {
        current = try parseHeader(root)
      } else {
        try parseAssignment(in: current)
      }
      try finishLine()
    }
  }

  private mutating func finishLine() throws(TOMLError) {
    skipBlanks()
    try skipComment()
    if isAtNewline {
      skipNewline()
    } else if peek() == 0x0D {
      throw TOMLError(position(), "a carriage return without a line feed")
    } else if peek() != nil {
      throw TOMLError(position(), "unexpected text: a line holds one key and its value, or one header")
    }
  }

  private mutating func parseHeader(_ root: TOMLTreeBuilder.Table) throws(TOMLError) -> TOMLTreeBuilder.Table {
    let isArray = startsWith("[[")
    offset += isArray ? 2 : 1
    let path = try parseKey()
    guard isArray ? startsWith("]]") : peek() == UInt8(ascii: "]") else {
      throw TOMLError(position(), "expected \"\(isArray ? "]]" : "]")\" at the end of the header")
    }
    offset += isArray ? 2 : 1
    return try builder.open(path, isArray: isArray, in: root)
  }

  /// `key = value`, into `table`.
  mutating func parseAssignment(in table: TOMLTreeBuilder.Table) throws(TOMLError) {
    let path = try parseKey()
    guard peek() == UInt8(ascii: "=") else {
      throw TOMLError(position(), "expected \"=\" after the key")
    }
    offset += 1
    skipBlanks()
    let value = try parseValue(depth: table.depth + path.count)
    try builder.set(path, to: value, in: table)
  }

  /// A bare, quoted or dotted key, and the blanks behind it.
  private mutating func parseKey() throws(TOMLError) -> [TOMLTreeBuilder.KeyPart] {
    var path: [TOMLTreeBuilder.KeyPart] = []
    while true {
      skipBlanks()
      let start = position()
      path.append(TOMLTreeBuilder.KeyPart(name: try parseKeyPart(), position: start))
      guard path.count <= limits.depth else {
        throw TOMLError(start, "tables and lists lie more than \(limits.depth) deep")
      }
      skipBlanks()
      guard peek() == UInt8(ascii: ".") else { return path }
      offset += 1
    }
  }

  private mutating func parseKeyPart() throws(TOMLError) -> String {
    switch peek() {
    case UInt8(ascii: "\""):
      guard !startsWith("\"\"\"") else { throw TOMLError(position(), "a key can't be a multi-line string") }
      return try parseBasicString()
    case UInt8(ascii: "'"):
      guard !startsWith("'''") else { throw TOMLError(position(), "a key can't be a multi-line string") }
      return try parseLiteralString()
    default:
      let start = offset
      while let byte = peek(), TOMLText.isBareKey(byte) { offset += 1 }
      guard offset > start else {
        let hint = peek().map { $0 >= 0x80 } == true ? "put the key in quotes" : nil
        throw TOMLError(position(), "expected a key", hint: hint)
      }
      return String(decoding: bytes[start..<offset], as: UTF8.self)
    }
  }

  /// Refuses bytes that are not UTF-8, at their position.
  private mutating func checkEncoding() throws(TOMLError) {
    if String(validating: bytes, as: UTF8.self) != nil { return }
    var scanner = self
    var decoder = UTF8.ForwardParser()
    var rest = bytes[offset...].makeIterator()
    while true {
      switch decoder.parseScalar(from: &rest) {
      case .valid(let scalar):
        scanner.offset += scalar.count
        if scalar.first == 0x0A {
          scanner.line += 1
          scanner.anchor = (scanner.offset, 1)
        }
      case .error: throw TOMLError(scanner.position(), "the file is not UTF-8 here")
      case .emptyInput: return
      }
    }
  }
}
