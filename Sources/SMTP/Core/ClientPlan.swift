import SASLCore

/// What a client session shall do: greet, secure, log in, and send one message.
public struct ClientPlan: Sendable {
  public enum Security: Sendable, Hashable {
    /// Plain text, whatever is offered.
    case never
    /// TLS where it is offered (RFC 7435).
    case opportunistic
    /// TLS, or nothing is sent.
    case required
    /// The connection begins inside TLS (RFC 8314).
    case implicit
  }

  /// Our own name, for EHLO.
  public var helloName: String
  public var security: Security
  /// Whom we log in as, and the nonce for SCRAM.
  public var credential: SASLClientExchange.Credential?
  public var nonce: String
  /// Whether we may log in without TLS: on loopback only.
  public var allowsPlaintextLogIn: Bool
  public var isLMTP: Bool
  /// `nil`: only greet (and log in), as a probe does.
  public var envelope: Envelope?
  /// Of the message in bytes, before dots are put in.
  public var size: Int64
  /// Whether the message has bytes above 0x7F.
  public var isEightBit: Bool
  /// Whether the connection may serve for another message when this one is done (RFC 5321 §4.5.4.1 advises to).
  public var keepsConnection = false

  public init(
    helloName: String, security: Security, credential: SASLClientExchange.Credential? = nil, nonce: String = "",
    allowsPlaintextLogIn: Bool = false, isLMTP: Bool = false, envelope: Envelope? = nil, size: Int64 = 0,
    isEightBit: Bool = false
  ) {
    self.helloName = helloName
    self.security = security
    self.credential = credential
    self.nonce = nonce
    self.allowsPlaintextLogIn = allowsPlaintextLogIn
    self.isLMTP = isLMTP
    self.envelope = envelope
    self.size = size
    self.isEightBit = isEightBit
  }
}

extension ClientPlan {
  /// Whom it logs in as, where it is by a password.
  public var userName: String? {
    if case .password(let name, _)? = credential { name } else { nil }
  }
}

/// How a delivery went.
public struct DeliveryOutcome: Sendable, Hashable {
  /// For each recipient of the envelope, in its order, the reply that settles it.
  public var replies: [SMTPReply]
  /// What went wrong for all of them, where something did.
  public var failure: SMTPReply?
  /// `nil` for plain text.
  public var tlsVersion: String?
  public var isLoggedIn: Bool
  public var capabilities: [String]
  /// Whether the server said anything about this message, good or bad. Where it did not, on a connection that had served
  /// before, the connection had ended unseen: another may do better.
  public var wasAnswered = false

  public init(
    replies: [SMTPReply] = [], failure: SMTPReply? = nil, tlsVersion: String? = nil, isLoggedIn: Bool = false,
    capabilities: [String] = []
  ) {
    self.replies = replies
    self.failure = failure
    self.tlsVersion = tlsVersion
    self.isLoggedIn = isLoggedIn
    self.capabilities = capabilities
  }
}

/// What a client session tells.
public enum ClientEvent: Sendable, Hashable {
  /// A command that was sent, secrets masked.
  case sent(String)
  case received(SMTPReply)
  /// It is over; comes once.
  case finished(DeliveryOutcome)
}

/// A client session asks for the message piece by piece.
public enum ClientRequest: Sendable, Hashable {
  case piece
  /// What is next on this connection: another plan for the same server, or the end.
  case next
}

/// A piece of the message.
public enum ClientPiece: Sendable {
  case bytes([UInt8])
  case end
  /// It can't be read.
  case failed
  /// Send this one's message too. Of the plan only what concerns the message counts.
  case plan(ClientPlan)
}
