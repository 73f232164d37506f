import Services
import WireKit

/// A log-in by NTLM, with the account's own password for remote desktops. Like an app password it is random and opens one
/// service, so that no second factor is asked for.
extension Authenticator {
  public func authenticate(ntlm attempt: NTLMAttempt) async throws(ServiceUnavailable) -> NTLMResult {
    // As any other attempt, for penalties and audit; the credential of it is not looked at.
    let common = LogInAttempt(
      name: Self.name(attempt), credential: .password(Secret("")), service: attempt.service, peer: attempt.peer,
      isEncrypted: true)
    let start = ContinuousClock.now
    do throws(ServiceUnavailable) {
      let result = try await decide(attempt, common)
      let outcome: LogInOutcome.Result =
        switch result {
        case .granted: .granted
        case .denied: .denied
        case .penalised: .penalised
        }
      observer(LogInOutcome(common, method: "ntlm", outcome, since: start))
      return result
    } catch {
      observer(LogInOutcome(common, method: "ntlm", .unavailable, since: start))
      throw error
    }
  }

  private func decide(
    _ attempt: NTLMAttempt, _ common: LogInAttempt
  ) async throws(ServiceUnavailable) -> NTLMResult {
    if let wait = penalties.penalty(for: attempt.peer.address, now: clock.now()) {
      tell("log-in not considered, the source is penalised", .info, .log, common, nil, [])
      let (seconds, rest) = wait.components
      return .penalised(retryAfterSeconds: Int(clamping: rest > 0 ? seconds + 1 : seconds))
    }
    let account = try await find(common.name)
    let sealed = try await storeCall { () throws(StoreError) in
      try await store.desktopSecret(of: account?.id ?? AccountID(0))
    }
    let secret = sealed.flatMap { sealed in
      account.flatMap { directory.keys.unseal(sealed, purpose: AccountDirectory.Purpose.desktop, of: $0.id) }
    }.flatMap { NTLMSecret(hash: $0) }
    // Where there is none the same is computed with one that nobody knows.
    let key = (secret ?? NTLMSecret(password: RandomToken.password())).sessionBaseKey(for: attempt)
    let reason =
      account == nil
      ? "unknown name"
      : secret == nil
        ? "no password for remote desktops" : key == nil ? "wrong password" : obstacle(account, attempt.service)
    guard reason == nil, let account, let key, secret != nil else {
      refuse(common, account, because: reason ?? "wrong password")
      return .denied
    }
    await noteLogIn(of: account)
    tell("log-in granted", .info, .audit, common, account.name, [.init("proof", .string("NTLM"))])
    return .granted(
      AccountIdentity(
        name: account.name, roles: account.roles, permissions: directory.roles.permissions(of: account.roles),
        quotaBytes: account.quotaBytes),
      sessionBaseKey: key)
  }

  private func obstacle(_ account: Account?, _ service: ServiceName) -> String? {
    account.flatMap { obstacle($0, service) }
  }

  /// A domain counts when it looks like one of mail; what Windows sends there is mostly the name of the client's machine.
  private static func name(_ attempt: NTLMAttempt) -> String {
    attempt.user.contains("@") || !attempt.domain.contains(".") ? attempt.user : "\(attempt.user)@\(attempt.domain)"
  }
}
