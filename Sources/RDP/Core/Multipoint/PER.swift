import WireKit

/// The aligned Packed Encoding Rules, as far as GCC and MCS use them (X.691).
extension WireReader {
  /// A length determinant of one or two bytes (X.691 §11.9); fragments of 16 KiB are never used here.
  mutating func readPERLength(_ subject: StaticString) throws(WireError) -> Int {
    let first = try readUInt8(subject)
    guard first & 0x80 != 0 else { return Int(first) }
    guard first & 0x40 == 0 else { throw WireError(.unsupported, subject, at: offset - 1) }
    return Int(first & 0x3F) << 8 | Int(try readUInt8(subject))
  }
}

extension [UInt8] {
  mutating func appendPERLength(_ length: Int) {
    if length < 0x80 {
      append(UInt8(truncatingIfNeeded: length))
    } else {
      appendInteger(UInt16(clamping: length) & 0x3FFF | 0x8000)
    }
  }
}
