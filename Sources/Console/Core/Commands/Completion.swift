/// What may stand at a place of a line: for `?` and TAB.
struct Completion: Sendable, Hashable {
  struct Candidate: Sendable, Hashable {
    /// The word itself; or what stands for it, in capitals, where anything may stand.
    var word: String
    var summary: String
    /// Whether TAB may put it there.
    var isLiteral: Bool
  }

  /// The part of the word that stands before the cursor.
  var typed: String
  var candidates: [Candidate] = []
  /// The command whose listing has the names that may stand here.
  var source: String?

  /// The literal candidates that begin with what is typed.
  var words: [String] { candidates.filter(\.isLiteral).map(\.word) }

  /// What all words have in common beyond what is typed.
  static func extent(of words: [String], beyond typed: String) -> String {
    guard var common = words.first.map(Array.init) else { return "" }
    for word in words.dropFirst() {
      let characters = Array(word)
      var length = 0
      while length < common.count, length < characters.count, common[length] == characters[length] { length += 1 }
      common.removeSubrange(length...)
    }
    return String(common.dropFirst(typed.count))
  }
}

extension CommandTree {
  /// What may stand where the line ends.
  func completion(of line: [Character]) -> Completion {
    let tokens = Tokens(line)
    var groups = tokens.groups
    let endsInWord = tokens.words.last.map { $0.range.upperBound == line.count && ($0.text != "|" || $0.isQuoted) }
    var typed = ""
    if endsInWord == true, let last = groups[groups.count - 1].popLast() { typed = last.text }
    let words = groups[groups.count - 1].map(\.text)
    if groups.count > 1 { return OutputFilter.completion(words, typed: typed) }
    return completion(after: words, typed: typed)
  }

  private func completion(after words: [String], typed: String) -> Completion {
    var completion = Completion(typed: typed)
    let matches = words.isEmpty ? commands.map { Match(command: $0, depth: 0) } : candidates(words)
    var summaries: [String: [String]] = [:]
    var isComplete = false
    for match in matches {
      let command = match.command
      if match.depth == words.count, match.depth < command.words.count {
        let word = command.words[match.depth]
        let isLast = match.depth + 1 == command.words.count
        guard word.hasPrefix(typed) else { continue }
        summaries[word, default: []].append(isLast ? command.summary : "")
      } else if match.depth == command.words.count {
        isComplete = complete(command, Array(words.dropFirst(match.depth)), &completion) || isComplete
      }
    }
    for (word, texts) in summaries.sorted(by: { $0.key < $1.key }) {
      // The summary of a word that leads to several commands: what they begin with.
      let own = texts.first { !$0.isEmpty } ?? ""
      completion.candidates.append(.init(word: word, summary: own.isEmpty ? "…" : own, isLiteral: true))
    }
    if isComplete, typed.isEmpty {
      completion.candidates.append(.init(word: "|", summary: "filter the output", isLiteral: false))
      completion.candidates.append(.init(word: "<Enter>", summary: "run it", isLiteral: false))
    }
    return completion
  }

  /// Adds what may stand behind the command's own words. Returns whether it could be run as it stands.
  private func complete(_ command: Command, _ words: [String], _ completion: inout Completion) -> Bool {
    var place = 0
    var pending: Command.Option?
    for word in words {
      if pending != nil {
        pending = nil
        continue
      }
      let name = word.hasPrefix("--") ? String(word.dropFirst(2)) : word
      let expected = place < command.parameters.count ? command.parameters[place] : nil
      if expected == nil || expected?.isOptional == true || word.hasPrefix("--"),
        let option = command.options.first(where: { $0.name == name })
          ?? command.options.first(where: { $0.name.hasPrefix(name) })
      {
        pending = option.value == nil ? nil : option
      } else if expected?.kind != .text {
        place += 1
      }
    }
    if let pending {
      add(pending.kind, pending.value ?? "VALUE", "", &completion)
      return false
    }
    let expected = place < command.parameters.count ? command.parameters[place] : nil
    if let expected { add(expected.kind, expected.name, command.summary, &completion) }
    guard expected == nil || expected?.isOptional == true else { return false }
    for option in command.options {
      let typed = completion.typed.hasPrefix("--") ? String(completion.typed.dropFirst(2)) : completion.typed
      guard option.name.hasPrefix(typed), !words.contains(option.name) else { continue }
      let shown = completion.typed.hasPrefix("--") ? "--\(option.name)" : option.name
      completion.candidates.append(.init(word: shown, summary: option.value ?? "", isLiteral: true))
    }
    return true
  }

  private func add(_ kind: ArgumentKind, _ name: String, _ summary: String, _ completion: inout Completion) {
    switch kind {
    case .choice(let choices):
      for choice in choices where choice.hasPrefix(completion.typed) {
        completion.candidates.append(.init(word: choice, summary: "", isLiteral: true))
      }
    case .number(let range):
      completion.candidates.append(
        .init(word: name, summary: "\(range.lowerBound) to \(range.upperBound)", isLiteral: false))
    case .object(let source):
      completion.source = source
      completion.candidates.append(.init(word: name, summary: summary, isLiteral: false))
    case .word, .text:
      completion.candidates.append(.init(word: name, summary: summary, isLiteral: false))
    }
  }
}
