/// Hexadecimal, base64 (RFC 4648 §4) and base32 with the extended hex alphabet (§7), as the presentation forms use them.
enum BinaryText {
  static func appendHex(_ bytes: RawSpan, to text: inout [UInt8]) {
    for index in 0..<bytes.byteCount {
      let byte = bytes.octet(index)
      text.append(digit(byte >> 4))
      text.append(digit(byte & 15))
    }
  }

  /// Upper-case hexadecimal digit, as dig prints them.
  static func digit(_ nibble: UInt8) -> UInt8 { nibble < 10 ? 0x30 + nibble : 0x37 + nibble }

  static func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x30...0x39: byte - 0x30
    case 0x41...0x46: byte - 0x37
    case 0x61...0x66: byte - 0x57
    default: nil
    }
  }

  private static let base64Digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let base32Digits = Array("0123456789abcdefghijklmnopqrstuv".utf8)

  static func appendBase64(_ bytes: RawSpan, to text: inout [UInt8]) {
    var index = 0
    while index < bytes.byteCount {
      let count = min(3, bytes.byteCount - index)
      var group: UInt32 = 0
      for place in 0..<3 { group = group << 8 | (place < count ? UInt32(bytes.octet(index + place)) : 0) }
      for place in 0..<4 {
        let value = Int(group >> UInt32(18 - 6 * place)) & 63
        text.append(place <= count ? base64Digits[value] : UInt8(ascii: "="))
      }
      index += 3
    }
  }

  static func base64Value(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x41...0x5A: byte - 0x41
    case 0x61...0x7A: byte - 0x61 + 26
    case 0x30...0x39: byte - 0x30 + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }

  static func appendBase32Hex(_ bytes: RawSpan, to text: inout [UInt8]) {
    var buffer: UInt32 = 0
    var bits: UInt32 = 0
    for index in 0..<bytes.byteCount {
      buffer = buffer << 8 | UInt32(bytes.octet(index))
      bits += 8
      while bits >= 5 {
        bits -= 5
        text.append(base32Digits[Int(buffer >> bits & 31)])
      }
      buffer &= (1 << bits) - 1
    }
    if bits > 0 { text.append(base32Digits[Int(buffer << (5 - bits) & 31)]) }
  }

  static func base32HexValue(_ byte: UInt8) -> UInt8? {
    switch byte.asciiLowercased {
    case 0x30...0x39: byte - 0x30
    case 0x61...0x76: byte.asciiLowercased - 0x61 + 10
    default: nil
    }
  }
}

/// Collects the digits of a binary value that may be spread over several tokens.
struct BinaryTextDecoder {
  enum Base { case hexadecimal, base64, base32Hex }

  let base: Base
  private var buffer: UInt32 = 0
  private var bits: UInt32 = 0
  private var digits = 0
  private var padding = 0

  init(_ base: Base) { self.base = base }

  /// Takes one character; `false` when it is no digit of this base.
  mutating func take(_ byte: UInt8, into bytes: inout [UInt8]) -> Bool {
    if base == .base64, byte == UInt8(ascii: "=") {
      padding += 1
      return padding <= 2
    }
    let value: UInt8?
    let width: UInt32
    switch base {
    case .hexadecimal: (value, width) = (BinaryText.hexValue(byte), 4)
    case .base64: (value, width) = (BinaryText.base64Value(byte), 6)
    case .base32Hex: (value, width) = (BinaryText.base32HexValue(byte), 5)
    }
    guard let value, padding == 0 else { return false }
    buffer = (buffer << width | UInt32(value)) & 0xFFFF
    bits += width
    digits += 1
    if bits >= 8 {
      bits -= 8
      bytes.append(UInt8(truncatingIfNeeded: buffer >> bits))
    }
    return true
  }

  /// Whether what was taken is complete: no half octet, no bits left that are set, base64 padded as it must be.
  var isComplete: Bool {
    guard buffer & ((1 << bits) - 1) == 0 else { return false }
    switch base {
    case .hexadecimal: return bits == 0
    case .base64: return (digits + padding) % 4 == 0 && bits < 6
    case .base32Hex: return bits < 5
    }
  }
}
