/// All commands of a console, found by their words, in full or as far as they are unambiguous.
public struct CommandTree: Sendable {
  public let commands: [Command]

  /// Of several commands with one name, the first counts.
  public init(_ commands: [Command]) {
    var seen: Set<String> = []
    self.commands = commands.filter { seen.insert($0.name).inserted }
  }

  /// The command with exactly this name.
  public func command(named name: String) -> Command? { commands.first { $0.name == name } }

  /// Only what these permissions allow.
  public func permitted(_ isPermitted: (String) -> Bool) -> CommandTree {
    CommandTree(commands.filter { command in command.permission.map(isPermitted) ?? true })
  }

  /// What a line means, or why it means nothing.
  func parse(_ words: [String]) throws(LineError) -> ParsedCommand {
    guard !words.isEmpty else { throw LineError("there is no command") }
    let matches = candidates(words)
    var (parsed, firstError) = bindAll(matches, words)
    // `show zone` alone is not `show zone ZONE`, but it may well be short for `show zones`.
    if parsed.isEmpty { parsed = bindAll(candidates(words, prefersExact: false), words).parsed }
    // Of `show zone` and `show zones`, typed in full: the longer command's words are not words typed exactly.
    let best = parsed.map(\.command.words.count).max() ?? 0
    parsed.removeAll { $0.command.words.count < best }
    if parsed.count == 1 { return parsed[0] }
    if parsed.count > 1 {
      throw LineError("ambiguous: \(parsed.map(\.command.name).joined(separator: ", "))")
    }
    if let firstError { throw firstError }
    throw LineError(describeMismatch(words, matches))
  }

  /// How far the words lead into a command's own words.
  struct Match {
    var command: Command
    /// Words of the command that were typed.
    var depth: Int
  }

  /// The commands that the words at the front may mean: exact words before abbreviations, at each place.
  func candidates(_ words: [String], prefersExact: Bool = true) -> [Match] {
    var matches = commands.map { Match(command: $0, depth: 0) }
    for (index, word) in words.enumerated() {
      let open = matches.filter { $0.depth == index && index < $0.command.words.count }
      guard !open.isEmpty else { break }
      var next = prefersExact ? open.filter { $0.command.words[index] == word } : []
      if next.isEmpty { next = open.filter { !word.isEmpty && $0.command.words[index].hasPrefix(word) } }
      // Commands that need no more words stay; `show zone` does while a longer one is looked for.
      matches = matches.filter { $0.depth == $0.command.words.count && $0.depth == index && index > 0 }
      matches += next.map { Match(command: $0.command, depth: index + 1) }
      if next.isEmpty { break }
    }
    return matches
  }

  /// The commands whose values fit, and the first reason why one's do not.
  private func bindAll(_ matches: [Match], _ words: [String]) -> (parsed: [ParsedCommand], firstError: LineError?) {
    var parsed: [ParsedCommand] = []
    var firstError: LineError?
    for match in matches where match.depth == match.command.words.count {
      do throws(LineError) {
        parsed.append(try bind(match.command, Array(words.dropFirst(match.depth))))
      } catch {
        firstError = firstError ?? error
      }
    }
    return (parsed, firstError)
  }

  private func describeMismatch(_ words: [String], _ matches: [Match]) -> String {
    if let reached = matches.map(\.depth).max(), reached == words.count {
      let next = Set(matches.filter { $0.depth == reached }.compactMap { $0.command.words.dropFirst(reached).first })
      return "incomplete: \(next.sorted().joined(separator: ", ")) may follow"
    }
    // Which word is the first that leads nowhere.
    for count in 1...words.count where candidates(Array(words.prefix(count))).allSatisfy({ $0.depth < count }) {
      return "'\(words[count - 1])' is no command here"
    }
    return "'\(words.joined(separator: " "))' is no command"
  }

  /// Puts the words behind a command's own into their places.
  private func bind(_ command: Command, _ words: [String]) throws(LineError) -> ParsedCommand {
    var parsed = ParsedCommand(command: command)
    var rest = words[...]
    while let word = rest.popFirst() {
      let place = parsed.values.count
      let expected = place < command.parameters.count ? command.parameters[place] : nil
      if expected == nil || expected?.isOptional == true || word.hasPrefix("--"),
        let option = try option(word, of: command)
      {
        guard let value = option.value else {
          parsed.options.append(.init(name: option.name, value: nil))
          continue
        }
        guard let given = rest.popFirst() else { throw LineError("\(option.name) needs a value: \(value)") }
        if let objection = option.kind.objection(to: given) { throw LineError("'\(given)' \(objection)") }
        parsed.options.append(.init(name: option.name, value: given))
        continue
      }
      guard let expected else { throw LineError("'\(word)' is one word too many; usage: \(command.usage)") }
      if expected.kind == .text {
        parsed.values.append(([word] + rest).joined(separator: " "))
        rest = []
        continue
      }
      if let objection = expected.kind.objection(to: word) { throw LineError("'\(word)' \(objection)") }
      parsed.values.append(word)
    }
    if parsed.values.count < command.parameters.count {
      let missing = command.parameters[parsed.values.count]
      if !missing.isOptional { throw LineError("\(missing.name) is missing; usage: \(command.usage)") }
    }
    return parsed
  }

  /// The option that a word names, in full or unambiguously; `nil` when it names none.
  private func option(_ word: String, of command: Command) throws(LineError) -> Command.Option? {
    let name = word.hasPrefix("--") ? String(word.dropFirst(2)) : word
    if let exact = command.options.first(where: { $0.name == name }) { return exact }
    let matches = command.options.filter { !name.isEmpty && $0.name.hasPrefix(name) }
    if matches.count == 1 { return matches[0] }
    if matches.count > 1 { throw LineError("ambiguous: \(matches.map(\.name).joined(separator: ", "))") }
    return nil
  }
}

/// A command with its values in their places.
public struct ParsedCommand: Sendable, Hashable {
  public struct Option: Sendable, Hashable {
    public var name: String
    public var value: String?
  }

  public var command: Command
  /// In the order of the command's parameters.
  public var values: [String] = []
  public var options: [Option] = []

  /// The line in full, one word an element, as the command line would be given it: no abbreviations, options with hyphens.
  public var words: [String] {
    command.words + values + options.flatMap { ["--\($0.name)"] + ($0.value.map { [$0] } ?? []) }
  }
}

/// Why a line means nothing, in words for whoever typed it.
public struct LineError: Error, Sendable, Hashable {
  public let message: String
  init(_ message: String) { self.message = message }
}

extension CommandTree {
  /// Takes apart words that stand in full: what the server does with a line that a console has sent.
  public func resolve(_ words: [String]) throws(LineError) -> ParsedCommand { try parse(words) }
}
