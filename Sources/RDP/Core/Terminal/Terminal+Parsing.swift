/// The parser of a terminal's input, after the state machine of DEC's VT500 and with UTF-8.
extension Terminal {
  struct Parser: Sendable {
    enum State: Sendable {
      case ground, escape, escapeIntermediate, control, ignore
      /// OSC; DCS, SOS, PM and APC, which mean nothing here.
      case command, string
    }

    var state = State.ground
    var parameters: [Int] = []
    /// Parameters that stood behind a colon belong to the one before (`4:3`, `38:2::1:2:3`).
    var hasColon = false
    var hasDigits = false
    /// `?`, `>`, `=` or `<`, or 0.
    var prefix: UInt8 = 0
    var intermediate: UInt8 = 0
    var text: [UInt8] = []
    /// An ESC inside a string may be the begin of its end.
    var sawEscape = false
    // UTF-8.
    var scalar: UInt32 = 0
    var needed = 0
    var smallest: UInt32 = 0

    mutating func begin(_ state: State) {
      self.state = state
      parameters.removeAll(keepingCapacity: true)
      (hasColon, hasDigits, prefix, intermediate, sawEscape) = (false, false, 0, 0, false)
      text.removeAll(keepingCapacity: true)
    }

    /// The parameter at a place; what is missing or zero is `standard`.
    func parameter(_ index: Int, _ standard: Int = 1) -> Int {
      index < parameters.count && parameters[index] > 0 ? parameters[index] : standard
    }
  }

  mutating func parse(_ byte: UInt8) {
    switch parser.state {
    case .command, .string: return parseString(byte)
    case .ground where byte >= 0x20 && byte != 0x7F: return parseText(byte)
    default: break
    }
    parser.needed = 0
    switch byte {
    case 0x1B: parser.begin(.escape)
    case 0x18, 0x1A: parser.state = .ground
    case ..<0x20: control(byte)
    case 0x7F: break
    default:
      switch parser.state {
      case .escape, .escapeIntermediate: parseEscape(byte)
      case .control: parseControl(byte)
      case .ignore: if (0x40...0x7E).contains(byte) { parser.state = .ground }
      case .ground, .command, .string: break
      }
    }
  }

  private mutating func parseText(_ byte: UInt8) {
    if byte < 0x80 {
      if parser.needed > 0 { put(0xFFFD) }
      parser.needed = 0
      return put(UInt32(byte))
    }
    if byte < 0xC0 {
      guard parser.needed > 0 else { return put(0xFFFD) }
      parser.scalar = parser.scalar << 6 | UInt32(byte & 0x3F)
      parser.needed -= 1
      if parser.needed == 0 {
        let isFine = parser.scalar >= parser.smallest && Unicode.Scalar(parser.scalar) != nil
        // C1 controls in UTF-8 are not obeyed, as xterm doesn't in its UTF-8 mode by default.
        if parser.scalar < 0xA0 { return }
        put(isFine ? parser.scalar : 0xFFFD)
      }
      return
    }
    if parser.needed > 0 { put(0xFFFD) }
    switch byte {
    case 0xC2...0xDF: (parser.scalar, parser.needed, parser.smallest) = (UInt32(byte & 0x1F), 1, 0x80)
    case 0xE0...0xEF: (parser.scalar, parser.needed, parser.smallest) = (UInt32(byte & 0x0F), 2, 0x800)
    case 0xF0...0xF4: (parser.scalar, parser.needed, parser.smallest) = (UInt32(byte & 0x07), 3, 0x10000)
    default:
      parser.needed = 0
      put(0xFFFD)
    }
  }

  private mutating func parseString(_ byte: UInt8) {
    if parser.sawEscape {
      parser.sawEscape = false
      if byte == 0x5C {
        finishString()
        parser.state = .ground
        return
      }
      parser.begin(.escape)
      return parse(byte)
    }
    switch byte {
    case 0x07:
      finishString()
      parser.state = .ground
    case 0x18, 0x1A: parser.state = .ground
    case 0x1B: parser.sawEscape = true
    default: if parser.text.count < Self.maximumString { parser.text.append(byte) }
    }
  }

  /// OSC 0 and 2 name the window.
  private mutating func finishString() {
    guard parser.state == .command else { return }
    let text = String(decoding: parser.text, as: UTF8.self)
    if text.hasPrefix("0;") || text.hasPrefix("2;") { title = String(text.dropFirst(2)) }
  }

  private mutating func parseEscape(_ byte: UInt8) {
    if byte < 0x30 {
      parser.intermediate = byte
      parser.state = .escapeIntermediate
      return
    }
    let intermediate = parser.intermediate
    parser.state = .ground
    switch (intermediate, byte) {
    case (0, 0x5B): parser.begin(.control)
    case (0, 0x5D): parser.begin(.command)
    case (0, 0x50), (0, 0x58), (0, 0x5E), (0, 0x5F): parser.begin(.string)
    case (0, _): escape(byte)
    case (0x28, _): cursor.graphics[0] = byte == 0x30
    case (0x29, _): cursor.graphics[1] = byte == 0x30
    case (0x23, 0x38): alignmentPattern()
    default: break
    }
  }

  private mutating func parseControl(_ byte: UInt8) {
    switch byte {
    case 0x30...0x39:
      if !parser.hasDigits { startParameter() }
      let last = parser.parameters.count - 1
      if last >= 0 { parser.parameters[last] = min(65_535, parser.parameters[last] * 10 + Int(byte - 0x30)) }
    case 0x3A, 0x3B:
      if !parser.hasDigits { startParameter() }
      parser.hasDigits = false
      if byte == 0x3A { parser.hasColon = true }
    case 0x3C...0x3F:
      if parser.parameters.isEmpty, !parser.hasDigits { parser.prefix = byte } else { parser.state = .ignore }
    case 0x20...0x2F: parser.intermediate = byte
    default:
      parser.state = .ground
      controlSequence(byte)
    }
  }

  private mutating func startParameter() {
    parser.hasDigits = true
    if parser.parameters.count < Self.maximumParameters { parser.parameters.append(0) }
  }

  /// The C0 controls.
  private mutating func control(_ byte: UInt8) {
    switch byte {
    case 0x08:
      cursor.column = max(0, cursor.column - 1)
      cursor.wrapsNext = false
    case 0x09: tab(1)
    case 0x0A, 0x0B, 0x0C:
      lineFeed()
      if modes.newLine { cursor.column = 0 }
    case 0x0D:
      cursor.column = 0
      cursor.wrapsNext = false
    case 0x0E: cursor.shifted = 1
    case 0x0F: cursor.shifted = 0
    default: break
    }
  }

  /// Sequences of ESC and one character.
  private mutating func escape(_ byte: UInt8) {
    switch byte {
    case 0x37: saveCursor()
    case 0x38: restoreCursor()
    case 0x44: lineFeed()
    case 0x45:
      lineFeed()
      cursor.column = 0
    case 0x48: tabs.insert(cursor.column)
    case 0x4D: reverseLineFeed()
    case 0x63: reset()
    case 0x3D: modes.applicationKeypad = true
    case 0x3E: modes.applicationKeypad = false
    default: break
    }
  }

  mutating func tab(_ count: Int) {
    for _ in 0..<min(count, columns) {
      cursor.column = tabs.filter { $0 > cursor.column }.min() ?? columns - 1
    }
    cursor.wrapsNext = false
  }

  mutating func saveCursor() {
    saved = cursor
    saved.isOrigin = modes.origin
  }

  mutating func restoreCursor() {
    cursor = saved
    modes.origin = saved.isOrigin
    cursor.row = min(cursor.row, rows - 1)
    cursor.column = min(cursor.column, columns - 1)
  }

  private mutating func alignmentPattern() {
    for row in 0..<rows { grid.fill(row: row, 0..<columns, with: Cell(character: 0x45)) }
    region = 0..<rows
    moveTo(row: 0, column: 0)
  }
}
