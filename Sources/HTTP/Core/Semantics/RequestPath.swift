import WireKit

/// A request's path, decoded and without dot segments, ready to be looked up below a directory (RFC 3986 §5.2.4, §6.2.2).
///
/// Refused rather than repaired, since each has two readings: an encoded slash or NUL, a broken `%`, a backslash in
/// any form, a control character, and `..` that leads above the root.
public struct RequestPath: Sendable, Equatable {
  /// Without the leading slash: `docs/index.html`; empty for the root. Octets, not necessarily UTF-8.
  public private(set) var octets: [UInt8] = []
  /// Whether the path ended with a slash or a dot segment.
  public private(set) var isDirectory = false
  /// Whether a segment other than `.well-known` begins with a dot.
  public private(set) var hasHiddenSegment = false

  /// The path as a text, for messages; what is not UTF-8 is replaced.
  public var text: String { "/" + String(decoding: octets, as: UTF8.self) }

  /// `nil` for a path that is refused.
  public init?(_ path: RawSpan) {
    guard path.byteCount > 0, path[0] == 0x2F else { return nil }
    octets.reserveCapacity(path.byteCount)
    var index = 1
    while index <= path.byteCount {
      let start = octets.count
      guard let end = decodeSegment(path, from: index) else { return nil }
      let isLast = end == path.byteCount
      guard finishSegment(from: start, isLast: isLast) else { return nil }
      index = end + 1
      if isLast { break }
    }
  }

  /// Decodes up to the next slash onto the end of `octets`. Returns where that slash, or the end, stands.
  private mutating func decodeSegment(_ path: RawSpan, from start: Int) -> Int? {
    var index = start
    while index < path.byteCount, path[index] != 0x2F {
      var byte = path[index]
      if byte == 0x25 {
        guard index + 2 < path.byteCount, let high = Characters.hexadecimal(path[index + 1]),
          let low = Characters.hexadecimal(path[index + 2])
        else { return nil }
        byte = high << 4 | low
        index += 2
        if byte == 0x2F { return nil }
      }
      guard byte >= 0x20, byte != 0x7F, byte != 0x5C else { return nil }
      octets.append(byte)
      index += 1
    }
    return index
  }

  /// Judges the segment that was decoded last. Empty ones vanish, dot segments do what they say.
  private mutating func finishSegment(from start: Int, isLast: Bool) -> Bool {
    let length = octets.count - start
    isDirectory = isLast && (length == 0 || isDots(start, length))
    if length == 0 { return true }
    if isDots(start, length) {
      octets.removeSubrange(start...)
      guard length == 2 else { return true }
      guard !octets.isEmpty else { return false }
      octets.removeLast()
      while let last = octets.last, last != 0x2F { octets.removeLast() }
      return true
    }
    if octets[start] == 0x2E, !isWellKnown(start) { hasHiddenSegment = true }
    if !isLast { octets.append(0x2F) }
    return true
  }

  private func isDots(_ start: Int, _ length: Int) -> Bool {
    (length == 1 || length == 2) && octets[start] == 0x2E && octets[start + length - 1] == 0x2E
  }

  private func isWellKnown(_ start: Int) -> Bool {
    octets.span.bytes.extracting(start..<octets.count).isEqual(to: ".well-known")
  }
}

/// Percent-encoding for what is put into a URI (RFC 3986 §2.1).
public enum PercentEncoding {
  /// Encodes everything in a path that is not unreserved or `/`.
  public static func path(_ octets: some Sequence<UInt8>) -> String {
    var result: [UInt8] = []
    for byte in octets {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x2F, 0x5F, 0x7E: result.append(byte)
      default:
        result.append(0x25)
        result.append(hexadecimal(byte >> 4))
        result.append(hexadecimal(byte & 15))
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  private static func hexadecimal(_ digit: UInt8) -> UInt8 { digit < 10 ? digit + 0x30 : digit + 0x37 }
}
