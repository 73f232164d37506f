import Services
import WireKit

/// One attempt with a password: app password, password, second factor, in this order and at equal cost.
struct PasswordJudge: Sendable {
  private let authenticator: Authenticator
  private let attempt: LogInAttempt
  private let account: Account?
  /// The account's id, or one that no account has: the same questions go to the store either way.
  private let id: AccountID

  init(_ authenticator: Authenticator, _ attempt: LogInAttempt, _ account: Account?) {
    self.authenticator = authenticator
    self.attempt = attempt
    self.account = account
    id = account?.id ?? AccountID(0)
  }

  func judge(
    _ password: Secret, code: Secret?, dummyHash: Secret
  ) async throws(ServiceUnavailable) -> Authenticator.Verdict {
    let store = authenticator.store
    let appPassword = try await matchingAppPassword(password)
    let verifiers = try await authenticator.storeCall { () throws(StoreError) in
      try await store.passwordVerifiers(of: id)
    }
    let state = try await authenticator.storeCall { () throws(StoreError) in try await store.totp(of: id) }
    if let account, let appPassword { return try await judge(appPassword, of: account) }

    let factor = try unseal(state)
    let (candidate, code) = split(password, code: code, factor: factor)
    let hash = verifiers?.hash ?? dummyHash
    let isRight = try await authenticator.directory.gate.verify(candidate, against: hash)
    guard let account else { return .refused(nil, because: "unknown name") }
    guard verifiers != nil else { return .refused(account, because: "no password set") }
    guard isRight else { return .refused(account, because: "wrong password") }
    if let reason = authenticator.obstacle(account, attempt.service) { return .refused(account, because: reason) }
    let verdict = try await judge(code, factor, of: account)
    if case .granted = verdict, ForeignHash.isForeign(hash) {
      await authenticator.directory.renew(candidate, of: account)
    }
    return verdict
  }

  private func judge(
    _ appPassword: AppPassword, of account: Account
  ) async throws(ServiceUnavailable) -> Authenticator.Verdict {
    let now = authenticator.clock.wallTime()
    let peer = attempt.peer.address
    guard attempt.service != .admin,
      appPassword.services.isEmpty || appPassword.services.contains(attempt.service)
    else { return .refused(account, because: "app password not for this service") }
    guard appPassword.networks.isEmpty || appPassword.networks.contains(where: { $0.contains(peer) }) else {
      return .refused(account, because: "app password not from this network")
    }
    guard appPassword.expires.map({ now < $0 }) ?? true else {
      return .refused(account, because: "app password expired")
    }
    if let reason = authenticator.obstacle(account, attempt.service) { return .refused(account, because: reason) }
    let store = authenticator.store
    await authenticator.note(appPassword.lastUsed) { () throws(StoreError) in
      try await store.noteAppPasswordUse(appPassword.id, at: now)
    }
    return .granted(account, proof: "app password \(appPassword.label)", keyOptions: nil)
  }

  private func judge(
    _ code: Secret?, _ factor: Secret?, of account: Account
  ) async throws(ServiceUnavailable) -> Authenticator.Verdict {
    guard let factor else {
      return authenticator.directory.roles.requiresTOTP(account)
        ? .refused(account, because: "second factor required, but not set up")
        : .granted(account, proof: "password", keyOptions: nil)
    }
    guard let code else { return .codeNeeded(account) }
    let store = authenticator.store
    if let step = match(code, factor) {
      let isFresh = try await authenticator.storeCall { () throws(StoreError) in
        try await store.useTOTPStep(step, of: id)
      }
      return isFresh
        ? .granted(account, proof: "password and code", keyOptions: nil)
        : .refused(account, because: "code used before")
    }
    if let token = RandomToken.canonical(code, characters: 10) {
      let hash = authenticator.directory.keys.hash(token, purpose: AccountDirectory.Purpose.recoveryCode, of: id)
      let isThere = try await authenticator.storeCall { () throws(StoreError) in
        try await store.useRecoveryCode(hash, of: id)
      }
      if isThere { return .granted(account, proof: "password and recovery code", keyOptions: nil) }
    }
    return .refused(account, because: "wrong code")
  }

  private func matchingAppPassword(_ password: Secret) async throws(ServiceUnavailable) -> AppPassword? {
    let store = authenticator.store
    let candidates = try await authenticator.storeCall { () throws(StoreError) in
      try await store.appPasswords(of: id)
    }
    guard let token = RandomToken.canonical(password, characters: 20) else { return nil }
    let hash = authenticator.directory.keys.hash(token, purpose: AccountDirectory.Purpose.appPassword, of: id)
    return candidates.first { $0.hash == hash }
  }

  /// The secret of the second factor, where one is in force.
  private func unseal(_ state: TOTPState?) throws(ServiceUnavailable) -> Secret? {
    guard let state, state.isConfirmed else { return nil }
    let keys = authenticator.directory.keys
    guard let secret = keys.unseal(state.sealedSecret, purpose: AccountDirectory.Purpose.totp, of: id) else {
      // To go on without it would be to log in by one factor where two are due.
      throw ServiceUnavailable("a second factor can't be opened with this server's key")
    }
    return secret
  }

  /// Where a protocol has no place for the code it stands behind the password. The code is judged first, because that is
  /// cheap: so one slow hash is enough to judge either reading.
  private func split(_ password: Secret, code: Secret?, factor: Secret?) -> (password: Secret, code: Secret?) {
    guard code == nil, let factor, password.count > TOTP.digits else { return (password, code) }
    let (head, tail) = password.withBytes { bytes in
      (Secret(Array(bytes.dropLast(TOTP.digits))), Secret(Array(bytes.suffix(TOTP.digits))))
    }
    return match(tail, factor) == nil ? (password, nil) : (head, tail)
  }

  /// The step of the code, even of one that was used: the store has the last word on that.
  private func match(_ code: Secret, _ factor: Secret) -> Int64? {
    TOTP.match(code, secret: factor, at: authenticator.clock.wallTime(), after: -1)
  }
}
