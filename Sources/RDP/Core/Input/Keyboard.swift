/// Turns keys into what a terminal's program reads: characters, and xterm's sequences for the others.
struct Keyboard: Sendable {
  /// What a key came to.
  enum Outcome: Equatable {
    case nothing
    case bytes([UInt8])
    /// The view of the lines above, in half screens.
    case scroll(Int)
    case paste
  }

  private var layout: KeyboardLayout
  private var held: Set<UInt16> = []
  private var capsLock = false
  private var numLock = true
  /// The first half of a character outside of the basic plane.
  private var highSurrogate: UInt16?

  init(layout: KeyboardLayout) { self.layout = layout }

  private static let leftShift: UInt16 = 0x2A
  private static let rightShift: UInt16 = 0x36
  private static let leftControl: UInt16 = 0x1D
  private static let leftAlt: UInt16 = 0x38
  /// Extended keys are told apart by this bit.
  private static let extended: UInt16 = 0x100
  private static let modifiers: Set<UInt16> = [0x2A, 0x36, 0x1D, 0x38, 0x11D, 0x138, 0x15B, 0x15C]

  private var shift: Bool { held.contains(Self.leftShift) || held.contains(Self.rightShift) }
  private var control: Bool {
    // Windows sends a left Ctrl with AltGr.
    !third && (held.contains(Self.leftControl) || held.contains(Self.leftControl | Self.extended))
  }
  private var alt: Bool { held.contains(Self.leftAlt) }
  private var third: Bool { held.contains(Self.leftAlt | Self.extended) }

  mutating func synchronize(_ toggles: UInt8) {
    held.removeAll()
    numLock = toggles & 2 != 0
    capsLock = toggles & 4 != 0
  }

  mutating func unicode(_ unit: UInt16, isReleased: Bool) -> Outcome {
    guard !isReleased else { return .nothing }
    if UTF16.isLeadSurrogate(unit) {
      highSurrogate = unit
      return .nothing
    }
    let units = highSurrogate.map { [$0, unit] } ?? [unit]
    highSurrogate = nil
    switch unit {
    case 0: return .nothing
    case 8: return .bytes([0x7F])
    case 10, 13: return .bytes([13])
    default: return .bytes(Array(String(decoding: units, as: UTF16.self).utf8))
    }
  }

  mutating func key(_ scancode: UInt8, isExtended: Bool, isReleased: Bool, modes: Terminal.Modes) -> Outcome {
    let key = UInt16(scancode) | (isExtended ? Self.extended : 0)
    if Self.modifiers.contains(key) {
      if isReleased { held.remove(key) } else { held.insert(key) }
      return .nothing
    }
    guard !isReleased else { return .nothing }
    switch key {
    case 0x3A:
      capsLock.toggle()
      return .nothing
    case 0x45:
      numLock.toggle()
      return .nothing
    case 0x149 where shift: return .scroll(1)
    case 0x151 where shift: return .scroll(-1)
    case 0x152 where shift: return .paste
    default: break
    }
    if let bytes = editing(key) ?? keypad(key, modes) ?? function(key, modes) { return .bytes(bytes) }
    return character(scancode, isExtended: isExtended)
  }

  private func escaped(_ bytes: [UInt8]) -> [UInt8] { alt ? [0x1B] + bytes : bytes }

  private func editing(_ key: UInt16) -> [UInt8]? {
    switch key {
    case 0x01: escaped([0x1B])
    case 0x0E: escaped(control ? [0x08] : [0x7F])
    case 0x0F: shift ? Array("\u{1B}[Z".utf8) : escaped([0x09])
    case 0x1C, 0x11C: escaped([0x0D])
    case 0x39: escaped(control ? [0] : [0x20])
    case 0x135: [0x2F]
    default: nil
    }
  }

  private func keypad(_ key: UInt16, _ modes: Terminal.Modes) -> [UInt8]? {
    guard key < 0x100 else { return nil }
    switch key {
    case 0x37: return [0x2A]
    case 0x4A: return [0x2D]
    case 0x4E: return [0x2B]
    default: break
    }
    guard (0x47...0x53).contains(key) else { return nil }
    if numLock, !shift {
      let digits = Array("789-456+1230.".utf8)
      return [digits[Int(key - 0x47)]]
    }
    return function(key | Self.extended, modes)
  }

  /// xterm's number of the modifiers held: 1 for none, plus 1 for Shift, 2 for Alt, 4 for Ctrl.
  private var modifierNumber: Int { 1 + (shift ? 1 : 0) + (alt ? 2 : 0) + (control ? 4 : 0) }

  private func function(_ key: UInt16, _ modes: Terminal.Modes) -> [UInt8]? {
    let modifier = modifierNumber
    if let letter = Self.letters[key] {
      if modifier > 1 { return Array("\u{1B}[1;\(modifier)\(letter)".utf8) }
      let isApplication = modes.applicationCursor || "PQRS".contains(letter)
      return Array("\u{1B}\(isApplication ? "O" : "[")\(letter)".utf8)
    }
    guard let number = Self.numbers[key] else { return nil }
    return Array((modifier > 1 ? "\u{1B}[\(number);\(modifier)~" : "\u{1B}[\(number)~").utf8)
  }

  private static let letters: [UInt16: Character] = [
    0x148: "A", 0x150: "B", 0x14D: "C", 0x14B: "D", 0x147: "H", 0x14F: "F", 0x3B: "P", 0x3C: "Q", 0x3D: "R", 0x3E: "S",
  ]

  private static let numbers: [UInt16: Int] = [
    0x152: 2, 0x153: 3, 0x149: 5, 0x151: 6, 0x3F: 15, 0x40: 17, 0x41: 18, 0x42: 19, 0x43: 20, 0x44: 21, 0x57: 23,
    0x58: 24,
  ]

  private func character(_ scancode: UInt8, isExtended: Bool) -> Outcome {
    guard !isExtended,
      let character = layout.character(scancode, shift: shift, capsLock: capsLock, third: third)
    else { return .nothing }
    if control {
      if shift, character == "V" { return .paste }
      return Self.controlByte(character).map { .bytes(escaped([$0])) } ?? .nothing
    }
    return .bytes(escaped(Array(String(character).utf8)))
  }

  private static func controlByte(_ character: Character) -> UInt8? {
    guard let ascii = character.asciiValue else { return nil }
    switch ascii {
    case 0x40...0x5F: return ascii & 0x1F
    case 0x61...0x7A: return ascii & 0x1F
    case 0x32: return 0
    case 0x33...0x37: return ascii - 0x33 + 0x1B
    case 0x38, 0x3F: return 0x7F
    case 0x2F, 0x2D: return 0x1F
    default: return nil
    }
  }
}
