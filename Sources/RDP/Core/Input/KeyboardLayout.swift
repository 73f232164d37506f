/// What the keys of a keyboard say: a character for each place, plain, with Shift and with AltGr.
///
/// Clients send places (scancodes) and the number of their layout; who translates is the server.
public struct KeyboardLayout: Sendable {
  /// Microsoft's number, without its variant: 0x0409 for the United States.
  public let identifier: UInt16
  private let plain: [UInt8: Character]
  private let shifted: [UInt8: Character]
  private let third: [UInt8: Character]

  /// The layout with this number; that of the United States for those that are not here.
  public static func named(_ identifier: UInt32) -> KeyboardLayout {
    all.first { $0.identifier == UInt16(truncatingIfNeeded: identifier) } ?? unitedStates
  }

  /// The places, in the order of the texts below: four rows of keys.
  private static let places: [UInt8] =
    [0x29] + Array(0x02...0x0D) + Array(0x10...0x1B) + Array(0x1E...0x28) + [0x2B, 0x56] + Array(0x2C...0x35)

  private init(_ identifier: UInt16, plain: String, shifted: String, third: [UInt8: Character] = [:]) {
    self.identifier = identifier
    self.plain = Dictionary(zip(Self.places, plain), uniquingKeysWith: { first, _ in first })
    self.shifted = Dictionary(zip(Self.places, shifted), uniquingKeysWith: { first, _ in first })
    self.third = third
  }

  /// The character of a place; `nil` for a place that writes none.
  func character(_ scancode: UInt8, shift: Bool, capsLock: Bool, third isThird: Bool) -> Character? {
    if isThird, let character = third[scancode] { return character }
    guard let lower = plain[scancode] else { return nil }
    let isLetter = lower.isLetter && lower.uppercased() == shifted[scancode].map(String.init)
    return shift != (capsLock && isLetter) ? shifted[scancode] : lower
  }

  static let all = [unitedStates, unitedKingdom, germany, france]

  static let unitedStates = KeyboardLayout(
    0x0409, plain: #"`1234567890-=qwertyuiop[]asdfghjkl;'\\zxcvbnm,./"#,
    shifted: #"~!@#$%^&*()_+QWERTYUIOP{}ASDFGHJKL:"||ZXCVBNM<>?"#)

  static let unitedKingdom = KeyboardLayout(
    0x0809, plain: #"`1234567890-=qwertyuiop[]asdfghjkl;'#\zxcvbnm,./"#,
    shifted: #"¬!"£$%^&*()_+QWERTYUIOP{}ASDFGHJKL:@~|ZXCVBNM<>?"#,
    third: [0x29: "¦", 0x05: "€", 0x12: "é", 0x16: "ú", 0x17: "í", 0x18: "ó", 0x1E: "á"])

  static let germany = KeyboardLayout(
    0x0407, plain: #"^1234567890ß´qwertzuiopü+asdfghjklöä#<yxcvbnm,.-"#,
    shifted: #"°!"§$%&/()=?`QWERTZUIOPÜ*ASDFGHJKLÖÄ'>YXCVBNM;:_"#,
    third: [
      0x03: "²", 0x04: "³", 0x08: "{", 0x09: "[", 0x0A: "]", 0x0B: "}", 0x0C: "\\", 0x10: "@", 0x12: "€", 0x1B: "~",
      0x56: "|", 0x32: "µ",
    ])

  static let france = KeyboardLayout(
    0x040C, plain: #"²&é"'(-è_çà)=azertyuiop^$qsdfghjklmù*<wxcvbn,;:!"#,
    shifted: #" 1234567890°+AZERTYUIOP¨£QSDFGHJKLM%µ>WXCVBN?./§"#,
    third: [
      0x03: "~", 0x04: "#", 0x05: "{", 0x06: "[", 0x07: "|", 0x08: "`", 0x09: "\\", 0x0A: "^", 0x0B: "@", 0x0C: "]",
      0x0D: "}", 0x12: "€", 0x1B: "¤",
    ])
}
