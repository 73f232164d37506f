import Services
import WireKit

/// Judges log-ins: penalties, look-up, proof, permission, second factor; then tells what happened.
///
/// Each attempt with a password that gets past the penalties costs exactly one slow hash (none for an app password that
/// is right), and asks the store the same questions whether the account exists or not: the time tells nothing.
public struct Authenticator: Accounts {
  let store: any AccountStore
  let directory: AccountDirectory
  let penalties: any PenaltyBook
  let events: any EventSink
  let clock: any Clock
  private let authority: (any KeyAuthority)?
  let tokens: (any TokenAuthority)?
  let observer: @Sendable (LogInOutcome) -> Void
  /// What a password is compared with where there is none.
  private let dummyHash: Secret

  /// `observer` is told of each log-in, how it ended and how long it took.
  ///
  /// Makes the dummy hash, with the same parameters as real ones. Throws when there is no memory for it.
  public init(
    directory: AccountDirectory, penalties: any PenaltyBook, events: any EventSink,
    authority: (any KeyAuthority)? = nil, tokens: (any TokenAuthority)? = nil,
    observer: @escaping @Sendable (LogInOutcome) -> Void = { _ in }
  ) async throws(ServiceUnavailable) {
    self.observer = observer
    self.directory = directory
    self.store = directory.store
    self.clock = directory.clock
    self.penalties = penalties
    self.events = events
    self.authority = authority
    self.tokens = tokens
    dummyHash = try await directory.gate.hash(RandomToken.password())
  }

  /// How an attempt was judged, with what the peer is never told.
  enum Verdict: Sendable {
    case granted(Account, proof: String, keyOptions: String?, serverSignature: [UInt8]? = nil)
    case codeNeeded(Account)
    case refused(Account?, because: String)
  }

  public func authenticate(_ attempt: LogInAttempt) async throws(ServiceUnavailable) -> LogInResult {
    let start = ContinuousClock.now
    do throws(ServiceUnavailable) {
      let result = try await decide(attempt)
      let outcome: LogInOutcome.Result =
        switch result {
        case .granted: .granted
        case .denied: .denied
        case .codeNeeded: .codeNeeded
        case .penalised: .penalised
        }
      observer(LogInOutcome(attempt, outcome, since: start))
      return result
    } catch {
      observer(LogInOutcome(attempt, .unavailable, since: start))
      throw error
    }
  }

  private func decide(_ attempt: LogInAttempt) async throws(ServiceUnavailable) -> LogInResult {
    if let wait = penalties.penalty(for: attempt.peer.address, now: clock.now()) {
      tell("log-in not considered, the source is penalised", .info, .log, attempt, nil, [])
      let (seconds, rest) = wait.components
      return .penalised(retryAfterSeconds: Int(clamping: rest > 0 ? seconds + 1 : seconds))
    }
    switch try await judge(attempt) {
    case .granted(let account, let proof, let keyOptions, let serverSignature):
      await noteLogIn(of: account)
      tell("log-in granted", .info, .audit, attempt, account.name, [.init("proof", .string(proof))])
      return .granted(
        AccountIdentity(
          name: account.name, roles: account.roles, permissions: directory.roles.permissions(of: account.roles),
          quotaBytes: account.quotaBytes, keyOptions: keyOptions, serverSignature: serverSignature))
    case .codeNeeded(let account):
      tell("second factor asked for", .info, .log, attempt, account.name, [])
      return .codeNeeded
    case .refused(let account, let reason):
      refuse(attempt, account, because: reason)
      return .denied
    }
  }

  /// What follows a refusal: the penalty, and the audit's line.
  func refuse(_ attempt: LogInAttempt, _ account: Account?, because reason: String) {
    penalties.report(account == nil ? .invaliduser : .authfail, by: attempt.peer.address, service: attempt.service)
    // What was typed as a name may be a password in the wrong field: it is shown only if it could be a name.
    let name = AccountName.normalise(attempt.name, defaultDomain: directory.defaultDomain) ?? "(no name)"
    let fields: [Event.Field] =
      [.init("reason", .string(reason))] + (account == nil ? [.init("name", .string(name))] : [])
    tell("log-in refused", .notice, .audit, attempt, account?.name, fields)
  }

  public func acceptsPublicKey(
    _ key: [UInt8], account name: String, peer: IPAddress
  ) async throws(ServiceUnavailable) -> Bool {
    guard penalties.penalty(for: peer, now: clock.now()) == nil else { return false }
    guard let account = try await find(name) else { return false }
    return try await usableKey(key, of: account, peer: peer) != nil && isOpen(account)
  }

  private func judge(_ attempt: LogInAttempt) async throws(ServiceUnavailable) -> Verdict {
    let account = try await find(attempt.name)
    switch attempt.credential {
    case .provenPublicKey(let blob):
      return try await judge(key: blob, of: account, attempt)
    case .password(let password):
      return try await PasswordJudge(self, attempt, account).judge(password, code: nil, dummyHash: dummyHash)
    case .passwordAndCode(let password, let code):
      return try await PasswordJudge(self, attempt, account).judge(password, code: code, dummyHash: dummyHash)
    case .scram(let scram):
      return try await SCRAMJudge(self).judge(scram, of: account, attempt)
    case .token(let token):
      return try await TokenJudge(self).judge(token, named: account, attempt)
    }
  }

  private func judge(
    key blob: [UInt8], of account: Account?, _ attempt: LogInAttempt
  ) async throws(ServiceUnavailable) -> Verdict {
    guard let account else { return .refused(nil, because: "unknown name") }
    guard let key = try await usableKey(blob, of: account, peer: attempt.peer.address) else {
      return .refused(account, because: "key not accepted")
    }
    if let reason = obstacle(account, attempt.service) { return .refused(account, because: reason) }
    // A certificate stands in no store.
    guard key.id != 0 else { return .granted(account, proof: key.comment, keyOptions: key.options) }
    await note(key.lastUsed) { () throws(StoreError) in try await store.noteKeyUse(key.id, at: clock.wallTime()) }
    return .granted(account, proof: "key \(AccountDirectory.fingerprint(of: key))", keyOptions: key.options)
  }

  private func usableKey(
    _ blob: [UInt8], of account: Account, peer: IPAddress
  ) async throws(ServiceUnavailable) -> AuthorizedKey? {
    let keys = try await storeCall { () throws(StoreError) in try await store.keys(of: account.id) }
    let now = clock.wallTime()
    guard authority?.isRevoked(blob) != true else { return nil }
    let key = keys.first { $0.blob == blob } ?? certificate(blob, of: account, at: now)
    return key.flatMap { KeyOptions($0.options)?.permit(peer: peer, at: now) == true ? $0 : nil }
  }

  /// A certificate that an authority of ours gave for this account, as if it were a key of it; without a number.
  private func certificate(_ blob: [UInt8], of account: Account, at time: WallTime) -> AuthorizedKey? {
    guard let vouched = authority?.certificate(blob, at: time),
      vouched.principals.contains(where: {
        AccountName.normalise($0, defaultDomain: directory.defaultDomain) == account.name
      })
    else { return nil }
    return AuthorizedKey(blob: blob, options: vouched.options, comment: vouched.description, created: time)
  }

  func find(_ name: String) async throws(ServiceUnavailable) -> Account? {
    // A name that can't be one is looked up all the same, as one that nobody has.
    let full = AccountName.normalise(name, defaultDomain: directory.defaultDomain) ?? ""
    return try await storeCall { () throws(StoreError) in try await store.account(withAddress: full) }
  }

  private func isOpen(_ account: Account) -> Bool {
    !account.isDisabled && account.expires.map { clock.wallTime() < $0 } ?? true
  }

  /// Why an account with a right proof may still not log in here; `nil` when it may.
  func obstacle(_ account: Account, _ service: ServiceName) -> String? {
    guard !account.isDisabled else { return "account disabled" }
    guard isOpen(account) else { return "account expired" }
    let permissions = directory.roles.permissions(of: account.roles)
    return RoleTable.permits(service, permissions) ? nil : "not permitted for this service"
  }

  func noteLogIn(of account: Account) async {
    await note(account.lastLogIn) { () throws(StoreError) in
      try await store.noteLogIn(of: account.id, at: clock.wallTime())
    }
  }

  /// Notes a use, once a minute at most: mail programs log in all the time, and each note is a write to disk. A note that
  /// fails is told, and keeps nobody out.
  func note(_ last: WallTime?, _ write: () async throws(StoreError) -> Void) async {
    if let last, clock.wallTime() - last < .seconds(60), clock.wallTime() >= last { return }
    do { try await write() } catch {
      events.emit(
        Event(
          time: clock.wallTime(), severity: .warning, message: "the last use could not be noted",
          fields: [.init("error", .string(error.description))]))
    }
  }

  func storeCall<Value>(_ body: () async throws(StoreError) -> Value) async throws(ServiceUnavailable) -> Value {
    do { return try await body() } catch {
      events.emit(
        Event(
          time: clock.wallTime(), severity: .error, message: "the account store failed",
          fields: [.init("error", .string(error.description))]))
      throw ServiceUnavailable(error.description)
    }
  }

  func tell(
    _ message: StaticString, _ severity: Event.Severity, _ kind: Event.Kind, _ attempt: LogInAttempt,
    _ account: String?, _ fields: [Event.Field]
  ) {
    events.emit(
      Event(
        time: clock.wallTime(), severity: severity, kind: kind, message: message, service: attempt.service,
        peer: attempt.peer, account: account, fields: fields + [.init("encrypted", .bool(attempt.isEncrypted))]))
  }
}
