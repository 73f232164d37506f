import Services

extension MailTransaction {
  /// A mailbox's name in its normal form. `.limitReached` for what can't be one.
  func normal(_ name: String) throws(StoreError) -> String {
    let parts = name.split(separator: Mailbox.separator, omittingEmptySubsequences: false)
    guard !name.isEmpty, name.utf8.count <= core.options.nameLength, parts.count <= core.options.depth,
      parts.allSatisfy({ !$0.isEmpty }), !name.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F })
    else { throw StoreError(.limitReached, "no name for a mailbox") }
    if MailText.equalsIgnoringCase(String(parts[0]), Mailbox.inboxName) {
      return ([Substring(Mailbox.inboxName)] + parts.dropFirst()).joined(separator: "/")
    }
    return name
  }

  /// Makes a mailbox, and those above it.
  mutating func addMailbox(
    _ wanted: String, to owner: String, specialUse: SpecialUse? = nil, uidValidity: UInt32? = nil
  ) throws(StoreError) -> Mailbox {
    let name = try normal(wanted)
    let account = try account(owner)
    guard account.mailbox(named: name) == nil else { throw StoreError(.conflict, "there is such a mailbox") }
    if let specialUse, account.mailbox(for: specialUse) != nil {
      throw StoreError(.conflict, "another mailbox has this special use")
    }
    try addParents(of: name, to: owner)
    let id = MailboxID(batch.counters.mailbox)
    batch.counters.mailbox += 1
    let validity = uidValidity ?? UInt32(clamping: max(batch.counters.uidValidity + 1, now.seconds))
    batch.counters.uidValidity = max(batch.counters.uidValidity, Int64(validity))
    let mailbox = Mailbox(
      id: id, owner: owner, name: name, uidValidity: max(1, validity), created: WallTime(seconds: now.seconds),
      specialUse: specialUse)
    guard let current = existing(owner), current.mailboxes.count < core.options.mailboxesPerAccount else {
      throw StoreError(.limitReached, "an account has \(core.options.mailboxesPerAccount) mailboxes at most")
    }
    let hold = MailboxHold(commit: commit)
    put(MailboxState(mailbox: mailbox, recentFrom: 1, messages: MessageList(), hold: hold), of: owner)
    change(owner) { $0.created.append(id) }
    return mailbox
  }

  private mutating func addParents(of name: String, to owner: String) throws(StoreError) {
    guard let slash = name.lastIndex(of: Mailbox.separator) else { return }
    let parent = String(name[..<slash])
    if existing(owner)?.mailbox(named: parent) == nil { _ = try addMailbox(parent, to: owner) }
  }

  mutating func deleteMailbox(_ id: MailboxID) throws(StoreError) {
    let (owner, state) = try mailbox(id)
    if state.mailbox.isInbox { throw StoreError(.conflict, "the inbox can't be deleted") }
    try dropMailbox(state, of: owner)
  }

  private mutating func dropMailbox(_ state: MailboxState, of owner: String) throws(StoreError) {
    let id = state.mailbox.id
    let messages = try loaded(id).messages
    guard var account = existing(owner) else { return }
    if !messages.isEmpty {
      var all: [MailMessage] = []
      messages.forEach {
        all.append($1); return true
      }
      batch.writes.append(
        .expunge(id, all, modSeq: nil, account: account.row.id, name: state.mailbox.name, time: now))
      try use(owner, bytes: -state.mailbox.size, messages: -Int64(state.mailbox.count))
      account = existing(owner) ?? account
    }
    batch.writes.append(.removeMailbox(account: account.row.id, id))
    accounts[owner] = nil
    account.mailboxes[id] = nil
    accounts[owner] = account
    dirtyMailboxes[id] = nil
    lazyMailboxes[id] = nil
    change(owner) { $0.deleted.append(id) }
  }

  mutating func renameMailbox(_ id: MailboxID, to wanted: String) throws(StoreError) -> Mailbox {
    let name = try normal(wanted)
    let (owner, state) = try mailbox(id)
    guard let account = existing(owner), account.mailbox(named: name) == nil else {
      throw StoreError(.conflict, "there is such a mailbox")
    }
    let old = state.mailbox.name
    if state.mailbox.isInbox {
      let created = try addMailbox(name, to: owner)
      _ = try transfer(.all, from: id, to: created.id, isMove: true)
      return try mailbox(created.id).state.mailbox
    }
    guard !name.hasPrefix(old + "/") else { throw StoreError(.conflict, "a mailbox can't go below itself") }
    try addParents(of: name, to: owner)
    let below = account.mailboxes.values.filter { $0.mailbox.name.hasPrefix(old + "/") }
    for var child in below {
      let childName = try normal(name + child.mailbox.name.dropFirst(old.count))
      guard existing(owner)?.mailbox(named: childName) == nil else {
        throw StoreError(.conflict, "there is such a mailbox")
      }
      change(owner) { $0.renamed[child.mailbox.id] = child.mailbox.name }
      child.mailbox.name = childName
      put(child, of: owner)
    }
    var renamed = try mailbox(id).state
    renamed.mailbox.name = name
    put(renamed, of: owner)
    change(owner) { $0.renamed[id] = old }
    return renamed.mailbox
  }

  mutating func setSpecialUse(_ use: SpecialUse?, of id: MailboxID) throws(StoreError) {
    var (owner, state) = try mailbox(id)
    if let use, let other = existing(owner)?.mailbox(for: use), other.mailbox.id != id {
      throw StoreError(.conflict, "another mailbox has this special use")
    }
    state.mailbox.specialUse = use
    put(state, of: owner)
    change(owner) { $0.attributes.append(id) }
  }

  mutating func setRights(_ rights: MailboxRights, of identifier: String, on id: MailboxID) throws(StoreError) {
    var (owner, state) = try mailbox(id)
    guard !identifier.isEmpty, identifier.utf8.count <= 512, !identifier.contains("\n"), !identifier.contains("\t"),
      state.mailbox.accessList.count < 1_000 || state.mailbox.accessList[identifier] != nil
    else { throw StoreError(.limitReached, "no identifier, or too many") }
    state.mailbox.accessList[identifier] = rights.isEmpty ? nil : rights
    put(state, of: owner)
    change(owner) { $0.attributes.append(id) }
  }

  mutating func subscribe(_ owner: String, adding: Set<String>, removing: Set<String>) throws(StoreError) {
    var account = try account(owner)
    let added = adding.subtracting(account.subscriptions)
    let removed = removing.subtracting(adding).intersection(account.subscriptions)
    guard account.subscriptions.count + added.count <= core.options.subscriptionsPerAccount,
      added.allSatisfy({ !$0.isEmpty && $0.utf8.count <= 2 * core.options.nameLength })
    else { throw StoreError(.limitReached, "too many subscriptions, or too long") }
    for name in added.sorted() {
      batch.writes.append(.subscription(account: account.row.id, name: name, isOn: true))
    }
    for name in removed.sorted() {
      batch.writes.append(.subscription(account: account.row.id, name: name, isOn: false))
    }
    accounts[owner] = nil
    account.subscriptions.formUnion(added)
    account.subscriptions.subtract(removed)
    accounts[owner] = account
    if !added.isEmpty || !removed.isEmpty {
      change(owner) { $0.subscriptions += added.union(removed).sorted() }
    }
  }

  mutating func removeAccount(_ owner: String) throws(StoreError) {
    guard let account = existing(owner) else { return }
    for state in account.mailboxes.values.sorted(by: { $0.mailbox.id < $1.mailbox.id }) {
      try dropMailbox(state, of: owner)
    }
    batch.writes.append(.removeAccount(account.row.id))
    accounts[owner] = .some(nil)
    dirtyAccounts.remove(owner)
  }

  mutating func setQuota(of owner: String, bytes: Int64?, messages: Int64?) throws(StoreError) {
    var account = try account(owner)
    accounts[owner] = nil
    account.row.quota.limitBytes = bytes.map { max(0, $0) }
    account.row.quota.limitMessages = messages.map { max(0, $0) }
    accounts[owner] = account
    dirtyAccounts.insert(owner)
    change(owner) { $0.quotaChanged = true }
  }

  mutating func setMetadata(
    _ entries: [String: [UInt8]?], of id: MailboxID?, account name: String, user: String
  ) throws(StoreError) {
    let owner = try id.map { (id) throws(StoreError) in try self.owner(of: id) } ?? name
    let account = try account(owner)
    let mailbox = id?.number ?? 0
    let present = try core.backing.metadata(account: account.row.id, mailbox: mailbox)
    var count = present.count
    for (entry, value) in entries.sorted(by: { $0.key < $1.key }) {
      let key = MetadataKey(user: entry.hasPrefix("/private/") ? user : "", entry: entry)
      guard entry.utf8.count <= 512, value?.count ?? 0 <= core.options.annotationBytes else {
        throw StoreError(.limitReached, "an annotation is too long")
      }
      if value != nil, present[key] == nil { count += 1 }
      batch.writes.append(.metadata(account: account.row.id, mailbox: mailbox, key, value))
    }
    guard count <= core.options.annotations else { throw StoreError(.limitReached, "too many annotations") }
    change(owner) { $0.metadata[id, default: []] += entries.keys.sorted() }
  }
}
