/// What a client shows of a picture that others draw (an X server): finds what differs, tile by tile.
public struct PixelScreen: Sendable {
  /// Pixels of a tile's side; a multiple of four, as rows of bitmaps want.
  public static let side = 64

  public let width: Int
  public let height: Int
  private let columns: Int
  private let rows: Int
  /// 0xRRGGBB, row by row.
  private var pixels: [UInt32]
  /// Tiles that may have changed, and tiles that the client has to be sent whatever is in them.
  private var suspect: [Bool]
  private var unknown: [Bool]

  public init(width: Int, height: Int) {
    precondition(width >= Self.side && height > 0, "a screen has a tile at least")
    self.width = width
    self.height = height
    columns = (width + Self.side - 1) / Self.side
    rows = (height + Self.side - 1) / Self.side
    pixels = [UInt32](repeating: 0, count: width * height)
    suspect = [Bool](repeating: true, count: columns * rows)
    unknown = suspect
  }

  public var hasChanges: Bool { suspect.contains(true) }

  /// The client has lost its picture.
  public mutating func forget() {
    for index in suspect.indices { (suspect[index], unknown[index]) = (true, true) }
  }

  /// Something was drawn in a rectangle, which may lie anywhere.
  public mutating func touch(x: Int, y: Int, width: Int, height: Int) {
    let right = min(x + width, self.width)
    let bottom = min(y + height, self.height)
    guard max(0, x) < right, max(0, y) < bottom else { return }
    for row in max(0, y) / Self.side...(bottom - 1) / Self.side {
      for column in max(0, x) / Self.side...(right - 1) / Self.side { suspect[row * columns + column] = true }
    }
  }

  /// A rectangle of whole tiles whose pixels have to be looked at.
  public struct Band: Sendable, Hashable {
    public var x: Int
    public var y: Int
    public var width: Int
    public var height: Int
  }

  /// For each row of tiles the rectangle that holds all that may have changed; from here on they count as looked at.
  public mutating func takeSuspects() -> [Band] {
    var bands: [Band] = []
    for row in 0..<rows {
      let line = suspect[row * columns..<(row + 1) * columns]
      guard let first = line.firstIndex(of: true), let last = line.lastIndex(of: true) else { continue }
      // The last tile is moved to the left, so that every tile is as wide as the others.
      let left = tileLeft(first - line.startIndex)
      let right = min(width, tileLeft(last - line.startIndex) + Self.side)
      let top = row * Self.side
      bands.append(Band(x: left, y: top, width: right - left, height: min(Self.side, height - top)))
      for index in line.indices { suspect[index] = false }
    }
    return bands
  }

  private func tileLeft(_ column: Int) -> Int { min(column * Self.side, width - Self.side) }

  /// Takes the pixels of a band (four bytes each: blue, green, red, nothing), and hands over what differs.
  public mutating func update(_ band: Band, _ data: ArraySlice<UInt8>, _ emit: (PixelTile) -> Void) {
    guard data.count >= band.width * band.height * 4 else { return }
    let row = band.y / Self.side
    for column in band.x / Self.side..<columns {
      let left = tileLeft(column)
      guard left + Self.side <= band.x + band.width else { break }
      guard left >= band.x else { continue }
      let isUnknown = unknown[row * columns + column]
      unknown[row * columns + column] = false
      if let tile = compare(band, data, left: left, isUnknown: isUnknown) { emit(tile) }
    }
  }

  /// The part of a tile that differs, in whole groups of four columns.
  private mutating func compare(
    _ band: Band, _ data: ArraySlice<UInt8>, left: Int, isUnknown: Bool
  ) -> PixelTile? {
    var (top, bottom, first, last) = (band.height, -1, Self.side, -1)
    for line in 0..<band.height {
      var source = data.startIndex + (line * band.width + left - band.x) * 4
      var place = (band.y + line) * width + left
      for column in 0..<Self.side {
        let pixel = UInt32(data[source]) | UInt32(data[source + 1]) << 8 | UInt32(data[source + 2]) << 16
        if pixels[place] != pixel {
          pixels[place] = pixel
          top = min(top, line)
          bottom = line
          first = min(first, column)
          last = max(last, column)
        }
        source += 4
        place += 1
      }
    }
    if isUnknown { (top, bottom, first, last) = (0, band.height - 1, 0, Self.side - 1) }
    guard bottom >= top else { return nil }
    first &= ~3
    last |= 3
    let tileWidth = last - first + 1
    var part: [UInt32] = []
    part.reserveCapacity(tileWidth * (bottom - top + 1))
    for line in top...bottom {
      let start = (band.y + line) * width + left + first
      part += pixels[start..<start + tileWidth]
    }
    return PixelTile(x: left + first, y: band.y + top, width: tileWidth, height: bottom - top + 1, pixels: part)
  }
}
