import WireKit

extension FuzzTarget {
  static let lineFramer = FuzzTarget(
    "wire-line-framer",
    "However a stream is cut, the same lines come out, each within the limit and without a line end."
  ) { bytes in
    let input = FuzzInput(bytes)
    let lineEnd: LineFramer.LineEnd = input.control & 4 == 0 ? .strict : .lenient
    let whole = try lines([input.payload[...]], lineEnd)
    let parts = try lines(input.pieces, lineEnd)
    try require(whole == parts, "\(whole) whole, \(parts) in pieces")
  }

  private static let maximumLine = 100

  /// The lines, and the outcome that ended them. A bare line end stands where it stands in all of the stream.
  private static func lines(
    _ pieces: [ArraySlice<UInt8>], _ lineEnd: LineFramer.LineEnd
  ) throws -> [[UInt8]] {
    var framer = LineFramer(maximumLength: maximumLine, lineEnd: lineEnd)
    var pending: [UInt8] = []
    var lines: [[UInt8]] = []
    for piece in pieces {
      pending += piece
      while true {
        switch framer.next(in: pending.span.bytes) {
        case .line(let length, let terminator):
          try require(length <= maximumLine && length + terminator <= pending.count, "a line beyond its bounds")
          let line = Array(pending[..<length])
          try require(!line.contains(0x0A), "a line feed inside a line")
          lines.append(line)
          pending.removeFirst(length + terminator)
          continue
        case .incomplete: break
        case .tooLong: return lines + [Array("too long".utf8)]
        case .bareLineEnd(let offset):
          try require(offset < pending.count, "a line end beyond the input")
          return lines + [Array("bare line end".utf8)]
        }
        break
      }
    }
    return lines
  }
}
