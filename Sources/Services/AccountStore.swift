/// Where accounts and what proves them are kept.
///
/// Names and addresses come in lower case; who calls has checked their syntax. Every function is atomic and durable when
/// it returns. All throw `.full`, `.unavailable` or `.corrupt` where that is the case; what else, each says.
public protocol AccountStore: Sendable {
  /// Adds an account and returns it with its `id` and `revision`. `.conflict` when a name or address is taken.
  func create(_ account: Account) async throws(StoreError) -> Account
  func account(_ id: AccountID) async throws(StoreError) -> Account?
  /// The account with this name; its other addresses don't count.
  func account(named name: String) async throws(StoreError) -> Account?
  /// The account with this name or address.
  func account(withAddress address: String) async throws(StoreError) -> Account?
  /// At most `limit` accounts, in the order of their names' bytes, from the one that follows `after`.
  func accounts(matching filter: AccountFilter, after: String?, limit: Int) async throws(StoreError) -> [Account]
  /// Replaces everything but `id`, `created` and `lastLogIn`. `.notFound`; `.conflict` when a name or address is taken, or
  /// when the stored revision is another. Returns it with its next revision.
  func update(_ account: Account) async throws(StoreError) -> Account
  /// Removes the account and everything that belongs to it. `.notFound`.
  func delete(_ id: AccountID) async throws(StoreError)
  /// Notes a log-in. An account that is gone is no error.
  func noteLogIn(of id: AccountID, at time: WallTime) async throws(StoreError)

  func passwordVerifiers(of id: AccountID) async throws(StoreError) -> PasswordVerifiers?
  /// Sets the verifiers, or takes them away. `.notFound` for the account.
  func setPasswordVerifiers(_ verifiers: PasswordVerifiers?, of id: AccountID) async throws(StoreError)

  /// The sealed secret of remote desktops.
  func desktopSecret(of id: AccountID) async throws(StoreError) -> Secret?
  /// Sets it, or takes it away. `.notFound` for the account.
  func setDesktopSecret(_ sealed: Secret?, of id: AccountID) async throws(StoreError)

  /// In the order in which they were added.
  func keys(of id: AccountID) async throws(StoreError) -> [AuthorizedKey]
  /// `.notFound` for the account, `.conflict` when it has this key.
  func addKey(_ key: AuthorizedKey, to id: AccountID) async throws(StoreError) -> AuthorizedKey
  /// `.notFound` when the account has no such key.
  func removeKey(_ key: Int64, from id: AccountID) async throws(StoreError)
  /// Notes its use. A key that is gone is no error.
  func noteKeyUse(_ key: Int64, at time: WallTime) async throws(StoreError)

  /// In the order in which they were added.
  func appPasswords(of id: AccountID) async throws(StoreError) -> [AppPassword]
  /// `.notFound` for the account, `.conflict` when it has one with this label.
  func addAppPassword(_ password: AppPassword, to id: AccountID) async throws(StoreError) -> AppPassword
  /// `.notFound` when the account has no such app password.
  func removeAppPassword(_ password: Int64, from id: AccountID) async throws(StoreError)
  /// Notes its use. An app password that is gone is no error.
  func noteAppPasswordUse(_ password: Int64, at time: WallTime) async throws(StoreError)

  func totp(of id: AccountID) async throws(StoreError) -> TOTPState?
  /// Sets the second factor, or takes it and the recovery codes away. `.notFound` for the account.
  func setTOTP(_ state: TOTPState?, of id: AccountID) async throws(StoreError)
  /// Uses up a time step: true, and stored, when it is later than the last one used; of two calls with the same step one
  /// gets true.
  func useTOTPStep(_ step: Int64, of id: AccountID) async throws(StoreError) -> Bool
  /// Replaces the hashes of the recovery codes. `.notFound` for the account.
  func setRecoveryCodes(_ hashes: [Secret], of id: AccountID) async throws(StoreError)
  /// How many recovery codes are left.
  func recoveryCodeCount(of id: AccountID) async throws(StoreError) -> Int
  /// Uses up a recovery code: true when it was there; it is gone then.
  func useRecoveryCode(_ hash: Secret, of id: AccountID) async throws(StoreError) -> Bool
}
