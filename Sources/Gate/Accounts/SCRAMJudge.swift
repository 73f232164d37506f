import Services

/// A log-in by SCRAM-SHA-256 (RFC 7677): what is told of a name first, and the judgement of the proof.
///
/// Known and unknown names differ in nothing that a peer sees: a name without a verifier gets a salt that is derived from
/// it with the server's key, and a verifier that no proof fits.
struct SCRAMJudge: Sendable {
  private let authenticator: Authenticator

  init(_ authenticator: Authenticator) { self.authenticator = authenticator }

  func parameters(for name: String) async throws(ServiceUnavailable) -> SCRAMSalt {
    let account = try await authenticator.find(name)
    if let verifier = try await verifier(of: account) {
      return SCRAMSalt(salt: verifier.salt, iterations: verifier.iterations)
    }
    let directory = authenticator.directory
    let full = AccountName.normalise(name, defaultDomain: directory.defaultDomain) ?? name
    let hash = directory.keys.hash(
      Secret(full), purpose: AccountDirectory.Purpose.scramSalt, of: AccountID(0))
    return SCRAMSalt(
      salt: hash.withBytes { Array($0.prefix(16)) }, iterations: SCRAMVerifier.defaultIterations)
  }

  func judge(
    _ scram: LogInAttempt.SCRAMAttempt, of account: Account?, _ attempt: LogInAttempt
  ) async throws(ServiceUnavailable) -> Authenticator.Verdict {
    let verifier = try await verifier(of: account)
    let store = authenticator.store
    let totp = try await authenticator.storeCall { () throws(StoreError) in
      try await store.totp(of: account?.id ?? AccountID(0))
    }
    let signature = verifier?.serverSignature(proof: scram.proof, authMessage: scram.authMessage)
    guard let account else { return .refused(nil, because: "unknown name") }
    guard verifier != nil else { return .refused(account, because: "no SCRAM verifier") }
    guard let signature else { return .refused(account, because: "wrong password") }
    if let reason = authenticator.obstacle(account, attempt.service) { return .refused(account, because: reason) }
    // SCRAM has no place for a code, and the password behind which one could stand never travels.
    if totp?.isConfirmed == true { return .refused(account, because: "second factor needs a password log-in") }
    guard !authenticator.directory.roles.requiresTOTP(account) else {
      return .refused(account, because: "second factor required, but not set up")
    }
    return .granted(account, proof: "SCRAM-SHA-256", keyOptions: nil, serverSignature: signature)
  }

  private func verifier(of account: Account?) async throws(ServiceUnavailable) -> SCRAMVerifier? {
    let id = account?.id ?? AccountID(0)
    let store = authenticator.store
    let verifiers = try await authenticator.storeCall { () throws(StoreError) in
      try await store.passwordVerifiers(of: id)
    }
    let keys = authenticator.directory.keys
    return verifiers?.scram.flatMap { keys.unseal($0, purpose: AccountDirectory.Purpose.scram, of: id) }
      .flatMap { SCRAMVerifier(encoded: $0) }
  }
}

extension Authenticator {
  public func scramParameters(for name: String) async throws(ServiceUnavailable) -> SCRAMSalt {
    try await SCRAMJudge(self).parameters(for: name)
  }

  /// Answered by exact address only; plus-addressing and catch-all are the mail server's business.
  public func owner(ofAddress address: String) async throws(ServiceUnavailable) -> AddressOwner? {
    guard let account = try await find(address) else { return nil }
    return AddressOwner(
      account: account.name, displayName: account.displayName, quotaBytes: account.quotaBytes,
      takesMail: obstacle(account, .imap) == nil)
  }
}
