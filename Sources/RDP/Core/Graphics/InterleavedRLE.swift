import WireKit

/// Interleaved run-length encoding of bitmaps with 15, 16 and 24 bits (MS-RDPBCGR 2.2.9.1.1.3.1.2.4 and 3.1.9).
public enum InterleavedRLE {
  /// The orders that are used, by their codes without and with a length of 16 bits behind.
  private enum Order {
    case background, foreground, foregroundMix, color, image, setForeground

    /// The code in the high bits, how many bits of length stand beside it, the form with 16 bits.
    var codes: (code: UInt8, bits: Int, mega: UInt8) {
      switch self {
      case .background: (0x00, 5, 0xF0)
      case .foreground: (0x20, 5, 0xF1)
      case .foregroundMix: (0x40, 5, 0xF2)
      case .color: (0x60, 5, 0xF3)
      case .image: (0x80, 5, 0xF4)
      case .setForeground: (0xC0, 4, 0xF6)
      }
    }
  }

  /// Encodes rows from the bottom to the top, as bitmaps travel.
  public static func encode(_ tile: PixelTile, _ format: PixelFormat) -> [UInt8] {
    var encoder = Encoder(tile: tile, format: format)
    encoder.run()
    return encoder.output
  }

  private struct Encoder {
    let pixels: [UInt32]
    let width: Int
    let format: PixelFormat
    var output: [UInt8] = []
    var foreground: UInt32
    /// Where pixels begin that no order has covered yet.
    var literalStart = 0
    var position = 0
    /// Whether the order before was a background run in the same part (first row, or the rest): a second one would set a
    /// foreground pixel.
    var followsBackground = false

    init(tile: PixelTile, format: PixelFormat) {
      width = tile.width
      self.format = format
      foreground = format.white
      var pixels: [UInt32] = []
      pixels.reserveCapacity(tile.pixels.count)
      for row in stride(from: tile.height - 1, through: 0, by: -1) {
        pixels += tile.pixels[row * width..<(row + 1) * width]
      }
      self.pixels = pixels
    }

    private func above(_ index: Int) -> UInt32 { index < width ? 0 : pixels[index - width] }

    mutating func run() {
      // No order may reach from the first row into the others: what a background is differs there.
      part(through: min(width, pixels.count))
      followsBackground = false
      part(through: pixels.count)
    }

    private mutating func part(through end: Int) {
      literalStart = position
      while position < end {
        let background = length(to: end) { self.pixels[$0] == self.above($0) }
        if background >= 1, !followsBackground || literalStart < position {
          let isWorthIt = background >= 3 || literalStart == position || position + background == end
          if isWorthIt {
            flushLiterals()
            emit(.background, background)
            advance(background, isBackground: true)
            continue
          }
        }
        let color = pixels[position]
        let same = length(to: end) { self.pixels[$0] == color }
        let mix = color ^ above(position)
        let mixed = length(to: end) { self.pixels[$0] ^ self.above($0) == mix }
        if mixed >= 4, mixed >= same, mix != 0 {
          flushLiterals()
          if mix == foreground {
            emit(.foreground, mixed)
          } else {
            emit(.setForeground, mixed)
            append(mix)
            foreground = mix
          }
          advance(mixed, isBackground: false)
        } else if same >= 4 {
          flushLiterals()
          emit(.color, same)
          append(color)
          advance(same, isBackground: false)
        } else if let count = mixture(to: end) {
          flushLiterals()
          emitMixture(count)
          advance(count, isBackground: false)
        } else {
          position += 1
        }
      }
      flushLiterals()
    }

    private mutating func advance(_ count: Int, isBackground: Bool) {
      position += count
      literalStart = position
      followsBackground = isBackground
    }

    private func length(to end: Int, _ matches: (Int) -> Bool) -> Int {
      var index = position
      while index < end, matches(index) { index += 1 }
      return index - position
    }

    /// How many pixels from here are either the one above or that mixed with the foreground: one bit each. `nil` for fewer
    /// than eight, which literals do as well.
    private func mixture(to end: Int) -> Int? {
      let count = length(to: end) {
        let mix = self.pixels[$0] ^ self.above($0)
        return mix == 0 || mix == self.foreground
      }
      // Whole bytes of bits, but at the end of the part, where the rest is padding.
      let whole = position + count == end ? count : count & ~7
      return whole >= 8 ? whole : nil
    }

    private mutating func emitMixture(_ count: Int) {
      let units = count / 8
      if count % 8 == 0, units <= 31 {
        output.append(0x40 | UInt8(truncatingIfNeeded: units))
      } else if count <= 256 {
        output.append(contentsOf: [0x40, UInt8(truncatingIfNeeded: count - 1)])
      } else {
        output.append(0xF2)
        output.appendLittleEndian(UInt16(clamping: count))
      }
      for start in stride(from: position, to: position + count, by: 8) {
        var bits: UInt8 = 0
        for index in start..<min(start + 8, position + count) where pixels[index] != above(index) {
          bits |= 1 << UInt8(truncatingIfNeeded: index - start)
        }
        output.append(bits)
      }
    }

    private mutating func flushLiterals() {
      guard literalStart < position else { return }
      emit(.image, position - literalStart)
      for index in literalStart..<position { append(pixels[index]) }
      literalStart = position
      followsBackground = false
    }

    private mutating func emit(_ order: Order, _ count: Int) {
      let (code, bits, mega) = order.codes
      let limit = 1 << bits
      if count < limit {
        output.append(code | UInt8(truncatingIfNeeded: count))
      } else if count < limit + 256 {
        output.append(contentsOf: [code, UInt8(truncatingIfNeeded: count - limit)])
      } else {
        output.append(mega)
        output.appendLittleEndian(UInt16(clamping: count))
      }
    }

    private mutating func append(_ pixel: UInt32) {
      for index in 0..<format.bytesPerPixel { output.append(UInt8(truncatingIfNeeded: pixel >> (8 * UInt32(index)))) }
    }
  }
}
