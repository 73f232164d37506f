import Services

/// Accounts in memory: for tests of what stands on a store, and the second subject of the store battery.
public actor MemoryAccountStore: AccountStore {
  private struct Entry {
    var account: Account
    var verifiers: PasswordVerifiers?
    var keys: [AuthorizedKey] = []
    var appPasswords: [AppPassword] = []
    var totp: TOTPState?
    var recoveryCodes: Set<Secret> = []
    var desktopSecret: Secret?
  }

  private var entries: [AccountID: Entry] = [:]
  private var nextAccount: Int64 = 1
  private var nextProof: Int64 = 1
  private var fault: StoreError?

  public init() {}

  /// From here on every change fails with this error, and every question too unless it is `.full`; `nil` mends it.
  public func setFault(_ fault: StoreError?) { self.fault = fault }

  public func create(_ account: Account) throws(StoreError) -> Account {
    try checkWrite()
    try checkNames(of: account)
    var created = Self.wholeSeconds(account)
    created.id = AccountID(nextAccount)
    created.revision = 1
    nextAccount += 1
    entries[created.id] = Entry(account: created)
    return created
  }

  public func account(_ id: AccountID) throws(StoreError) -> Account? {
    try checkRead()
    return entries[id]?.account
  }

  public func account(named name: String) throws(StoreError) -> Account? {
    try checkRead()
    return entries.values.first { $0.account.name == name }?.account
  }

  public func account(withAddress address: String) throws(StoreError) -> Account? {
    try checkRead()
    return entries.values.first { $0.account.name == address || $0.account.addresses.contains(address) }?.account
  }

  public func accounts(
    matching filter: AccountFilter, after: String?, limit: Int
  ) throws(StoreError) -> [Account] {
    try checkRead()
    let found = entries.values.map(\.account).filter { account in
      if let text = filter.text.map(Self.lowered), !Self.contains(Self.lowered(account.name), text),
        !Self.contains(Self.lowered(account.displayName), text)
      {
        return false
      }
      return filter.role.map(account.roles.contains) ?? true && filter.group.map(account.groups.contains) ?? true
        && filter.isDisabled.map { $0 == account.isDisabled } ?? true
        && after.map { $0.utf8.lexicographicallyPrecedes(account.name.utf8) } ?? true
    }
    return Array(found.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }.prefix(max(0, limit)))
  }

  public func update(_ account: Account) throws(StoreError) -> Account {
    try checkWrite()
    let stored = try entry(account.id).account
    guard stored.revision == account.revision else { throw StoreError(.conflict, "changed meanwhile") }
    try checkNames(of: account)
    var updated = Self.wholeSeconds(account)
    updated.revision += 1
    updated.created = stored.created
    updated.lastLogIn = stored.lastLogIn
    entries[account.id]?.account = updated
    return updated
  }

  public func delete(_ id: AccountID) throws(StoreError) {
    try checkWrite()
    _ = try entry(id)
    entries[id] = nil
  }

  public func noteLogIn(of id: AccountID, at time: WallTime) throws(StoreError) {
    try checkWrite()
    entries[id]?.account.lastLogIn = WallTime(seconds: time.seconds)
  }

  public func passwordVerifiers(of id: AccountID) throws(StoreError) -> PasswordVerifiers? {
    try checkRead()
    return entries[id]?.verifiers
  }

  public func setPasswordVerifiers(_ verifiers: PasswordVerifiers?, of id: AccountID) throws(StoreError) {
    try checkWrite()
    _ = try entry(id)
    entries[id]?.verifiers = verifiers
  }

  public func keys(of id: AccountID) throws(StoreError) -> [AuthorizedKey] {
    try checkRead()
    return entries[id]?.keys ?? []
  }

  public func addKey(_ key: AuthorizedKey, to id: AccountID) throws(StoreError) -> AuthorizedKey {
    try checkWrite()
    guard try !entry(id).keys.contains(where: { $0.blob == key.blob }) else { throw StoreError(.conflict, "key") }
    var added = key
    added.id = takeProof()
    entries[id]?.keys.append(added)
    return added
  }

  public func removeKey(_ key: Int64, from id: AccountID) throws(StoreError) {
    try checkWrite()
    guard let index = entries[id]?.keys.firstIndex(where: { $0.id == key }) else { throw StoreError(.notFound, "key") }
    entries[id]?.keys.remove(at: index)
  }

  public func noteKeyUse(_ key: Int64, at time: WallTime) throws(StoreError) {
    try checkWrite()
    for id in entries.keys {
      guard let index = entries[id]?.keys.firstIndex(where: { $0.id == key }) else { continue }
      entries[id]?.keys[index].lastUsed = WallTime(seconds: time.seconds)
    }
  }

  public func appPasswords(of id: AccountID) throws(StoreError) -> [AppPassword] {
    try checkRead()
    return entries[id]?.appPasswords ?? []
  }

  public func addAppPassword(_ password: AppPassword, to id: AccountID) throws(StoreError) -> AppPassword {
    try checkWrite()
    guard try !entry(id).appPasswords.contains(where: { $0.label == password.label }) else {
      throw StoreError(.conflict, "app password")
    }
    var added = password
    added.id = takeProof()
    entries[id]?.appPasswords.append(added)
    return added
  }

  public func removeAppPassword(_ password: Int64, from id: AccountID) throws(StoreError) {
    try checkWrite()
    guard let index = entries[id]?.appPasswords.firstIndex(where: { $0.id == password }) else {
      throw StoreError(.notFound, "app password")
    }
    entries[id]?.appPasswords.remove(at: index)
  }

  public func noteAppPasswordUse(_ password: Int64, at time: WallTime) throws(StoreError) {
    try checkWrite()
    for id in entries.keys {
      guard let index = entries[id]?.appPasswords.firstIndex(where: { $0.id == password }) else { continue }
      entries[id]?.appPasswords[index].lastUsed = WallTime(seconds: time.seconds)
    }
  }

  public func desktopSecret(of id: AccountID) throws(StoreError) -> Secret? {
    try checkRead()
    return entries[id]?.desktopSecret
  }

  public func setDesktopSecret(_ sealed: Secret?, of id: AccountID) throws(StoreError) {
    try checkWrite()
    _ = try entry(id)
    entries[id]?.desktopSecret = sealed
  }

  public func totp(of id: AccountID) throws(StoreError) -> TOTPState? {
    try checkRead()
    return entries[id]?.totp
  }

  public func setTOTP(_ state: TOTPState?, of id: AccountID) throws(StoreError) {
    try checkWrite()
    _ = try entry(id)
    entries[id]?.totp = state
    if state == nil { entries[id]?.recoveryCodes = [] }
  }

  public func useTOTPStep(_ step: Int64, of id: AccountID) throws(StoreError) -> Bool {
    try checkWrite()
    guard let last = entries[id]?.totp?.lastStep, step > last else { return false }
    entries[id]?.totp?.lastStep = step
    return true
  }

  public func setRecoveryCodes(_ hashes: [Secret], of id: AccountID) throws(StoreError) {
    try checkWrite()
    _ = try entry(id)
    entries[id]?.recoveryCodes = Set(hashes)
  }

  public func recoveryCodeCount(of id: AccountID) throws(StoreError) -> Int {
    try checkRead()
    return entries[id]?.recoveryCodes.count ?? 0
  }

  public func useRecoveryCode(_ hash: Secret, of id: AccountID) throws(StoreError) -> Bool {
    try checkWrite()
    return entries[id]?.recoveryCodes.remove(hash) != nil
  }

  private func checkRead() throws(StoreError) {
    if let fault, fault.code != .full { throw fault }
  }

  private func checkWrite() throws(StoreError) {
    if let fault { throw fault }
  }

  private func entry(_ id: AccountID) throws(StoreError) -> Entry {
    guard let entry = entries[id] else { throw StoreError(.notFound, "no account has the id \(id.number)") }
    return entry
  }

  private func checkNames(of account: Account) throws(StoreError) {
    let names = [account.name] + account.addresses
    let others = entries.values.filter { $0.account.id != account.id || account.id == AccountID(0) }
    let taken = others.flatMap { [$0.account.name] + $0.account.addresses }
    guard Set(names).count == names.count, Set(names).isDisjoint(with: taken) else {
      throw StoreError(.conflict, "a name or address is taken")
    }
  }

  private func takeProof() -> Int64 {
    defer { nextProof += 1 }
    return nextProof
  }

  private static func wholeSeconds(_ account: Account) -> Account {
    var account = account
    account.created = WallTime(seconds: account.created.seconds)
    account.expires = account.expires.map { WallTime(seconds: $0.seconds) }
    account.lastLogIn = account.lastLogIn.map { WallTime(seconds: $0.seconds) }
    return account
  }

  /// ASCII letters only, as SQLite's `lower` does.
  private static func lowered(_ text: String) -> [UInt8] {
    text.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
  }

  private static func contains(_ text: [UInt8], _ part: [UInt8]) -> Bool {
    part.isEmpty || text.indices.contains { text[$0...].starts(with: part) }
  }
}
