import SASLCore

/// What a client shall do with one connection.
public struct POP3Plan: Sendable {
  public enum Security: Sendable, Hashable {
    /// TLS from the first byte.
    case implicit
    /// STLS, and nothing without it.
    case required
    /// STLS where it is offered.
    case opportunistic
    case never
  }

  /// One step after log-in.
  public enum Step: Sendable, Hashable {
    case stat
    /// Sizes by message number.
    case list
    /// Unique-ids by message number.
    case uidl
    case retrieve(Int)
    case top(Int, lines: Int)
    case delete(Int)
  }

  public struct Credential: Sendable {
    public var name: String
    public var password: SASLSecret
    /// For SCRAM: random, printable, without a comma.
    public var nonce: String

    public init(name: String, password: SASLSecret, nonce: String) {
      self.name = name
      self.password = password
      self.nonce = nonce
    }
  }

  public var security: Security
  /// `nil`: capabilities are asked for, and nothing else.
  public var credential: Credential?
  public var steps: [Step]

  public init(security: Security, credential: Credential? = nil, steps: [Step] = []) {
    self.security = security
    self.credential = credential
    self.steps = steps
  }
}

/// What came of a plan.
public struct POP3Outcome: Sendable, Hashable {
  public var greeting = ""
  /// The capabilities as they were at the end.
  public var capabilities: [String] = []
  public var isLoggedIn = false
  /// `STAT`
  public var count: Int?
  public var octets: Int64?
  public var sizes: [Int: Int64] = [:]
  public var uniqueIDs: [Int: String] = [:]
  /// Messages that came whole, by number.
  public var retrieved: [Int] = []
  /// Messages that were marked, and are gone when `isComplete`.
  public var deleted: [Int] = []
  /// The server's words, or what else kept the plan from its end.
  public var failure: String?
  /// Everything was done, and QUIT was answered with yes.
  public var isComplete = false

  public init() {}
}

/// What a client session tells.
public enum POP3ClientEvent: Sendable {
  /// Secrets are masked.
  case sent(String)
  case received(String)
  case finished(POP3Outcome)
}

/// A message that begins to come: its bytes are the request's body, with the dots unstuffed.
public struct POP3Arrival: Sendable {
  public var number: Int
}
