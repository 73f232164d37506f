/// The commands that concern the terminal alone, and never leave the console.
enum TerminalCommands {
  static let all: [Command] = [
    Command("help", permission: nil, "how this console is used", place: .terminal),
    Command("exit", permission: nil, "leave", place: .terminal),
    Command(
      "configure", permission: "console:configure", "change the configuration: begins a mode of its own",
      place: .terminal),
    Command(
      "configure terminal", permission: "console:configure", "the same, in other systems' words", place: .terminal),
    Command("quit", permission: nil, "leave", place: .terminal),
    Command("logout", permission: nil, "leave", place: .terminal),
    Command("show history", permission: nil, "what was typed", columns: ["line"], place: .terminal),
    Command("show terminal", permission: nil, "the terminal", columns: ["property", "value"], place: .terminal),
    Command(
      "terminal length", [.init("ROWS", .number(0...1000))], permission: nil,
      "rows of a full screen; 0 for no stops", place: .terminal),
    Command(
      "terminal width", [.init("COLUMNS", .number(10...1000))], permission: nil, "columns of a row", place: .terminal),
  ]

  /// The end of the configuration mode; found by `Console.parse` alone.
  static let leaveConfigure = Command("configure exit", permission: nil, "leave the mode", place: .terminal)

  static let help = """
    Type ? anywhere to see what may stand there, TAB to complete a word; words may be abbreviated.
    Behind a bar: match, exclude, begin, last, count, json, follow, no-more.
    Keys: arrows, Ctrl-A and Ctrl-E for the ends of the line, Ctrl-W and Ctrl-U to delete, Ctrl-R to search what was
    typed, Ctrl-C to stop. At --More--: space for a page, Enter for a line, q to stop.
    """
}

extension Console {
  mutating func runHere(_ command: ParsedCommand, _ renderer: Renderer, into actions: inout Actions) {
    var listing = Listing(columns: command.command.columns, rows: [])
    switch command.command.name {
    case "configure", "configure terminal":
      isConfiguring = true
      return prompt(into: &actions)
    case TerminalCommands.leaveConfigure.name:
      isConfiguring = false
      return prompt(into: &actions)
    case "help": listing.rows = TerminalCommands.help.split(separator: "\n").map { [String($0)] }
    case "show history": listing.rows = editor.history.lines.map { [$0] }
    case "show terminal":
      listing.rows = [
        ["type", terminal.type], ["columns", "\(terminal.columns)"], ["rows", "\(terminal.rows)"],
        ["length", pageLength.map { "\($0)" } ?? "as the window"], ["echo", terminal.echoes ? "ours" : "the client's"],
      ]
    case "terminal length": pageLength = command.values.first.flatMap { Int($0) }
    case "terminal width":
      if let columns = command.values.first.flatMap({ Int($0) }) {
        terminal.columns = columns
        editor.changed(terminal, into: &actions.output, redraws: false)
      }
    default: return end(into: &actions)
    }
    guard !listing.rows.isEmpty else { return prompt(into: &actions) }
    show(shown(command, renderer, listing), into: &actions)
  }
}
