import SASLCore

/// What a server session asks of the outside.
public enum ServerRequest: Sendable {
  case authenticate(SASLQuestion)
  /// Whether this sender may begin; the answer is a `Reply`, positive for yes.
  case sender(ReversePath, MailParameters, Client)
  /// Whether this recipient is taken.
  case recipient(Envelope.Recipient, sender: ReversePath, Client)
  /// `<Postmaster>`: its address here, or a reply that refuses.
  case postmaster
  /// A message, whose body follows: the reply must not be positive before the message is kept for good. In LMTP there are
  /// as many replies as recipients (RFC 2033 §4.2).
  case message(Envelope, Client)

  /// Who sends.
  public struct Client: Sendable, Hashable {
    public var helloName: String
    /// Whether it said EHLO (or LHLO) rather than HELO.
    public var isExtended: Bool
    /// Who has logged in.
    public var account: String?

    public init(helloName: String, isExtended: Bool, account: String?) {
      self.helloName = helloName
      self.isExtended = isExtended
      self.account = account
    }
  }
}

/// What comes back.
public enum ServerAnswer: Sendable {
  case sasl(SASLAnswer)
  case reply(SMTPReply)
  /// One for each recipient.
  case replies([SMTPReply])
  case postmaster(MailAddress)
  /// Says nothing for so long, then goes on with the answer: how `try` plays a server that hangs.
  case silence
}

/// What a session tells about itself.
public enum SMTPEvent: Sendable, Hashable {
  /// A line that came, secrets masked.
  case received(String)
  case sent(SMTPReply)
  case loggedIn(account: String)
  case logInFailed(SASLFailure)
  /// The peer speaks another protocol.
  case foreignProtocol
  /// CR or LF stood alone: an attempt to smuggle, or a broken program.
  case bareLineEnd
  case tooManyErrors
  case timedOut
  /// It connected to a port for people, and left without a log-in.
  case leftWithoutLogIn
}

/// How a listener's sessions behave.
public struct ServerProfile: Sendable, Hashable {
  public enum Role: Sendable, Hashable {
    /// Port 25: other servers.
    case relay
    /// Ports 587 and 465: people (RFC 6409, RFC 8314).
    case submission
    /// RFC 2033.
    case lmtp
  }

  public var role: Role
  public var hostname: String
  public var limits: SMTPLimits
  /// Whether STARTTLS is at hand.
  public var offersTLS: Bool
  /// Whether people may log in, and send, without TLS: only where the configuration says so for this network.
  public var allowsPlaintext: Bool
  /// Whether somebody's tokens are believed: OAUTHBEARER and XOAUTH2 are offered.
  public var acceptsTokens: Bool

  public init(
    role: Role, hostname: String, limits: SMTPLimits = SMTPLimits(), offersTLS: Bool, allowsPlaintext: Bool = false,
    acceptsTokens: Bool = false
  ) {
    self.role = role
    self.hostname = hostname
    self.limits = limits
    self.offersTLS = offersTLS
    self.allowsPlaintext = allowsPlaintext
    self.acceptsTokens = acceptsTokens
  }
}
