import Services

/// The changes that one commit will make: operations run on it one after the other, on copies of the accounts that they touch.
///
/// A value: an operation that fails is undone by going on with the value of before.
struct MailTransaction {
  let core: EngineCore
  let now: WallTime
  /// The number that the commit will have.
  let commit: UInt64
  var batch: MailBatch
  /// The accounts that were touched, by name, as they will be; `nil` for those that go.
  var accounts: [String: AccountState?] = [:]
  var feed: [String: MailChange] = [:]
  /// Mailboxes whose row is to be written at the end.
  var dirtyMailboxes: [MailboxID: String] = [:]
  /// As `dirtyMailboxes`, for what need not be durable at once.
  var lazyMailboxes: [MailboxID: String] = [:]
  var dirtyAccounts: Set<String> = []
  /// Blobs of this batch, by the object that holds their bytes.
  var blobs: [ObjectIdentifier: Int64] = [:]
  /// Conversations of this batch, by account and hash.
  var threads: [ThreadKey: Int64] = [:]
  /// Set by an operation that can only run in the next batch.
  var isDeferred = false
  /// Whether messages were taken into memory.
  var hasLoaded = false
  var changedMessages: Set<MailboxID> = []
  /// Mailboxes whose mod-sequence the running operation has raised.
  private var raised: Set<MailboxID> = []

  struct ThreadKey: Hashable {
    var account: Int64
    var hash: Int64
  }

  init(core: EngineCore, now: WallTime, counters: MailCounters) {
    self.core = core
    self.now = now
    var counters = counters
    counters.commit += 1
    commit = UInt64(counters.commit)
    batch = MailBatch(counters: counters)
  }

  /// Whether there is something that must be durable.
  var isDurable: Bool { !batch.writes.isEmpty || !dirtyMailboxes.isEmpty || !dirtyAccounts.isEmpty }

  /// Runs one operation; when it throws, everything is as before.
  mutating func perform<Value>(
    _ body: (inout MailTransaction) throws(StoreError) -> Value
  ) throws(StoreError) -> Value {
    raised.removeAll()
    // Without the lists that only grow: they are cut off, not copied.
    let (writes, newBlobs) = (batch.writes.count, batch.blobs.count)
    let saved = (accounts, feed, dirtyMailboxes, lazyMailboxes, dirtyAccounts, blobs, threads, changedMessages)
    let counters = batch.counters
    do throws(StoreError) {
      return try body(&self)
    } catch {
      batch.writes.removeSubrange(writes...)
      batch.blobs.removeSubrange(newBlobs...)
      batch.counters = counters
      (accounts, feed, dirtyMailboxes, lazyMailboxes, dirtyAccounts, blobs, threads, changedMessages) = saved
      throw error
    }
  }

  /// The rows of everything that changed, once each, behind the other writes.
  mutating func complete() {
    for name in dirtyAccounts.sorted() {
      if let account = accounts[name] ?? nil { batch.writes.append(.account(account.row)) }
    }
    for (id, name) in dirtyMailboxes.sorted(by: { $0.key < $1.key }) {
      if let account = accounts[name] ?? nil, let state = account.mailboxes[id] {
        batch.writes.append(
          .mailbox(MailboxRow(account: account.row.id, mailbox: state.mailbox, recentFrom: state.recentFrom)))
      }
    }
  }

  // MARK: Accounts

  /// The account, made with its folders if it was never seen.
  mutating func account(_ name: String) throws(StoreError) -> AccountState {
    if let account = existing(name) { return account }
    guard !name.isEmpty, name.utf8.count <= 512 else { throw StoreError(.limitReached, "no account's name") }
    let quota = MailQuota(limitBytes: core.options.quotaBytes, limitMessages: core.options.quotaMessages)
    let row = AccountRow(
      id: batch.counters.account, name: name, quota: name == Mailbox.publicOwner ? MailQuota() : quota)
    batch.counters.account += 1
    accounts[name] = AccountState(row: row)
    dirtyAccounts.insert(name)
    change(name) { _ in }
    if name != Mailbox.publicOwner {
      _ = try addMailbox(Mailbox.inboxName, to: name)
      for folder in core.options.folders {
        _ = try addMailbox(folder.name, to: name, specialUse: folder.use)
      }
      let names = [Mailbox.inboxName] + core.options.folders.map(\.name)
      try subscribe(name, adding: Set(names), removing: [])
    }
    guard let account = existing(name) else { throw StoreError(.corrupt, "an account vanished") }
    return account
  }

  func existing(_ name: String) -> AccountState? {
    if let touched = accounts[name] { return touched }
    return core.state(of: name)
  }

  /// The name of the account that owns a mailbox.
  func owner(of id: MailboxID) throws(StoreError) -> String {
    for (name, account) in accounts where account?.mailboxes[id] != nil { return name }
    if let name = core.owner(of: id), existing(name)?.mailboxes[id] != nil { return name }
    throw StoreError(.notFound, "there is no mailbox \(id.number)")
  }

  func mailbox(_ id: MailboxID) throws(StoreError) -> (owner: String, state: MailboxState) {
    let name = try owner(of: id)
    guard let state = existing(name)?.mailboxes[id] else { throw StoreError(.notFound, "there is no mailbox") }
    return (name, state)
  }

  /// Puts a mailbox's new state in place; its row is written with the commit.
  mutating func put(_ state: MailboxState, of owner: String, isLazy: Bool = false) {
    guard var account = existing(owner) else { return }
    var state = state
    let id = state.mailbox.id
    if !isLazy { state.hold = core.hold(for: id, commit: commit, replacing: state.hold) }
    accounts[owner] = nil
    account.mailboxes[id] = state
    accounts[owner] = account
    if isLazy { lazyMailboxes[id] = owner } else { dirtyMailboxes[id] = owner }
  }

  mutating func change(_ owner: String, _ body: (inout MailChange) -> Void) {
    body(&feed[owner, default: MailChange(account: owner, commit: commit)])
  }

  /// Notes that a mailbox's messages have changed.
  mutating func noteMessages(of id: MailboxID, owner: String) {
    change(owner) { _ in }
    changedMessages.insert(id)
  }

  /// The mod-sequence of the running operation in this mailbox (RFC 7162): one more than before it.
  mutating func modSeq(_ state: inout MailboxState) -> UInt64 {
    if raised.insert(state.mailbox.id).inserted { state.mailbox.highestModSeq += 1 }
    return state.mailbox.highestModSeq
  }

  /// A mailbox with its messages in memory.
  mutating func loaded(_ id: MailboxID) throws(StoreError) -> (
    owner: String, state: MailboxState, messages: MessageList
  ) {
    var (owner, state) = try mailbox(id)
    if let messages = state.messages { return (owner, state, messages) }
    if dirtyMailboxes[id] != nil {
      // What this batch adds to it is not on the disk yet.
      isDeferred = true
      throw StoreError(.unavailable, "deferred to the next commit")
    }
    let messages = try core.backing.messages(of: id).messages
    install(messages, in: &state, of: owner)
    return (owner, state, messages)
  }

  /// Takes messages into memory that were read from the disk.
  mutating func install(_ messages: MessageList, in state: inout MailboxState, of owner: String) {
    guard var account = existing(owner) else { return }
    state.messages = messages
    accounts[owner] = nil
    account.mailboxes[state.mailbox.id] = state
    accounts[owner] = account
    hasLoaded = true
  }

  mutating func use(_ owner: String, bytes: Int64, messages: Int64, checked: Bool = true) throws(StoreError) {
    guard var account = existing(owner) else { throw StoreError(.notFound, "there is no such account") }
    if checked, !account.row.quota.allows(bytes: bytes, messages: messages) {
      throw StoreError(.overQuota, "\(owner) has used up its quota")
    }
    accounts[owner] = nil
    account.row.quota.usedBytes += bytes
    account.row.quota.usedMessages += messages
    accounts[owner] = account
    dirtyAccounts.insert(owner)
  }
}
