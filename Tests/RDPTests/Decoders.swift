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

  /// RDP 8.0 bulk compression (MS-RDPEGFX 3.1.9.1), as a receiver takes it.
  struct Bulk {
    private var history: [UInt8] = []
    /// Prefix, its bits, bits that follow, whether a match, the base.
    private static let tokens: [(code: Int, bits: Int, extra: Int, isMatch: Bool, base: Int)] = {
      var table: [(Int, Int, Int, Bool, Int)] = [
        (0, 1, 8, false, 0), (17, 5, 5, true, 0), (18, 5, 7, true, 32), (19, 5, 9, true, 160),
        (20, 5, 10, true, 672), (21, 5, 12, true, 1696), (24, 5, 0, false, 0), (25, 5, 0, false, 1),
        (44, 6, 14, true, 5792), (45, 6, 15, true, 22176), (52, 6, 0, false, 2), (53, 6, 0, false, 3),
        (54, 6, 0, false, 0xFF), (92, 7, 18, true, 54944), (93, 7, 20, true, 317_088),
      ]
      let sevens = [4, 5, 6, 7, 8, 9, 10, 11, 0x3A, 0x3B, 0x3C, 0x3D, 0x3E, 0x3F, 0x40, 0x80]
      for (index, byte) in sevens.enumerated() { table.append((110 + index, 7, 0, false, byte)) }
      for (index, byte) in [0x0C, 0x38, 0x39, 0x66].enumerated() { table.append((252 + index, 8, 0, false, byte)) }
      return table
    }()

    mutating func take(_ input: [UInt8]) throws -> [UInt8] {
      guard let descriptor = input.first else { throw Malformed() }
      if descriptor == 0xE0 { return try segment(Array(input[1...])) }
      guard descriptor == 0xE1, input.count >= 7 else { throw Malformed() }
      var (index, output) = (7, [UInt8]())
      for _ in 0..<Int(input[1]) + Int(input[2]) << 8 {
        let size = (0..<4).reduce(0) { $0 | Int(input[index + $1]) << (8 * $1) }
        output += try segment(Array(input[index + 4..<index + 4 + size]))
        index += 4 + size
      }
      guard index == input.count, output.count == (0..<4).reduce(0, { $0 | Int(input[3 + $1]) << (8 * $1) }) else {
        throw Malformed()
      }
      return output
    }

    private mutating func segment(_ input: [UInt8]) throws -> [UInt8] {
      let start = history.count
      guard input.first == 0x24 else {
        guard input.first == 0x04 else { throw Malformed() }
        history += input[1...]
        return Array(history[start...])
      }
      var place = 8
      let end = (input.count - 1) * 8 - Int(input[input.count - 1])
      func take(_ count: Int) throws -> Int {
        guard place + count <= end else { throw Malformed() }
        defer { place += count }
        return (0..<count).reduce(0) { $0 << 1 | Int(input[(place + $1) / 8] >> (7 - UInt8((place + $1) % 8)) & 1) }
      }
      while place < end {
        var (code, bits) = (0, 0)
        var found: (code: Int, bits: Int, extra: Int, isMatch: Bool, base: Int)?
        while found == nil {
          code = try code << 1 | take(1)
          bits += 1
          guard bits < 10 else { throw Malformed() }
          found = Self.tokens.first { $0.code == code && $0.bits == bits }
        }
        guard let found else { throw Malformed() }
        let value = try found.base + take(found.extra)
        guard found.isMatch else {
          history.append(UInt8(value))
          continue
        }
        var (length, extra) = (3, 1)
        while try take(1) == 1 { extra += 1 }
        if extra > 1 { length = try 1 << extra + take(extra) }
        guard value > 0, value <= history.count else { throw Malformed() }
        for _ in 0..<length { history.append(history[history.count - value]) }
      }
      return Array(history[start...])
    }
  }
}
