import SASLCore

/// Bounds of one connection.
public struct IMAPLimits: Sendable, Hashable {
  /// Octets of a line.
  public var line = 64 * 1024
  /// Octets of a command with its literals, before log-in: a SASL response with a token is the longest.
  public var commandBeforeLogIn = 20 * 1024
  /// Octets of one literal before log-in: a name or a password.
  public var literalBeforeLogIn = 1024
  /// Octets of a command with its literals, messages apart.
  public var command = 512 * 1024
  public var literal = 128 * 1024
  /// Octets of one message (RFC 7889).
  public var message = 100 * 1024 * 1024
  /// Messages of one APPEND (RFC 3502).
  public var messagesOfAppend = 10_000
  /// Messages that one command works on (RFC 9738); `nil`: as many as there are.
  public var messagesOfCommand: Int?
  /// Searches of one session that go on (RFC 5267), and messages in all their results.
  public var contexts = 16
  public var messagesOfContexts = 400_000
  /// Failed log-ins before the connection ends.
  public var logInFailures = 3
  /// Commands in a row that make no sense before the connection ends; fewer before log-in.
  public var badCommands = 20
  public var badCommandsBeforeLogIn = 5
  /// From the connection to the log-in.
  public var logInTime = Duration.seconds(60)
  /// Silence after log-in: 30 minutes at least (RFC 9051 §5.4).
  public var idleTime = Duration.seconds(1800)
  /// How long a command may work before it says that it still does (RFC 9585).
  public var progress = Duration.seconds(15)
  /// How often IDLE says that it is still there, so that routers keep the connection and dead peers are found.
  public var keepAlive = Duration.seconds(120)

  public init() {}
}

/// How a session presents itself.
public struct ServerSessionConfiguration: Sendable {
  public var hostName: String
  public var version: String
  public var isEncrypted: Bool
  public var offersStartTLS: Bool
  /// Whether log-in without TLS is allowed here.
  public var acceptsPlaintext: Bool
  public var mechanisms: [SASLMechanism]
  public var limits: IMAPLimits

  public init(
    hostName: String, version: String = "1", isEncrypted: Bool, offersStartTLS: Bool, acceptsPlaintext: Bool = false,
    mechanisms: [SASLMechanism] = SASLMechanism.passwordMechanisms(binding: nil), limits: IMAPLimits = IMAPLimits()
  ) {
    self.hostName = hostName
    self.version = version
    self.isEncrypted = isEncrypted
    self.offersStartTLS = offersStartTLS
    self.acceptsPlaintext = acceptsPlaintext
    self.mechanisms = mechanisms
    self.limits = limits
  }
}

/// What a session tells about itself.
public enum IMAPEvent: Sendable {
  /// A command as it came, with what is secret masked.
  case received(line: [UInt8], meaning: String)
  /// How a command ended.
  case sent(line: String)
  case loggedIn(account: String, mechanism: String)
  case logInFailed(mechanism: String)
  /// The program at the other end, as it says (RFC 2971).
  case client(name: String, version: String)
  /// What ended the connection early.
  case refused(StaticString)
}
