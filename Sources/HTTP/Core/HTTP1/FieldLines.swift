import WireKit

/// Finds the end of a head: the first empty line. Strictly by CRLF (RFC 9112 §2.2 lets a recipient take a bare LF; those
/// that do and those that don't disagree about where a message ends, and request smuggling lives on that).
struct HeadScanner: Sendable {
  private var scanned = 0
  private var lineStart = 0
  private var isFirstLine = true

  /// Bytes of the head with its empty line; `nil` for more input, to be called with the same and more.
  mutating func end(in input: RawSpan, _ limits: HTTPLimits) throws(HTTPError) -> Int? {
    var index = scanned
    let end = min(input.byteCount, limits.head)
    while index < end {
      if input[index] == 0x0A {
        guard index > 0, input[index - 1] == 0x0D else { throw HTTPError(.badRequest, "bare LF in a head") }
        if isFirstLine, index > limits.requestLine { throw HTTPError(.uriTooLong, "request line too long") }
        if index - 1 == lineStart { return index + 1 }
        lineStart = index + 1
        isFirstLine = false
      }
      index += 1
    }
    scanned = index
    if isFirstLine, index > limits.requestLine { throw HTTPError(.uriTooLong, "request line too long") }
    if input.byteCount >= limits.head { throw HTTPError(.headerFieldsTooLarge, "head too long") }
    return nil
  }

  /// Starts over with the next head.
  mutating func reset() { self = HeadScanner() }
}

/// Field lines (RFC 9112 §5): `name ":" OWS value OWS CRLF`.
enum FieldLines {
  /// Takes the lines from `start` on up to the empty line. `bytes` ends with that empty line.
  static func parse(
    _ bytes: RawSpan, from start: Int, limit: Int, into entries: inout [Fields.Entry]
  ) throws(HTTPError) {
    var index = start
    let end = bytes.byteCount - 2
    while index < end {
      guard entries.count < limit else { throw HTTPError(.headerFieldsTooLarge, "too many fields") }
      entries.append(try line(bytes, &index, end))
    }
  }

  private static func line(_ bytes: RawSpan, _ index: inout Int, _ end: Int) throws(HTTPError) -> Fields.Entry {
    let nameStart = index
    while index < end, Characters.isToken(bytes[index]) { index += 1 }
    let name = nameStart..<index
    // White space at the front is obsolete line folding, white space before the colon a classic of smuggling
    // (RFC 9112 §5.1, §5.2): both end here.
    guard !name.isEmpty, index < end, bytes[index] == 0x3A else {
      throw HTTPError(.badRequest, "field name malformed, or line folded")
    }
    index += 1
    let valueStart = index
    while index < end, Characters.isFieldValue(bytes[index]) { index += 1 }
    guard index + 1 < bytes.byteCount, bytes[index] == 0x0D, bytes[index + 1] == 0x0A else {
      throw HTTPError(.badRequest, "control character in a field value")
    }
    let value = bytes.trimmed(valueStart..<index)
    index += 2
    return Fields.Entry(
      known: FieldName(bytes.extracting(name)), name: TextRange(name), value: TextRange(value))
  }
}
