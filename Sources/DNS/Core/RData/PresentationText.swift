import WireKit

/// Small pieces of the presentation form that many records share.
enum PresentationText {
  /// Appends `\DDD`.
  static func appendDecimalEscape(_ byte: UInt8, to text: inout [UInt8]) {
    text.append(UInt8(ascii: "\\"))
    text.append(0x30 + byte / 100)
    text.append(0x30 + byte / 10 % 10)
    text.append(0x30 + byte % 10)
  }

  /// Appends a character string in quotes, with escapes where they are needed (RFC 1035 §5.1).
  static func appendQuoted(_ bytes: RawSpan, to text: inout [UInt8]) {
    text.append(UInt8(ascii: "\""))
    for index in 0..<bytes.byteCount {
      let byte = bytes.octet(index)
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        text.append(UInt8(ascii: "\\"))
        text.append(byte)
      case 0x20...0x7E: text.append(byte)
      default: appendDecimalEscape(byte, to: &text)
      }
    }
    text.append(UInt8(ascii: "\""))
  }

  /// Appends a number in decimal.
  static func appendNumber(_ value: some BinaryInteger, to text: inout [UInt8]) {
    text.append(contentsOf: String(value).utf8)
  }

  /// A number of seconds, plain or in BIND's units: `3600`, `1h30m`, `1W2D`. `nil` when it is none or above 2³²−1.
  static func period(_ source: RawSpan, _ range: Range<Int>) -> UInt32? {
    var total: UInt64 = 0
    var number: UInt64 = 0
    var hasDigits = false
    var hasUnit = false
    guard !range.isEmpty else { return nil }
    for index in range {
      let byte = source.octet(index)
      let digit = byte &- 0x30
      if digit < 10 {
        number = number * 10 + UInt64(digit)
        guard number <= UInt64(UInt32.max) else { return nil }
        hasDigits = true
        continue
      }
      guard hasDigits, let unit = seconds(ofUnit: byte) else { return nil }
      total += number * unit
      (number, hasDigits, hasUnit) = (0, false, true)
      guard total <= UInt64(UInt32.max) else { return nil }
    }
    guard hasDigits || hasUnit else { return nil }
    return UInt32(exactly: total + number)
  }

  private static func seconds(ofUnit unit: UInt8) -> UInt64? {
    switch unit.asciiLowercased {
    case UInt8(ascii: "s"): 1
    case UInt8(ascii: "m"): 60
    case UInt8(ascii: "h"): 3600
    case UInt8(ascii: "d"): 86400
    case UInt8(ascii: "w"): 604_800
    default: nil
    }
  }

  /// A decimal number up to `limit`; `nil` when it is none.
  static func number(_ source: RawSpan, _ range: Range<Int>, limit: UInt64) -> UInt64? {
    guard !range.isEmpty, range.count <= 20 else { return nil }
    var value: UInt64 = 0
    for index in range {
      let digit = source.octet(index) &- 0x30
      guard digit < 10 else { return nil }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
      guard !overflow, !carry else { return nil }
      value = sum
    }
    return value <= limit ? value : nil
  }

  /// A dotted IPv4 address; `nil` when it is none.
  static func ipv4(_ source: RawSpan, _ range: Range<Int>) -> UInt32? {
    var address: UInt32 = 0
    var octet = 0
    var digits = 0
    var dots = 0
    for index in range {
      let byte = source.octet(index)
      if byte == UInt8(ascii: ".") {
        guard digits > 0, dots < 3 else { return nil }
        address = address << 8 | UInt32(octet)
        (octet, digits, dots) = (0, 0, dots + 1)
        continue
      }
      let digit = Int(byte) - 0x30
      guard (0..<10).contains(digit), !(digits > 0 && octet == 0) else { return nil }
      octet = octet * 10 + digit
      digits += 1
      guard octet <= 255 else { return nil }
    }
    guard dots == 3, digits > 0 else { return nil }
    return address << 8 | UInt32(octet)
  }

  /// The text of a range, for messages and for the rarer kinds of field.
  static func string(_ source: RawSpan, _ range: Range<Int>) -> String {
    source.extracting(range).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }
}

extension RawSpan {
  /// The octet at an index that the caller knows to be inside (checked all the same).
  func octet(_ index: Int) -> UInt8 { unsafeLoad(fromByteOffset: index, as: UInt8.self) }
}
