/// A colour as a program names it: by the palette, by its parts, or not at all.
public struct TerminalColor: Sendable, Hashable {
  /// 0xRRGGBB, `palette` + index, or `standard`.
  let code: UInt32

  private static let palette: UInt32 = 0x0100_0000
  /// What the terminal has where nothing was chosen.
  public static let standard = TerminalColor(code: 0x0200_0000)

  private init(code: UInt32) { self.code = code }
  public init(index: UInt8) { code = Self.palette | UInt32(index) }
  public init(red: UInt8, green: UInt8, blue: UInt8) {
    code = UInt32(red) << 16 | UInt32(green) << 8 | UInt32(blue)
  }

  /// The first eight become their bright forms, as bold text has them.
  var brightened: TerminalColor {
    code & Self.palette != 0 && code & 0xFF < 8 ? TerminalColor(code: code | 8) : self
  }

  /// 0xRRGGBB; `standard` is what stands for no choice.
  func rgb(standard: UInt32) -> UInt32 {
    if code & Self.palette != 0 { return Palette.rgb(UInt8(truncatingIfNeeded: code)) }
    return self == .standard ? standard : code
  }
}

/// The 256 colours of xterm.
enum Palette {
  static let foreground: UInt32 = 0xD0D0D0
  static let background: UInt32 = 0x000000

  static func rgb(_ index: UInt8) -> UInt32 {
    switch index {
    case ..<16: basic[Int(index)]
    case ..<232:
      level((index - 16) / 36) << 16 | level((index - 16) / 6 % 6) << 8 | level((index - 16) % 6)
    default: (UInt32(index - 232) * 10 + 8) * 0x010101
    }
  }

  private static func level(_ step: UInt8) -> UInt32 { step == 0 ? 0 : UInt32(step) * 40 + 55 }

  private static let basic: [UInt32] = [
    0x000000, 0xCD3131, 0x2EA043, 0xC0A020, 0x3B78FF, 0xB040B0, 0x20A0B0, 0xD0D0D0, 0x767676, 0xF14C4C, 0x4EC96A,
    0xE8D44D, 0x6FA8FF, 0xD670D6, 0x4FD0E0, 0xFFFFFF,
  ]
}

/// How a character looks.
struct CellStyle: Sendable, Hashable {
  struct Attributes: OptionSet, Sendable, Hashable {
    let rawValue: UInt8
    static let bold = Attributes(rawValue: 1)
    static let faint = Attributes(rawValue: 2)
    static let underlined = Attributes(rawValue: 4)
    static let reversed = Attributes(rawValue: 8)
    static let invisible = Attributes(rawValue: 16)
    static let struck = Attributes(rawValue: 32)
  }

  var foreground = TerminalColor.standard
  var background = TerminalColor.standard
  var attributes: Attributes = []
}

/// One place of the screen.
struct Cell: Sendable, Hashable {
  /// A Unicode scalar; 0 is the right half of a wide character.
  var character: UInt32 = 0x20
  var style = CellStyle()

  /// An empty cell, in the background of a style.
  static func blank(_ style: CellStyle) -> Cell {
    Cell(character: 0x20, style: CellStyle(background: style.background))
  }
}

/// How many columns a character takes.
enum CharacterWidth {
  static func of(_ scalar: UInt32) -> Int {
    if scalar < 0x300 { return 1 }
    for range in zero where range.contains(scalar) { return 0 }
    for range in wide where range.contains(scalar) { return 2 }
    return 1
  }

  /// Combining marks, joiners and selectors.
  private static let zero: [ClosedRange<UInt32>] = [
    0x300...0x36F, 0x483...0x489, 0x591...0x5BD, 0x610...0x61A, 0x64B...0x65F, 0x900...0x902, 0x93C...0x93C,
    0x941...0x948, 0xE31...0xE31, 0xE34...0xE3A, 0xE47...0xE4E, 0x1AB0...0x1AFF, 0x1DC0...0x1DFF, 0x200B...0x200F,
    0x202A...0x202E, 0x2060...0x2064, 0x20D0...0x20FF, 0xFE00...0xFE0F, 0xFE20...0xFE2F, 0xFEFF...0xFEFF,
    0xE0100...0xE01EF,
  ]

  /// East Asian wide and fullwidth (Unicode Annex 11), and emoji.
  private static let wide: [ClosedRange<UInt32>] = [
    0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
    0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F,
    0x1F680...0x1F6FF, 0x1F900...0x1F9FF, 0x20000...0x3FFFD,
  ]
}
