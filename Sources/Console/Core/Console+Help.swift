/// `?` and TAB.
extension Console {
  /// Helps with the word before the cursor: TAB puts in what is certain, `?` tells what may stand there.
  mutating func help(isHelp: Bool, into actions: inout Actions) {
    let completion = tree.completion(of: wholeLine(editor.beforeCursor))
    guard let source = completion.source, let command = tree.command(named: source), command.place == .server else {
      return finish(completion, isHelp, into: &actions)
    }
    call(ConsoleCall(words: command.words), for: .completion(completion, isHelp: isHelp), into: &actions)
  }

  /// The names that may stand there have come.
  mutating func completed(
    _ completion: Completion, _ answer: ConsoleAnswer, _ isHelp: Bool, into actions: inout Actions
  ) {
    var completion = completion
    if case .listing(let listing) = answer {
      let names = Set(listing.rows.compactMap(\.first)).filter { $0.hasPrefix(completion.typed) && !$0.isEmpty }
        .sorted()
      completion.candidates += names.prefix(200).map {
        .init(word: CharacterWidth.harmless($0), summary: "", isLiteral: true)
      }
    }
    state = .editing
    finish(completion, isHelp, into: &actions)
  }

  private mutating func finish(_ completion: Completion, _ isHelp: Bool, into actions: inout Actions) {
    if isHelp {
      list(completion, into: &actions)
      if terminal.echoes {
        editor.redisplay(into: &actions.output)
      } else {
        // The client that edits lines by itself has given this one away, and begins another.
        editor.begin(promptText, into: &actions.output)
      }
      return
    }
    let words = completion.words
    let common = Completion.extent(of: words, beyond: completion.typed)
    if words.count == 1 {
      insert(common + " ", into: &actions)
    } else if !common.isEmpty {
      insert(common, into: &actions)
    } else if completion.candidates.isEmpty {
      if terminal.echoes { actions.output.append(0x07) }
    } else {
      actions.write("\n")
      list(completion, into: &actions)
      editor.redisplay(into: &actions.output)
    }
  }

  private mutating func insert(_ text: String, into actions: inout Actions) {
    if case .bell = editor.insert(Array(text), into: &actions.output) { actions.output.append(0x07) }
  }

  private func list(_ completion: Completion, into actions: inout Actions) {
    guard !completion.candidates.isEmpty else {
      actions.write("  nothing fits here\n")
      return
    }
    let width = completion.candidates.map { CharacterWidth.of($0.word) }.max() ?? 0
    for candidate in completion.candidates {
      let space = String(repeating: " ", count: max(0, width - CharacterWidth.of(candidate.word)) + 2)
      actions.write("  \(candidate.word)" + (candidate.summary.isEmpty ? "" : space + candidate.summary) + "\n")
    }
  }
}
