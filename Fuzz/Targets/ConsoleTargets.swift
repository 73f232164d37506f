import ConsoleCore
import TestKit

extension FuzzTarget {
  /// The control byte gives the width of the window.
  static let consoleEditor = FuzzTarget(
    "console-editor", "Whatever is typed, the screen shows prompt and line, and the cursor stands in its place."
  ) { bytes in
    let input = FuzzInput(bytes)
    let columns = 8 + Int(input.control % 100)
    var editor = LineEditor(terminal: TerminalDescription(columns: columns, rows: 24, type: "XTERM"))
    var screen = Screen(columns: columns) { CharacterWidth.of($0) }
    var keys = KeyDecoder()
    var output: [UInt8] = []
    editor.history.add("show zones")
    editor.history.add("show zone a.rather.long.name.that.takes.more.than.one.row.example | match www | count")
    editor.begin("> ", into: &output)
    screen.write(output)
    // Wide characters leave gaps at the ends of rows, which terminals fill differently: they are typed in wide windows alone.
    for byte in input.payload where byte < 0x80 || columns > 90 {
      guard let key = keys.decode(byte) else { continue }
      if key == .clearScreen || key == .quotedInsert { continue }
      output = []
      switch editor.take(key, into: &output) {
      case .line: editor.begin("> ", into: &output)
      case .interrupted, .end:
        output.append(0x0A)
        editor.begin("> ", into: &output)
      default: break
      }
      screen.write(output.flatMap { $0 == 0x0A ? [0x0D, 0x0A] : [$0] })
      try require(editor.line.count <= LineEditor.maximumLength, "a line beyond its bound")
      try require((0...editor.line.count).contains(editor.cursor), "a cursor outside of the line")
      let isPlain = editor.line.allSatisfy { $0.isASCII } && editor.shownPrompt.allSatisfy { $0.isASCII }
      guard isPlain else { continue }
      let place = (editor.shownPrompt.count + editor.cursor) % columns
      try require(
        screen.column == place,
        "'\(editor.shownPrompt)\(String(editor.line))', cursor in \(screen.column), not \(place)")
      try require(screen.unknown.isEmpty, "\(screen.unknown)")
    }
  }

  static let consoleSession = FuzzTarget(
    "console-session",
    "Whatever is typed, a console goes on, keeps its bounds, and writes no control character of others."
  ) { bytes in
    let input = FuzzInput(bytes)
    let tree = CommandTree([
      Command("show zones", permission: nil, "zones", columns: ["zone", "n"]),
      Command("show zone", [.init("ZONE", .object(of: "show zones"))], permission: nil, "a zone"),
      Command(
        "set", [.init("NAME"), .init("TEXT", .text)], options: [.init("on"), .init("to", value: "X")], permission: nil,
        "sets"),
      Command("password", permission: nil, "asks"),
    ])
    var console = Console(tree, settings: .init(prompt: "> "))
    var actions = Console.Actions()
    console.start(
      on: TerminalDescription(
        columns: 40, rows: Int(input.control >> 4), type: "XTERM", echoes: input.control & 4 == 0),
      into: &actions)
    let rows = (0..<30).map { ["zone\($0)\u{1B}[5m", "\($0)"] }
    for byte in input.payload {
      if console.takesInput { console.receive(byte, into: &actions) }
      for _ in 0..<100 {
        let requests = actions.requests
        actions.requests = []
        try require(requests.count <= 1, "several calls at once")
        try require(!String(decoding: actions.output, as: UTF8.self).contains("\u{1B}[5m"), "a sequence of another's")
        actions.output = []
        for (number, call) in requests {
          let answer: ConsoleAnswer =
            switch call.words.first {
            case "password" where call.secret == nil: .secretNeeded(prompt: "New password: ")
            case "show": .listing(Listing(columns: ["zone", "n"], rows: rows, next: call.after == nil ? "x" : nil))
            default: .done("done")
            }
          console.resume(answer, for: number, into: &actions)
        }
        console.outputDrained(into: &actions)
        if actions.requests.isEmpty, actions.output.isEmpty { break }
      }
      if actions.hasEnded { return }
      try require(console.isIdle, "a console that waits for nothing")
    }
  }
}
