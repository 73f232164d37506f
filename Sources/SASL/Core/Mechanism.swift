/// The mechanisms of SASL (RFC 4422) that this house speaks, by their registered names.
public enum SASLMechanism: String, Sendable, Hashable, CaseIterable {
  /// RFC 7677, bound to the TLS connection beneath it.
  case scramSHA256Plus = "SCRAM-SHA-256-PLUS"
  /// RFC 7677: the password never travels, not even inside TLS.
  case scramSHA256 = "SCRAM-SHA-256"
  /// RFC 4616.
  case plain = "PLAIN"
  /// Never standardised (draft-murchison-sasl-login); Outlook and many devices know nothing else.
  case login = "LOGIN"
  /// RFC 7628.
  case oauthBearer = "OAUTHBEARER"
  /// Google's form of the same from before the RFC.
  case xoauth2 = "XOAUTH2"

  /// The mechanism of this name, in either case (RFC 4422 §3.1).
  public init?(name: some StringProtocol) {
    self.init(rawValue: name.uppercased())
  }

  /// Whether the client speaks first. LOGIN alone has the server ask.
  public var isClientFirst: Bool { self != .login }

  /// What a server that checks passwords offers, best first; the bound form only where there is a binding.
  public static func passwordMechanisms(binding: ChannelBinding?) -> [SASLMechanism] {
    (binding == nil ? [] : [.scramSHA256Plus]) + [.scramSHA256, .plain, .login]
  }

  /// What a server offers that checks passwords and, where somebody issues them, tokens. Those come last: a client that
  /// has one knows that it wants to use it.
  public static func offered(binding: ChannelBinding? = nil, tokens: Bool) -> [SASLMechanism] {
    passwordMechanisms(binding: binding) + (tokens ? [.oauthBearer, .xoauth2] : [])
  }
}

/// What ties a log-in to the TLS connection that it travels on (RFC 5056): a relay in between has another one.
public struct ChannelBinding: Sendable, Hashable {
  /// The registered name: `tls-exporter` (RFC 9266), `tls-server-end-point` (RFC 5929 §4).
  public var name: String
  public var data: [UInt8]

  public init(name: String, data: [UInt8]) {
    self.name = name
    self.data = data
  }
}

/// Bytes that prove somebody: a password, a token. They have no textual form but a mask.
public struct SASLSecret: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
  public let bytes: [UInt8]
  public init(_ bytes: [UInt8]) { self.bytes = bytes }
  public var description: String { "••••" }
  public var customMirror: Mirror { Mirror(self, children: []) }
}
