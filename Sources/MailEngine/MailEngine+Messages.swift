import Services

extension MailEngine {
  public func snapshot(of id: MailboxID) async throws(StoreError) -> MailboxSnapshot {
    if let snapshot = current(id) { return snapshot }
    // Read beside the thread that commits, and put in place there if nothing has come between.
    guard core.mailbox(id) != nil else { throw StoreError(.notFound, "there is no mailbox \(id.number)") }
    let read = try core.backing.messages(of: id)
    let list = read.messages
    return try await core.submit { (transaction) throws(StoreError) in
      var (owner, state) = try transaction.mailbox(id)
      if state.messages == nil, state.mailbox.highestModSeq == read.modSeq, transaction.dirtyMailboxes[id] == nil {
        transaction.install(list, in: &state, of: owner)
      }
      return try transaction.snapshot(of: id)
    }
  }

  public func current(_ id: MailboxID) -> MailboxSnapshot? { core.mailbox(id)?.snapshot }

  public func vanished(from id: MailboxID, since modSeq: UInt64) async throws(StoreError) -> UIDSet {
    guard core.mailbox(id) != nil else { throw StoreError(.notFound, "there is no mailbox \(id.number)") }
    return try core.backing.vanished(from: id, since: modSeq)
  }

  public func takeRecent(_ id: MailboxID) async throws(StoreError) -> UIDSet {
    // Most of the time there are none.
    if let state = core.mailbox(id), state.recentFrom >= state.mailbox.uidNext { return UIDSet() }
    return try await core.submit { (transaction) throws(StoreError) in try transaction.takeRecent(id) }
  }

  public func stage(expecting size: Int64?) async throws(StoreError) -> any StagedMessage {
    EngineStagedMessage(try core.backing.stage(expecting: size))
  }

  public func append(_ messages: [MessageAppend]) async throws(StoreError) -> [AppendedMessage] {
    try Self.finish(messages)
    return try await core.submit { (transaction) throws(StoreError) in
      try transaction.load(messages)
      var appended: [AppendedMessage] = []
      for message in messages { appended.append(try transaction.append(message)) }
      return appended
    }
  }

  public func deliver(
    _ messages: [MessageAppend]
  ) async throws(StoreError) -> [Result<AppendedMessage, StoreError>] {
    try Self.finish(messages)
    return try await core.submit { (transaction) throws(StoreError) in
      try transaction.load(messages)
      var results: [Result<AppendedMessage, StoreError>] = []
      for message in messages {
        do throws(StoreError) {
          results.append(
            .success(try transaction.perform { (transaction) throws(StoreError) in try transaction.append(message) }))
        } catch {
          if transaction.isDeferred { throw error }
          results.append(.failure(error))
        }
      }
      return results
    }
  }

  /// The work that needs no order is done before the thread that commits is asked.
  private static func finish(_ messages: [MessageAppend]) throws(StoreError) {
    for message in messages {
      guard let staged = message.message as? EngineStagedMessage else {
        throw StoreError(.conflict, "the message was staged in another store")
      }
      _ = try staged.finished()
    }
  }

  public func copy(
    _ uids: UIDSet, from source: MailboxID, to destination: MailboxID
  ) async throws(StoreError) -> CopyResult {
    try await core.submit { (transaction) throws(StoreError) in
      try transaction.transfer(uids, from: source, to: destination, isMove: false)
    }
  }

  public func move(
    _ uids: UIDSet, from source: MailboxID, to destination: MailboxID
  ) async throws(StoreError) -> CopyResult {
    try await core.submit { (transaction) throws(StoreError) in
      try transaction.transfer(uids, from: source, to: destination, isMove: true)
    }
  }

  public func store(
    _ change: FlagChange, to uids: UIDSet, of id: MailboxID, unchangedSince: UInt64?
  ) async throws(StoreError) -> StoreFlagsResult {
    try await core.submit { (transaction) throws(StoreError) in
      let (modified, changed) = try transaction.storeFlags(change, to: uids, of: id, unchangedSince: unchangedSince)
      return StoreFlagsResult(modified: modified, changed: changed, snapshot: try transaction.snapshot(of: id))
    }
  }

  public func expunge(_ uids: UIDSet, of id: MailboxID, onlyDeleted: Bool) async throws(StoreError) -> ExpungeResult {
    try await core.submit { (transaction) throws(StoreError) in
      let expunged = try transaction.expunge(uids, of: id, onlyDeleted: onlyDeleted)
      return ExpungeResult(expunged: expunged, snapshot: try transaction.snapshot(of: id))
    }
  }

  public func expungedMessages(of account: String, limit: Int) async throws(StoreError) -> [ExpungedMessage] {
    guard let row = core.state(of: account)?.row else { return [] }
    return try core.backing.expunged(account: row.id, limit: limit)
  }

  public func restore(
    _ uids: UIDSet, expungedFrom id: MailboxID, to destination: MailboxID
  ) async throws(StoreError) -> CopyResult {
    try await core.submit { (transaction) throws(StoreError) in
      try transaction.restore(uids, expungedFrom: id, to: destination)
    }
  }
}

extension MailTransaction {
  /// Loads the mailboxes that messages are replaced in, before anything changes them.
  mutating func load(_ messages: [MessageAppend]) throws(StoreError) {
    for message in messages {
      guard let id = message.replacing?.mailbox, (try? owner(of: id)) != nil else { continue }
      _ = try loaded(id)
    }
  }

  mutating func snapshot(of id: MailboxID) throws(StoreError) -> MailboxSnapshot {
    let (_, state, messages) = try loaded(id)
    return MailboxSnapshot(mailbox: state.mailbox, messages: messages, hold: state.hold)
  }
}
