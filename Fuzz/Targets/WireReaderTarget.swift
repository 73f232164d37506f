import WireKit

extension FuzzTarget {
  static let wireReader = FuzzTarget(
    "wire-reader", "A read gives the bytes at the offset, or throws and leaves the offset where it was."
  ) { bytes in
    // The first half says what to do, the second is read.
    let steps = bytes.prefix(bytes.count / 2)
    let data = Array(bytes.dropFirst(bytes.count / 2))
    var reader = WireReader(data.span.bytes)
    for step in steps {
      let before = reader.offset
      let count = Int(step >> 3) - 2
      var expected = before
      do {
        switch step & 7 {
        case 0: try require(try reader.readUInt8("octet") == data[before], "UInt8 at \(before)")
        case 1:
          try require(
            Int(try reader.readUInt16("number")) == number(data[before..<(before + 2)]), "UInt16 at \(before)")
        case 2:
          try require(
            Int(try reader.readUInt32("number")) == number(data[before..<(before + 4)]), "UInt32 at \(before)")
        case 3: _ = try reader.readUInt64("number")
        case 4: try require(try reader.readBytes(count, "bytes") == Array(data[before..<(before + count)]), "bytes")
        case 5: try require(try reader.readSpan(count, "span").byteCount == count, "span")
        case 6: try reader.skip(count, "skip")
        default: try reader.seek(to: count * 3, "place")
        }
        expected =
          [before + 1, before + 2, before + 4, before + 8, before + count, before + count, before + count][
            safe: Int(step & 7)] ?? count * 3
      } catch is WireError {
        expected = before
      }
      let (offset, remaining) = (reader.offset, reader.remaining)
      try require(offset == expected, "offset \(offset), not \(expected)")
      try require(remaining == data.count - offset, "\(remaining) remaining")
    }
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }
}

extension Array {
  fileprivate subscript(safe index: Int) -> Element? { indices.contains(index) ? self[index] : nil }
}
