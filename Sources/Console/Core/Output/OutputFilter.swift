/// What may stand behind a bar: `show sessions | match telnet | count`.
enum OutputFilter: Sendable {
  case match(Pattern)
  case exclude(Pattern)
  /// From the first line that matches on.
  case begin(Pattern)
  case last(Int)
  case count
  case json
  case noMore
  /// The listing again, whenever it has changed: what is new in it.
  case follow

  private static let table: [(name: String, value: String?, summary: String)] = [
    ("begin", "PATTERN", "from the first line that matches on"), ("count", nil, "how many lines there are"),
    ("exclude", "PATTERN", "lines that do not match"), ("follow", nil, "what is new, until Ctrl-C"),
    ("json", nil, "as JSON, for programs"),
    ("last", "COUNT", "the last lines"), ("match", "PATTERN", "lines that match"),
    ("no-more", nil, "without stopping at full screens"),
  ]

  init(_ words: [String]) throws(LineError) {
    guard let word = words.first else { throw LineError("nothing stands behind the bar") }
    // What Cisco's and others' users type.
    let name = ["include": "match", "inc": "match", "grep": "match", "tail": "last"][word] ?? word
    let matches = Self.table.filter { $0.name == name }
    let found = matches.isEmpty ? Self.table.filter { $0.name.hasPrefix(name) } : matches
    guard found.count == 1 else {
      throw LineError("'\(word)' is no filter; there are: \(Self.table.map(\.name).joined(separator: ", "))")
    }
    let value = words.dropFirst().joined(separator: " ")
    if let kind = found[0].value, value.isEmpty { throw LineError("\(found[0].name) needs a \(kind)") }
    if found[0].value == nil, !value.isEmpty { throw LineError("\(found[0].name) takes no value") }
    switch found[0].name {
    case "match": self = .match(Self.pattern(value))
    case "exclude": self = .exclude(Self.pattern(value))
    case "begin": self = .begin(Self.pattern(value))
    case "last":
      guard let count = Int(value), (1...10_000).contains(count) else {
        throw LineError("'\(value)' is no number from 1 to 10000")
      }
      self = .last(count)
    case "count": self = .count
    case "json": self = .json
    case "follow": self = .follow
    default: self = .noMore
    }
  }

  private static func pattern(_ text: String) -> Pattern { Pattern(text) ?? Pattern(literal: text) }

  static func completion(_ words: [String], typed: String) -> Completion {
    var completion = Completion(typed: typed)
    guard let name = words.first else {
      for entry in table where entry.name.hasPrefix(typed) {
        completion.candidates.append(.init(word: entry.name, summary: entry.summary, isLiteral: true))
      }
      return completion
    }
    if words.count == 1, let value = table.first(where: { $0.name.hasPrefix(name) })?.value {
      completion.candidates.append(.init(word: value, summary: "", isLiteral: false))
    } else {
      completion.candidates.append(.init(word: "|", summary: "filter further", isLiteral: false))
      completion.candidates.append(.init(word: "<Enter>", summary: "run it", isLiteral: false))
    }
    return completion
  }
}
