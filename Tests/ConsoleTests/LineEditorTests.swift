import TestKit
import Testing

@testable import ConsoleCore

struct LineEditorTests {
  /// An editor whose output is drawn on a screen.
  private struct Seat {
    var editor: LineEditor
    var keys = KeyDecoder()
    var screen: Screen
    var outcomes: [LineEditor.Outcome] = []
    var output: [UInt8] = []

    init(columns: Int = 80, type: String = "XTERM") {
      editor = LineEditor(terminal: TerminalDescription(columns: columns, rows: 24, type: type))
      screen = Screen(columns: columns) { CharacterWidth.of($0) }
      var output: [UInt8] = []
      editor.begin("> ", into: &output)
      screen.write(output)
    }

    mutating func type(_ bytes: some Sequence<UInt8>) {
      for byte in bytes {
        guard let key = keys.decode(byte) else { continue }
        output = []
        let outcome = editor.take(key, into: &output)
        if outcome != .none { outcomes.append(outcome) }
        screen.write(output)
      }
    }

    mutating func type(_ text: String) { type(text.utf8) }
  }

  @Test(arguments: [
    ("abc", "abc|"), ("abc\u{2}X", "abXc|".replacing("Xc|", with: "X|c")), ("abc\u{1}X", "X|abc"),
    ("abc\u{1}\u{6}X", "aX|bc"), ("abc\u{8}", "ab|"), ("abc\u{7F}\u{7F}", "a|"), ("abc\u{1}\u{4}", "|bc"),
    ("one two\u{17}", "one |"), ("one two\u{15}", "|"), ("one two\u{1}\u{B}", "|"),
    ("one two\u{17}\u{1}\u{19}", "two|one "),
    ("ab\u{14}", "ba|"), ("abc\u{1B}[D\u{1B}[DX", "aX|bc"), ("abc\u{1B}[H\u{1B}[3~", "|bc"),
    ("one two\u{1B}b\u{1B}bX", "X|one two"), ("one two\u{1}\u{1B}fX", "oneX| two"), ("one two\u{1}\u{1B}d", "| two"),
    ("a\u{16}?b", "a?b|"), ("\"a?\"", "\"a?\"|"), ("\u{1B}[1;5D", "|"), ("üé界", "üé界|"), ("e\u{301}x", "éx|"),
    ("\u{1B}[99999999999999999999zab", "ab|"), ("a\u{0}b", "ab|"),
  ])
  func keysEdit(_ typed: String, _ expected: String) {
    var seat = Seat()
    seat.type(typed)
    var line = seat.editor.line
    line.insert("|", at: seat.editor.cursor)
    #expect(String(line) == expected)
  }

  @Test func linesAreComplete() {
    var seat = Seat()
    seat.type("a\rb\r\nc\n\nd\r\0")
    #expect(seat.outcomes == [.line("a"), .line("b"), .line("c"), .line(""), .line("d")])
  }

  @Test func brokenUTF8IsNoCharacter() {
    var seat = Seat()
    seat.type([0xC3, 0x41, 0xFF, 0xE2, 0x82, 0x42, 0xED, 0xA0, 0x80, 0xC0, 0x80])
    #expect(String(seat.editor.line) == "AB")
  }

  @Test func historyGoesBackAndForth() {
    var seat = Seat()
    for line in ["one", "two", "three"] { seat.editor.history.add(line) }
    seat.type("new\u{10}\u{10}")
    #expect(String(seat.editor.line) == "two")
    seat.type("\u{E}\u{E}")
    #expect(String(seat.editor.line) == "new")
    seat.type("\u{15}\u{12}t")
    #expect(String(seat.editor.line) == "three" && seat.screen.line(0) == "(search)`t': three")
    seat.type("\u{12}")
    #expect(String(seat.editor.line) == "two")
    seat.type("\u{1}")
    #expect(seat.screen.line(0) == "> two" && seat.screen.column == 2)
    seat.type("\u{12}zzz\u{3}")
    #expect(String(seat.editor.line) == "two")
  }

  @Test func hiddenTextIsNotShown() {
    var seat = Seat()
    var output: [UInt8] = []
    seat.editor.begin("Password: ", isHidden: true, into: &output)
    output = []
    for byte in "sec?ret\u{8}\u{1}\u{19}\u{10}".utf8 {
      if let key = seat.keys.decode(byte) { _ = seat.editor.take(key, into: &output) }
    }
    #expect(output.isEmpty && String(seat.editor.line) == "sec?re")
  }

  @Test func typingAtTheEndOnlyEchoes() {
    var seat = Seat()
    for character in "show zones" {
      seat.type(String(character))
      #expect(seat.output == Array(String(character).utf8))
    }
  }

  /// Whatever is typed, and however wide the window: the screen shows prompt and line, and the cursor stands in its place.
  @Test(arguments: [0, 1, 2, 3], ["XTERM", ""])
  func theScreenShowsTheLine(_ seed: Int, _ type: String) {
    var generator = SeededGenerator(seed: UInt64(seed))
    let keys: [String] = [
      "a", "b", "c", " ", "word ", "界", "é", "\u{1}", "\u{5}", "\u{2}", "\u{6}", "\u{8}", "\u{4}", "\u{17}", "\u{B}",
      "\u{19}",
      "\u{14}", "\u{1B}b", "\u{1B}f", "\u{1B}d", "\u{1B}[D", "\u{1B}[C", "\u{1B}[A", "\u{1B}[B", "\u{1B}[3~",
    ]
    // Without cursor keys a terminal can't go back over a row's start: there lines stay short.
    for columns in type.isEmpty ? [200] : [7, 20, 80] {
      var seat = Seat(columns: columns, type: type)
      for line in ["show zones", "short", "a line that is longer than a row of the narrow window"] {
        seat.editor.history.add(line)
      }
      var typed: [String] = []
      for _ in 0..<400 {
        var key = keys.randomElement(using: &generator) ?? "a"
        if type.isEmpty, seat.editor.line.count > 60 { key = "\u{15}" }
        // A wide character that does not fit at a row's end leaves a gap, which terminals fill differently.
        if !type.isEmpty, key == "界" { key = "x" }
        typed.append(key)
        seat.type(key)
        let shown = seat.editor.shownPrompt + String(seat.editor.line)
        let before = seat.editor.shownPrompt + String(seat.editor.line[..<seat.editor.cursor])
        let place = CharacterWidth.of(before)
        let rows = Array(shown).count / columns + 1
        let lines = (0..<rows).map { seat.screen.line($0) }.joined()
        let wanted = shown.filter { $0 != " " }
        let isCorrect =
          lines.filter { $0 != " " } == wanted && seat.screen.row == place / columns
          && seat.screen.column == place % columns && seat.screen.unknown.isEmpty
        if !isCorrect {
          Issue.record(
            "\(columns) columns after \(typed.suffix(6)): '\(lines)' for '\(shown)', at \(seat.screen.row),\(seat.screen.column) for \(place)"
          )
          return
        }
      }
    }
  }
}
