/// What an administration operation answers, the same for a terminal, a page and `--json`.
public enum AdminReply: Sendable, Hashable, Codable {
  /// It was done; a sentence that says what.
  case done(String)
  /// A listing.
  case rows(AdminRows)
  /// A secret that is shown once, each under its name, after a sentence.
  case secrets(String, [Named])
  /// A finding or failure.
  case failure(AdminFailure)

  public struct Named: Sendable, Hashable, Codable {
    public var name: String
    public var value: String
  }
}

/// A listing: named columns, rows of text.
public struct AdminRows: Sendable, Hashable, Codable {
  public var columns: [String]
  public var rows: [[String]]
  /// What to pass as `--after` or `--before` for the next page; `nil` at the end.
  public var next: String?

  public init(columns: [String], rows: [[String]], next: String? = nil) {
    self.columns = columns
    self.rows = rows
    self.next = next
  }
}

/// Why it was not done.
public struct AdminFailure: Error, Sendable, Hashable, Codable {
  public enum Code: String, Sendable, Hashable, Codable {
    /// Used wrongly: exit code 2.
    case usage
    case notFound = "not-found"
    case conflict
    case refused
    /// Needs the running server.
    case notRunning = "not-running"
    case unavailable
    /// A check has found something.
    case finding
  }

  public var code: Code
  public var message: String

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}
