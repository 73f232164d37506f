/// The first line of an answer (RFC 1939 §3), with a response code where there is one (RFC 2449 §8, RFC 3206).
public struct POP3Reply: Sendable, Hashable, CustomStringConvertible {
  public var isPositive: Bool
  /// `SYS/TEMP`, `AUTH`, `IN-USE` …
  public var code: String?
  public var text: String

  public init(ok text: String = "") {
    isPositive = true
    self.text = text
  }

  public init(error text: String, code: String? = nil) {
    isPositive = false
    self.code = code
    self.text = text
  }

  /// Without the line end.
  public var description: String {
    (isPositive ? "+OK" : "-ERR") + (code.map { " [\($0)]" } ?? "") + (text.isEmpty ? "" : " \(text)")
  }

  static let unknownCommand = POP3Reply(error: "Unknown command")
  static let badState = POP3Reply(error: "Not now")
  static let syntax = POP3Reply(error: "Arguments not understood")
  static let needsTLS = POP3Reply(error: "TLS first: STLS")
  static let denied = POP3Reply(error: "Log-in failed", code: "AUTH")
  static let codeNeeded = POP3Reply(error: "A code of the second factor is needed behind the password", code: "AUTH")
  static let temporary = POP3Reply(error: "Something is out of order here; try again later", code: "SYS/TEMP")
  static let noSuchMessage = POP3Reply(error: "No such message")
  static let tooManyErrors = POP3Reply(error: "Too many errors")
  static let goingAway = POP3Reply(error: "The server goes away; try again soon", code: "SYS/TEMP")
  static let timedOut = POP3Reply(error: "Too long silent", code: "SYS/TEMP")
}
