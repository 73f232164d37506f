/// The console of one person on one terminal: a state machine from typed bytes to shown bytes, without I/O.
///
/// It edits lines, helps, completes, filters and pages; what a command means is asked from the server, one call at a time.
/// The same machine runs behind Telnet, SSH, the command line and the admin page.
///
/// ```
/// ann@srv> show zo                          TAB, ?, and abbreviations at every word
/// ann@srv> show zones | match lab | count   filters of the output
/// ```
public struct Console: TerminalProgram {
  public typealias Request = ConsoleCall
  public typealias Reply = ConsoleAnswer

  /// Most bytes that are taken while a command runs.
  static let maximumTypeAhead = 4096
  /// Bytes of output after which a listing waits until they have left.
  static let outputStep = 16_384

  /// How a console looks to its owner.
  public struct Settings: Sendable {
    /// What stands in front of each line, with the blank behind it: `ann@srv> `.
    public var prompt: String
    /// Shown once, at the start.
    public var greeting: String

    public init(prompt: String, greeting: String = "") {
      self.prompt = prompt
      self.greeting = greeting
    }
  }

  enum State: Sendable {
    case editing
    /// A call is on its way; its answer is for this.
    case waiting(Purpose)
    /// An answer is being shown.
    case showing(Shown)
    /// The screen is full.
    case paging(Shown)
    /// A password is being typed: for this command, the second time if the first is there.
    case askingSecret(ParsedCommand, Renderer, first: String?, prompt: String)
    case ended
  }

  enum Purpose: Sendable {
    case answer(ParsedCommand, Renderer)
    case page(ParsedCommand, Shown)
    case completion(Completion, isHelp: Bool)
  }

  /// An answer on its way to the screen.
  struct Shown: Sendable {
    var command: ParsedCommand
    var renderer: Renderer
    var lines: [String] = []
    var position = 0
    /// Where the next page of the listing begins.
    var next: String?
    /// The rows that were told last, where somebody follows the listing.
    var followed: Set<[String]>?
    var isFinished = false
    /// A page that came before the one before it had left.
    var held: Listing?
  }

  let tree: CommandTree
  let settings: Settings
  /// Whether lines begin with `configure` by themselves.
  var isConfiguring = false
  var editor = LineEditor()
  var terminal = TerminalDescription()
  var state = State.editing
  var keys = KeyDecoder()
  var typeAhead: [UInt8] = []
  private var isFeeding = false
  var nextNumber: UInt64 = 0
  /// Whether a whole page is on its way to the terminal.
  var isPageUndrained = false
  /// The call whose answer is waited for.
  var awaited: UInt64?
  /// Lines of a full screen; `nil` for as many as the window has; 0 for no stops.
  var pageLength: Int?
  /// Rows since the last stop.
  var rowsShown = 0
  /// In a line that the client edits itself, what follows a `?` up to the line's end is nothing.
  var skipsLine = false
  /// Lines to run before the terminal is asked for any: a console that runs commands and ends.
  private var script: ArraySlice<String>?
  private var isRunningScript = false
  /// 0, or 1 once a command has failed: for `ssh host COMMAND`.
  public private(set) var exitCode: UInt32 = 0

  /// A console for somebody with these permissions. `commands`: run these lines and end, without a prompt.
  public init(
    _ tree: CommandTree, settings: Settings, commands: String? = nil, isPermitted: (String) -> Bool = { _ in true }
  ) {
    self.tree = CommandTree(tree.commands + TerminalCommands.all).permitted(isPermitted)
    self.settings = settings
    script = commands.map { Self.lines(of: $0)[...] }
  }

  /// A script's lines: cut at line ends, and at semicolons outside of quotes.
  private static func lines(of script: String) -> [String] {
    var (lines, line, quote) = ([String](), "", Character?.none)
    for character in script {
      if character == "\n" || character == "\r\n" || character == ";" && quote == nil {
        lines.append(line)
        (line, quote) = ("", nil)
        continue
      }
      if character == quote { quote = nil } else if quote == nil, "\"'".contains(character) { quote = character }
      line.append(character)
    }
    return (lines + [line]).filter { !$0.isEmpty }
  }

  public var takesInput: Bool {
    switch state {
    case .editing, .paging, .askingSecret: true
    case .waiting, .showing: typeAhead.count < Self.maximumTypeAhead
    case .ended: false
    }
  }

  public var hidesInput: Bool { if case .askingSecret = state { true } else { false } }

  public mutating func start(on terminal: TerminalDescription, into actions: inout Actions) {
    self.terminal = terminal
    editor = LineEditor(terminal: terminal)
    if script != nil {
      pageLength = 0
    } else if !settings.greeting.isEmpty {
      actions.write(settings.greeting + "\n")
    }
    prompt(into: &actions)
  }

  public mutating func changed(_ terminal: TerminalDescription, into actions: inout Actions) {
    self.terminal = terminal
    if case .editing = state {
      editor.changed(terminal, into: &actions.output, redraws: script == nil)
    } else {
      editor.changed(terminal, into: &actions.output, redraws: false)
    }
  }

  public mutating func receive(_ byte: UInt8, into actions: inout Actions) {
    if !isBusy, typeAhead.isEmpty {
      feed(byte, into: &actions)
    } else if byte == 0x03 {
      interrupt(into: &actions)
    } else if typeAhead.count < Self.maximumTypeAhead {
      typeAhead.append(byte)
    }
    feedTypeAhead(into: &actions)
  }

  public mutating func interrupt(into actions: inout Actions) {
    typeAhead = []
    switch state {
    case .editing, .askingSecret: feed(0x03, into: &actions)
    case .waiting, .showing:
      awaited = nil
      actions.write("^C\n")
      prompt(into: &actions)
    case .paging: feed(0x03, into: &actions)
    case .ended: break
    }
  }

  public mutating func outputDrained(into actions: inout Actions) {
    isPageUndrained = false
    if case .showing(var shown) = state {
      if let listing = shown.held {
        shown.held = nil
        showPage(listing, shown, into: &actions)
      } else {
        show(shown, into: &actions)
      }
    }
    feedTypeAhead(into: &actions)
  }

  public mutating func resume(_ reply: ConsoleAnswer, for number: UInt64, into actions: inout Actions) {
    guard number == awaited, case .waiting(let purpose) = state else { return }
    awaited = nil
    switch purpose {
    case .answer(let command, let renderer): answered(reply, command, renderer, into: &actions)
    case .page(let command, var shown):
      guard case .listing(let listing) = reply else {
        fail(text(of: reply), into: &actions)
        break
      }
      // A page without rows that names another ends the listing: nobody gets to wait for ever.
      let isEndless = command.command.follows || shown.followed != nil
      shown.next = listing.rowCount == 0 && !isEndless ? nil : listing.next
      shown.command = command
      if isPageUndrained {
        shown.held = listing
        state = .showing(shown)
      } else {
        showPage(listing, shown, into: &actions)
      }
    case .completion(let completion, let isHelp): completed(completion, reply, isHelp, into: &actions)
    }
    feedTypeAhead(into: &actions)
  }

  /// Whether it waits for somebody to type, and for nothing else.
  public var isIdle: Bool {
    if case .ended = state { return true }
    return !isBusy
  }

  var isBusy: Bool {
    switch state {
    case .waiting, .showing: true
    default: false
    }
  }

  private mutating func feedTypeAhead(into actions: inout Actions) {
    guard !isFeeding else { return }
    isFeeding = true
    defer { isFeeding = false }
    var index = 0
    while !isBusy, index < typeAhead.count {
      if case .ended = state { break }
      let byte = typeAhead[index]
      index += 1
      feed(byte, into: &actions)
    }
    typeAhead.removeFirst(min(index, typeAhead.count))
  }

  /// One byte, where somebody types.
  private mutating func feed(_ byte: UInt8, into actions: inout Actions) {
    guard let key = keys.decode(byte) else { return }
    switch state {
    case .editing: edit(key, into: &actions)
    case .paging(let shown): page(key, shown, into: &actions)
    case .askingSecret(let command, let renderer, let first, let prompt):
      typeSecret(key, command, renderer, first, prompt, into: &actions)
    case .waiting, .showing, .ended: break
    }
  }

  // MARK: Lines

  private mutating func edit(_ key: Key, into actions: inout Actions) {
    if skipsLine {
      skipsLine = key != .enter
      return
    }
    switch editor.take(key, into: &actions.output) {
    case .none: break
    case .bell: if terminal.echoes { actions.output.append(0x07) }
    case .line(let line): run(line, into: &actions)
    case .interrupted:
      actions.write("^C\n")
      prompt(into: &actions)
    case .end:
      actions.write("\n")
      end(into: &actions)
    case .complete: help(isHelp: false, into: &actions)
    case .help:
      skipsLine = !terminal.echoes
      if terminal.echoes { actions.write("?\n") }
      help(isHelp: true, into: &actions)
    }
  }

  /// The next line: of the script, or of the terminal.
  mutating func prompt(into actions: inout Actions) {
    rowsShown = 0
    state = .editing
    guard script == nil else { return runScript(into: &actions) }
    editor.begin(promptText, into: &actions.output)
    actions.endPrompt()
  }

  /// Runs the script's lines, one after the other, up to one that waits. Each of them comes back here when it is done: the
  /// call that runs already goes on with the next, so that a long script does not take a deep stack.
  private mutating func runScript(into actions: inout Actions) {
    guard !isRunningScript else { return }
    isRunningScript = true
    defer { isRunningScript = false }
    while case .editing = state {
      guard let line = script?.popFirst() else { return end(into: &actions) }
      run(line, into: &actions)
    }
  }

  mutating func end(into actions: inout Actions) {
    state = .ended
    actions.hasEnded = true
  }

  mutating func fail(_ text: String, into actions: inout Actions) {
    exitCode = 1
    for line in text.split(separator: "\n") { actions.write("% \(CharacterWidth.harmless(String(line)))\n") }
    prompt(into: &actions)
  }

  private mutating func run(_ line: String, into actions: inout Actions) {
    editor.history.add(line)
    let tokens = Tokens(Array(line))
    var groups = tokens.groups
    let words = groups.removeFirst().map(\.text)
    if words.isEmpty, groups.isEmpty { return prompt(into: &actions) }
    // What people leave in pasted configurations.
    if words.first?.first == "!" || words.first?.first == "#" { return prompt(into: &actions) }
    do throws(LineError) {
      if tokens.problem == .openQuote { throw LineError("a quote is not closed") }
      let command = try parse(words)
      var filters: [OutputFilter] = []
      for group in groups { filters.append(try OutputFilter(group.map(\.text))) }
      let renderer = Renderer(filters)
      if renderer.isFollowing, command.command.columns.isEmpty || renderer.waitsForEnd {
        throw LineError("only listings can be followed, and not together with count, last or json")
      }
      if command.command.place == .terminal {
        runHere(command, renderer, into: &actions)
      } else {
        let follow = renderer.isFollowing && !command.command.follows ? "" : nil
        call(ConsoleCall(words: command.words, follow: follow), for: .answer(command, renderer), into: &actions)
      }
    } catch { fail(error.message, into: &actions) }
  }

  mutating func call(_ call: ConsoleCall, for purpose: Purpose, into actions: inout Actions) {
    nextNumber += 1
    awaited = nextNumber
    state = .waiting(purpose)
    actions.requests.append((nextNumber, call))
  }

  private mutating func typeSecret(
    _ key: Key, _ command: ParsedCommand, _ renderer: Renderer, _ first: String?, _ prompt: String,
    into actions: inout Actions
  ) {
    switch editor.take(key, into: &actions.output) {
    case .line(let line):
      guard let first else {
        state = .askingSecret(command, renderer, first: line, prompt: prompt)
        editor.begin("Once more: ", isHidden: true, into: &actions.output)
        return
      }
      guard first == line else { return fail("the two are not the same", into: &actions) }
      call(
        ConsoleCall(words: command.words, secret: HiddenText(Array(line.utf8))), for: .answer(command, renderer),
        into: &actions)
    case .interrupted, .end:
      actions.write("\n")
      self.prompt(into: &actions)
    default: break
    }
  }
}
