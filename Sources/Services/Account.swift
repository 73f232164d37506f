/// The number of an account in its store. It never changes and is never used again.
public struct AccountID: Hashable, Sendable, Codable {
  public let number: Int64
  public init(_ number: Int64) { self.number = number }
}

/// Somebody who can log in, without the secrets: those are asked for one by one, so that a listing can't show them.
public struct Account: Sendable, Hashable, Codable {
  /// Given by the store at creation.
  public var id: AccountID
  /// Rises with every update; an update that was made from an older revision is a conflict.
  public var revision: Int64
  /// Domain-qualified and in lower case: `ann@lab.test`. Unique among all names and addresses.
  public var name: String
  /// For people to read; may be empty.
  public var displayName: String
  /// Mail addresses beside `name`, in lower case. Each belongs to one account at most.
  public var addresses: [String]
  /// What the account may do, by the names of the configuration's `[roles]`.
  public var roles: [String]
  /// For sharing: mailboxes, folders.
  public var groups: [String]
  /// Most bytes it may store; `nil` for the server's default.
  public var quotaBytes: Int64?
  public var isDisabled: Bool
  /// From this time on it may not log in. Stores keep whole seconds.
  public var expires: WallTime?
  public var created: WallTime
  public var lastLogIn: WallTime?

  public init(
    id: AccountID = AccountID(0), revision: Int64 = 0, name: String, displayName: String = "",
    addresses: [String] = [], roles: [String] = [], groups: [String] = [], quotaBytes: Int64? = nil,
    isDisabled: Bool = false, expires: WallTime? = nil, created: WallTime, lastLogIn: WallTime? = nil
  ) {
    self.id = id
    self.revision = revision
    self.name = name
    self.displayName = displayName
    self.addresses = addresses
    self.roles = roles
    self.groups = groups
    self.quotaBytes = quotaBytes
    self.isDisabled = isDisabled
    self.expires = expires
    self.created = created
    self.lastLogIn = lastLogIn
  }
}

/// Which accounts a listing shows; what is `nil` does not narrow it.
public struct AccountFilter: Sendable, Hashable, Codable {
  /// A part of the name or the display name, ASCII letters in either case.
  public var text: String?
  public var role: String?
  public var group: String?
  public var isDisabled: Bool?

  public init(text: String? = nil, role: String? = nil, group: String? = nil, isDisabled: Bool? = nil) {
    self.text = text
    self.role = role
    self.group = group
    self.isDisabled = isDisabled
  }
}
