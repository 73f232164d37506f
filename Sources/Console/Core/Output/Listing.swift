/// Rows of text under named columns: what every `show` command answers with.
public struct Listing: Sendable, Hashable, Codable {
  public var columns: [String]
  public var rows: [[String]]
  /// Where the next page begins, in whatever terms the one who answered understands; `nil` at the end.
  public var next: String?

  public init(columns: [String], rows: [[String]], next: String? = nil) {
    self.columns = columns
    self.rows = rows
    self.next = next
  }
}

/// What a command comes to.
public enum ConsoleAnswer: Sendable, Codable, Hashable {
  /// It was done; a sentence that says what.
  case done(String)
  case listing(Listing)
  /// Secrets that are shown once, each under its name, after a sentence.
  case secrets(String, [ShownSecret])
  /// The command goes on once a secret is typed, without echo and twice.
  case secretNeeded(prompt: String)
  case failure(String)
}

/// A secret that its owner is shown this once.
public struct ShownSecret: Sendable, Codable, Hashable {
  public var name: String
  public var value: String

  public init(name: String, value: String) {
    self.name = name
    self.value = value
  }
}

/// Bytes typed without echo. Their description tells nothing, so that no log can.
public struct HiddenText: Sendable, Hashable, Codable, CustomStringConvertible, CustomReflectable {
  public let bytes: [UInt8]
  public init(_ bytes: [UInt8]) { self.bytes = bytes }
  public var description: String { "••••" }
  public var customMirror: Mirror { Mirror(self, children: []) }
}

/// What a console asks of the server: a command in full.
public struct ConsoleCall: Sendable, Codable, Hashable {
  /// The command and its values, without abbreviations (`ParsedCommand.words`).
  public var words: [String]
  /// The page that is wanted: `Listing.next` of the one before; `nil` for the first.
  public var after: String?
  /// What was typed when `.secretNeeded` asked for it.
  public var secret: HiddenText?
  /// The answer is to wait until the listing's rows differ from those known by this token (its `Listing.next`); an empty one does not
  /// wait.
  public var follow: String?

  public init(words: [String], after: String? = nil, secret: HiddenText? = nil, follow: String? = nil) {
    self.follow = follow
    self.words = words
    self.after = after
    self.secret = secret
  }
}
