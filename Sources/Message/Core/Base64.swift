/// Base64 as MIME uses it (RFC 2045 §6.8), in pieces.
///
/// Takes what mail holds in practice: what is no base64 is skipped, missing padding is forgiven, and text behind padding
/// starts anew (some senders encode in pieces).
public struct Base64Decoder: Sendable {
  private var bits: UInt32 = 0
  private var count = 0

  public init() {}

  /// Decodes a piece and appends what it holds.
  public mutating func decode(_ input: some Sequence<UInt8>, into output: inout [UInt8]) {
    for byte in input {
      if byte == 0x3D {
        flush(into: &output)
        continue
      }
      guard let value = Self.value(byte) else { continue }
      bits = bits << 6 | value
      count += 1
      if count == 4 {
        output.append(UInt8(truncatingIfNeeded: bits >> 16))
        output.append(UInt8(truncatingIfNeeded: bits >> 8))
        output.append(UInt8(truncatingIfNeeded: bits))
        bits = 0
        count = 0
      }
    }
  }

  /// There is no more.
  public mutating func finish(into output: inout [UInt8]) { flush(into: &output) }

  private mutating func flush(into output: inout [UInt8]) {
    if count == 2 { output.append(UInt8(truncatingIfNeeded: bits >> 4)) }
    if count == 3 {
      output.append(UInt8(truncatingIfNeeded: bits >> 10))
      output.append(UInt8(truncatingIfNeeded: bits >> 2))
    }
    bits = 0
    count = 0
  }

  private static func value(_ byte: UInt8) -> UInt32? {
    switch byte {
    case 0x41...0x5A: UInt32(byte) - 0x41
    case 0x61...0x7A: UInt32(byte) - 0x61 + 26
    case 0x30...0x39: UInt32(byte) - 0x30 + 52
    case 0x2B: 62
    case 0x2F: 63
    default: nil
    }
  }
}

/// Base64 on its way out.
public enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// Without line ends.
  public static func encode(_ bytes: some Collection<UInt8>) -> String {
    String(decoding: encoded(Array(bytes)), as: UTF8.self)
  }

  /// In lines of 76 characters, each with its CRLF (RFC 2045 §6.8).
  public static func lines(_ bytes: some Collection<UInt8>) -> [UInt8] {
    let text = encoded(Array(bytes))
    var result: [UInt8] = []
    result.reserveCapacity(text.count + text.count / 38 + 2)
    var index = 0
    while index < text.count {
      let end = min(text.count, index + 76)
      result += text[index..<end]
      result += [0x0D, 0x0A]
      index = end
    }
    return result
  }

  /// All of it, leniently; for short texts.
  public static func decode(_ text: some Sequence<UInt8>) -> [UInt8] {
    var decoder = Base64Decoder()
    var output: [UInt8] = []
    decoder.decode(text, into: &output)
    decoder.finish(into: &output)
    return output
  }

  private static func encoded(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity((bytes.count + 2) / 3 * 4)
    var index = 0
    while index < bytes.count {
      let rest = bytes.count - index
      let first = UInt32(bytes[index])
      let second = rest > 1 ? UInt32(bytes[index + 1]) : 0
      let third = rest > 2 ? UInt32(bytes[index + 2]) : 0
      let bits = first << 16 | second << 8 | third
      result.append(alphabet[Int(bits >> 18 & 63)])
      result.append(alphabet[Int(bits >> 12 & 63)])
      result.append(rest > 1 ? alphabet[Int(bits >> 6 & 63)] : 0x3D)
      result.append(rest > 2 ? alphabet[Int(bits & 63)] : 0x3D)
      index += 3
    }
    return result
  }
}
