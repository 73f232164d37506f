import TestKit
import Testing

@testable import RDPCore

/// What is encoded decodes to the same pixels, for every format.
struct BitmapTests {
  /// Tiles of many kinds: noise, few colours, text-like bits, stripes, one colour.
  private static func tiles(_ format: PixelFormat) -> [PixelTile] {
    var generator = SeededGenerator(seed: 7)
    let mask = format.white
    var tiles: [PixelTile] = []
    for (width, height) in [(8, 16), (64, 16), (512, 16), (4, 1), (16, 3), (24, 40)] {
      func tile(_ pixel: (Int) -> UInt32) -> PixelTile {
        PixelTile(x: 0, y: 0, width: width, height: height, pixels: (0..<width * height).map { pixel($0) & mask })
      }
      tiles.append(tile { _ in 0 })
      tiles.append(tile { _ in mask })
      tiles.append(tile { _ in UInt32.random(in: 0...mask, using: &generator) })
      for colors in 2...5 {
        let palette = (0..<colors).map { _ in UInt32.random(in: 0...mask, using: &generator) }
        tiles.append(tile { _ in palette[Int.random(in: 0..<colors, using: &generator)] })
        tiles.append(tile { index in palette[index / 7 % colors] })
        tiles.append(tile { index in palette[index % width / 3 % colors] })
      }
      tiles.append(tile { index in UInt32.random(in: 0...9, using: &generator) == 0 ? mask : 0 })
      // The first row and the ones behind it are told in other words.
      tiles.append(tile { index in index < width ? 0 : index % 2 == 0 ? mask : 0x11 })
    }
    return tiles
  }

  @Test(arguments: [PixelFormat.rgb555, .rgb565, .rgb24])
  func interleavedRLE(_ format: PixelFormat) throws {
    for tile in Self.tiles(format) {
      let encoded = InterleavedRLE.encode(tile, format)
      let decoded = try Decoders.interleaved(
        encoded, width: tile.width, height: tile.height, bytes: format.bytesPerPixel, white: format.white)
      #expect(decoded == tile.pixels, "\(tile.width)x\(tile.height)")
    }
  }

  @Test(arguments: [true, false])
  func planar(_ bottomUp: Bool) throws {
    for tile in Self.tiles(.rgb32) {
      let encoded = Planar.encode(tile, bottomUp: bottomUp, hasAlpha: bottomUp)
      let decoded = try Decoders.planar(encoded, width: tile.width, height: tile.height)
      #expect(
        (bottomUp ? Decoders.flipped(decoded, tile.width) : decoded) == tile.pixels, "\(tile.width)x\(tile.height)")
    }
  }

  /// Every length of a run, as its forms change at 3, 15, 16, 31, 32, 47 and 48.
  @Test func runsOfEveryLength() throws {
    for length in 1...200 {
      var pixels = [UInt32](repeating: 5, count: 256)
      for index in 0..<length { pixels[20 + index] = 9 }
      let tile = PixelTile(x: 0, y: 0, width: 256, height: 1, pixels: pixels)
      #expect(try Decoders.planar(Planar.encode(tile), width: 256, height: 1) == pixels)
      let encoded = InterleavedRLE.encode(tile, .rgb565)
      let decoded = try Decoders.interleaved(encoded, width: 256, height: 1, bytes: 2, white: 0xFFFF)
      #expect(decoded == pixels)
    }
  }

  @Test func coloursOfTheFormats() {
    #expect(PixelFormat.rgb565.pixel(0xFF8040) == 0xFC08)
    #expect(PixelFormat.rgb555.pixel(0xFF8040) == 0x7E08)
    #expect(PixelFormat.rgb24.pixel(0xFF8040) == 0xFF8040)
  }

  /// A tile that does not fit into a packet is cut, and every packet stays below what 14 bits of length can say.
  @Test(arguments: [PixelFormat.rgb32, .rgb565])
  func packetsAreBounded(_ format: PixelFormat) {
    var generator = SeededGenerator(seed: 3)
    let pixels = (0..<512 * 64).map { _ in UInt32.random(in: 0...format.white, using: &generator) }
    var output = ClientOutput(shareID: 1, format: format)
    output.capabilities.takesFastPathOutput = true
    var bytes: [UInt8] = []
    output.append(PixelTile(x: 0, y: 0, width: 512, height: 64, pixels: pixels), into: &bytes)
    var (offset, area) = (0, 0)
    while offset < bytes.count {
      #expect(bytes[offset] == 0)
      let length = Int(bytes[offset + 1] & 0x7F) << 8 | Int(bytes[offset + 2])
      #expect(length <= 16_383)
      func word(_ index: Int) -> Int { Int(bytes[offset + index]) | Int(bytes[offset + index + 1]) << 8 }
      // One rectangle in each.
      #expect(word(6) == 1 && word(8) == 1)
      area += (word(14) - word(10) + 1) * (word(16) - word(12) + 1)
      offset += length
    }
    #expect(area == 512 * 64)
  }
}
