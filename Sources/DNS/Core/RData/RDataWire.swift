import WireKit

/// The wire form of record data, driven by the schemas.
enum RDataWire {
  /// Reads `length` octets of data from a message and returns them without compression.
  static func decode(
    _ type: RecordType, from reader: inout WireReader, length: Int
  ) throws(WireError) -> [UInt8] {
    let end = reader.offset + length
    guard end <= reader.bytes.byteCount else { throw WireError(.truncated, "RDATA", at: reader.offset) }
    guard let schema = RecordCatalog.standard.schema(of: type) else { return try reader.readBytes(length, "RDATA") }
    var wire: [UInt8] = []
    wire.reserveCapacity(length)
    for field in schema.fields {
      guard case .name(let compression) = field else {
        let count = try Self.length(of: field, in: reader.bytes, from: reader.offset, to: end)
        wire.append(try reader.readSpan(count, "RDATA"))
        continue
      }
      try Name.append(from: &reader, allowsPointers: compression != .never, to: &wire)
      guard reader.offset <= end else { throw WireError(.truncated, "name in RDATA", at: end) }
    }
    guard reader.offset == end else { throw WireError(.malformed, "RDLENGTH", at: reader.offset) }
    return wire
  }

  /// Octets of a field that starts at `start` in data that ends at `end`; names must be uncompressed here.
  static func length(
    of field: RDataField, in bytes: RawSpan, from start: Int, to end: Int
  ) throws(WireError) -> Int {
    let remaining = end - start
    let count: Int
    switch field {
    case .uint8, .algorithm: count = 1
    case .uint16, .recordType, .certificateType: count = 2
    case .uint32, .period, .ipv4, .time: count = 4
    case .locator64: count = 8
    case .ipv6, .location: count = 16
    case .eui(let octets): count = octets
    case .name: count = try nameLength(bytes, from: start, to: end)
    case .string, .salt, .hash, .tag:
      guard remaining > 0, let length = bytes.byte(at: start) else { throw WireError(.truncated, "RDATA", at: start) }
      if field == .tag || field == .hash, length == 0 { throw WireError(.malformed, "empty RDATA field", at: start) }
      count = 1 + Int(length)
    case .text, .hex, .base64: count = remaining
    case .strings: count = try stringsLength(bytes, from: start, to: end)
    case .typeBitmap: count = try TypeBitmap.validate(bytes, from: start, to: end)
    case .serviceParameters: count = try ServiceParameters.validate(bytes, from: start, to: end)
    case .addressPrefixes: count = try AddressPrefixes.validate(bytes, from: start, to: end)
    }
    guard count <= remaining else { throw WireError(.truncated, "RDATA", at: start) }
    return count
  }

  private static func nameLength(_ bytes: RawSpan, from start: Int, to end: Int) throws(WireError) -> Int {
    var offset = start
    while offset < end, let length = bytes.byte(at: offset), length <= 63 {
      offset += 1 + Int(length)
      if length == 0 { return offset - start }
    }
    throw WireError(.malformed, "name in RDATA", at: start)
  }

  private static func stringsLength(_ bytes: RawSpan, from start: Int, to end: Int) throws(WireError) -> Int {
    var offset = start
    guard offset < end else { throw WireError(.truncated, "character string", at: start) }
    while offset < end, let length = bytes.byte(at: offset) { offset += 1 + Int(length) }
    guard offset == end else { throw WireError(.truncated, "character string", at: start) }
    return end - start
  }

  /// Folds the names that RFC 4034 §6.2 lists. `wire` must keep to the schema.
  static func lowercaseNames(_ schema: RecordSchema, in wire: inout [UInt8]) {
    var offset = 0
    for field in schema.fields {
      let count = (try? length(of: field, in: wire.span.bytes, from: offset, to: wire.count)) ?? 0
      if case .name(let compression) = field, compression != .never {
        for index in offset..<(offset + count) { wire[index] = wire[index].asciiLowercased }
      }
      offset += count
    }
  }

  /// Appends data to a message, compressing the names that may be.
  static func encode(_ data: RData, into message: inout [UInt8], _ compressor: inout NameCompressor) {
    // Records of updates may have no data at all (RFC 2136 §2.4).
    guard !data.wire.isEmpty, let schema = RecordCatalog.standard.schema(of: data.type), schema.isCompressible else {
      message.append(contentsOf: data.wire)
      return
    }
    var offset = 0
    for field in schema.fields {
      let count = (try? length(of: field, in: data.wire.span.bytes, from: offset, to: data.wire.count)) ?? 0
      let part = data.wire[offset..<(offset + count)]
      if field == .name(.compressible) {
        compressor.append(Name(validWire: Array(part)), to: &message)
      } else {
        message.append(contentsOf: part)
      }
      offset += count
    }
  }
}
