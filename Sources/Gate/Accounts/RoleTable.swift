import Services

/// What each role permits, from the configuration's `[roles]`, and what each service asks for.
public struct RoleTable: Sendable, Hashable {
  /// Always there; a role of the same name in the configuration replaces it.
  public static let builtIn: [String: [String]] = ["admin": ["all"], "admins": ["all"]]

  private let roles: [String: [String]]
  /// Roles or groups whose members need a second factor with their password.
  private let totpRequired: Set<String>

  /// `roles`: `staff` → `mail`, `files:home`, … . `totpRequired`: names of roles or groups.
  public init(roles: [String: [String]], totpRequired: Set<String> = []) {
    self.roles = Self.builtIn.merging(roles) { _, configured in configured }
    self.totpRequired = totpRequired
  }

  /// In alphabetical order.
  public var names: [String] { roles.keys.sorted() }

  func contains(_ role: String) -> Bool { roles[role] != nil }

  /// What these roles permit together. A role that the configuration has no more permits nothing.
  func permissions(of roles: [String]) -> Set<String> {
    Set(roles.flatMap { self.roles[$0] ?? [] })
  }

  func requiresTOTP(_ account: Account) -> Bool {
    !totpRequired.isDisjoint(with: account.roles + account.groups)
  }

  /// Whether these permissions open a service: any one of what it asks for is enough, and so is a part of it
  /// (`files:home` opens SFTP, which then shows no more than the home).
  static func permits(_ service: ServiceName, _ permissions: Set<String>) -> Bool {
    if permissions.contains("all") { return !needs(service).isEmpty }
    return needs(service).contains { need in
      permissions.contains { $0 == need || $0.hasPrefix(need + ":") }
    }
  }

  /// What a service asks for; empty where nobody logs in.
  private static func needs(_ service: ServiceName) -> [String] {
    switch service {
    case .smtp, .submission, .submissions, .imap, .imaps, .pop3, .pop3s, .sieve, .lmtp: ["mail"]
    case .ssh: ["files", "console", "shell"]
    case .ftp, .ftps: ["files"]
    case .telnet: ["console"]
    case .rdp: ["rdp"]
    case .http, .https: ["web"]
    case .admin: ["admin", "console"]
    case .dns, .dot, .doh, .dhcp, .tftp: []
    }
  }
}
