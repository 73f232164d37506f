/// What a certificate authority must see at a host name while it validates it (RFC 8555 §8), for whichever worker shows it.
public struct PublishedChallenge: Sendable, Hashable, Codable {
  public enum Content: Sendable, Hashable, Codable {
    /// A text under `/.well-known/acme-challenge/TOKEN`.
    case file(token: String, text: String)
    /// The text of a TXT record at `_acme-challenge.NAME`.
    case record(String)
    /// A certificate for handshakes by `acme-tls/1`.
    case identity(TLSIdentity)
  }

  /// The host name.
  public var name: String
  public var content: Content

  public init(name: String, content: Content) {
    self.name = name
    self.content = content
  }
}
