import WireKit

/// Why a field section could not be decoded: always COMPRESSION_ERROR, for the whole connection (RFC 9113 §4.3).
package struct HPACKError: Error, Equatable {
  package let diagnosis: StaticString
  init(_ diagnosis: StaticString) { self.diagnosis = diagnosis }
  package static func == (left: HPACKError, right: HPACKError) -> Bool {
    left.diagnosis.description == right.diagnosis.description
  }
}

/// Decodes field sections (RFC 7541). One per direction of a connection; every section must pass through it, wanted or
/// not, since each may change the dynamic table.
package struct HPACKDecoder: Sendable {
  /// What a section may hold before the rest of it is thrown away.
  package struct Bounds {
    /// Octets of names and values, plus 32 a field (RFC 9113 §6.5.2).
    package var size: Int
    package var fields: Int

    package init(size: Int, fields: Int) {
      self.size = size
      self.fields = fields
    }
  }

  private var table: HPACKDynamicTable
  /// The most that our SETTINGS_HEADER_TABLE_SIZE allows the peer to use.
  private let maximumTableSize: Int

  package init(maximumTableSize: Int = 4096) {
    self.maximumTableSize = maximumTableSize
    table = HPACKDynamicTable(maximumSize: maximumTableSize)
  }

  /// Entries in the dynamic table, and their size by the rule of §4.1; for tests and diagnosis.
  var tableCount: Int { table.count }
  package var tableSize: Int { table.size }
  /// The dynamic table's entry at a wire index of 62 and up, for tests.
  func tableEntry(_ index: Int) -> (name: String, value: String)? {
    guard let entry = table.entry(index - 62) else { return nil }
    let text = { (range: Range<Int>) in table.storage.span.bytes.extracting(range).text }
    return (text(entry.name), text(entry.value))
  }

  /// Decodes a whole section and appends its fields to `fields`. Returns whether everything fitted into `bounds`; if
  /// not, the fields are incomplete and the request has to be refused.
  package mutating func decode(_ section: RawSpan, bounds: Bounds, into fields: inout Fields) throws(HPACKError) -> Bool
  {
    var reader = HPACKReader(section)
    var room = bounds.size
    var fits = true
    var mayResize = true
    while let first = reader.peek {
      if first & 0xE0 == 0x20 {
        guard mayResize else { throw HPACKError("table size update after the first field") }
        let size = try reader.integer(bits: 5)
        guard size <= maximumTableSize else { throw HPACKError("table size update above our limit") }
        table.resize(to: size)
        continue
      }
      mayResize = false
      let start = fields.bytes.count
      let entry = try decodeField(first, &reader, into: &fields.bytes)
      room -= fields.bytes.count - start + 32
      // References are short and what they stand for is long: work on a section that is refused anyway must end.
      guard room > -8 * bounds.size else { throw HPACKError("field section far above our limit") }
      if room < 0 || fields.entries.count >= bounds.fields { fits = false }
      if fits { fields.entries.append(entry) } else { fields.bytes.removeSubrange(start...) }
    }
    return fits
  }

  private mutating func decodeField(
    _ first: UInt8, _ reader: inout HPACKReader, into bytes: inout [UInt8]
  ) throws(HPACKError) -> Fields.Entry {
    if first & 0x80 != 0 {
      let index = try reader.integer(bits: 7)
      return try appendIndexed(index, to: &bytes)
    }
    let isIndexed = first & 0x40 != 0
    let index = try reader.integer(bits: isIndexed ? 6 : 4)
    let start = bytes.count
    let known: FieldName
    if index == 0 {
      try reader.string(into: &bytes)
      known = FieldName(bytes.span.bytes.extracting(start..<bytes.count))
    } else {
      known = try appendName(index, to: &bytes)
    }
    let middle = bytes.count
    try reader.string(into: &bytes)
    if isIndexed {
      table.insert(bytes.span.bytes.extracting(start..<bytes.count), nameCount: middle - start, known: known)
    }
    return Fields.Entry(known: known, name: TextRange(start..<middle), value: TextRange(middle..<bytes.count))
  }

  private func appendIndexed(_ index: Int, to bytes: inout [UInt8]) throws(HPACKError) -> Fields.Entry {
    let start = bytes.count
    let known = try appendName(index, to: &bytes)
    let middle = bytes.count
    if index <= HPACKStaticTable.count {
      bytes.append(HPACKStaticTable.value(index))
    } else if let entry = table.entry(index - 62) {
      bytes.append(contentsOf: table.storage[entry.value])
    }
    return Fields.Entry(known: known, name: TextRange(start..<middle), value: TextRange(middle..<bytes.count))
  }

  private func appendName(_ index: Int, to bytes: inout [UInt8]) throws(HPACKError) -> FieldName {
    if let name = HPACKStaticTable.name(index) {
      bytes.append(name.text)
      return name
    }
    guard index > HPACKStaticTable.count, let entry = table.entry(index - 62) else {
      throw HPACKError("index outside the tables")
    }
    bytes.append(contentsOf: table.storage[entry.name])
    return entry.known
  }
}

/// The primitives of HPACK (RFC 7541 §5).
struct HPACKReader: ~Escapable {
  private let bytes: RawSpan
  private var index = 0

  @_lifetime(copy bytes)
  init(_ bytes: RawSpan) { self.bytes = bytes }

  var peek: UInt8? { bytes.byte(at: index) }

  /// An integer with a prefix of `bits` bits. Below 2^28: nothing that we accept is larger.
  @_lifetime(self: copy self)
  mutating func integer(bits: Int) throws(HPACKError) -> Int {
    guard let first = bytes.byte(at: index) else { throw HPACKError("ends within an integer") }
    index += 1
    let limit = (1 << bits) - 1
    var value = Int(first) & limit
    guard value == limit else { return value }
    var shift = 0
    while true {
      guard let byte = bytes.byte(at: index) else { throw HPACKError("ends within an integer") }
      index += 1
      guard shift <= 21 else { throw HPACKError("integer too large") }
      value += Int(byte & 0x7F) << shift
      shift += 7
      if byte & 0x80 == 0 { return value }
    }
  }

  /// A string, decoded onto the end of `output`.
  @_lifetime(self: copy self)
  mutating func string(into output: inout [UInt8]) throws(HPACKError) {
    let isCoded = (peek ?? 0) & 0x80 != 0
    let count = try integer(bits: 7)
    guard count <= bytes.byteCount - index else { throw HPACKError("string longer than the section") }
    let content = bytes.extracting(index..<(index + count))
    index += count
    guard isCoded else { return output.append(content) }
    try Huffman.decode(content, into: &output)
  }
}

/// The Huffman code of HPACK (RFC 7541 §5.2).
enum Huffman {
  /// Decodes onto the end of `output`. EOS within the string, and padding that is not the beginning of EOS or longer
  /// than seven bits, are errors.
  static func decode(_ input: RawSpan, into output: inout [UInt8]) throws(HPACKError) {
    var bits: UInt64 = 0
    var filled: UInt32 = 0
    var index = 0
    while true {
      while filled <= 56, index < input.byteCount {
        bits = bits << 8 | UInt64(input[index])
        filled += 8
        index += 1
      }
      if filled >= 8 {
        let entry = HuffmanTable.short[Int(truncatingIfNeeded: bits >> UInt64(filled - 8) & 0xFF)]
        if entry != 0 {
          output.append(UInt8(truncatingIfNeeded: entry))
          filled -= UInt32(entry >> 8)
          continue
        }
      }
      if filled < 8, index == input.byteCount {
        // Up to seven bits are left: codes of five to seven bits, then padding.
        let window = (bits << UInt64(8 - filled) | (0xFF >> UInt64(filled))) & 0xFF
        let entry = HuffmanTable.short[Int(truncatingIfNeeded: window)]
        if entry != 0, UInt32(entry >> 8) <= filled {
          output.append(UInt8(truncatingIfNeeded: entry))
          filled -= UInt32(entry >> 8)
          continue
        }
        let ones: UInt64 = (1 << UInt64(filled)) - 1
        guard bits & ones == ones else { throw HPACKError("Huffman padding is not EOS") }
        return
      }
      let (symbol, length) = try long(bits, filled)
      output.append(symbol)
      filled -= length
    }
  }

  /// A code of more than eight bits.
  private static func long(_ bits: UInt64, _ filled: UInt32) throws(HPACKError) -> (UInt8, UInt32) {
    for row in HuffmanTable.rows where row.length > 8 {
      guard row.length <= filled else { break }
      let code = UInt32(truncatingIfNeeded: bits >> UInt64(filled - row.length) & ((1 << UInt64(row.length)) - 1))
      guard code >= row.first, code - row.first < row.count else { continue }
      let symbol = HuffmanTable.symbols[Int(row.start + (code - row.first))]
      guard symbol < 256 else { throw HPACKError("EOS within a Huffman string") }
      return (UInt8(truncatingIfNeeded: symbol), row.length)
    }
    throw HPACKError("Huffman code cut off, or padding too long")
  }
}
