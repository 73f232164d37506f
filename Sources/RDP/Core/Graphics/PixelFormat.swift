/// How pixels travel, by the session's colour depth.
public enum PixelFormat: Int, Sendable, Hashable {
  case rgb555 = 15
  case rgb565 = 16
  case rgb24 = 24
  /// 8 bits each of blue, green, red and nothing.
  case rgb32 = 32

  /// The format that serves a client which asks for so many bits; a palette (8 bits) is not spoken, 16 bits is answered.
  public init(bitsPerPixel: Int) {
    switch bitsPerPixel {
    case 15: self = .rgb555
    case 24: self = .rgb24
    case 32: self = .rgb32
    default: self = .rgb565
    }
  }

  /// Bytes of a pixel in an uncompressed or run-length encoded bitmap.
  var bytesPerPixel: Int { self == .rgb32 ? 4 : self == .rgb24 ? 3 : 2 }

  /// A colour 0xRRGGBB as a number of this format.
  func pixel(_ color: UInt32) -> UInt32 {
    switch self {
    case .rgb555: color >> 9 & 0x7C00 | color >> 6 & 0x03E0 | color >> 3 & 0x001F
    case .rgb565: color >> 8 & 0xF800 | color >> 5 & 0x07E0 | color >> 3 & 0x001F
    case .rgb24, .rgb32: color & 0xFF_FFFF
    }
  }

  /// All bits set.
  var white: UInt32 {
    switch self {
    case .rgb555: 0x7FFF
    case .rgb565: 0xFFFF
    case .rgb24, .rgb32: 0xFF_FFFF
    }
  }
}

/// A rectangle of pixels, top row first, each in the number form of the session's format.
public struct PixelTile: Sendable, Hashable {
  public var x: Int
  public var y: Int
  public var width: Int
  public var height: Int
  public var pixels: [UInt32]

  public init(x: Int, y: Int, width: Int, height: Int, pixels: [UInt32]) {
    precondition(pixels.count == width * height, "a tile has as many pixels as its size says")
    self.x = x
    self.y = y
    self.width = width
    self.height = height
    self.pixels = pixels
  }
}
