import RDPCore

/// Decoders of what the server encodes, written after the specification and used by nobody but the tests.
enum Decoders {
  struct Malformed: Error {}

  /// Interleaved RLE (MS-RDPBCGR 3.1.9): pixels from the bottom row up.
  static func interleaved(_ input: [UInt8], width: Int, height: Int, bytes: Int, white: UInt32) throws -> [UInt32] {
    var pixels: [UInt32] = []
    var (index, foreground, insertsForeground) = (0, white, false)
    var isFirstRow = true
    func take(_ count: Int) throws -> UInt32 {
      guard index + count <= input.count else { throw Malformed() }
      defer { index += count }
      return (0..<count).reduce(0) { $0 | UInt32(input[index + $1]) << (8 * UInt32($1)) }
    }
    func above() -> UInt32 { pixels.count < width ? 0 : pixels[pixels.count - width] }
    while index < input.count {
      if isFirstRow, pixels.count >= width { (isFirstRow, insertsForeground) = (false, false) }
      let head = try UInt8(take(1))
      var (code, length) = (UInt8(0), 0)
      if head >= 0xF0 {
        code = head
        if head <= 0xF8 { length = try Int(take(2)) }
      } else if head >= 0xC0 {
        code = head & 0xF0
        length = Int(head & 0x0F)
        if code == 0xD0 {
          length = length == 0 ? try Int(take(1)) + 1 : length * 8
        } else if length == 0 {
          length = try Int(take(1)) + 16
        }
      } else {
        code = head & 0xE0
        length = Int(head & 0x1F)
        if code == 0x40 {
          length = length == 0 ? try Int(take(1)) + 1 : length * 8
        } else if length == 0 {
          length = try Int(take(1)) + 32
        }
      }
      switch code {
      case 0x00, 0xF0:
        if insertsForeground {
          pixels.append(above() ^ foreground)
          length -= 1
        }
        for _ in 0..<length { pixels.append(above()) }
        insertsForeground = true
        continue
      case 0x20, 0xF1, 0xC0, 0xF6:
        if code == 0xC0 || code == 0xF6 { foreground = try take(bytes) }
        for _ in 0..<length { pixels.append(above() ^ foreground) }
      case 0x40, 0xF2:
        var bits: UInt32 = 0
        for position in 0..<length {
          if position % 8 == 0 { bits = try take(1) }
          pixels.append(bits >> UInt32(position % 8) & 1 == 1 ? above() ^ foreground : above())
        }
      case 0x60, 0xF3:
        let color = try take(bytes)
        pixels += [UInt32](repeating: color, count: length)
      case 0x80, 0xF4: for _ in 0..<length { pixels.append(try take(bytes)) }
      default: throw Malformed()
      }
      insertsForeground = false
    }
    guard pixels.count == width * height else { throw Malformed() }
    return flipped(pixels, width)
  }

  static func flipped(_ pixels: [UInt32], _ width: Int) -> [UInt32] {
    stride(from: pixels.count - width, through: 0, by: -width).flatMap { pixels[$0..<$0 + width] }
  }

  /// Planar (MS-RDPEGDI 2.2.2.5.1): rows in the order in which they come.
  static func planar(_ input: [UInt8], width: Int, height: Int) throws -> [UInt32] {
    guard let header = input.first, header & 0x10 != 0 else { throw Malformed() }
    var index = 1
    func plane() throws -> [UInt8] {
      var values: [UInt8] = []
      for row in 0..<height {
        var line: [UInt8] = []
        var last: UInt8 = 0
        while line.count < width {
          guard index < input.count else { throw Malformed() }
          let control = input[index]
          index += 1
          var (raw, run) = (Int(control >> 4), Int(control & 0xF))
          if run == 1 {
            (raw, run) = (0, Int(control >> 4) + 16)
          } else if run == 2 {
            (raw, run) = (0, Int(control >> 4) + 32)
          }
          guard index + raw <= input.count, raw + run > 0 else { throw Malformed() }
          line += input[index..<index + raw]
          if raw > 0 { last = input[index + raw - 1] }
          index += raw
          line += [UInt8](repeating: last, count: run)
        }
        guard line.count == width else { throw Malformed() }
        for column in 0..<width {
          guard row > 0 else {
            values.append(line[column])
            continue
          }
          let coded = line[column]
          let delta = coded & 1 == 0 ? coded >> 1 : ~(coded >> 1)
          values.append(values[(row - 1) * width + column] &+ delta)
        }
      }
      return values
    }
    if header & 0x20 == 0 { _ = try plane() }
    let (red, green, blue) = (try plane(), try plane(), try plane())
    guard index == input.count else { throw Malformed() }
    return red.indices.map { UInt32(red[$0]) << 16 | UInt32(green[$0]) << 8 | UInt32(blue[$0]) }
  }
}
