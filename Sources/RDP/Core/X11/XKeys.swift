/// From a client's keys and mouse to what XTEST presses. Keycodes are those of evdev: the kernel's key and eight, which all
/// X servers of Linux have.
public struct XKeys: Sendable {
  /// What has to be done for one event, in order.
  public enum Step: Sendable, Hashable {
    case input(XInput)
    /// Give a spare keycode this keysym first.
    case map(keycode: UInt8, keysym: UInt32)
  }

  private static let shift: UInt8 = 50

  /// The kernel's keys for extended scancodes.
  private static let extended: [UInt8: UInt8] = [
    0x1C: 96, 0x1D: 97, 0x20: 113, 0x2E: 114, 0x30: 115, 0x35: 98, 0x37: 99, 0x38: 100, 0x46: 119, 0x47: 102,
    0x48: 103, 0x49: 104, 0x4B: 105, 0x4D: 106, 0x4F: 107, 0x50: 108, 0x51: 109, 0x52: 110, 0x53: 111, 0x5B: 125,
    0x5C: 126, 0x5D: 127,
  ]

  private var held: Set<UInt8> = []
  private var buttons: Set<UInt8> = []
  private var highSurrogate: UInt16?
  /// Where the keyboard has a keysym: the keycode, and whether with Shift.
  private var places: [UInt32: (keycode: UInt8, isShifted: Bool)] = [:]
  /// Keycodes without a keysym, for characters that the keyboard lacks; used in turn.
  private var spare: [UInt8] = []
  private var nextSpare = 0

  public init() {}

  /// Takes the keyboard's keysyms: `perKey` for each keycode, from the first on.
  public mutating func learn(first: UInt8, perKey: Int, keysyms: [UInt32]) {
    guard perKey > 0 else { return }
    places = [:]
    spare = []
    for index in 0..<keysyms.count / perKey {
      guard let keycode = UInt8(exactly: Int(first) + index) else { return }
      let symbols = keysyms[index * perKey..<(index + 1) * perKey]
      if symbols.allSatisfy({ $0 == 0 }) { spare.append(keycode) }
      for (level, symbol) in symbols.prefix(2).enumerated() where symbol != 0 && places[symbol] == nil {
        places[symbol] = (keycode, level == 1)
      }
    }
    // The last are least likely to have been meant for something.
    spare = Array(spare.reversed().prefix(16))
  }

  /// The steps for an event.
  public mutating func steps(for event: InputEvent) -> [Step] {
    switch event {
    case .key(let scancode, let isExtended, let isExtended1, let isReleased):
      guard let keycode = keycode(scancode, isExtended, isExtended1) else { return [] }
      if isReleased { held.remove(keycode) } else { held.insert(keycode) }
      return [.input(.key(keycode, isPressed: !isReleased))]
    case .unicode(let unit, let isReleased): return isReleased ? [] : type(unit)
    case .mouse(let flags, let x, let y): return mouse(flags, x, y)
    case .extendedMouse(let flags, let x, let y):
      var steps: [Step] = [.input(.motion(x: Int(x), y: Int(y)))]
      if flags & 1 != 0 { steps += press(8, flags & 0x8000 != 0) }
      if flags & 2 != 0 { steps += press(9, flags & 0x8000 != 0) }
      return steps
    case .synchronize: return releaseAll()
    }
  }

  /// Lets go of everything: the client has lost the focus, or is gone.
  public mutating func releaseAll() -> [Step] {
    defer { (held, buttons) = ([], []) }
    return held.sorted().map { .input(.key($0, isPressed: false)) }
      + buttons.sorted().map { .input(.button($0, isPressed: false)) }
  }

  private func keycode(_ scancode: UInt8, _ isExtended: Bool, _ isExtended1: Bool) -> UInt8? {
    // Pause is E1 1D 45: its first half counts.
    if isExtended1 { return scancode == 0x1D ? 127 : nil }
    if isExtended { return Self.extended[scancode].map { $0 + 8 } }
    return (1...0x58).contains(scancode) ? scancode + 8 : nil
  }

  private mutating func press(_ button: UInt8, _ isPressed: Bool) -> [Step] {
    if isPressed { buttons.insert(button) } else { buttons.remove(button) }
    return [.input(.button(button, isPressed: isPressed))]
  }

  /// PTRFLAGS of MS-RDPBCGR 2.2.8.1.1.3.1.1.3. X has the middle button as number two.
  private mutating func mouse(_ flags: UInt16, _ x: UInt16, _ y: UInt16) -> [Step] {
    if flags & 0x0600 != 0 {
      let isNegative = flags & 0x0100 != 0
      let button: UInt8 = flags & 0x0200 != 0 ? (isNegative ? 5 : 4) : (isNegative ? 6 : 7)
      return [.input(.button(button, isPressed: true)), .input(.button(button, isPressed: false))]
    }
    var steps: [Step] = [.input(.motion(x: Int(x), y: Int(y)))]
    for (bit, button) in [(UInt16(0x1000), UInt8(1)), (0x4000, 2), (0x2000, 3)] where flags & bit != 0 {
      steps += press(button, flags & 0x8000 != 0)
    }
    return steps
  }

  /// A character: by the key that has it, else by a spare one that is given it.
  private mutating func type(_ unit: UInt16) -> [Step] {
    var point = UInt32(unit)
    if UTF16.isLeadSurrogate(unit) {
      highSurrogate = unit
      return []
    }
    if UTF16.isTrailSurrogate(unit) {
      guard let high = highSurrogate else { return [] }
      point = 0x1_0000 + (UInt32(high) & 0x3FF) << 10 + (UInt32(unit) & 0x3FF)
    }
    highSurrogate = nil
    let keysym: UInt32
    switch point {
    case 8, 9, 13, 27: keysym = 0xFF00 | point
    case 10: keysym = 0xFF0D
    case 0x20...0x7E, 0xA0...0xFF: keysym = point
    case 0..<0x20, 0x7F: return []
    default: keysym = 0x0100_0000 | point
    }
    if let place = places[keysym] {
      let presses: [Step] = [
        .input(.key(place.keycode, isPressed: true)), .input(.key(place.keycode, isPressed: false)),
      ]
      guard place.isShifted, !held.contains(Self.shift) else { return presses }
      return [.input(.key(Self.shift, isPressed: true))] + presses + [.input(.key(Self.shift, isPressed: false))]
    }
    guard !spare.isEmpty else { return [] }
    let keycode = spare[nextSpare % spare.count]
    nextSpare += 1
    places = places.filter { $0.value.keycode != keycode }
    places[keysym] = (keycode, false)
    return [
      .map(keycode: keycode, keysym: keysym), .input(.key(keycode, isPressed: true)),
      .input(.key(keycode, isPressed: false)),
    ]
  }
}
