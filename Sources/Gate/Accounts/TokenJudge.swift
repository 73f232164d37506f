import Services

/// Who issues tokens that log in here, and judges them.
public protocol TokenAuthority: Sendable {
  /// What a token says, once its signature, its time and its audience have been found good. Throws when the issuer's keys
  /// can't be had.
  func judge(_ token: Secret, at time: WallTime) async throws(ServiceUnavailable) -> TokenVerdict
}

/// What was found of a token.
public enum TokenVerdict: Sendable, Hashable {
  /// `account`: name or address of whom it is for; `issuer`: for the audit trail.
  case vouched(account: String, issuer: String, severalFactors: Bool)
  /// For the audit trail, never for the peer.
  case refused(because: String)
}

/// A log-in by a bearer token (RFC 7628): nobody's password is involved, and no slow hash.
struct TokenJudge: Sendable {
  private let authenticator: Authenticator

  init(_ authenticator: Authenticator) { self.authenticator = authenticator }

  /// `named`: whom the client wants to be. Without a name beside the token it is whom the token is for.
  func judge(
    _ token: Secret, named: Account?, _ attempt: LogInAttempt
  ) async throws(ServiceUnavailable) -> Authenticator.Verdict {
    guard let tokens = authenticator.tokens else {
      return .refused(named, because: "no issuer of tokens is configured")
    }
    switch try await tokens.judge(token, at: authenticator.clock.wallTime()) {
    case .refused(let reason): return .refused(named, because: reason)
    case .vouched(let name, let issuer, let severalFactors):
      guard let account = try await authenticator.find(name) else {
        return .refused(nil, because: "token for an unknown name")
      }
      guard attempt.name.isEmpty || named?.id == account.id else {
        return .refused(named, because: "token of another account")
      }
      if let reason = authenticator.obstacle(account, attempt.service) { return .refused(account, because: reason) }
      // Who set up a second factor is not let in by one: the issuer must say that it asked for another.
      if !severalFactors, try await needsSecondFactor(account) {
        return .refused(account, because: "second factor needed, and the token tells of none")
      }
      return .granted(account, proof: "token of \(issuer)", keyOptions: nil)
    }
  }

  private func needsSecondFactor(_ account: Account) async throws(ServiceUnavailable) -> Bool {
    if authenticator.directory.roles.requiresTOTP(account) { return true }
    let store = authenticator.store
    let state = try await authenticator.storeCall { () throws(StoreError) in try await store.totp(of: account.id) }
    return state?.isConfirmed ?? false
  }
}
