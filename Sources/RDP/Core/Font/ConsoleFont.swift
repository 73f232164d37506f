/// The bitmap font of the console: 8 by 16 pixels, normal and bold, about 1,300 characters.
public struct ConsoleFont: Sendable {
  /// Pixels of a cell.
  public static let width = 8
  public static let height = 16

  /// The only one: unpacked once.
  public static let standard = ConsoleFont()

  private let points: [UInt16]
  private let normal: [UInt8]
  private let bold: [UInt8]
  /// Glyph numbers of U+0000 to U+00FF, which are most of what is ever shown.
  private let latin: [UInt16]

  private init() {
    let blob = ConsoleFontTable.base64.withUTF8Buffer { Self.decode($0) }
    let count = blob.count < 2 ? 0 : min(Int(blob[0]) | Int(blob[1]) << 8, (blob.count - 2) / 34)
    points = (0..<count).map { UInt16(blob[2 + 2 * $0]) | UInt16(blob[3 + 2 * $0]) << 8 }
    let start = 2 + 2 * count
    normal = Array(blob[start..<start + 16 * count])
    bold = Array(blob[start + 16 * count..<start + 32 * count])
    let points = points
    latin = (0..<256).map { point in
      points.firstIndex(of: UInt16(point)).map { UInt16($0) } ?? .max
    }
  }

  /// One of the 16 rows of a character, the leftmost pixel in the highest bit. What the font lacks is a box.
  public func row(_ row: Int, of character: UInt32, isBold: Bool) -> UInt8 {
    guard let glyph = glyph(of: character) else { return Self.box(row) }
    let index = glyph * Self.height + row
    let face = isBold ? bold : normal
    return face.indices.contains(index) ? face[index] : 0
  }

  /// Whether the font has the character.
  public func has(_ character: UInt32) -> Bool { glyph(of: character) != nil }

  private func glyph(of character: UInt32) -> Int? {
    if character < 256 {
      let glyph = latin[Int(character)]
      return glyph == .max ? nil : Int(glyph)
    }
    guard let wanted = UInt16(exactly: character) else { return nil }
    var (low, high) = (0, points.count)
    while low < high {
      let middle = (low + high) / 2
      if points[middle] < wanted { low = middle + 1 } else { high = middle }
    }
    return low < points.count && points[low] == wanted ? low : nil
  }

  private static func box(_ row: Int) -> UInt8 {
    switch row {
    case 2, 12: 0x7E
    case 3...11: 0x42
    default: 0
    }
  }

  private static func decode(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3)
    var (bits, count) = (UInt32(0), 0)
    for character in text {
      let value: UInt8
      switch character {
      case 0x41...0x5A: value = character - 0x41
      case 0x61...0x7A: value = character - 0x61 + 26
      case 0x30...0x39: value = character - 0x30 + 52
      case 0x2B: value = 62
      case 0x2F: value = 63
      default: continue
      }
      bits = bits << 6 | UInt32(value)
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
      }
    }
    return bytes
  }
}
