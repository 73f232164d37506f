import Testing

@testable import RDPCore

/// The terminal's repertoire, by what programs send and what then stands on the screen.
struct TerminalTests {
  private func terminal(_ text: String, columns: Int = 20, rows: Int = 5) -> Terminal {
    var terminal = Terminal(columns: columns, rows: rows, scrollback: 10)
    terminal.feed(Array(text.utf8))
    return terminal
  }

  private func lines(_ terminal: Terminal) -> [String] { (0..<terminal.rows).map { terminal.text(row: $0) } }

  @Test func textWrapsAndScrolls() {
    let terminal = terminal("0123456789abcdefghijKLM\r\n1\r\n2\r\n3\r\n4\r\n5")
    #expect(lines(terminal) == ["1", "2", "3", "4", "5"])
    #expect(terminal.scrollback.count == 2)
  }

  @Test func theLastColumnWaits() {
    var terminal = terminal("01234567890123456789")
    #expect(terminal.cursor.row == 0 && terminal.cursor.column == 19)
    terminal.feed(Array("x".utf8))
    #expect(lines(terminal)[1] == "x")
  }

  @Test func cursorMovements() {
    #expect(
      lines(terminal("\u{1B}[3;5Hx\u{1B}[Ay\u{1B}[2Dz\u{1B}[1G-\u{1B}[5d_")) == ["", "-   zy", "    x", "", " _"])
  }

  @Test func erasingAndEditing() {
    #expect(lines(terminal("abcdef\u{1B}[1;3H\u{1B}[K"))[0] == "ab")
    #expect(lines(terminal("abcdef\u{1B}[1;3H\u{1B}[1K"))[0] == "   def")
    #expect(lines(terminal("abcdef\u{1B}[1;3H\u{1B}[2P"))[0] == "abef")
    #expect(lines(terminal("abcdef\u{1B}[1;3H\u{1B}[2@"))[0] == "ab  cdef")
    #expect(lines(terminal("abcdef\u{1B}[1;3H\u{1B}[2X"))[0] == "ab  ef")
    #expect(lines(terminal("a\r\nb\r\nc\u{1B}[2;1H\u{1B}[L"))[0...3] == ["a", "", "b", "c"])
    #expect(lines(terminal("a\r\nb\r\nc\u{1B}[2;1H\u{1B}[M"))[0...2] == ["a", "c", ""])
    #expect(lines(terminal("a\r\nb\u{1B}[2J")) == ["", "", "", "", ""])
  }

  @Test func scrollRegions() {
    let terminal = terminal("1\r\n2\r\n3\r\n4\r\n5\u{1B}[2;4r\u{1B}[4;1H\nx")
    #expect(lines(terminal) == ["1", "3", "4", "x", "5"])
    #expect(lines(self.terminal("1\r\n2\r\n3\u{1B}[1;3r\u{1B}[1;1H\u{1B}M0")) == ["0", "1", "2", "", ""])
  }

  @Test func theAlternateScreenGivesBackTheFirst() {
    var terminal = terminal("first\u{1B}[?1049h\u{1B}[Hsecond")
    #expect(lines(terminal)[0] == "second")
    terminal.feed(Array("\u{1B}[?1049l!".utf8))
    #expect(lines(terminal)[0] == "first!")
  }

  @Test func unicodeAndGraphics() {
    #expect(lines(terminal("ä€\u{1F600}x"))[0] == "ä€\u{1F600}x")
    #expect(lines(terminal("\u{1B}(0lqk\u{1B}(B"))[0] == "┌─┐")
    var broken = Terminal(columns: 10, rows: 2)
    broken.feed([0xC3, 0x28, 0xFF, 0xE2, 0x82])
    broken.feed([0xAC])
    #expect(broken.text(row: 0) == "\u{FFFD}(\u{FFFD}€")
  }

  @Test func colours() {
    let style = terminal("\u{1B}[1;38;5;200;48;2;1;2;3mx").grid[0, 0].style
    #expect(style.attributes == .bold && style.foreground == TerminalColor(index: 200))
    #expect(style.background == TerminalColor(red: 1, green: 2, blue: 3))
    #expect(terminal("\u{1B}[38:2::4:5:6mx").grid[0, 0].style.foreground == TerminalColor(red: 4, green: 5, blue: 6))
    #expect(terminal("\u{1B}[4:0;31mx").grid[0, 0].style.foreground == TerminalColor(index: 1))
  }

  @Test func reports() {
    var terminal = terminal("ab\u{1B}[6n\u{1B}[c\u{1B}[18t")
    #expect(String(decoding: terminal.takeReplies(), as: UTF8.self) == "\u{1B}[1;3R\u{1B}[?62;22c\u{1B}[8;5;20t")
  }

  @Test func sizes() {
    var terminal = terminal("1\r\n2\r\n3\r\n4\r\n5")
    terminal.resize(columns: 10, rows: 3)
    #expect(lines(terminal) == ["3", "4", "5"])
    terminal.resize(columns: 30, rows: 6)
    #expect(lines(terminal) == ["3", "4", "5", "", "", ""])
  }

  @Test func theView() {
    var terminal = terminal("1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n7")
    #expect(terminal.scrollView(by: 1) && terminal.visibleLine(0).first?.character == 0x32)
    #expect(terminal.scrollView(by: 9) && !terminal.scrollView(by: 1))
    #expect(terminal.visibleCursor == nil)
  }

  /// Garbage of every kind neither traps nor leaves the screen.
  @Test func hostileOutput() {
    var generator = SystemRandomNumberGenerator()
    let pieces = [
      "\u{1B}[", "\u{1B}]0;", "999999999", ";", "H", "r", "L", "M", "@", "P", "X", "S", "T", "b", "\u{1B}c", "\n", "ü",
      "?1049h", "J", "\u{1B}M",
    ]
    for _ in 0..<200 {
      var terminal = Terminal(columns: .random(in: 2...9), rows: .random(in: 2...5), scrollback: 3)
      for _ in 0..<60 {
        terminal.feed(Array((pieces.randomElement(using: &generator) ?? "").utf8))
        terminal.feed([.random(in: 0...255, using: &generator)])
      }
      terminal.resize(columns: .random(in: 1...9), rows: .random(in: 1...9))
      #expect(
        (0..<terminal.rows).contains(terminal.cursor.row) && (0..<terminal.columns).contains(terminal.cursor.column))
    }
  }

  /// Only what differs travels, and scrolled lines are moved, whatever happens: the client's picture is the terminal's.
  @Test(arguments: [true, false]) func theClientShowsWhatTheTerminalHas(_ canMove: Bool) {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<20 {
      var terminal = Terminal(columns: 10, rows: 6, scrollback: 5)
      var display = CellDisplay(width: 80, height: 96, format: .rgb24)
      var picture = [UInt32](repeating: 0, count: 80 * 96)
      for _ in 0..<40 {
        let pieces = [
          "\r\n", "\n", "abc", "\u{1B}[2;4r", "\u{1B}[r", "\u{1B}M", "\u{1B}[3;3H", "\u{1B}[2L", "\u{1B}[M",
          "\u{1B}[7mx\u{1B}[m", "\u{1B}[2J",
        ]
        for _ in 0..<Int.random(in: 1...4) {
          terminal.feed(Array((pieces.randomElement(using: &generator) ?? "").utf8))
        }
        display.update(&terminal, canMove: canMove) { apply($0, to: &picture) }
        var fresh = CellDisplay(width: 80, height: 96, format: .rgb24)
        var (whole, copy) = ([UInt32](repeating: 0, count: 80 * 96), terminal)
        fresh.update(&copy, canMove: false) { apply($0, to: &whole) }
        #expect(picture == whole)
      }
    }
  }

  private func apply(_ update: DisplayUpdate, to picture: inout [UInt32]) {
    switch update {
    case .tile(let tile):
      for row in 0..<tile.height {
        for column in 0..<tile.width {
          picture[(tile.y + row) * 80 + tile.x + column] = tile.pixels[row * tile.width + column]
        }
      }
    case .move(let x, let y, let width, let height, let fromX, let fromY):
      let old = picture
      for row in 0..<height {
        for column in 0..<width { picture[(y + row) * 80 + x + column] = old[(fromY + row) * 80 + fromX + column] }
      }
    }
  }
}

/// Letters on a magnified desktop are larger by whole steps, and cover it as others do.
struct MagnifiedDisplayTests {
  @Test func everyPixelIsDoubled() {
    var terminal = Terminal(columns: 40, rows: 3)
    terminal.feed(Array("ab".utf8))
    func picture(_ scale: Int) -> [[UInt32]] {
      var display = CellDisplay(width: 320 * scale, height: 48 * scale, format: .rgb24, scale: scale)
      var rows = [[UInt32]](repeating: [UInt32](repeating: 1, count: 320 * scale), count: 48 * scale)
      var copy = terminal
      display.update(&copy, canMove: false) { update in
        guard case .tile(let tile) = update else { return }
        for y in 0..<tile.height {
          for x in 0..<tile.width { rows[tile.y + y][tile.x + x] = tile.pixels[y * tile.width + x] }
        }
      }
      return rows
    }
    let (one, two) = (picture(1), picture(2))
    for y in 0..<96 { for x in 0..<640 where two[y][x] != one[y / 2][x / 2] { Issue.record("\(x), \(y)") } }
    #expect(CellDisplay(width: 640, height: 480, format: .rgb24, scale: 5).columns >= 40)
    #expect(DesktopScale.factor(100) == 1 && DesktopScale.factor(150) == 2 && DesktopScale.factor(200) == 2)
  }
}
