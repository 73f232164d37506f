import WireKit

/// The Basic Encoding Rules, as far as MCS and CredSSP use them: definite lengths only (X.690 §8.1).
extension WireReader {
  /// A tag of one or two bytes and the contents. `.truncated` when the input ends before them.
  @_lifetime(copy self)
  mutating func readBER(_ tag: UInt16, _ subject: StaticString) throws(WireError) -> RawSpan {
    if tag > 0xFF {
      guard try readUInt16(subject) == tag else { throw WireError(.malformed, subject, at: offset - 2) }
    } else {
      guard try readUInt8(subject) == UInt8(truncatingIfNeeded: tag) else {
        throw WireError(.malformed, subject, at: offset - 1)
      }
    }
    return try readSpan(try readBERLength(subject), subject)
  }

  /// Whether the next byte is this tag.
  func nextIs(_ tag: UInt8) -> Bool { bytes.byte(at: offset) == tag }

  mutating func readBERLength(_ subject: StaticString) throws(WireError) -> Int {
    let first = try readUInt8(subject)
    guard first & 0x80 != 0 else { return Int(first) }
    let count = Int(first & 0x7F)
    guard (1...3).contains(count) else { throw WireError(.outOfBounds, subject, at: offset - 1) }
    var length = 0
    for _ in 0..<count { length = length << 8 | Int(try readUInt8(subject)) }
    return length
  }

  /// A non-negative INTEGER of at most 32 bits.
  mutating func readBERInteger(_ subject: StaticString) throws(WireError) -> UInt32 {
    let contents = try readBER(0x02, subject)
    guard (1...5).contains(contents.byteCount) else { throw WireError(.outOfBounds, subject, at: offset) }
    var value: UInt64 = 0
    for index in 0..<contents.byteCount { value = value << 8 | UInt64(contents.byte(at: index) ?? 0) }
    return UInt32(truncatingIfNeeded: value)
  }
}

extension [UInt8] {
  /// Appends a tag, the length and what `body` appends.
  mutating func appendBER(_ tag: UInt16, _ body: (inout [UInt8]) -> Void) {
    if tag > 0xFF { append(UInt8(truncatingIfNeeded: tag >> 8)) }
    append(UInt8(truncatingIfNeeded: tag))
    var contents: [UInt8] = []
    body(&contents)
    appendBERLength(contents.count)
    append(contentsOf: contents)
  }

  mutating func appendBERLength(_ length: Int) {
    switch length {
    case ..<0x80: append(UInt8(truncatingIfNeeded: length))
    case ..<0x100: append(contentsOf: [0x81, UInt8(truncatingIfNeeded: length)])
    case ..<0x10000:
      append(contentsOf: [0x82, UInt8(truncatingIfNeeded: length >> 8), UInt8(truncatingIfNeeded: length)])
    default:
      append(0x83)
      append(contentsOf: (0..<3).map { UInt8(truncatingIfNeeded: length >> (16 - 8 * $0)) })
    }
  }

  /// Appends a non-negative INTEGER.
  mutating func appendBERInteger(_ value: UInt32) {
    var bytes = Swift.withUnsafeBytes(of: value.bigEndian) { Array($0) }
    while bytes.count > 1, bytes[0] == 0, bytes[1] & 0x80 == 0 { bytes.removeFirst() }
    if bytes[0] & 0x80 != 0 { bytes.insert(0, at: 0) }
    append(contentsOf: [2, UInt8(clamping: bytes.count)] + bytes)
  }
}
