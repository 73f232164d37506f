/// The control sequences: CSI, parameters, a final character.
extension Terminal {
  mutating func controlSequence(_ final: UInt8) {
    switch (parser.prefix, parser.intermediate) {
    case (0, 0): if !movement(final), !editing(final) { settings(final) }
    case (0x3F, 0):
      switch final {
      case 0x68: for mode in parser.parameters { setPrivate(mode, true) }
      case 0x6C: for mode in parser.parameters { setPrivate(mode, false) }
      case 0x4A: erase(display: parser.parameter(0, 0))
      case 0x4B: erase(line: parser.parameter(0, 0))
      default: break
      }
    case (0x3E, 0): if final == 0x63, parser.parameter(0, 0) == 0 { reply("\u{1B}[>41;354;0c") }
    case (0, 0x21): if final == 0x70 { softReset() }
    default: break
    }
  }

  private func count(_ standard: Int = 1) -> Int { parser.parameter(0, standard) }

  mutating func reply(_ text: String) {
    // A program that asks without end and never reads gets no more than this.
    if replies.count < 4096 { replies += Array(text.utf8) }
  }

  /// Moves within the screen, or within the region where origin mode says so.
  mutating func moveTo(row: Int, column: Int) {
    let first = modes.origin ? region.lowerBound : 0
    let last = modes.origin ? region.upperBound - 1 : rows - 1
    cursor.row = min(max(first, first + row), last)
    cursor.column = min(max(0, column), columns - 1)
    cursor.wrapsNext = false
  }

  private mutating func move(rows distance: Int) {
    let upper = cursor.row >= region.lowerBound ? region.lowerBound : 0
    let lower = cursor.row < region.upperBound ? region.upperBound - 1 : rows - 1
    cursor.row = min(max(upper, cursor.row + distance), lower)
    cursor.wrapsNext = false
  }

  private mutating func move(columns distance: Int) {
    cursor.column = min(max(0, cursor.column + distance), columns - 1)
    cursor.wrapsNext = false
  }

  private mutating func movement(_ final: UInt8) -> Bool {
    switch final {
    case 0x41: move(rows: -count())
    case 0x42, 0x65: move(rows: count())
    case 0x43, 0x61: move(columns: count())
    case 0x44: move(columns: -count())
    case 0x45:
      move(rows: count())
      cursor.column = 0
    case 0x46:
      move(rows: -count())
      cursor.column = 0
    case 0x47, 0x60: move(columns: count() - 1 - cursor.column)
    case 0x48, 0x66: moveTo(row: count() - 1, column: parser.parameter(1) - 1)
    case 0x64: moveTo(row: count() - 1, column: cursor.column)
    case 0x49: tab(count())
    case 0x5A:
      for _ in 0..<min(count(), columns) { cursor.column = tabs.filter { $0 < cursor.column }.max() ?? 0 }
    default: return false
    }
    return true
  }

  private mutating func editing(_ final: UInt8) -> Bool {
    let blank = Cell.blank(cursor.style)
    let rest = cursor.column..<columns
    switch final {
    case 0x40: grid.shift(row: cursor.row, rest, by: count(), with: blank)
    case 0x50: grid.shift(row: cursor.row, rest, by: -count(), with: blank)
    case 0x58:
      grid.fill(row: cursor.row, cursor.column..<min(columns, cursor.column + count()), with: blank)
    case 0x4A: erase(display: count(0))
    case 0x4B: erase(line: count(0))
    case 0x4C, 0x4D:
      guard region.contains(cursor.row) else { return true }
      let part = cursor.row..<region.upperBound
      grid.scroll(part, by: final == 0x4C ? -count() : count(), with: blank)
      cursor.column = 0
    case 0x53: scrollUp(min(count(), rows))
    case 0x54: scrollDown(min(count(), rows))
    case 0x62: for _ in 0..<min(count(), columns * rows) { put(lastCharacter) }
    default: return false
    }
    cursor.wrapsNext = false
    return true
  }

  private mutating func settings(_ final: UInt8) {
    switch final {
    case 0x63: if count(0) == 0 { reply("\u{1B}[?62;22c") }
    case 0x67:
      if count(0) == 3 { tabs = [] } else { tabs.remove(cursor.column) }
    case 0x68, 0x6C:
      for mode in parser.parameters {
        if mode == 4 { modes.insert = final == 0x68 }
        if mode == 20 { modes.newLine = final == 0x68 }
      }
    case 0x6D: selectGraphicRendition()
    case 0x6E:
      if count(0) == 5 { reply("\u{1B}[0n") }
      if count(0) == 6 {
        let row = cursor.row - (modes.origin ? region.lowerBound : 0)
        reply("\u{1B}[\(row + 1);\(cursor.column + 1)R")
      }
    case 0x72:
      let top = min(count(), rows) - 1
      let bottom = min(parser.parameter(1, rows), rows)
      guard bottom - top >= 2 else { return }
      region = top..<bottom
      moveTo(row: 0, column: 0)
    case 0x73: saveCursor()
    case 0x75: restoreCursor()
    case 0x74: if count(0) == 18 { reply("\u{1B}[8;\(rows);\(columns)t") }
    default: break
    }
  }

  func eraseRange(line kind: Int) -> Range<Int> {
    kind == 0 ? cursor.column..<columns : kind == 1 ? 0..<cursor.column + 1 : 0..<columns
  }

  mutating func erase(line kind: Int) {
    guard kind <= 2 else { return }
    grid.fill(row: cursor.row, eraseRange(line: kind), with: .blank(cursor.style))
    cursor.wrapsNext = false
  }

  mutating func erase(display kind: Int) {
    if kind == 3 {
      scrollback.removeAll()
      viewOffset = 0
      grid.touchAll()
      return
    }
    guard kind <= 2 else { return }
    if kind < 2 { erase(line: kind) }
    let lines = kind == 0 ? cursor.row + 1..<rows : kind == 1 ? 0..<cursor.row : 0..<rows
    for row in lines { grid.fill(row: row, 0..<columns, with: .blank(cursor.style)) }
    cursor.wrapsNext = false
  }

  private mutating func softReset() {
    modes = Modes()
    region = 0..<rows
    cursor.style = CellStyle()
    cursor.graphics = [false, false]
    cursor.shifted = 0
    saved = Cursor()
  }

  // MARK: Private modes

  private mutating func setPrivate(_ mode: Int, _ isOn: Bool) {
    switch mode {
    case 1: modes.applicationCursor = isOn
    case 5:
      modes.reverse = isOn
      grid.touchAll()
    case 6:
      modes.origin = isOn
      moveTo(row: 0, column: 0)
    case 7: modes.wrap = isOn
    case 25: modes.cursorVisible = isOn
    case 47, 1047: useAlternate(isOn, savesCursor: false)
    case 1048: if isOn { saveCursor() } else { restoreCursor() }
    case 1049: useAlternate(isOn, savesCursor: true)
    case 1000, 1002, 1003: modes.mouse = isOn ? mode : 0
    case 1006: modes.mouseSGR = isOn
    case 2004: modes.bracketedPaste = isOn
    default: break
    }
  }

  private mutating func useAlternate(_ isOn: Bool, savesCursor: Bool) {
    guard isOn != isAlternate else { return }
    if isOn, savesCursor {
      saveCursor()
      savedPrimary = saved
    }
    swap(&grid, &other)
    isAlternate = isOn
    viewOffset = 0
    region = 0..<rows
    if isOn { for row in 0..<rows { grid.fill(row: row, 0..<columns, with: .blank(cursor.style)) } }
    if !isOn, savesCursor {
      saved = savedPrimary
      restoreCursor()
    }
    cursor.wrapsNext = false
    grid.touchAll()
  }

  // MARK: Colours

  private mutating func selectGraphicRendition() {
    let values = parser.parameters.isEmpty ? [0] : parser.parameters
    var index = 0
    while index < values.count {
      let value = values[index]
      index += 1
      switch value {
      case 38, 48:
        guard let (color, used) = extendedColor(values[index...]) else { return }
        if value == 38 { cursor.style.foreground = color } else { cursor.style.background = color }
        index += used
      case 4 where parser.hasColon && index < values.count && values.count == 2:
        // `4:3` and its kin: every kind of line is a plain one here, `4:0` none.
        setAttribute(.underlined, values[index] != 0)
        index += 1
      default: rendition(value)
      }
    }
  }

  /// `5;N`, `2;R;G;B`, or with colons also `2::R:G:B`.
  private func extendedColor(_ rest: ArraySlice<Int>) -> (TerminalColor, Int)? {
    let values = Array(rest)
    guard let kind = values.first else { return nil }
    if kind == 5, values.count >= 2 { return (TerminalColor(index: UInt8(clamping: values[1])), 2) }
    guard kind == 2, values.count >= 4 else { return nil }
    let skip = parser.hasColon && values.count >= 5 ? 2 : 1
    let parts = values[skip..<skip + 3].map { UInt8(clamping: $0) }
    return (TerminalColor(red: parts[0], green: parts[1], blue: parts[2]), skip + 3)
  }

  private mutating func setAttribute(_ attribute: CellStyle.Attributes, _ isOn: Bool) {
    if isOn { cursor.style.attributes.insert(attribute) } else { cursor.style.attributes.remove(attribute) }
  }

  private mutating func rendition(_ value: Int) {
    switch value {
    case 0: cursor.style = CellStyle()
    case 1: setAttribute(.bold, true)
    case 2: setAttribute(.faint, true)
    case 4, 21: setAttribute(.underlined, true)
    case 7: setAttribute(.reversed, true)
    case 8: setAttribute(.invisible, true)
    case 9: setAttribute(.struck, true)
    case 22:
      setAttribute(.bold, false)
      setAttribute(.faint, false)
    case 24: setAttribute(.underlined, false)
    case 27: setAttribute(.reversed, false)
    case 28: setAttribute(.invisible, false)
    case 29: setAttribute(.struck, false)
    case 30...37: cursor.style.foreground = TerminalColor(index: UInt8(value - 30))
    case 39: cursor.style.foreground = .standard
    case 40...47: cursor.style.background = TerminalColor(index: UInt8(value - 40))
    case 49: cursor.style.background = .standard
    case 90...97: cursor.style.foreground = TerminalColor(index: UInt8(value - 90 + 8))
    case 100...107: cursor.style.background = TerminalColor(index: UInt8(value - 100 + 8))
    default: break
    }
  }
}
