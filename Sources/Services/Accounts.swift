import WireKit

/// The directory of accounts, as a server that logs people in sees it.
///
/// One implementation answers in this process (`Gate`), one asks the gate worker over its socket; a library's user may
/// bring a third.
public protocol Accounts: Sendable {
  /// Judges one attempt to log in. Penalties, audit and the equal time for known and unknown names are taken care of
  /// behind it. Throws when the directory can't be reached: the protocol's own temporary failure is the answer then.
  func authenticate(_ attempt: LogInAttempt) async throws(ServiceUnavailable) -> LogInResult

  /// Whether a public key may log in to this account, without proof of possession (SSH asks before it signs).
  func acceptsPublicKey(_ key: [UInt8], account: String, peer: IPAddress) async throws(ServiceUnavailable) -> Bool

  /// What a SCRAM exchange tells its client first. A name that is unknown, or has no verifier, gets values that look like
  /// any other and stay the same; the exchange then fails at its proof (`LogInAttempt.Credential.scram`).
  func scramParameters(for name: String) async throws(ServiceUnavailable) -> SCRAMSalt

  /// Whose mail address this is, name or further address of an account; `nil` for nobody's.
  func owner(ofAddress address: String) async throws(ServiceUnavailable) -> AddressOwner?

  /// Judges one answer to an NTLM challenge, as `authenticate` does a password.
  func authenticate(ntlm attempt: NTLMAttempt) async throws(ServiceUnavailable) -> NTLMResult
}

/// A directory that knows of keys and passwords alone.
extension Accounts {
  public func scramParameters(for name: String) async throws(ServiceUnavailable) -> SCRAMSalt {
    throw ServiceUnavailable("this directory has no SCRAM verifiers")
  }

  public func owner(ofAddress address: String) async throws(ServiceUnavailable) -> AddressOwner? {
    throw ServiceUnavailable("this directory has no mail addresses")
  }

  public func authenticate(ntlm attempt: NTLMAttempt) async throws(ServiceUnavailable) -> NTLMResult { .denied }
}

/// Salt and rounds of an account's SCRAM verifier (RFC 5802 §3).
public struct SCRAMSalt: Sendable, Hashable, Codable {
  public var salt: [UInt8]
  public var iterations: Int

  public init(salt: [UInt8], iterations: Int) {
    self.salt = salt
    self.iterations = iterations
  }
}

/// The account that an address belongs to, as far as delivery of mail needs to know it.
public struct AddressOwner: Sendable, Hashable, Codable {
  /// The account's domain-qualified name.
  public var account: String
  public var displayName: String
  /// `nil` for the server's default.
  public var quotaBytes: Int64?
  /// Whether its roles permit mail, and it is neither disabled nor expired.
  public var takesMail: Bool

  public init(account: String, displayName: String, quotaBytes: Int64?, takesMail: Bool) {
    self.account = account
    self.displayName = displayName
    self.quotaBytes = quotaBytes
    self.takesMail = takesMail
  }
}

/// The outside that was asked is away; what asked goes on later or answers with its temporary failure.
public struct ServiceUnavailable: Error, Hashable, Sendable {
  /// For the log, never for the peer.
  public let diagnosis: String
  public init(_ diagnosis: String) { self.diagnosis = diagnosis }
}

/// One attempt to log in.
public struct LogInAttempt: Sendable, Codable {
  /// What is offered as proof.
  public enum Credential: Sendable, Codable {
    /// A password or app password, followed by the TOTP code where the protocol has no place of its own for one.
    case password(Secret)
    /// A password and the code of a second factor.
    case passwordAndCode(Secret, code: Secret)
    /// A public key in SSH wire form (RFC 4253 §6.6) whose signature the server has verified itself.
    case provenPublicKey([UInt8])
    /// The last message of a SCRAM-SHA-256 exchange (RFC 7677). Channel binding and nonce were checked by the server.
    case scram(SCRAMAttempt)
    /// A bearer token of an issuer that the configuration trusts (RFC 6750, RFC 7519). The name may be empty: the token
    /// says whose it is, and a name beside it must be the same account's.
    case token(Secret)
  }

  /// What a client proves by SCRAM, and over what (RFC 5802 §3).
  public struct SCRAMAttempt: Sendable, Codable {
    public var authMessage: [UInt8]
    public var proof: [UInt8]

    public init(authMessage: [UInt8], proof: [UInt8]) {
      self.authMessage = authMessage
      self.proof = proof
    }
  }

  /// The name as it was given: `ann`, `ann@lab.test`.
  public var name: String
  public var credential: Credential
  public var service: ServiceName
  public var peer: Endpoint
  /// Whether the bytes travelled under TLS or SSH.
  public var isEncrypted: Bool

  public init(name: String, credential: Credential, service: ServiceName, peer: Endpoint, isEncrypted: Bool) {
    self.name = name
    self.credential = credential
    self.service = service
    self.peer = peer
    self.isEncrypted = isEncrypted
  }
}

/// How an attempt to log in ended.
public enum LogInResult: Sendable, Hashable, Codable {
  case granted(AccountIdentity)
  /// Wrong name, wrong secret, disabled, expired or not permitted here: a peer is never told which.
  case denied
  /// The password was right; a code of the second factor is needed as well.
  case codeNeeded
  /// The source is under a penalty; nothing was checked. Try again after this.
  case penalised(retryAfterSeconds: Int)
}

/// Who somebody is, once logged in.
public struct AccountIdentity: Sendable, Hashable, Codable {
  /// The domain-qualified name: `ann@lab.test`.
  public var name: String
  public var roles: [String]
  /// What the roles permit, as in the configuration: `mail`, `files:home`, `console:show`.
  public var permissions: Set<String>
  /// Most bytes that its own folder may hold; `nil` for no limit but the disk's.
  public var quotaBytes: Int64?
  /// The options of the SSH key that proved it, as in `authorized_keys`; `nil` for every other proof. `from` and
  /// `expiry-time` have been checked; the SSH server applies the rest (`command`, `restrict` …).
  public var keyOptions: String?
  /// The ServerSignature of a SCRAM exchange, by which the client knows the server; `nil` for every other proof.
  public var serverSignature: [UInt8]?

  public init(
    name: String, roles: [String], permissions: Set<String>, quotaBytes: Int64? = nil, keyOptions: String? = nil,
    serverSignature: [UInt8]? = nil
  ) {
    self.name = name
    self.roles = roles
    self.permissions = permissions
    self.quotaBytes = quotaBytes
    self.keyOptions = keyOptions
    self.serverSignature = serverSignature
  }

  /// Whether `permission` is granted: literally, by its first part alone (`files` grants `files:home`), or by `all`.
  public func permits(_ permission: String) -> Bool {
    if permissions.contains("all") || permissions.contains(permission) { return true }
    var prefix = permission[...]
    while let colon = prefix.lastIndex(of: ":") {
      prefix = prefix[..<colon]
      if permissions.contains(String(prefix)) { return true }
    }
    return false
  }
}
