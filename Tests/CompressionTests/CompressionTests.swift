import Compression
import Testing

struct CompressionTests {
  static let text = Array((0..<4000).map { "line \($0 % 97) of the text\n" }.joined().utf8)

  private func inflated(_ input: [UInt8], _ format: CompressionFormat, step: Int, limit: Int) throws -> [UInt8] {
    let inflater = try Inflater(format)
    var output: [UInt8] = []
    var index = 0
    while !inflater.isFinished {
      let end = min(index + step, input.count)
      let before = output.count
      let piece = Array(input[index..<end])
      let taken = try inflater.decompress(piece.span.bytes, limit: limit, into: &output)
      #expect(output.count - before <= limit)
      index += taken
      if taken == 0, output.count == before, index == input.count { break }
    }
    return output
  }

  @Test(arguments: [CompressionFormat.raw, .zlib, .gzip], [1, 7, 100_000])
  func comesBackWhole(format: CompressionFormat, step: Int) throws {
    let packed = try Deflater(format).compress(Self.text, .finish)
    #expect(packed.count < Self.text.count / 10)
    #expect(try inflated(packed, format, step: step, limit: 5000) == Self.text)
  }

  @Test func aSyncFlushGivesEverythingSoFar() throws {
    let deflater = try Deflater(.raw)
    let inflater = try Inflater(.raw)
    for line in ["* OK one\r\n", "a NOOP\r\n", String(repeating: "x", count: 70_000)] {
      let packed = try deflater.compress(Array(line.utf8), .sync)
      var output: [UInt8] = []
      #expect(try inflater.decompress(packed.span.bytes, limit: 100_000, into: &output) == packed.count)
      #expect(output == Array(line.utf8))
    }
  }

  /// A kilobyte that unfolds to a megabyte comes in pieces of the caller's size.
  @Test func aBombIsBounded() throws {
    let packed = try Deflater(.zlib, level: 9).compress([UInt8](repeating: 0, count: 1 << 20), .finish)
    let inflater = try Inflater(.zlib)
    var output: [UInt8] = []
    let taken = try inflater.decompress(packed.span.bytes, limit: 1000, into: &output)
    #expect(output.count == 1000 && taken < packed.count && !inflater.isFinished)
  }

  @Test func nonsenseIsRefused() throws {
    let inflater = try Inflater(.gzip)
    #expect(throws: CompressionError.self) {
      var output: [UInt8] = []
      _ = try inflater.decompress([0x50, 0x4B, 3, 4, 0, 0].span.bytes, limit: 100, into: &output)
    }
  }
}
