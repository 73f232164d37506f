import WireKit

/// Writes field sections in the form of HPACK (RFC 7541) without a dynamic table: each field is an entry of the static
/// table or a literal without indexing, so what is written depends on nothing that was written before and can be kept
/// ready. The cost is some bytes per reply; the gain is that no state can get out of step.
package enum HPACKEncoder {
  /// Appends an integer with a prefix of `bits` bits; `pattern` fills the bits above (§5.1).
  package static func append(integer value: Int, bits: Int, pattern: UInt8, to output: inout [UInt8]) {
    let limit = (1 << bits) - 1
    if value < limit { return output.append(pattern | UInt8(truncatingIfNeeded: value)) }
    output.append(pattern | UInt8(truncatingIfNeeded: limit))
    var rest = value - limit
    while rest >= 128 {
      output.append(UInt8(truncatingIfNeeded: rest & 0x7F) | 0x80)
      rest >>= 7
    }
    output.append(UInt8(truncatingIfNeeded: rest))
  }

  /// Appends a string, Huffman-coded where that is shorter (§5.2). `lowercased` is for names (RFC 9113 §8.2.1).
  package static func append(string: RawSpan, lowercased: Bool = false, to output: inout [UInt8]) {
    var bits = 0
    for index in 0..<string.byteCount {
      let byte = lowercased ? Characters.lowercased(string[index]) : string[index]
      bits += Int(HuffmanTable.lengths[Int(byte)])
    }
    let coded = (bits + 7) / 8
    guard coded < string.byteCount else {
      append(integer: string.byteCount, bits: 7, pattern: 0, to: &output)
      for index in 0..<string.byteCount {
        output.append(lowercased ? Characters.lowercased(string[index]) : string[index])
      }
      return
    }
    append(integer: coded, bits: 7, pattern: 0x80, to: &output)
    var accumulator: UInt64 = 0
    var filled = 0
    for index in 0..<string.byteCount {
      let byte = Int(lowercased ? Characters.lowercased(string[index]) : string[index])
      let length = Int(HuffmanTable.lengths[byte])
      accumulator = accumulator << UInt64(length) | UInt64(HuffmanTable.codes[byte])
      filled += length
      while filled >= 8 {
        filled -= 8
        output.append(UInt8(truncatingIfNeeded: accumulator >> UInt64(filled)))
      }
    }
    if filled > 0 {
      // Padding is the beginning of EOS: all ones.
      let padding = UInt64(0xFF) >> UInt64(filled)
      output.append(UInt8(truncatingIfNeeded: accumulator << UInt64(8 - filled) | padding))
    }
  }

  /// Appends a literal without indexing (§6.2.2).
  static func append(_ name: FieldName, value: RawSpan, to output: inout [UInt8]) {
    let index = HPACKStaticTable.index(of: name)
    append(integer: index, bits: 4, pattern: 0, to: &output)
    if index == 0 {
      name.text.withUTF8Buffer { append(string: $0.span.bytes, to: &output) }
    }
    append(string: value, to: &output)
  }

  /// Appends `:status`.
  static func append(status: Status, to output: inout [UInt8]) {
    let index = HPACKStaticTable.index(ofStatus: status.code)
    if index > 0 { return output.append(0x80 | UInt8(truncatingIfNeeded: index)) }
    output.append(0x08)
    output.append(3)
    output.append(UInt8(truncatingIfNeeded: status.code / 100 % 10) + 0x30)
    output.append(UInt8(truncatingIfNeeded: status.code / 10 % 10) + 0x30)
    output.append(UInt8(truncatingIfNeeded: status.code % 10) + 0x30)
  }

  /// Appends a reply's fields, without those that are the session's.
  static func append(fields: Fields, to output: inout [UInt8]) {
    let source = fields.bytes.span.bytes
    for entry in fields.entries where !entry.known.belongsToSession {
      append(name: source.extracting(entry.name.bounds), entry.known, to: &output)
      append(string: source.extracting(entry.value.bounds), to: &output)
    }
  }

  /// The beginning of a literal: its name by number or in full. Credentials are marked as never to be indexed (§7.1.3).
  private static func append(name: RawSpan, _ known: FieldName, to output: inout [UInt8]) {
    let index = HPACKStaticTable.index(of: known)
    let isSecret = known == .authorization || known == .cookie || known == .setCookie || known == .proxyAuthorization
    append(integer: index, bits: 4, pattern: isSecret ? 0x10 : 0, to: &output)
    if index == 0 { append(string: name, lowercased: true, to: &output) }
  }
}
