/// The configuration mode: `configure` alone enters it, and from there on its commands need no first word.
///
/// ```
/// ann@srv> configure
/// ann@srv(configure)# set smtp.max_size 50MB
/// ann@srv(configure)# commit confirm 5
/// ann@srv(configure)# run show sessions
/// ann@srv(configure)# exit
/// ann@srv>
/// ```
extension Console {
  static let configureWord = "configure"
  /// Words that carry out a line as it is outside of the mode.
  private static let escapes: Set<String> = ["run", "do"]
  /// Words that leave the mode, and would leave the console elsewhere.
  private static let leavers: Set<String> = ["exit", "quit", "end", "top"]

  var promptText: String {
    guard isConfiguring else { return settings.prompt }
    var text = settings.prompt
    while let last = text.last, " >#$".contains(last) { text.removeLast() }
    return text + "(\(Self.configureWord))# "
  }

  /// What a line means here.
  func parse(_ words: [String]) throws(LineError) -> ParsedCommand {
    guard isConfiguring, let first = words.first else { return try tree.parse(words) }
    if Self.escapes.contains(first) { return try tree.parse(Array(words.dropFirst())) }
    if words.count == 1, Self.leavers.contains(first) { return ParsedCommand(command: TerminalCommands.leaveConfigure) }
    do throws(LineError) {
      return try tree.parse([Self.configureWord] + words)
    } catch {
      // `show sessions` means what it always means.
      if let command = try? tree.parse(words) { return command }
      throw error
    }
  }

  /// A line as it would be typed outside of the mode, for help and completion.
  func wholeLine(_ line: [Character]) -> [Character] {
    guard isConfiguring else { return line }
    let first = String(line.drop { $0 == " " }.prefix { $0 != " " })
    let rest = line.drop { $0 == " " }
    if Self.escapes.contains(first), rest.count > first.count { return Array(rest.dropFirst(first.count + 1)) }
    return Array("\(Self.configureWord) ") + line
  }
}

extension Console.Shown {
  /// The rows that were not there the last time, where somebody follows; all of them elsewhere.
  mutating func news(of listing: Listing) -> Listing {
    guard let known = followed else { return listing }
    followed = Set(listing.rows)
    var news = listing
    news.rows = listing.rows.filter { !known.contains($0) }
    return news
  }
}
