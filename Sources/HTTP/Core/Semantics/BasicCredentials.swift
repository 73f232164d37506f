import WireKit

/// Name and password as `Authorization: Basic` carries them (RFC 7617).
public struct BasicCredentials: Sendable, Equatable {
  public var name: String
  public var password: [UInt8]

  /// From the field's value; `nil` for another scheme, and for what is malformed: no base64, no colon, a name that is not
  /// UTF-8 or has control characters.
  public init?(_ value: RawSpan) {
    guard value.byteCount > 6, value.byteCount <= 4096, value.extracting(0..<6).isEqualIgnoringCase(to: "basic ") else {
      return nil
    }
    let bounds = value.trimmed(6..<value.byteCount)
    guard let octets = Base64Text.decode(value.extracting(bounds)),
      let colon = octets.firstIndex(of: 0x3A),
      let name = String(validating: octets[..<colon], as: UTF8.self),
      octets.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
    else { return nil }
    self.name = name
    password = Array(octets[octets.index(after: colon)...])
  }
}

/// Base64 (RFC 4648 §4), padded or not.
enum Base64Text {
  /// `nil` for anything that is not base64 to its end.
  static func decode(_ text: RawSpan) -> [UInt8]? {
    var octets: [UInt8] = []
    octets.reserveCapacity(text.byteCount / 4 * 3)
    var (bits, count, padding): (UInt32, Int, Int) = (0, 0, 0)
    for index in 0..<text.byteCount {
      if text[index] == 0x3D {
        padding += 1
        continue
      }
      guard padding == 0, let value = value(of: text[index]) else { return nil }
      bits = bits << 6 | UInt32(value)
      count += 6
      if count >= 8 {
        count -= 8
        octets.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
      }
    }
    guard padding <= 2, count < 6, bits & ((1 << UInt32(count)) &- 1) == 0 else { return nil }
    return octets
  }

  private static func value(of byte: UInt8) -> UInt8? {
    switch byte {
    case 0x41...0x5A: byte - 0x41
    case 0x61...0x7A: byte - 0x61 + 26
    case 0x30...0x39: byte - 0x30 + 52
    case 0x2B: 62
    case 0x2F: 63
    default: nil
    }
  }
}
