/// What is kept of a password: enough to check it, too little to know it.
public struct PasswordVerifiers: Sendable, Hashable {
  /// The modular crypt string of Argon2id (`$argon2id$v=19$m=…`); of an account that came from elsewhere, that system's
  /// hash, until its first log-in.
  public var hash: Secret
  /// The SCRAM-SHA-256 verifier (RFC 5802 §3), sealed with the server's key; `nil` for a password that SASLprep
  /// (RFC 4013) does not cover.
  public var scram: Secret?
  public var changed: WallTime

  public init(hash: Secret, scram: Secret?, changed: WallTime) {
    self.hash = hash
    self.scram = scram
    self.changed = changed
  }
}
