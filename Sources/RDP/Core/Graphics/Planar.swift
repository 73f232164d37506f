/// The planar codec of bitmaps with 32 bits (MS-RDPEGDI 2.2.2.5.1, 3.1.9): a plane each for alpha, red, green and blue,
/// every row as its difference from the one before, and runs.
public enum Planar {
  /// RLE, with an alpha plane: without one rdesktop shows nothing.
  private static let formatHeader: UInt8 = 0x10

  /// Encodes rows from the bottom to the top, as bitmap updates want them; top first for the graphics pipeline.
  public static func encode(_ tile: PixelTile, bottomUp: Bool = true, hasAlpha: Bool = true) -> [UInt8] {
    var output: [UInt8] = [hasAlpha ? formatHeader : formatHeader | 0x20]
    output.reserveCapacity(tile.pixels.count / 4)
    if hasAlpha { appendSolid(0xFF, tile.width, tile.height, into: &output) }
    var previous = [UInt8](repeating: 0, count: tile.width)
    var row = previous
    var deltas = previous
    for shift in [16, 8, 0] as [UInt32] {
      for index in 0..<tile.height {
        let line = (bottomUp ? tile.height - 1 - index : index) * tile.width
        for column in 0..<tile.width { row[column] = UInt8(truncatingIfNeeded: tile.pixels[line + column] >> shift) }
        if index == 0 {
          appendRow(row, into: &output)
        } else {
          for column in 0..<tile.width { deltas[column] = delta(row[column], previous[column]) }
          appendRow(deltas, into: &output)
        }
        swap(&row, &previous)
      }
    }
    return output
  }

  /// A plane of one value: a row of it, then rows without a difference.
  private static func appendSolid(_ value: UInt8, _ width: Int, _ height: Int, into output: inout [UInt8]) {
    appendRow([UInt8](repeating: value, count: width), into: &output)
    let zeroes = [UInt8](repeating: 0, count: width)
    for _ in 1..<max(1, height) { appendRow(zeroes, into: &output) }
  }

  /// The difference as its magnitude shifted left, with the sign in the lowest bit: small ones are small numbers.
  private static func delta(_ value: UInt8, _ above: UInt8) -> UInt8 {
    let difference = Int8(bitPattern: value &- above)
    return difference >= 0
      ? UInt8(bitPattern: difference) &<< 1 : (UInt8(truncatingIfNeeded: -Int(difference)) &<< 1) &- 1
  }

  /// A row: control bytes that tell how many raw bytes follow, and how often the last of them is repeated.
  private static func appendRow(_ row: [UInt8], into output: inout [UInt8]) {
    var index = 0
    /// Raw bytes that wait for their control byte.
    var rawStart = 0
    while index < row.count {
      let value = row[index]
      var end = index + 1
      while end < row.count, row[end] == value { end += 1 }
      // A run repeats the value before it; at the start of a row that is zero.
      let continues = index == 0 ? value == 0 : false
      let run = end - index - (continues ? 0 : 1)
      if run < 3 {
        index = end
        continue
      }
      let rawEnd = continues ? index : index + 1
      appendRaw(row[rawStart..<rawEnd], thenRun: run, into: &output)
      index = end
      rawStart = end
    }
    appendRaw(row[rawStart...], thenRun: 0, into: &output)
  }

  private static func appendRaw(_ raw: ArraySlice<UInt8>, thenRun run: Int, into output: inout [UInt8]) {
    var raw = raw
    var run = run
    while raw.count > 15 {
      output.append(0xF0)
      output += raw.prefix(15)
      raw = raw.dropFirst(15)
    }
    let first = leavingNoStub(of: run, most: 15)
    if first >= 3 {
      output.append(UInt8(truncatingIfNeeded: raw.count) << 4 | UInt8(truncatingIfNeeded: first))
      run -= first
    } else if !raw.isEmpty {
      output.append(UInt8(truncatingIfNeeded: raw.count) << 4)
    }
    output += raw
    while run > 0 { appendRun(&run, into: &output) }
  }

  /// The largest part of a run, at most `most`, behind which no rest of one or two is left: those have no form.
  private static func leavingNoStub(of run: Int, most: Int) -> Int {
    let part = min(run, most)
    let rest = run - part
    return rest == 1 || rest == 2 ? part - (3 - rest) : part
  }

  /// One control byte of a run without raw bytes: 1 and 2 in the low half are 16 and 32 more than the high half.
  private static func appendRun(_ run: inout Int, into output: inout [UInt8]) {
    let length = leavingNoStub(of: run, most: 47)
    switch length {
    case 32...: output.append(UInt8(truncatingIfNeeded: length - 32) << 4 | 2)
    case 16...: output.append(UInt8(truncatingIfNeeded: length - 16) << 4 | 1)
    default: output.append(UInt8(truncatingIfNeeded: length))
    }
    run -= max(1, length)
  }
}
