/// Base 32 (RFC 4648 §6) without padding: for secrets that people copy by hand.
package enum Base32 {
  private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

  /// In lower case.
  package static func encode(_ bytes: [UInt8]) -> String {
    var output: [UInt8] = []
    var buffer: UInt32 = 0
    var bits = 0
    for byte in bytes {
      buffer = (buffer << 8 | UInt32(byte)) & 0xFFFF
      bits += 8
      while bits >= 5 {
        bits -= 5
        output.append(alphabet[Int(buffer >> UInt32(bits) & 31)])
      }
    }
    if bits > 0 { output.append(alphabet[Int(buffer << UInt32(5 - bits) & 31)]) }
    return String(decoding: output, as: UTF8.self)
  }

  /// What somebody typed, as `encode` would have written it: lower case, without spaces and dashes; `nil` when a
  /// character is not of the alphabet.
  package static func canonical(_ typed: [UInt8]) -> [UInt8]? {
    var output: [UInt8] = []
    for byte in typed where byte != 0x20 && byte != 0x2D {
      let lower = (0x41...0x5A).contains(byte) ? byte | 0x20 : byte
      guard alphabet.contains(lower) else { return nil }
      output.append(lower)
    }
    return output
  }
}
