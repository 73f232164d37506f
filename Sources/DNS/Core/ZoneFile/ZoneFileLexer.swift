import WireKit

/// Cuts a zone file into entries, and an entry into tokens (RFC 1035 §5.1): comments, quotes, escapes, parentheses.
struct ZoneFileLexer {
  /// The tokens of the entry read last.
  private(set) var tokens: [Token] = []
  /// Whether the entry begins with a blank, and so has the owner of the one before.
  private(set) var hasLeadingBlank = false
  /// Where the entry begins, and the number of that line, from 1.
  private(set) var entryStart = 0
  private(set) var entryLine = 1
  private var offset = 0
  private var line = 1

  /// Reads the next entry that has tokens; `false` at the end. After an error the next call goes on behind it.
  mutating func readEntry(_ source: RawSpan) throws(PresentationError) -> Bool {
    while offset < source.byteCount {
      tokens.removeAll(keepingCapacity: true)
      (entryStart, entryLine) = (offset, line)
      let first = source.octet(offset)
      hasLeadingBlank = first == UInt8(ascii: " ") || first == UInt8(ascii: "\t")
      try readTokens(source)
      if !tokens.isEmpty { return true }
    }
    return false
  }

  /// The line and column, from 1, of an offset in the entry read last.
  func position(of place: Int, in source: RawSpan) -> (line: Int, column: Int) {
    var (line, column) = (entryLine, 1)
    for index in entryStart..<min(max(place, entryStart), source.byteCount) {
      if source.octet(index) == UInt8(ascii: "\n") {
        (line, column) = (line + 1, 1)
      } else {
        column += 1
      }
    }
    return (line, column)
  }

  private mutating func readTokens(_ source: RawSpan) throws(PresentationError) {
    let end = source.byteCount
    var parentheses: Int?
    while offset < end {
      switch source.octet(offset) {
      case UInt8(ascii: "\n"):
        offset += 1
        line += 1
        if parentheses == nil { return }
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): offset += 1
      case UInt8(ascii: ";"): while offset < end, source.octet(offset) != UInt8(ascii: "\n") { offset += 1 }
      case UInt8(ascii: "("):
        if parentheses != nil { throw fail("'(' inside parentheses", at: offset, source) }
        parentheses = offset
        offset += 1
      case UInt8(ascii: ")"):
        if parentheses == nil { throw fail("')' without '('", at: offset, source) }
        parentheses = nil
        offset += 1
      case UInt8(ascii: "\""):
        let start = offset + 1
        try passQuoted(source)
        tokens.append(
          Token(start: Int32(truncatingIfNeeded: start), end: Int32(truncatingIfNeeded: offset - 1), isQuoted: true))
      default: try readWord(source)
      }
    }
    if let parentheses { throw fail("'(' is never closed", at: parentheses, source) }
  }

  private mutating func readWord(_ source: RawSpan) throws(PresentationError) {
    let start = offset
    let end = source.byteCount
    scan: while offset < end {
      switch source.octet(offset) {
      case UInt8(ascii: "\n"), UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: ";"),
        UInt8(ascii: "("), UInt8(ascii: ")"):
        break scan
      case UInt8(ascii: "\\"):
        guard offset + 1 < end, source.octet(offset + 1) != UInt8(ascii: "\n") else {
          throw fail("backslash at the end of a line", at: offset, source)
        }
        offset += 2
      case UInt8(ascii: "\""):
        // A quote after '=' belongs to a service parameter (RFC 9460 §2.1); elsewhere it begins a token of its own.
        guard offset > start, source.octet(offset - 1) == UInt8(ascii: "=") else { break scan }
        try passQuoted(source)
      default: offset += 1
      }
    }
    tokens.append(
      Token(start: Int32(truncatingIfNeeded: start), end: Int32(truncatingIfNeeded: offset), isQuoted: false))
  }

  private mutating func passQuoted(_ source: RawSpan) throws(PresentationError) {
    let start = offset
    offset += 1
    while offset < source.byteCount {
      switch source.octet(offset) {
      case UInt8(ascii: "\""):
        offset += 1
        return
      case UInt8(ascii: "\n"): throw fail("quoted string is never closed", at: start, source)
      case UInt8(ascii: "\\") where offset + 1 < source.byteCount && source.octet(offset + 1) != UInt8(ascii: "\n"):
        offset += 2
      default: offset += 1
      }
    }
    throw fail("quoted string is never closed", at: start, source)
  }

  /// Goes to the next line, so that one mistake costs one entry.
  private mutating func fail(_ message: String, at place: Int, _ source: RawSpan) -> PresentationError {
    while offset < source.byteCount {
      let byte = source.octet(offset)
      offset += 1
      if byte == UInt8(ascii: "\n") {
        line += 1
        break
      }
    }
    return PresentationError(message, at: place)
  }
}
