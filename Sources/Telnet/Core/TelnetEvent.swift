/// What a session tells about itself.
public enum TelnetEvent: Sendable, Hashable {
  /// A command or negotiation came or went: for those who watch.
  case heard(String)
  case said(String)
  /// Somebody has logged in, or has not.
  case loggedIn(account: String)
  case logInRefused
  /// The other side broke a rule, and the connection was ended.
  case ended(Reason)

  public enum Reason: String, Sendable, Hashable {
    case endlessSubnegotiation = "a sub-negotiation without an end"
    case tooManyNegotiations = "too many negotiations"
    case logInTime = "no log-in in time"
    case idle = "idle for too long"
    case needsTLS = "no TLS, which log-in needs here"
  }
}

/// Limits of a session.
public struct TelnetLimits: Sendable, Hashable {
  /// From the connection to the log-in, all attempts together.
  public var logInTime: Duration = .seconds(90)
  /// Without input, once logged in.
  public var idleTime: Duration = .seconds(1800)
  /// For a client to begin TLS, where log-in needs it.
  public var tlsTime: Duration = .seconds(15)
  /// Commands and negotiations of one connection. RFC 1143 ends the loops that a client could fall into; what is left is
  /// somebody who wants answers for ever.
  public var commands = 2000

  public init() {}
}
