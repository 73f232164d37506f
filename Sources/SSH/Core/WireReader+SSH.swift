import WireKit

/// The data types of RFC 4251 §5.
extension WireReader {
  /// `string`: a length and that many bytes, as a part of the same memory.
  @_lifetime(copy self)
  mutating func readString(_ subject: StaticString) throws(WireError) -> RawSpan {
    let length = try Unverified(readUInt32(subject)).verified(atMost: remaining, subject, at: offset)
    return try readSpan(length, subject)
  }

  /// `string` as bytes of its own.
  mutating func readStringBytes(_ subject: StaticString) throws(WireError) -> [UInt8] {
    try readString(subject).copied()
  }

  /// `string` that must be UTF-8.
  mutating func readText(_ subject: StaticString) throws(WireError) -> String {
    let start = offset
    guard let text = String(validating: try readStringBytes(subject), as: UTF8.self) else {
      throw WireError(.malformed, subject, at: start)
    }
    return text
  }

  /// `boolean`: any value but zero is true.
  mutating func readBool(_ subject: StaticString) throws(WireError) -> Bool { try readUInt8(subject) != 0 }

  /// `name-list`: names in US-ASCII, divided by commas. An empty name is no name.
  mutating func readNameList(_ subject: StaticString) throws(WireError) -> [String] {
    let start = offset
    let bytes = try readStringBytes(subject)
    guard bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else { throw WireError(.malformed, subject, at: start) }
    guard !bytes.isEmpty else { return [] }
    return bytes.split(separator: 0x2C, omittingEmptySubsequences: true).map { String(decoding: $0, as: UTF8.self) }
  }

  /// `mpint` that is not negative, as its magnitude without leading zeros.
  mutating func readMagnitude(_ subject: StaticString) throws(WireError) -> [UInt8] {
    let start = offset
    let bytes = try readStringBytes(subject)
    if let first = bytes.first, first & 0x80 != 0 { throw WireError(.malformed, subject, at: start) }
    return Array(bytes.drop { $0 == 0 })
  }
}

extension [UInt8] {
  mutating func append(_ message: MessageNumber) { append(message.number) }

  mutating func appendString(_ bytes: some Collection<UInt8>) {
    appendInteger(UInt32(truncatingIfNeeded: bytes.count))
    append(contentsOf: bytes)
  }

  mutating func appendString(_ span: RawSpan) {
    appendInteger(UInt32(truncatingIfNeeded: span.byteCount))
    append(span)
  }

  mutating func appendString(_ text: String) { appendString(text.utf8) }

  mutating func appendBool(_ value: Bool) { append(value ? 1 : 0) }

  mutating func appendNameList(_ names: [String]) { appendString(names.joined(separator: ",")) }

  /// `mpint` of a magnitude: no leading zeros, and one zero where the highest bit is set.
  mutating func appendMagnitude(_ magnitude: some Collection<UInt8>) {
    let trimmed = magnitude.drop { $0 == 0 }
    let needsZero = trimmed.first.map { $0 & 0x80 != 0 } ?? false
    appendInteger(UInt32(truncatingIfNeeded: trimmed.count + (needsZero ? 1 : 0)))
    if needsZero { append(0) }
    append(contentsOf: trimmed)
  }

  /// Random bytes from the system.
  static func random(_ count: Int) -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 7)
    while bytes.count < count { bytes.appendInteger(generator.next() as UInt64) }
    bytes.removeLast(bytes.count - count)
    return bytes
  }
}
