/// Reads the pieces of IMAP's grammar from a whole command: its text, with the octets of each literal behind their `{n}` and CRLF.
///
/// Every read takes what it names or throws; nothing that a peer sends can trap.
struct CommandReader {
  /// Parentheses, in a command, may be nested so deep.
  static let maximumDepth = 32

  let bytes: [UInt8]
  private(set) var offset = 0
  private var depth = 0

  init(_ bytes: [UInt8], from offset: Int = 0) {
    self.bytes = bytes
    self.offset = offset
  }

  var isAtEnd: Bool { offset >= bytes.count }

  func peek(_ distance: Int = 0) -> UInt8? {
    let index = offset + distance
    return index < bytes.count ? bytes[index] : nil
  }

  mutating func accept(_ byte: UInt8) -> Bool {
    guard peek() == byte else { return false }
    offset += 1
    return true
  }

  mutating func accept(_ character: Unicode.Scalar) -> Bool { accept(UInt8(ascii: character)) }

  mutating func expect(_ character: Unicode.Scalar, _ text: StaticString) throws(CommandSyntaxError) {
    guard accept(character) else { throw CommandSyntaxError(text) }
  }

  mutating func space() throws(CommandSyntaxError) { try expect(" ", "A space is missing") }

  /// Goes back over a space that was read.
  mutating func unreadSpace() { if offset > 0 { offset -= 1 } }

  func requireEnd() throws(CommandSyntaxError) {
    guard isAtEnd else { throw CommandSyntaxError("Too many arguments") }
  }

  /// Takes a keyword if it stands here as a whole, in any case.
  mutating func accept(keyword: StaticString) -> Bool {
    let count = keyword.utf8CodeUnitCount
    guard offset + count <= bytes.count else { return false }
    let isHere = keyword.withUTF8Buffer { word in
      word.indices.allSatisfy { bytes[offset + $0].asciiUppercase == word[$0].asciiUppercase }
    }
    guard isHere else { return false }
    if let next = peek(count), Self.isAtom(next) { return false }
    offset += count
    return true
  }

  // MARK: Words

  private mutating func run(_ text: StaticString, while condition: (UInt8) -> Bool) throws(CommandSyntaxError)
    -> [UInt8]
  {
    let start = offset
    while let byte = peek(), condition(byte) { offset += 1 }
    guard offset > start else { throw CommandSyntaxError(text) }
    return Array(bytes[start..<offset])
  }

  static func isAtom(_ byte: UInt8) -> Bool {
    switch byte {
    case 0...0x20, 0x7F...0xFF: false
    case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "{"), UInt8(ascii: "%"), UInt8(ascii: "*"): false
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "]"): false
    default: true
    }
  }

  static func isAStringCharacter(_ byte: UInt8) -> Bool { isAtom(byte) || byte == UInt8(ascii: "]") }
  static func isListCharacter(_ byte: UInt8) -> Bool {
    isAStringCharacter(byte) || byte == UInt8(ascii: "%") || byte == UInt8(ascii: "*")
  }

  mutating func tag() throws(CommandSyntaxError) -> [UInt8] {
    let tag = try run("The tag is missing") { Self.isAStringCharacter($0) && $0 != UInt8(ascii: "+") }
    guard tag.count <= 64 else { throw CommandSyntaxError("The tag is too long") }
    return tag
  }

  /// An atom as text; all of it is ASCII.
  mutating func atom(_ text: StaticString = "An atom is missing") throws(CommandSyntaxError) -> String {
    String(decoding: try run(text, while: Self.isAtom), as: UTF8.self)
  }

  /// An atom in upper case, for keywords.
  mutating func keyword(_ text: StaticString = "A word is missing") throws(CommandSyntaxError) -> String {
    String(decoding: try run(text, while: Self.isAtom).map(\.asciiUppercase), as: UTF8.self)
  }

  /// Letters, digits, `.`, `-` and `_` in upper case: the name of a fetch item, before any `[`.
  mutating func itemName() throws(CommandSyntaxError) -> String {
    let name = try run("An item is missing") { byte in
      Self.isAtom(byte) && byte != UInt8(ascii: "[") && byte != UInt8(ascii: "<") && byte != UInt8(ascii: ">")
    }
    return String(decoding: name.map(\.asciiUppercase), as: UTF8.self)
  }

  // MARK: Strings

  mutating func astring(_ text: StaticString = "A string is missing") throws(CommandSyntaxError) -> [UInt8] {
    switch peek() {
    case UInt8(ascii: "\""), UInt8(ascii: "{"), UInt8(ascii: "~"):
      // A tilde also begins an atom; before a brace it is a literal of eight bits.
      if peek() == UInt8(ascii: "~"), peek(1) != UInt8(ascii: "{") { break }
      return try string(text)
    default: break
    }
    return try run(text, while: Self.isAStringCharacter)
  }

  /// What LIST takes for a pattern: an astring that may hold wildcards.
  mutating func listPattern() throws(CommandSyntaxError) -> [UInt8] {
    if peek() == UInt8(ascii: "\"") || peek() == UInt8(ascii: "{") { return try string("A pattern is missing") }
    return try run("A pattern is missing", while: Self.isListCharacter)
  }

  mutating func string(_ text: StaticString = "A string is missing") throws(CommandSyntaxError) -> [UInt8] {
    if let header = try literalHeader() { return try literal(header) }
    guard accept("\"") else { throw CommandSyntaxError(text) }
    var value: [UInt8] = []
    while let byte = peek() {
      offset += 1
      switch byte {
      case UInt8(ascii: "\""): return value
      case UInt8(ascii: "\\"):
        guard let next = peek(), next == UInt8(ascii: "\"") || next == UInt8(ascii: "\\") else {
          throw CommandSyntaxError("Only a quote or a backslash may be escaped")
        }
        offset += 1
        value.append(next)
      case 0, 0x0A, 0x0D: throw CommandSyntaxError("A quoted string holds no NUL and no line end")
      default: value.append(byte)
      }
    }
    throw CommandSyntaxError("A quoted string has no end")
  }

  /// A string, or `NIL` for none.
  mutating func nstring() throws(CommandSyntaxError) -> [UInt8]? {
    if accept(keyword: "NIL") { return nil }
    return try string()
  }

  /// An astring as text in UTF-8.
  mutating func text(_ text: StaticString = "A string is missing") throws(CommandSyntaxError) -> String {
    guard let value = String(validating: try astring(text), as: UTF8.self) else {
      throw CommandSyntaxError("A string is not UTF-8")
    }
    return value
  }

  /// `{n}` with its CRLF, if it stands here; the octets follow.
  mutating func literalHeader() throws(CommandSyntaxError) -> LiteralHeader? {
    guard let header = LiteralHeader(in: bytes, at: offset) else { return nil }
    offset += header.headerLength
    return header
  }

  private mutating func literal(_ header: LiteralHeader) throws(CommandSyntaxError) -> [UInt8] {
    guard header.count <= bytes.count - offset else { throw CommandSyntaxError("A literal is cut off") }
    let value = Array(bytes[offset..<(offset + header.count)])
    offset += header.count
    guard header.isBinary || !value.contains(0) else { throw CommandSyntaxError("A literal holds NUL") }
    return value
  }

  // MARK: Numbers

  mutating func number64(_ text: StaticString = "A number is missing") throws(CommandSyntaxError) -> UInt64 {
    var value: UInt64 = 0
    let start = offset
    while let byte = peek(), (0x30...0x39).contains(byte) {
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carried) = product.addingReportingOverflow(UInt64(byte - 0x30))
      guard !overflow, !carried, sum <= UInt64(Int64.max) else { throw CommandSyntaxError("A number is too large") }
      value = sum
      offset += 1
    }
    guard offset > start else { throw CommandSyntaxError(text) }
    return value
  }

  mutating func number(_ text: StaticString = "A number is missing") throws(CommandSyntaxError) -> UInt32 {
    guard let value = UInt32(exactly: try number64(text)) else { throw CommandSyntaxError("A number is too large") }
    return value
  }

  mutating func positive(_ text: StaticString = "A number is missing") throws(CommandSyntaxError) -> UInt32 {
    let value = try number(text)
    guard value > 0 else { throw CommandSyntaxError("Zero is no message number") }
    return value
  }

  // MARK: Lists

  /// Enters a parenthesis that has been read already.
  mutating func enter() throws(CommandSyntaxError) {
    depth += 1
    guard depth <= Self.maximumDepth else { throw CommandSyntaxError("Parentheses are nested too deep") }
  }

  mutating func leave() { depth -= 1 }

  /// `(one two …)`, perhaps empty where that is allowed.
  mutating func list(
    allowsNone: Bool = false, _ element: (inout CommandReader) throws(CommandSyntaxError) -> Void
  ) throws(CommandSyntaxError) {
    try expect("(", "A list is missing")
    try enter()
    defer { leave() }
    if allowsNone, accept(")") { return }
    repeat { try element(&self) } while accept(" ")
    try expect(")", "A list has no end")
  }
}

/// `{123}`, `{123+}`, `~{123}` and the CRLF behind it (RFC 9051 §4.3, RFC 7888).
struct LiteralHeader: Hashable {
  /// Octets of the literal.
  var count: Int
  /// `+`: the client does not wait for leave.
  var isNonSynchronising: Bool
  /// `~`: may hold NUL.
  var isBinary: Bool
  /// Octets of the header with its CRLF.
  var headerLength: Int

  /// The header that begins at `offset`, if one does. A count that no literal can have reads as the largest number, which every limit
  /// refuses.
  init?(in bytes: [UInt8], at offset: Int) {
    var index = offset
    func byte(_ index: Int) -> UInt8? { index >= 0 && index < bytes.count ? bytes[index] : nil }
    isBinary = byte(index) == UInt8(ascii: "~")
    if isBinary { index += 1 }
    guard byte(index) == UInt8(ascii: "{") else { return nil }
    index += 1
    var value = 0
    let start = index
    while let digit = byte(index), (0x30...0x39).contains(digit) {
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carried) = product.addingReportingOverflow(Int(digit - 0x30))
      value = overflow || carried ? .max : sum
      if value == .max, index - start > 64 { return nil }
      index += 1
    }
    guard index > start else { return nil }
    isNonSynchronising = byte(index) == UInt8(ascii: "+")
    // RFC 2088's first form and an old habit: `-` is not allowed.
    if isNonSynchronising { index += 1 }
    guard byte(index) == UInt8(ascii: "}"), byte(index + 1) == 0x0D, byte(index + 2) == 0x0A else { return nil }
    count = value
    headerLength = index + 3 - offset
  }

  /// The header at the end of a line, whose CRLF is the end of `bytes`.
  init?(endOf bytes: [UInt8]) {
    guard bytes.count >= 5, bytes[bytes.count - 3] == UInt8(ascii: "}") else { return nil }
    // Nineteen digits, a brace and a plus at most; longer ones are no number.
    let low = max(0, bytes.count - 40)
    guard let brace = bytes[low...].lastIndex(of: UInt8(ascii: "{")) else { return nil }
    let start = brace > 0 && bytes[brace - 1] == UInt8(ascii: "~") ? brace - 1 : brace
    self.init(in: bytes, at: start)
    guard start + headerLength == bytes.count else { return nil }
  }
}
