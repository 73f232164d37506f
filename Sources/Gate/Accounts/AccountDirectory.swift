import Crypto
import Services
import WireKit

/// Accounts with their rules: what a name may be, how long a password must be, that roles exist.
///
/// Everything that changes accounts goes through here; `GateAdministration` adds the audit trail.
public struct AccountDirectory: Sendable {
  /// Fewest characters of a password, unless it is forced.
  public static let minimumPasswordLength = 10

  let store: any AccountStore
  let gate: HashingGate
  let keys: GateKeys
  let roles: RoleTable
  let clock: any Clock
  /// Added to names without a domain.
  public let defaultDomain: String

  public init(
    store: any AccountStore, gate: HashingGate, keys: GateKeys, roles: RoleTable, clock: any Clock,
    defaultDomain: String
  ) {
    self.store = store
    self.gate = gate
    self.keys = keys
    self.roles = roles
    self.clock = clock
    self.defaultDomain = defaultDomain.lowercased()
  }

  /// Adds an account without any proof: nobody can log in to it yet.
  public func create(_ specification: AccountSpecification) async throws(DirectoryError) -> Account {
    let name = try normalise(specification.name)
    let account = Account(
      name: name, displayName: try line(specification.displayName, "display name"),
      addresses: try addresses(specification.addresses, beside: name), roles: try checkRoles(specification.roles),
      groups: try words(specification.groups, "group"), quotaBytes: try quota(specification.quotaBytes),
      expires: specification.expires, created: clock.wallTime())
    do { return try await store.create(account) } catch {
      throw error.code == .conflict
        ? DirectoryError(.conflict, "\(name), or one of its addresses, exists already") : DirectoryError(error)
    }
  }

  /// The account with this name; `.notFound`.
  public func account(_ name: String) async throws(DirectoryError) -> Account {
    let full = try normalise(name)
    guard let account = try await directoryCall({ () throws(StoreError) in try await store.account(named: full) })
    else { throw DirectoryError(.notFound, "there is no account \(full)") }
    return account
  }

  /// A page of accounts, by name, from the one that follows `after`.
  public func accounts(
    matching filter: AccountFilter, after: String?, limit: Int
  ) async throws(DirectoryError) -> [Account] {
    try await directoryCall { () throws(StoreError) in
      try await store.accounts(matching: filter, after: after, limit: limit)
    }
  }

  /// Changes an account; returns it as it was and as it is.
  public func change(
    _ name: String, _ change: AccountChange
  ) async throws(DirectoryError) -> (before: Account, after: Account) {
    let before = try await account(name)
    var after = before
    if let value = change.displayName { after.displayName = try line(value, "display name") }
    if let value = change.addresses { after.addresses = try addresses(value, beside: before.name) }
    if let value = change.roles { after.roles = try checkRoles(value) }
    if let value = change.groups { after.groups = try words(value, "group") }
    if let value = change.isDisabled { after.isDisabled = value }
    if let value = change.quotaBytes { after.quotaBytes = try quota(value.value) }
    if let value = change.expires { after.expires = value.value }
    let wanted = after
    let stored = try await directoryCall { () throws(StoreError) in try await store.update(wanted) }
    return (before, stored)
  }

  /// Removes an account and all that proves it. What it stored elsewhere (mail, files) stays.
  public func remove(_ name: String) async throws(DirectoryError) -> Account {
    let account = try await account(name)
    try await directoryCall { () throws(StoreError) in try await store.delete(account.id) }
    return account
  }

  /// All that may be shown of an account.
  public func details(_ name: String) async throws(DirectoryError) -> AccountDetails {
    let account = try await account(name)
    return try await directoryCall { () throws(StoreError) in
      let verifiers = try await store.passwordVerifiers(of: account.id)
      let totp = try await store.totp(of: account.id)
      let appPasswords = try await store.appPasswords(of: account.id).map { password in
        var shown = password
        shown.hash = Secret([])
        return shown
      }
      return AccountDetails(
        account: account, hasPassword: verifiers != nil, passwordChanged: verifiers?.changed,
        keys: try await store.keys(of: account.id), appPasswords: appPasswords,
        hasTOTP: totp?.isConfirmed ?? false, recoveryCodes: try await store.recoveryCodeCount(of: account.id))
    }
  }

  /// The full name, for messages and records.
  public func normalise(_ name: String) throws(DirectoryError) -> String {
    guard let full = AccountName.normalise(name, defaultDomain: defaultDomain) else {
      throw DirectoryError(
        .badName, "'\(Self.shown(name))' is no account name: letters, digits, '.', '_', '-', '+', and a domain")
    }
    return full
  }

  /// A text for a message to the administrator: short and without control characters.
  static func shown(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.prefix(64).map { $0.properties.isPrintable ? $0 : "?" }))
  }

  private func addresses(_ list: [String], beside name: String) throws(DirectoryError) -> [String] {
    var addresses: [String] = []
    for text in list {
      let address = try normalise(text)
      if address != name, !addresses.contains(address) { addresses.append(address) }
    }
    return addresses
  }

  private func checkRoles(_ list: [String]) throws(DirectoryError) -> [String] {
    for role in list where !roles.contains(role) {
      throw DirectoryError(
        .unknownRole, "there is no role '\(Self.shown(role))'; there are: \(roles.names.joined(separator: ", "))")
    }
    return Self.unique(list)
  }

  private func words(_ list: [String], _ what: String) throws(DirectoryError) -> [String] {
    for word in list {
      let isWord = word.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x2C }
      guard isWord, (1...64).contains(word.utf8.count) else {
        throw DirectoryError(.badValue, "'\(Self.shown(word))' is no \(what)")
      }
    }
    return Self.unique(list)
  }

  func line(_ text: String, _ what: String) throws(DirectoryError) -> String {
    guard text.utf8.count <= 200, text.unicodeScalars.allSatisfy(\.properties.isPrintable) else {
      throw DirectoryError(.badValue, "a \(what) has at most 200 bytes and no control characters")
    }
    return text
  }

  private func quota(_ bytes: Int64?) throws(DirectoryError) -> Int64? {
    if let bytes, bytes < 0 { throw DirectoryError(.badValue, "a quota can't be negative") }
    return bytes
  }

  private static func unique(_ list: [String]) -> [String] {
    list.enumerated().filter { list.firstIndex(of: $0.element) == $0.offset }.map(\.element)
  }
}

extension Unicode.Scalar.Properties {
  /// Neither control nor format (which turns the direction of text around) nor unassigned.
  var isPrintable: Bool {
    switch generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
    default: true
    }
  }
}
