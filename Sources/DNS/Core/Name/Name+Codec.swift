import WireKit

extension Name {
  /// Reads a name that may be compressed (RFC 1035 §4.1.4).
  ///
  /// A pointer must lead to before the label sequence that it ends, so that following pointers always goes backwards and
  /// ends; the expanded name must keep to 255 octets.
  public init(from reader: inout WireReader) throws(WireError) {
    var wire: [UInt8] = []
    try Name.append(from: &reader, allowsPointers: true, to: &wire)
    self.init(validWire: wire)
  }

  /// Appends the uncompressed form of the name at the reader's place, and passes over it.
  static func append(
    from reader: inout WireReader, allowsPointers: Bool, to wire: inout [UInt8]
  ) throws(WireError) {
    let bytes = reader.bytes
    let start = wire.count
    var position = reader.offset
    var lowest = position
    var resume: Int?
    while true {
      guard let length = bytes.byte(at: position) else { throw WireError(.truncated, "name", at: position) }
      if length >= 0xC0 {
        guard allowsPointers else { throw WireError(.malformed, "compressed name", at: position) }
        guard let low = bytes.byte(at: position + 1) else { throw WireError(.truncated, "name", at: position) }
        let target = Int(length & 0x3F) << 8 | Int(low)
        guard target < lowest else { throw WireError(.outOfBounds, "compression pointer", at: position) }
        if resume == nil { resume = position + 2 }
        position = target
        lowest = target
        continue
      }
      guard length <= 63 else { throw WireError(.malformed, "label length", at: position) }
      let end = position + 1 + Int(length)
      guard end <= bytes.byteCount else { throw WireError(.truncated, "name", at: position) }
      guard wire.count - start + 1 + Int(length) <= maximumLength else {
        throw WireError(.tooLong, "name", at: position)
      }
      wire.append(bytes.extracting(position..<end))
      position = end
      if length == 0 { break }
    }
    try reader.seek(to: resume ?? position, "name")
  }
}
