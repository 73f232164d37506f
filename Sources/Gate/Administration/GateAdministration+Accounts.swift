import Services
import WireKit

/// The operations on accounts.
extension GateAdministration {
  func performOnAccount(_ request: AdminRequest) async throws(AdminFailure) -> AdminReply {
    do throws(DirectoryError) {
      switch request {
      case .accountAdd(let specification, let choice, let force):
        return try await add(specification, choice, force)
      case .accountList(let filter, let after, let limit): return try await list(filter, after, limit)
      case .accountShow(let name): return try await show(name)
      case .accountSet(let name, let change): return try await set(name, change)
      case .accountPassword(let name, let choice, let force): return try await password(name, choice, force)
      case .accountRemove(let name):
        let account = try await directory.remove(name)
        endSessions(of: account.name)
        try await note("account remove", account.name, before: Self.text(account))
        return .done("\(account.name) is removed; its mail and files are still there")
      default: return try await performOnProof(request)
      }
    } catch { throw AdminFailure(error) }
  }

  private func performOnProof(_ request: AdminRequest) async throws(DirectoryError) -> AdminReply {
    switch request {
    case .keyAdd(let name, let line):
      let key = try await directory.addKey(line, to: name)
      let fingerprint = AccountDirectory.fingerprint(of: key)
      try await note("account key add", try directory.normalise(name), after: "\(key.options) \(fingerprint)")
      return .done("key \(fingerprint) may log in as \(try directory.normalise(name))")
    case .keyList(let name): return .rows(Self.rows(try await directory.details(name).keys))
    case .keyRemove(let name, let which):
      let fingerprint = AccountDirectory.fingerprint(of: try await directory.removeKey(which, from: name))
      try await note("account key remove", try directory.normalise(name), before: fingerprint)
      return .done("key \(fingerprint) is removed")
    case .appPasswordAdd(let name, let label, let services, let networks, let expires):
      let (password, secret) = try await directory.addAppPassword(
        label: label, services: services, networks: networks, expires: expires, to: name)
      try await note("account app-password add", try directory.normalise(name), after: Self.text(password))
      return .secrets("The app password is shown this once.", [named(label, secret)])
    case .appPasswordList(let name): return .rows(Self.rows(try await directory.details(name).appPasswords))
    case .appPasswordRemove(let name, let label):
      try await directory.removeAppPassword(label, from: name)
      try await note("account app-password remove", try directory.normalise(name), before: label)
      return .done("app password '\(label)' is removed")
    case .desktopPassword(let name, let removes): return try await desktopPassword(name, removes)
    default: return try await performOnTOTP(request)
    }
  }

  private func desktopPassword(_ name: String, _ removes: Bool) async throws(DirectoryError) -> AdminReply {
    let full = try directory.normalise(name)
    if removes {
      try await directory.setDesktopPassword(nil, of: full)
      try await note("account rdp-password", full, after: "removed")
      return .done("\(full) can no longer log in to remote desktops by NLA")
    }
    let secret = try await directory.generateDesktopPassword(of: full)
    try await note("account rdp-password", full, after: "made")
    return .secrets(
      "The password for remote desktops (NLA) is shown this once.", [named("rdp-password", secret)])
  }

  private func performOnTOTP(_ request: AdminRequest) async throws(DirectoryError) -> AdminReply {
    switch request {
    case .totpBegin(let name):
      let enrolment = try await directory.beginTOTP(of: name, issuer: issuer)
      try await note("account totp begin", try directory.normalise(name))
      return .secrets(
        "Enter this into the authenticator app, then confirm with its first code.",
        [named("secret", enrolment.secret), named("uri", enrolment.uri)])
    case .totpConfirm(let name, let code):
      let codes = try await directory.confirmTOTP(of: name, code: code)
      try await note("account totp confirm", try directory.normalise(name))
      return .secrets(
        "The second factor is in force. Each recovery code works once; they are shown this once.", named(codes))
    case .totpCodes(let name):
      let codes = try await directory.renewRecoveryCodes(of: name)
      try await note("account totp codes", try directory.normalise(name))
      return .secrets("The old recovery codes are void. Each of these works once.", named(codes))
    case .totpRemove(let name):
      try await directory.removeTOTP(of: name)
      try await note("account totp remove", try directory.normalise(name))
      return .done("\(try directory.normalise(name)) logs in without a second factor")
    default: throw DirectoryError(.unavailable, "this operation is not one of the gate's")
    }
  }

  private func add(
    _ specification: AccountSpecification, _ choice: PasswordChoice, _ force: Bool
  ) async throws(DirectoryError) -> AdminReply {
    if choice == .asked { throw DirectoryError(.badPassword, "no password was given") }
    let account = try await directory.create(specification)
    try await note("account add", account.name, after: Self.text(account))
    let secret: Secret?
    do throws(DirectoryError) { secret = try await apply(choice, force, to: account.name) } catch {
      // An account that was asked for with a password is not left behind without one.
      _ = try await directory.remove(account.name)
      try await note("account remove", account.name, before: "the password was refused")
      throw error
    }
    guard let secret else { return .done("\(account.name) is added") }
    return .secrets("\(account.name) is added. The password is shown this once.", [named("password", secret)])
  }

  private func password(
    _ name: String, _ choice: PasswordChoice, _ force: Bool
  ) async throws(DirectoryError) -> AdminReply {
    guard choice != .asked, choice != .none else { throw DirectoryError(.badPassword, "no password was given") }
    let full = try directory.normalise(name)
    let secret = try await apply(choice, force, to: full)
    try await note("account password", full)
    guard let secret else { return .done("\(full) has a new password") }
    return .secrets("\(full) has a new password; it is shown this once.", [named("password", secret)])
  }

  /// Sets what was chosen; returns the password that was made, if one was.
  private func apply(_ choice: PasswordChoice, _ force: Bool, to name: String) async throws(DirectoryError) -> Secret? {
    switch choice {
    case .none, .asked: return nil
    case .given(let password):
      try await directory.setPassword(password, of: name, force: force)
      return nil
    case .hashed(let hash):
      try await directory.setPasswordHash(hash, of: name)
      return nil
    case .generated: return try await directory.generatePassword(of: name)
    }
  }

  private func set(_ name: String, _ change: AccountChange) async throws(DirectoryError) -> AdminReply {
    guard !change.isEmpty else { throw DirectoryError(.badValue, "nothing to change was named") }
    let (before, after) = try await directory.change(name, change)
    if after.isDisabled { endSessions(of: after.name) }
    try await note("account set", after.name, before: Self.text(before), after: Self.text(after))
    let sentence: String =
      switch change.isDisabled {
      case true: "\(after.name) is disabled, and its sessions are being ended"
      case false: "\(after.name) is enabled"
      default: "\(after.name) is changed"
      }
    return .done(sentence)
  }

  private func list(
    _ filter: AccountFilter, _ after: String?, _ limit: Int
  ) async throws(DirectoryError) -> AdminReply {
    let limit = min(max(1, limit), AdminRequest.maximumRows)
    let accounts = try await directory.accounts(matching: filter, after: after, limit: limit)
    let rows = accounts.map { account in
      [
        account.name, account.displayName, account.roles.joined(separator: " "), account.groups.joined(separator: " "),
        state(of: account), account.lastLogIn.map(CivilTime.text) ?? "never",
      ]
    }
    return .rows(
      AdminRows(
        columns: ["name", "display name", "roles", "groups", "state", "last log-in"], rows: rows,
        next: accounts.count < limit ? nil : accounts.last?.name))
  }

  private func show(_ name: String) async throws(DirectoryError) -> AdminReply {
    let details = try await directory.details(name)
    let account = details.account
    let rows: [[String]] = [
      ["name", account.name], ["display name", account.displayName],
      ["addresses", account.addresses.joined(separator: " ")], ["roles", account.roles.joined(separator: " ")],
      ["permissions", directory.roles.permissions(of: account.roles).sorted().joined(separator: " ")],
      ["groups", account.groups.joined(separator: " ")],
      ["quota", account.quotaBytes.map { "\($0) bytes" } ?? "the server's default"], ["state", state(of: account)],
      ["expires", account.expires.map(CivilTime.text) ?? "never"], ["created", CivilTime.text(account.created)],
      ["last log-in", account.lastLogIn.map(CivilTime.text) ?? "never"],
      ["password", details.hasPassword ? "set \(details.passwordChanged.map(CivilTime.text) ?? "")" : "none"],
      ["keys", "\(details.keys.count)"], ["app passwords", "\(details.appPasswords.count)"],
      ["second factor", details.hasTOTP ? "yes, \(details.recoveryCodes) recovery codes left" : "no"],
    ]
    return .rows(AdminRows(columns: ["property", "value"], rows: rows))
  }

  private func state(of account: Account) -> String {
    if account.isDisabled { return "disabled" }
    return account.expires.map { $0 <= clock.wallTime() } ?? false ? "expired" : "active"
  }

  private func endSessions(of name: String) {
    guard let sessions = live?.sessions else { return }
    for session in sessions.list(account: name) { _ = sessions.end(session.id) }
  }

  private func note(
    _ action: String, _ subject: String, before: String? = nil, after: String? = nil
  ) async throws(DirectoryError) {
    do { try await record(action, subject, before: before, after: after) } catch {
      throw DirectoryError(.unavailable, error.message)
    }
  }

  /// The part of an account that the audit trail keeps from before and after a change.
  private static func text(_ account: Account) -> String {
    [
      "display name=\(account.displayName)", "addresses=\(account.addresses.joined(separator: " "))",
      "roles=\(account.roles.joined(separator: " "))", "groups=\(account.groups.joined(separator: " "))",
      "quota=\(account.quotaBytes.map { "\($0)" } ?? "default")", "disabled=\(account.isDisabled)",
      "expires=\(account.expires.map(CivilTime.text) ?? "never")",
    ].joined(separator: ", ")
  }

  private static func text(_ password: AppPassword) -> String {
    [
      password.label, "services=\(words(password.services))", "networks=\(words(password.networks))",
      "expires=\(password.expires.map(CivilTime.text) ?? "never")",
    ].joined(separator: ", ")
  }

  private static func words(_ services: Set<ServiceName>) -> String {
    services.isEmpty ? "all but admin" : services.map(\.rawValue).sorted().joined(separator: " ")
  }

  private static func words(_ networks: [IPNetwork]) -> String {
    networks.isEmpty ? "anywhere" : networks.map(\.description).joined(separator: " ")
  }

  private static func rows(_ keys: [AuthorizedKey]) -> AdminRows {
    AdminRows(
      columns: ["number", "fingerprint", "options", "comment", "added", "last used"],
      rows: keys.map { key in
        [
          "\(key.id)", AccountDirectory.fingerprint(of: key), key.options, key.comment, CivilTime.text(key.created),
          key.lastUsed.map(CivilTime.text) ?? "never",
        ]
      })
  }

  private static func rows(_ passwords: [AppPassword]) -> AdminRows {
    AdminRows(
      columns: ["label", "services", "networks", "expires", "added", "last used"],
      rows: passwords.map { password in
        [
          password.label, words(password.services), words(password.networks),
          password.expires.map(CivilTime.text) ?? "never", CivilTime.text(password.created),
          password.lastUsed.map(CivilTime.text) ?? "never",
        ]
      })
  }

  private func named(_ name: String, _ secret: Secret) -> AdminReply.Named {
    AdminReply.Named(name: name, value: secret.withBytes { String(decoding: $0, as: UTF8.self) })
  }

  private func named(_ codes: [Secret]) -> [AdminReply.Named] {
    codes.enumerated().map { named("recovery code \($0.offset + 1)", $0.element) }
  }
}
