/// What bounds a session, with the reason for each default.
public struct POP3Limits: Sendable, Hashable {
  /// RFC 2449 §4: a command has 255 octets at most, with its line end.
  public var commandLength = 253
  /// A response of SASL (RFC 5034 §4: at least 12,288 octets in base 64).
  public var authenticationLength = 16_384
  /// RFC 1939 §3: the autologout timer has ten minutes at least.
  public var idleTime = Duration.seconds(600)
  /// From the greeting to the end of the log-in.
  public var logInTime = Duration.seconds(60)
  /// Faulty commands of one connection.
  public var errors = 20
  /// Failed log-ins of one connection.
  public var logInFailures = 3
  /// Lines of a listing that are written before the peer has taken them.
  public var listingLines = 2_000
  /// Bytes of a message that are read at a time.
  public var pieceBytes = 65_536

  /// Between two log-ins of an account (RFC 2449 §6.5).
  public var logInDelay = Duration.zero
  /// Days after which messages that were fetched are deleted (RFC 2449 §6.7); `nil`: never.
  public var expireAfterDays: Int?

  public init() {}
}

/// What a session must know of its server and its listener.
public struct POP3Profile: Sendable {
  public var hostname: String
  public var limits: POP3Limits
  public var offersTLS: Bool
  /// Whether log-in over plain text is allowed from this peer.
  public var allowsPlaintext: Bool
  /// Whether somebody's tokens are believed: OAUTHBEARER and XOAUTH2 are offered.
  public var acceptsTokens: Bool

  public init(
    hostname: String, limits: POP3Limits = POP3Limits(), offersTLS: Bool, allowsPlaintext: Bool,
    acceptsTokens: Bool = false
  ) {
    self.hostname = hostname
    self.limits = limits
    self.offersTLS = offersTLS
    self.allowsPlaintext = allowsPlaintext
    self.acceptsTokens = acceptsTokens
  }
}
