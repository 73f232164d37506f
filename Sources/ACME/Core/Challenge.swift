import Crypto

/// How control over a name is proved.
public enum ChallengeType: String, Sendable, Hashable, Codable {
  /// RFC 8555 §8.3: a file under `/.well-known/acme-challenge/`.
  case http01 = "http-01"
  /// RFC 8555 §8.4: a TXT record at `_acme-challenge`.
  case dns01 = "dns-01"
  /// RFC 8737: a certificate in the handshake itself.
  case tlsALPN01 = "tls-alpn-01"
}

/// What must be seen at a name for a challenge to succeed.
public struct ChallengeAnswer: Sendable, Hashable, Codable {
  public var type: ChallengeType
  /// The host name, without a wildcard's star.
  public var name: String
  public var token: String
  public var keyAuthorization: String

  public init(type: ChallengeType, name: String, token: String, keyAuthorization: String) {
    self.type = type
    self.name = name
    self.token = token
    self.keyAuthorization = keyAuthorization
  }

  /// The SHA-256 of the key authorization: what dns-01 publishes in base64url and tls-alpn-01 in its extension.
  public var digest: [UInt8] { Array(SHA256.hash(data: Array(keyAuthorization.utf8))) }
  /// The value of the TXT record.
  public var recordText: String { Base64URL.encode(digest) }
}
