/// Answers on their way to the screen.
extension Console {
  mutating func answered(
    _ answer: ConsoleAnswer, _ command: ParsedCommand, _ renderer: Renderer, into actions: inout Actions
  ) {
    var shown = Shown(command: command, renderer: renderer)
    switch answer {
    case .failure(let text): return fail(text, into: &actions)
    case .secretNeeded(let prompt):
      state = .askingSecret(command, renderer, first: nil, prompt: prompt)
      editor.begin(prompt, isHidden: true, into: &actions.output)
      return
    case .done(let text): shown.lines = shown.renderer.lines(of: text)
    case .secrets(let text, let secrets):
      shown.lines = shown.renderer.lines(of: text) + secrets.map { "\($0.name): \($0.value)" }
    case .listing(let listing):
      if renderer.isFollowing, !command.command.follows { shown.followed = [] }
      shown.next = listing.next
      return showPage(listing, shown, into: &actions)
    }
    show(shown, into: &actions)
  }

  func text(of answer: ConsoleAnswer) -> String {
    switch answer {
    case .failure(let text), .done(let text): text
    default: "the server gave an answer that does not fit"
    }
  }

  /// Shows one page of a listing. Where nothing filters it and nobody leafs through it, it is written as a whole, and the next one is
  /// asked for while it leaves; that one waits until it has left, so that a slow terminal has two pages here at most.
  mutating func showPage(_ listing: Listing, _ shown: Shown, into actions: inout Actions) {
    var shown = shown
    guard case .packed(let rows) = listing.content, limit(of: shown) == 0, shown.renderer.isPlain, shown.followed == nil
    else {
      shown.lines = shown.renderer.lines(of: shown.news(of: listing))
      shown.position = 0
      return show(shown, into: &actions)
    }
    shown.renderer.write(rows, under: listing.columns, to: &actions.output)
    (shown.lines, shown.position, isPageUndrained) = ([], 0, true)
    show(shown, into: &actions)
  }

  /// Rows after which the screen is full; 0 for never.
  private func limit(of shown: Shown) -> Int {
    shown.renderer.isUnpaged || shown.command.command.follows || shown.followed != nil ? 0 : rowLimit
  }

  /// Writes lines until the screen is full, enough is on its way, or there are no more.
  mutating func show(_ shown: Shown, into actions: inout Actions) {
    var shown = shown
    let limit = self.limit(of: shown)
    let start = actions.output.count
    while true {
      while shown.position < shown.lines.count {
        if limit > 0, rowsShown >= limit {
          actions.write(terminal.hasCursor ? "\u{1B}[7m--More--\u{1B}[0m" : "--More--")
          state = .paging(shown)
          return
        }
        if actions.output.count - start >= Self.outputStep {
          state = .showing(shown)
          return
        }
        let line = shown.lines[shown.position]
        shown.position += 1
        actions.write(line)
        actions.write("\n")
        rowsShown += terminal.columns > 0 ? max(1, (CharacterWidth.of(line) - 1) / terminal.columns + 1) : 1
      }
      if let next = shown.next {
        call(
          ConsoleCall(
            words: shown.command.words, after: shown.followed == nil ? next : nil,
            follow: shown.followed == nil ? nil : next), for: .page(shown.command, shown), into: &actions)
        return
      }
      guard !shown.isFinished else { return prompt(into: &actions) }
      shown.isFinished = true
      shown.lines = shown.renderer.finish()
      shown.position = 0
    }
  }

  /// Rows of text before a stop; 0 for no stops.
  private var rowLimit: Int {
    if let pageLength { return max(0, pageLength - 1) }
    return terminal.rows > 2 ? terminal.rows - 1 : 0
  }

  /// A key at a full screen.
  mutating func page(_ key: Key, _ shown: Shown, into actions: inout Actions) {
    switch key {
    case .character(" "), .pageDown, .character("f"): rowsShown = 0
    case .enter, .down, .character("j"): rowsShown = max(0, rowsShown - 1)
    case .character("G"), .end, .character("c"): rowsShown = .min / 2
    case .character("q"), .character("Q"), .interrupt, .escape:
      clearStop(into: &actions)
      prompt(into: &actions)
      return
    default: return
    }
    clearStop(into: &actions)
    show(shown, into: &actions)
  }

  private func clearStop(into actions: inout Actions) {
    actions.write(terminal.hasCursor ? "\r\u{1B}[K" : "\r        \r")
  }

  /// Shows lines that the console itself has, with filters and stops as for any answer.
  func shown(_ command: ParsedCommand, _ renderer: Renderer, _ listing: Listing) -> Shown {
    var shown = Shown(command: command, renderer: renderer)
    shown.lines = shown.renderer.lines(of: listing)
    return shown
  }
}
