import Services

/// Mail's rules over a backing: UIDs, mod-sequences, quotas, conversations, what stays readable for whom. The states of
/// mailboxes that are in use are in memory as values that share what they have in common; readers never wait for writers.
public final class MailEngine: MailStore {
  let core: EngineCore

  /// Reads what the backing has. Blocks meanwhile.
  public init(
    backing: any MailBacking, clock: any Clock, options: MailEngineOptions = MailEngineOptions()
  ) throws(StoreError) {
    core = try EngineCore(backing: backing, clock: clock, options: options)
  }

  /// Finishes what was asked for and closes the backing; blocks until then. Everything throws `.unavailable` afterwards.
  public func close() { core.close() }

  deinit { core.close() }

  // MARK: Mailboxes

  public func mailboxes(of account: String) async throws(StoreError) -> MailboxTree {
    if let tree = currentMailboxes(of: account) { return tree }
    return try await core.submit { (transaction) throws(StoreError) in try transaction.account(account).tree }
  }

  public func currentMailboxes(of account: String) -> MailboxTree? { core.state(of: account)?.tree }

  public func mailboxes(sharedWith identifiers: Set<String>) async throws(StoreError) -> [Mailbox] {
    core.mailboxes { mailbox in
      !identifiers.contains(mailbox.owner) && !identifiers.isDisjoint(with: mailbox.accessList.keys)
    }.sorted { ($0.owner, $0.name) < ($1.owner, $1.name) }
  }

  public func createMailbox(
    _ name: String, of account: String, specialUse: SpecialUse?, uidValidity: UInt32?
  ) async throws(StoreError) -> Mailbox {
    try await core.submit { (transaction) throws(StoreError) in
      _ = try transaction.account(account)
      return try transaction.addMailbox(name, to: account, specialUse: specialUse, uidValidity: uidValidity)
    }
  }

  public func deleteMailbox(_ id: MailboxID) async throws(StoreError) {
    try await core.submit { (transaction) throws(StoreError) in try transaction.deleteMailbox(id) }
  }

  public func renameMailbox(_ id: MailboxID, to name: String) async throws(StoreError) -> Mailbox {
    try await core.submit { (transaction) throws(StoreError) in try transaction.renameMailbox(id, to: name) }
  }

  public func setSpecialUse(_ use: SpecialUse?, of id: MailboxID) async throws(StoreError) {
    try await core.submit { (transaction) throws(StoreError) in try transaction.setSpecialUse(use, of: id) }
  }

  public func subscribe(_ account: String, adding: Set<String>, removing: Set<String>) async throws(StoreError) {
    try await core.submit { (transaction) throws(StoreError) in
      try transaction.subscribe(account, adding: adding, removing: removing)
    }
  }

  public func setRights(_ rights: MailboxRights, of identifier: String, on id: MailboxID) async throws(StoreError) {
    try await core.submit { (transaction) throws(StoreError) in
      try transaction.setRights(rights, of: identifier, on: id)
    }
  }

  public func removeAccount(_ account: String) async throws(StoreError) {
    try await core.submit { (transaction) throws(StoreError) in try transaction.removeAccount(account) }
  }

  public func accounts() async throws(StoreError) -> [String] { core.accountNames }

  // MARK: Content

  public func body(of message: MailMessage) throws(StoreError) -> any MessageBody {
    try core.backing.body(ofBlob: message.blob, size: message.size)
  }

  public func digests(of messages: [MailMessage]) async throws(StoreError) -> [[UInt8]] {
    var found = messages.map { core.digests.digest(of: $0.emailID) }
    let missing = messages.indices.filter { found[$0] == nil }
    if !missing.isEmpty {
      let read = try core.backing.digests(of: missing.map { messages[$0].emailID })
      for (index, digest) in zip(missing, read) {
        found[index] = digest
        core.digests.add(digest, of: messages[index].emailID)
      }
    }
    return found.map { $0 ?? [] }
  }

  public func currentDigest(of message: MailMessage) -> [UInt8]? { core.digests.digest(of: message.emailID) }

  public func matches(_ query: MailTextQuery, in id: MailboxID) async throws(StoreError) -> MailTextMatches {
    var (low, high) = (Int64.max, Int64.min)
    try await snapshot(of: id).messages.forEach { _, message in
      (low, high) = (min(low, message.emailID), max(high, message.emailID))
      return true
    }
    guard low <= high else { return MailTextMatches(emailIDs: [], indexedThrough: .max) }
    return try core.backing.matches(query, in: low...high)
  }

  // MARK: Quota and metadata

  public func quota(of account: String) async throws(StoreError) -> MailQuota {
    if let state = core.state(of: account) { return state.row.quota }
    return try await core.submit { (transaction) throws(StoreError) in try transaction.account(account).row.quota }
  }

  public func setQuota(of account: String, bytes: Int64?, messages: Int64?) async throws(StoreError) {
    try await core.submit { (transaction) throws(StoreError) in
      try transaction.setQuota(of: account, bytes: bytes, messages: messages)
    }
  }

  public func metadata(
    of id: MailboxID?, account: String, user: String
  ) async throws(StoreError) -> [String: [UInt8]] {
    var owner = account
    if let id {
      guard let name = core.owner(of: id) else { throw StoreError(.notFound, "there is no mailbox \(id.number)") }
      owner = name
    }
    guard let row = core.state(of: owner)?.row else { return [:] }
    let all = try core.backing.metadata(account: row.id, mailbox: id?.number ?? 0)
    var result: [String: [UInt8]] = [:]
    for (key, value) in all where key.user.isEmpty || key.user == user { result[key.entry] = value }
    return result
  }

  public func setMetadata(
    _ entries: [String: [UInt8]?], of id: MailboxID?, account: String, user: String
  ) async throws(StoreError) {
    try await core.submit { (transaction) throws(StoreError) in
      try transaction.setMetadata(entries, of: id, account: account, user: user)
    }
  }

  // MARK: Feed and upkeep

  public func observe(
    _ accounts: Set<String>, _ handler: @escaping @Sendable (MailChange) -> Void
  ) -> MailObservation { core.observe(accounts, handler) }

  /// Lets go for ever of expunged messages whose time is over, now; it happens by itself every ten minutes.
  public func purge() async throws(StoreError) {
    while try await core.submit({ (transaction) throws(StoreError) in
      try transaction.purge(before: transaction.now + (.zero - transaction.core.options.keptFor))
    }) {}
  }
}
