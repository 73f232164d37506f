import WireKit

/// The rules for `Host` and `:authority` (RFC 9110 §4.2.3, §7.2; RFC 3986 §3.2.2), stricter than the grammar: a host is
/// letters, digits, `.`, `-`, `_`, `~`, or an address in brackets; no user information, no percent-encoding.
enum Authority {
  /// The bounds of the host and the port within a whole authority, or `nil` when it is none.
  static func parse(_ bytes: RawSpan) -> (host: Range<Int>, port: UInt16?)? {
    guard bytes.byteCount > 0, bytes.byteCount <= 255 + 6 else { return nil }
    var end = 0
    if bytes[0] == 0x5B {
      guard let closing = closingBracket(bytes) else { return nil }
      end = closing + 1
    } else {
      while end < bytes.byteCount, isHost(bytes[end]) { end += 1 }
      guard end > 0 else { return nil }
    }
    if end == bytes.byteCount { return (0..<end, nil) }
    guard bytes[end] == 0x3A else { return nil }
    if end + 1 == bytes.byteCount { return (0..<end, nil) }
    guard let port = bytes.extracting((end + 1)..<bytes.byteCount).decimal, port > 0, port <= 65535 else { return nil }
    return (0..<end, UInt16(port))
  }

  private static func closingBracket(_ bytes: RawSpan) -> Int? {
    var index = 1
    while index < bytes.byteCount, bytes[index] != 0x5D {
      guard Characters.hexadecimal(bytes[index]) != nil || bytes[index] == 0x3A || bytes[index] == 0x2E else {
        return nil
      }
      index += 1
    }
    return index < bytes.byteCount && index > 2 ? index : nil
  }

  @inline(__always)
  private static func isHost(_ byte: UInt8) -> Bool {
    let lower = byte | 0x20
    return lower >= 0x61 && lower <= 0x7A && byte >= 0x41 || Characters.isDigit(byte) || byte == 0x2E || byte == 0x2D
      || byte == 0x5F || byte == 0x7E
  }
}
