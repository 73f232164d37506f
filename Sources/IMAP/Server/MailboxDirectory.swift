import IMAPCore
import Services

/// The mailboxes as one account sees them: its own, `#user/NAME/…` of others and `#shared/…` of nobody, with its rights.
struct MailboxDirectory: Sendable {
  let store: any MailStore
  let identity: AccountIdentity

  static let othersPrefix = "#user/"
  static let sharedPrefix = "#shared/"

  /// A name, whether or not there is a mailbox of that name.
  struct Place: Sendable {
    /// Whose it is.
    var owner: String
    /// As the owner calls it.
    var name: String
  }

  /// A mailbox, and what the account may do with it.
  struct Entry: Sendable {
    var mailbox: Mailbox
    var name: MailboxName
    var rights: MailboxRights
  }

  var account: String { identity.name }

  func place(_ name: MailboxName) -> Place? {
    let text = name.description
    if text.hasPrefix(Self.othersPrefix) {
      let rest = text.dropFirst(Self.othersPrefix.count)
      guard let slash = rest.firstIndex(of: "/") else { return nil }
      let owner = String(rest[..<slash])
      let inner = MailboxName(String(rest[rest.index(after: slash)...])).description
      return owner.isEmpty || inner.isEmpty ? nil : Place(owner: owner.lowercased(), name: inner)
    }
    if text.hasPrefix(Self.sharedPrefix) {
      return Place(owner: Mailbox.publicOwner, name: String(text.dropFirst(Self.sharedPrefix.count)))
    }
    if text.hasPrefix("#") { return nil }
    return Place(owner: account, name: text)
  }

  /// The name by which this account knows a mailbox.
  func name(of mailbox: Mailbox) -> MailboxName {
    if mailbox.owner == account { return MailboxName(mailbox.name) }
    if mailbox.owner == Mailbox.publicOwner { return MailboxName(Self.sharedPrefix + mailbox.name) }
    return MailboxName("\(Self.othersPrefix)\(mailbox.owner)/\(mailbox.name)")
  }

  /// Whoever may do everything looks after the public mailboxes.
  func rights(to mailbox: Mailbox) -> MailboxRights {
    if mailbox.owner == Mailbox.publicOwner, identity.permissions.contains("all") { return .all }
    return mailbox.rights(of: account, groups: identity.roles)
  }

  /// The mailbox of a name. One that the account may not even see is not there.
  func find(_ name: MailboxName) async throws(IMAPFailure) -> Entry {
    guard let place = place(name), let mailbox = try await mailbox(at: place) else { throw .notThere }
    let rights = rights(to: mailbox)
    guard rights.contains(.lookup) else { throw .notThere }
    return Entry(mailbox: mailbox, name: self.name(of: mailbox), rights: rights)
  }

  /// Others' trees are never asked for by a name that a client made up: only what is shared is looked at.
  private func mailbox(at place: Place) async throws(IMAPFailure) -> Mailbox? {
    if place.owner == account || place.owner == Mailbox.publicOwner {
      let tree = try await failing { () async throws(StoreError) in try await store.mailboxes(of: place.owner) }
      return tree.mailbox(named: place.name)
    }
    return try await shared().first { $0.owner == place.owner && $0.name == place.name }
  }

  /// Others' mailboxes that name this account in their access lists.
  private func shared() async throws(IMAPFailure) -> [Mailbox] {
    let identifiers = Set([account, "anyone"] + identity.roles.map { "group:\($0)" })
    return try await failing { () async throws(StoreError) in try await store.mailboxes(sharedWith: identifiers) }
  }

  func find(_ name: MailboxName, needing right: MailboxRights) async throws(IMAPFailure) -> Entry {
    let entry = try await find(name)
    guard entry.rights.isSuperset(of: right) else { throw .notPermitted }
    return entry
  }

  /// All that the account can see, in the order of names, its own first.
  func all() async throws(IMAPFailure) -> (entries: [Entry], subscriptions: Set<String>) {
    let tree = try await failing { () async throws(StoreError) in try await store.mailboxes(of: account) }
    var entries = tree.mailboxes.map { Entry(mailbox: $0, name: MailboxName($0.name), rights: .all) }
    var shared = try await shared()
    if identity.permissions.contains("all") {
      let own = try await failing { () async throws(StoreError) in try await store.mailboxes(of: Mailbox.publicOwner) }
      shared += own.mailboxes.filter { mailbox in !mailbox.isInbox && !shared.contains { $0.id == mailbox.id } }
    }
    for mailbox in shared where mailbox.owner != account {
      let rights = rights(to: mailbox)
      if rights.contains(.lookup) { entries.append(Entry(mailbox: mailbox, name: name(of: mailbox), rights: rights)) }
    }
    return (entries, tree.subscriptions)
  }

  /// Whether the account may make a mailbox at this place.
  func mayCreate(at place: Place) async throws(IMAPFailure) -> Bool {
    if place.owner == account { return true }
    if place.owner == Mailbox.publicOwner, identity.permissions.contains("all") { return true }
    let shared = try await shared()
    var parent = MailboxName(place.name).parent
    while let name = parent {
      if let mailbox = shared.first(where: { $0.owner == place.owner && $0.name == name.description }) {
        return rights(to: mailbox).contains(.createMailboxes)
      }
      parent = name.parent
    }
    return false
  }
}

/// Why a command is answered by NO.
struct IMAPFailure: Error, Sendable {
  var completion: Completion

  init(_ text: String, _ code: ResponseCode? = nil) { completion = .no(text, code) }
  init(bad text: String) { completion = .bad(text) }

  static let notThere = IMAPFailure("There is no such mailbox", .nonexistent)
  static let notPermitted = IMAPFailure("You may not do that here", .noPermission)
  static let readOnly = IMAPFailure("The mailbox is open for reading only", .noPermission)
  static let badSet = IMAPFailure(bad: "There is no message of that number")
  static let noneSelected = IMAPFailure(bad: "No mailbox is selected")

  /// What a store's error means to a client; its diagnosis is not for the peer.
  init(_ error: StoreError) {
    switch error.code {
    case .notFound: self = .notThere
    case .conflict: self.init("There is one already", .alreadyExists)
    case .overQuota: self.init("The quota is used up", .overQuota)
    case .limitReached: self.init("That would be too many, or too long", .limit)
    case .full: self.init("There is no room left", .unavailable)
    case .corrupt: self.init("What is stored is damaged", .contactAdmin)
    default: self.init("The store can't be reached; try again later", .unavailable)
    }
  }
}

/// Calls a store, and tells its errors as a client understands them.
func failing<Value: Sendable>(
  _ body: () async throws(StoreError) -> Value
) async throws(IMAPFailure) -> Value {
  do throws(StoreError) { return try await body() } catch { throw IMAPFailure(error) }
}
