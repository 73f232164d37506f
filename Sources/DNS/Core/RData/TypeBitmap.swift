import WireKit

/// Sets of record types: windows of 256 types, each a bitmap of up to 32 octets (RFC 4034 §4.1.2).
enum TypeBitmap {
  /// Checks a set that fills `start..<end`; returns its length. Windows rise, none is empty or has zeros at its end.
  static func validate(_ bytes: RawSpan, from start: Int, to end: Int) throws(WireError) -> Int {
    var offset = start
    var previous = -1
    while offset < end {
      guard let window = bytes.byte(at: offset), let count = bytes.byte(at: offset + 1), (1...32).contains(count),
        Int(window) > previous, offset + 2 + Int(count) <= end, bytes.byte(at: offset + 1 + Int(count)) != 0
      else { throw WireError(.malformed, "type bitmap", at: offset) }
      previous = Int(window)
      offset += 2 + Int(count)
    }
    return end - start
  }

  static func append(_ types: [RecordType], to wire: inout [UInt8]) {
    var window = -1
    var start = 0
    for type in Set(types).sorted() {
      let (high, low) = (Int(type.rawValue >> 8), Int(type.rawValue & 255))
      if high != window {
        window = high
        start = wire.count
        wire.append(UInt8(high))
        wire.append(0)
      }
      while wire.count < start + 3 + low / 8 { wire.append(0) }
      wire[start + 2 + low / 8] |= 0x80 >> UInt8(low % 8)
      wire[start + 1] = UInt8(wire.count - start - 2)
    }
  }

  /// The types of a set in wire form that `validate` has seen.
  static func types(_ bytes: RawSpan) -> [RecordType] {
    var types: [RecordType] = []
    var offset = 0
    while let window = bytes.byte(at: offset), let count = bytes.byte(at: offset + 1) {
      for place in 0..<Int(count) {
        guard let octet = bytes.byte(at: offset + 2 + place) else { return types }
        for bit in 0..<8 where octet & (0x80 >> UInt8(bit)) != 0 {
          types.append(RecordType(rawValue: UInt16(window) << 8 | UInt16(place * 8 + bit)))
        }
      }
      offset += 2 + Int(count)
    }
    return types
  }
}
