/// One command of the console: its words, what follows them, who may use it, what it tells, and what it answers with.
///
/// Each command is declared once, by whoever carries it out; the parser, `?`, TAB, the reference page and the check of the
/// permission all read the same declaration.
///
/// ```
/// Command("show zone", [.init("NAME", .object(of: "show zones"))], permission: "console:show",
///   "the records of a zone", columns: ["name", "ttl", "type", "data"])
/// ```
public struct Command: Sendable, Hashable {
  /// A value that stands behind the words, in its place.
  public struct Parameter: Sendable, Hashable {
    /// In capitals, as the usage line shows it.
    public var name: String
    public var kind: ArgumentKind
    public var isOptional: Bool

    public init(_ name: String, _ kind: ArgumentKind = .word, isOptional: Bool = false) {
      self.name = name
      self.kind = kind
      self.isOptional = isOptional
    }
  }

  /// A named value or a flag behind the parameters, in any order. It may be typed with two hyphens in front, as on the
  /// command line, or without.
  public struct Option: Sendable, Hashable {
    public var name: String
    /// What its value is, for the usage line; `nil` for a flag.
    public var value: String?
    public var kind: ArgumentKind

    public init(_ name: String, value: String? = nil, _ kind: ArgumentKind = .word) {
      self.name = name
      self.value = value
      self.kind = kind
    }
  }

  /// Who carries it out.
  public enum Place: Sendable, Hashable {
    /// The terminal's own session: paging, history, leaving.
    case terminal
    /// The server.
    case server
  }

  public var words: [String]
  public var parameters: [Parameter]
  public var options: [Option]
  /// What an account must be permitted; `nil` for what concerns the session alone.
  public var permission: String?
  /// A few words for the help, in lower case and without a full stop.
  public var summary: String
  /// The columns of the rows that it answers with; empty for commands that do something.
  public var columns: [String]
  public var place: Place
  /// Whether its listing never ends: each page comes when there is something to tell, until it is interrupted.
  public var follows: Bool

  public init(
    _ words: String, _ parameters: [Parameter] = [], options: [Option] = [], permission: String?, _ summary: String,
    columns: [String] = [], place: Place = .server, follows: Bool = false
  ) {
    self.words = words.split(separator: " ").map(String.init)
    self.parameters = parameters
    self.options = options
    self.permission = permission
    self.summary = summary
    self.columns = columns
    self.place = place
    self.follows = follows
  }

  /// Its words with single spaces: what it is called.
  public var name: String { words.joined(separator: " ") }

  /// `show zone NAME`, `account add NAME [role ROLE,…]`.
  public var usage: String {
    let parameters = parameters.map { $0.isOptional ? "[\($0.name)]" : $0.name }
    let options = options.map { option in "[\(option.name)\(option.value.map { " \($0)" } ?? "")]" }
    return (words + parameters + options).joined(separator: " ")
  }
}

/// What may stand in the place of a value, as far as the console can help with it. Whoever carries the command out checks
/// the value again.
public enum ArgumentKind: Sendable, Hashable {
  /// Any one word.
  case word
  /// Everything up to the end of the command.
  case text
  case number(ClosedRange<Int>)
  /// One of these.
  case choice([String])
  /// A name from the first column of what the command of this name lists.
  case object(of: String)

  /// Why a word can't be this; `nil` when it can.
  func objection(to word: String) -> String? {
    switch self {
    case .word, .text, .object: return nil
    case .number(let range):
      guard let number = Int(word), range.contains(number) else {
        return "is no number from \(range.lowerBound) to \(range.upperBound)"
      }
      return nil
    case .choice(let choices):
      return choices.contains(word) ? nil : "is none of \(choices.joined(separator: ", "))"
    }
  }
}
