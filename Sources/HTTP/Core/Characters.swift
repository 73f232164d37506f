import WireKit

/// The character classes of RFC 9110 §5 and RFC 3986, as bit tests on one octet.
enum Characters {
  /// `tchar` (RFC 9110 §5.6.2): methods and field names.
  @inline(__always)
  static func isToken(_ byte: UInt8) -> Bool {
    // ! # $ % & ' * + - . 0-9 in the first word, A-Z ^ _ ` a-z | ~ in the second.
    let low: UInt64 = 0x03FF_6CFA_0000_0000
    let high: UInt64 = 0x57FF_FFFF_C7FF_FFFE
    return byte < 64 ? low >> UInt64(byte) & 1 == 1 : byte < 128 && high >> UInt64(byte & 63) & 1 == 1
  }

  /// What may stand in a field value: HTAB, SP, visible characters and obs-text (RFC 9110 §5.5).
  @inline(__always)
  static func isFieldValue(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7F || byte == 0x09 }

  /// What may stand in a request target: visible ASCII. Octets beyond are not legal in a URI, and a proxy and its
  /// backend read them differently.
  @inline(__always)
  static func isTarget(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x7F && byte != 0x23 }

  @inline(__always)
  static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

  @inline(__always)
  static func lowercased(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }

  /// The value of a hexadecimal digit, or `nil`.
  @inline(__always)
  static func hexadecimal(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x41 + 10
    case 0x61...0x66: byte - 0x61 + 10
    default: nil
    }
  }
}

extension RawSpan {
  /// The octet at an index that the caller has compared with `byteCount`; checked all the same.
  @inline(__always)
  subscript(_ index: Int) -> UInt8 { unsafeLoad(fromByteOffset: index, as: UInt8.self) }

  /// Whether the octets are exactly this text.
  func isEqual(to text: StaticString) -> Bool {
    guard byteCount == text.utf8CodeUnitCount else { return false }
    return text.withUTF8Buffer { buffer in
      for index in 0..<buffer.count where self[index] != buffer[index] { return false }
      return true
    }
  }

  /// The same without regard to the case of ASCII letters. `text` is in lower case.
  func isEqualIgnoringCase(to text: StaticString) -> Bool {
    guard byteCount == text.utf8CodeUnitCount else { return false }
    return text.withUTF8Buffer { buffer in
      for index in 0..<buffer.count where Characters.lowercased(self[index]) != buffer[index] { return false }
      return true
    }
  }

  /// The same for a text made at run time. `text` is in lower case.
  func isEqualIgnoringCase(to text: String) -> Bool {
    guard byteCount == text.utf8.count else { return false }
    var index = 0
    for byte in text.utf8 {
      guard Characters.lowercased(self[index]) == byte else { return false }
      index += 1
    }
    return true
  }

  /// The bounds without leading and trailing SP and HTAB (`OWS`, RFC 9110 §5.6.3).
  func trimmed(_ bounds: Range<Int>) -> Range<Int> {
    var (start, end) = (bounds.lowerBound, bounds.upperBound)
    while start < end, self[start] == 0x20 || self[start] == 0x09 { start += 1 }
    while end > start, self[end - 1] == 0x20 || self[end - 1] == 0x09 { end -= 1 }
    return start..<end
  }

  /// A text of these octets; what is not UTF-8 is replaced.
  var text: String { withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }

  /// A number of decimal digits only, at most `Int64.max` (RFC 9110 §8.6: no sign, no list, no white space).
  var decimal: Int64? {
    guard byteCount > 0, byteCount <= 19 else { return nil }
    var value: Int64 = 0
    for index in 0..<byteCount {
      let byte = self[index]
      guard Characters.isDigit(byte) else { return nil }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carried) = product.addingReportingOverflow(Int64(byte - 0x30))
      guard !overflow, !carried else { return nil }
      value = sum
    }
    return value
  }
}

extension FieldName {
  /// The known name with this text, without regard to case, or `other`.
  init(_ name: RawSpan) {
    let count = name.byteCount
    guard count > 1 else {
      self = .other
      return
    }
    let candidates = FieldName.candidates(length: count, last: Characters.lowercased(name[count - 1]))
    if name.isEqualIgnoringCase(to: candidates.0.text) {
      self = candidates.0
    } else if candidates.1 != .other, name.isEqualIgnoringCase(to: candidates.1.text) {
      self = candidates.1
    } else if candidates.2 != .other, name.isEqualIgnoringCase(to: candidates.2.text) {
      self = candidates.2
    } else {
      self = .other
    }
  }
}

extension [UInt8] {
  /// Appends a constant text.
  mutating func append(_ text: StaticString) { text.withUTF8Buffer { append(contentsOf: $0) } }

  /// Appends a number in decimal digits.
  mutating func append(decimal number: Int64) {
    guard number >= 0 else {
      append(UInt8(ascii: "-"))
      return append(unsigned: number.magnitude)
    }
    append(unsigned: UInt64(number))
  }

  private mutating func append(unsigned number: UInt64) {
    if number < 10 { return append(UInt8(truncatingIfNeeded: number) + 0x30) }
    let start = count
    var rest = number
    while rest > 0 {
      append(UInt8(truncatingIfNeeded: rest % 10) + 0x30)
      rest /= 10
    }
    self[start...].reverse()
  }
}
