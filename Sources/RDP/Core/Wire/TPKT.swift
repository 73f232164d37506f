import WireKit

/// The frame of every slow-path packet (RFC 1006 §6, T.123 §8): version 3, a reserved byte, the length with these 4 bytes.
enum TPKT {
  static let headerSize = 4

  /// What stands at the front of the input.
  enum Frame: Equatable {
    /// A whole packet, with its header.
    case slowPath(length: Int)
    /// A whole fast-path packet (MS-RDPBCGR 2.2.8.1.2): its header's size, its length.
    case fastPath(header: Int, length: Int)
    case incomplete
  }

  /// Finds the first packet, by the first byte: 3 is a TPKT, two zero low bits fast-path input.
  static func find(in input: RawSpan, at offset: Int, limits: RDPLimits) throws(WireError) -> Frame {
    guard let first = input.byte(at: offset) else { return .incomplete }
    if first == 3 {
      guard let high = input.byte(at: offset + 2), let low = input.byte(at: offset + 3) else { return .incomplete }
      let length = Int(high) << 8 | Int(low)
      // The shortest is an X.224 disconnect request.
      guard length >= 7, length <= limits.maximumPacket else { throw WireError(.outOfBounds, "TPKT length") }
      return input.byteCount - offset >= length ? .slowPath(length: length) : .incomplete
    }
    guard first & 3 == 0 else { throw WireError(.malformed, "TPKT version", at: offset) }
    guard let second = input.byte(at: offset + 1) else { return .incomplete }
    var (header, length) = (2, Int(second))
    if second & 0x80 != 0 {
      guard let third = input.byte(at: offset + 2) else { return .incomplete }
      (header, length) = (3, Int(second & 0x7F) << 8 | Int(third))
    }
    guard length >= header, length <= limits.maximumPacket else { throw WireError(.outOfBounds, "fast-path length") }
    return input.byteCount - offset >= length ? .fastPath(header: header, length: length) : .incomplete
  }
}

extension [UInt8] {
  /// Appends a TPKT around what `body` appends.
  mutating func appendTPKT(_ body: (inout [UInt8]) -> Void) {
    let start = count
    append(contentsOf: [3, 0, 0, 0])
    body(&self)
    setInteger(UInt16(clamping: count - start), at: start + 2)
  }

  /// Appends a TPKT with an X.224 data header (RFC 905 §13.7, class 0) around what `body` appends.
  mutating func appendX224Data(_ body: (inout [UInt8]) -> Void) {
    appendTPKT { output in
      output.append(contentsOf: [2, 0xF0, 0x80])
      body(&output)
    }
  }

  /// Overwrites two bytes with a little-endian number; the place must have been written.
  mutating func setLittleEndian(_ value: UInt16, at offset: Int) {
    self[offset] = UInt8(truncatingIfNeeded: value)
    self[offset + 1] = UInt8(truncatingIfNeeded: value >> 8)
  }
}
