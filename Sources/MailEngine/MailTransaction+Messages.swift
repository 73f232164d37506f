import Services

extension MailTransaction {
  /// Adds one message.
  mutating func append(_ append: MessageAppend) throws(StoreError) -> AppendedMessage {
    guard let staged = append.message as? EngineStagedMessage else {
      throw StoreError(.conflict, "the message was staged in another store")
    }
    let digest = try staged.finished()
    if let replaced = append.replacing { try replace(replaced) }
    var (owner, state) = try mailbox(append.mailbox)
    guard let account = existing(owner) else { throw StoreError(.notFound, "there is no such account") }
    try use(owner, bytes: staged.size, messages: 1)
    let keywords = try state.keywords(append.keywords)
    let uid = try nextUID(&state)
    let email = batch.counters.email
    batch.counters.email += 1
    let blob = try blob(for: staged.blob)
    let thread = try thread(for: digest, email: email, account: account.row.id)
    let date = append.internalDate?.seconds ?? now.seconds
    let message = MailMessage(
      uid: uid, flags: append.flags, keywords: keywords, modSeq: modSeq(&state), internalSeconds: date,
      saveSeconds: now.seconds, size: staged.size, emailID: email, threadID: thread, blob: blob)
    state.count(message, 1)
    state.messages?.append(contentsOf: CollectionOfOne(message))
    batch.writes.append(.email(email, blob: blob, digest: staged.encodedDigest))
    batch.writes.append(.insert(append.mailbox, [message]))
    put(state, of: owner)
    noteMessages(of: append.mailbox, owner: owner)
    return AppendedMessage(
      mailbox: append.mailbox, uidValidity: state.mailbox.uidValidity, uid: uid, modSeq: message.modSeq, emailID: email)
  }

  private mutating func replace(_ replaced: MessageAppend.Replaced) throws(StoreError) {
    _ = try expunge(UIDSet(replaced.uid...replaced.uid), of: replaced.mailbox, onlyDeleted: false)
  }

  private func nextUID(_ state: inout MailboxState) throws(StoreError) -> UInt32 {
    let uid = state.mailbox.uidNext
    guard uid < .max else { throw StoreError(.limitReached, "a mailbox has given out all its UIDs") }
    state.mailbox.uidNext = uid + 1
    return uid
  }

  private mutating func blob(for staged: any StagedBlob) throws(StoreError) -> Int64 {
    if let number = blobs[ObjectIdentifier(staged)] { return number }
    if let number = try core.backing.blob(like: staged) { return number }
    let number = try core.backing.reserve(staged)
    batch.blobs.append((number, staged))
    blobs[ObjectIdentifier(staged)] = number
    return number
  }

  /// The conversation of a message: that of one that it refers to, or of one that refers to it, or its own.
  private mutating func thread(
    for digest: EngineStagedMessage.Threading, email: Int64, account: Int64
  ) throws(StoreError) -> Int64 {
    var known: [Int64: Int64] = [:]
    let unknown = digest.hashes.filter { hash in
      known[hash] = threads[ThreadKey(account: account, hash: hash)]
      return known[hash] == nil
    }
    if !unknown.isEmpty {
      known.merge(try core.backing.threads(account: account, of: unknown)) { first, _ in first }
    }
    let thread = digest.hashes.lazy.compactMap { known[$0] }.first ?? email
    for hash in digest.hashes where known[hash] == nil {
      threads[ThreadKey(account: account, hash: hash)] = thread
      batch.writes.append(.thread(account: account, hash: hash, thread: thread))
    }
    return thread
  }

  /// Copies or moves messages.
  mutating func transfer(
    _ uids: UIDSet, from source: MailboxID, to destination: MailboxID, isMove: Bool
  ) throws(StoreError) -> CopyResult {
    let (sourceOwner, sourceState, messages) = try loaded(source)
    let (owner, target) = try mailbox(destination)
    var chosen: [MailMessage] = []
    messages.forEach(in: uids) { chosen.append($1) }
    var result = CopyResult(
      uidValidity: target.mailbox.uidValidity, sources: chosen.map(\.uid), copies: [],
      sourceModSeq: sourceState.mailbox.highestModSeq)
    if chosen.isEmpty { return result }
    let bytes = chosen.reduce(0) { $0 + $1.size }
    // What only changes its place needs no room.
    let isFree = isMove && sourceOwner == owner
    if isMove {
      _ = try expunge(UIDSet(chosen.map(\.uid)), of: source, onlyDeleted: false, isKept: false)
      result.sourceModSeq = try mailbox(source).state.mailbox.highestModSeq
    }
    try use(owner, bytes: bytes, messages: Int64(chosen.count), checked: !isFree)
    var state = try mailbox(destination).state
    let modSeq = modSeq(&state)
    var copies: [MailMessage] = []
    for message in chosen {
      var copy = message
      copy.keywords = try state.keywords(sourceState.mailbox.names(of: message.keywords))
      copy.uid = try nextUID(&state)
      copy.modSeq = modSeq
      copy.saveSeconds = now.seconds
      if sourceOwner != owner { copy.threadID = copy.emailID }
      state.count(copy, 1)
      copies.append(copy)
      if !isMove { batch.writes.append(.references(email: message.emailID, by: 1)) }
    }
    state.messages?.append(contentsOf: copies)
    batch.writes.append(.insert(destination, copies))
    put(state, of: owner)
    noteMessages(of: destination, owner: owner)
    result.copies = copies.map(\.uid)
    return result
  }

  mutating func storeFlags(
    _ change: FlagChange, to uids: UIDSet, of id: MailboxID, unchangedSince: UInt64?
  ) throws(StoreError) -> (modified: UIDSet, changed: UIDSet) {
    var (owner, state, messages) = try loaded(id)
    // What is taken away need not be known.
    let names =
      change.mode == .remove
      ? change.keywords.filter { state.mailbox.index(ofKeyword: $0) != nil }
      : change.keywords
    let keywordsBefore = state.mailbox.keywords.count
    let keywords = try state.keywords(names)
    var modified = UIDSet()
    var changed: [MailMessage] = []
    messages.forEach(in: uids) { _, message in
      if let unchangedSince, message.modSeq > unchangedSince {
        modified.insert(message.uid)
        return
      }
      let new = Self.apply(change, keywords, to: message)
      if new.flags != message.flags || new.keywords != message.keywords { changed.append(new) }
    }
    let changedUIDs = UIDSet(changed.map(\.uid))
    guard !changed.isEmpty else {
      if state.mailbox.keywords.count != keywordsBefore { put(state, of: owner) }
      return (modified, changedUIDs)
    }
    let modSeq = modSeq(&state)
    for index in changed.indices {
      changed[index].modSeq = modSeq
      if let before = messages.message(changed[index].uid) { state.count(before, -1) }
      state.count(changed[index], 1)
    }
    let byUID = Dictionary(changed.map { ($0.uid, $0) }) { first, _ in first }
    messages.update(changedUIDs) { byUID[$0.uid] }
    state.messages = messages
    batch.writes.append(.update(id, changed))
    put(state, of: owner)
    noteMessages(of: id, owner: owner)
    return (modified, changedUIDs)
  }

  private static func apply(_ change: FlagChange, _ keywords: KeywordSet, to message: MailMessage) -> MailMessage {
    var new = message
    switch change.mode {
    case .replace:
      new.flags = change.flags
      new.keywords = keywords
    case .add:
      new.flags.formUnion(change.flags)
      new.keywords.formUnion(keywords)
    case .remove:
      new.flags.subtract(change.flags)
      new.keywords.subtract(keywords)
    }
    return new
  }

  /// - Parameter isKept: Whether they can be restored; not what was moved, and is elsewhere.
  mutating func expunge(
    _ uids: UIDSet, of id: MailboxID, onlyDeleted: Bool, isKept: Bool = true
  ) throws(StoreError) -> UIDSet {
    var (owner, state, messages) = try loaded(id)
    guard let account = existing(owner) else { throw StoreError(.notFound, "there is no such account") }
    var gone: [MailMessage] = []
    messages.forEach(in: uids) { _, message in
      if !onlyDeleted || message.flags.contains(.deleted) { gone.append(message) }
    }
    let expunged = UIDSet(gone.map(\.uid))
    if gone.isEmpty { return expunged }
    let modSeq = modSeq(&state)
    for message in gone { state.count(message, -1) }
    messages.remove(expunged)
    state.messages = messages
    batch.writes.append(
      .expunge(id, gone, modSeq: modSeq, account: account.row.id, name: state.mailbox.name, time: now))
    if !isKept { batch.writes.append(.forget(id, gone.map(\.uid))) }
    put(state, of: owner)
    try use(owner, bytes: -gone.reduce(0) { $0 + $1.size }, messages: -Int64(gone.count))
    noteMessages(of: id, owner: owner)
    return expunged
  }

  mutating func restore(
    _ uids: UIDSet, expungedFrom id: MailboxID, to destination: MailboxID
  ) throws(StoreError) -> CopyResult {
    var (owner, state) = try mailbox(destination)
    guard let account = existing(owner) else { throw StoreError(.notFound, "there is no such account") }
    let records = try core.backing.expunged(uids, from: id).filter { $0.account == account.row.id }
    var result = CopyResult(
      uidValidity: state.mailbox.uidValidity, sources: [], copies: [], sourceModSeq: state.mailbox.highestModSeq)
    if records.isEmpty { return result }
    try use(
      owner, bytes: records.reduce(0) { $0 + $1.expunged.message.size }, messages: Int64(records.count))
    state = try mailbox(destination).state
    let modSeq = modSeq(&state)
    var restored: [MailMessage] = []
    for record in records {
      var message = record.expunged.message
      result.sources.append(message.uid)
      message.uid = try nextUID(&state)
      message.modSeq = modSeq
      message.saveSeconds = now.seconds
      message.flags.remove(.deleted)
      // The bits are those of another mailbox.
      if id != destination { message.keywords = [] }
      state.count(message, 1)
      restored.append(message)
      result.copies.append(message.uid)
    }
    state.messages?.append(contentsOf: restored)
    batch.writes.append(.insert(destination, restored))
    batch.writes.append(.forget(id, result.sources))
    put(state, of: owner)
    noteMessages(of: destination, owner: owner)
    result.sourceModSeq = modSeq
    return result
  }

  mutating func takeRecent(_ id: MailboxID) throws(StoreError) -> UIDSet {
    var (owner, state) = try mailbox(id)
    guard state.recentFrom < state.mailbox.uidNext else { return UIDSet() }
    let range = state.recentFrom...(state.mailbox.uidNext - 1)
    state.recentFrom = state.mailbox.uidNext
    put(state, of: owner, isLazy: true)
    return UIDSet(range)
  }

  /// Lets go for ever of what was expunged long enough ago and is in nobody's hands. Returns whether there may be more.
  mutating func purge(before time: WallTime, limit: Int = 1_000) throws(StoreError) -> Bool {
    let records = try core.backing.expunged(before: time, limit: limit)
    let free = records.filter { !core.isHeld($0.expunged.mailbox, before: $0.commit) }
    guard !free.isEmpty, core.backing.mayForget() else { return false }
    for record in free {
      batch.writes.append(.forget(record.expunged.mailbox, [record.expunged.message.uid]))
      batch.writes.append(.references(email: record.expunged.message.emailID, by: -1))
    }
    return records.count == limit
  }
}
