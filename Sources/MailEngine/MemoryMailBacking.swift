import MessageCore
import Services
import Synchronization

/// Mail in memory, for tests and for programs that keep nothing.
public final class MemoryMailBacking: MailBacking {
  private struct Stored {
    var messages: [UInt32: MailMessage] = [:]
    var modSeq: UInt64 = 1
    var vanished: [(modSeq: UInt64, uid: UInt32)] = []
  }

  private struct Email {
    var blob: Int64
    var digest: [UInt8]
    var references: Int
  }

  private struct Place: Hashable {
    var account: Int64
    var mailbox: Int64
  }

  private struct ExpungedKey: Hashable {
    var mailbox: MailboxID
    var uid: UInt32
  }

  private struct State {
    var mailboxes: [MailboxID: Stored] = [:]
    var expunged: [ExpungedKey: ExpungedRecord] = [:]
    var emails: [Int64: Email] = [:]
    var blobs: [Int64: MemoryBlob] = [:]
    var threads: [Int64: [Int64: Int64]] = [:]
    var metadata: [Place: [MetadataKey: [UInt8]]] = [:]
    var fault: StoreError?
    var commits = 0
    var nextBlob: Int64 = 1
  }

  private let state = Mutex(State())

  public init() {}

  /// From here on everything that writes fails with this, and with `.unavailable` also what reads; until `nil`.
  public func setFault(_ fault: StoreError?) { state.withLock { $0.fault = fault } }

  /// How many commits there were.
  public var commitCount: Int { state.withLock { $0.commits } }

  /// How many contents are kept.
  public var blobCount: Int { state.withLock { $0.blobs.count } }

  private func read<Value>(_ body: (inout State) throws(StoreError) -> Value) throws(StoreError) -> Value {
    try state.withLock { state throws(StoreError) in
      if let fault = state.fault, fault.code == .unavailable { throw fault }
      return try body(&state)
    }
  }

  public func load() throws(StoreError) -> LoadedMail { LoadedMail() }

  public func messages(of mailbox: MailboxID) throws(StoreError) -> (modSeq: UInt64, messages: MessageList) {
    try read { state in
      let stored = state.mailboxes[mailbox] ?? Stored()
      return (stored.modSeq, MessageList(stored.messages.values.sorted { $0.uid < $1.uid }))
    }
  }

  public func vanished(from mailbox: MailboxID, since modSeq: UInt64) throws(StoreError) -> UIDSet {
    try read { state in
      UIDSet((state.mailboxes[mailbox]?.vanished ?? []).filter { $0.modSeq > modSeq }.map(\.uid))
    }
  }

  public func expunged(account: Int64, limit: Int) throws(StoreError) -> [ExpungedMessage] {
    try read { state in
      Array(
        state.expunged.values.filter { $0.account == account }.sorted { left, right in
          (left.commit, left.expunged.message.uid) > (right.commit, right.expunged.message.uid)
        }.prefix(limit).map(\.expunged))
    }
  }

  public func expunged(_ uids: UIDSet, from mailbox: MailboxID) throws(StoreError) -> [ExpungedRecord] {
    try read { state in
      state.expunged.values.filter { $0.expunged.mailbox == mailbox && uids.contains($0.expunged.message.uid) }
        .sorted { $0.expunged.message.uid < $1.expunged.message.uid }
    }
  }

  public func expunged(before time: WallTime, limit: Int) throws(StoreError) -> [ExpungedRecord] {
    try read { state in
      Array(
        state.expunged.values.filter { $0.expunged.expunged < time }.sorted { $0.commit < $1.commit }.prefix(limit))
    }
  }

  public func digests(of emailIDs: [Int64]) throws(StoreError) -> [[UInt8]] {
    try read { state in emailIDs.map { state.emails[$0]?.digest ?? [] } }
  }

  public func threads(account: Int64, of hashes: [Int64]) throws(StoreError) -> [Int64: Int64] {
    try read { state in
      var result: [Int64: Int64] = [:]
      for hash in hashes { result[hash] = state.threads[account]?[hash] }
      return result
    }
  }

  public func metadata(account: Int64, mailbox: Int64) throws(StoreError) -> [MetadataKey: [UInt8]] {
    try read { state in state.metadata[Place(account: account, mailbox: mailbox)] ?? [:] }
  }

  public func stage(expecting size: Int64?) throws(StoreError) -> any StagedBlob {
    try read { state throws(StoreError) in
      if let fault = state.fault { throw fault }
      return MemoryBlob()
    }
  }

  public func blob(like staged: any StagedBlob) throws(StoreError) -> Int64? {
    try read { state in state.blobs.first { $0.value === staged }?.key }
  }

  public func reserve(_ staged: any StagedBlob) throws(StoreError) -> Int64 {
    try read { state in
      defer { state.nextBlob += 1 }
      return state.nextBlob
    }
  }

  public func body(ofBlob blob: Int64, size: Int64) throws(StoreError) -> any MessageBody {
    try read { state throws(StoreError) in
      guard let bytes = state.blobs[blob] else { throw StoreError(.notFound, "the bytes are gone") }
      return try bytes.body()
    }
  }

  public func close() { setFault(StoreError(.unavailable, "closed")) }

  // MARK: Writing

  public func commit(_ batch: MailBatch) throws(StoreError) {
    try read { state throws(StoreError) in
      if let fault = state.fault { throw fault }
      for (number, staged) in batch.blobs {
        guard let blob = staged as? MemoryBlob else { throw StoreError(.conflict, "a blob of another store") }
        state.blobs[number] = blob
      }
      for write in batch.writes { Self.apply(write, commit: UInt64(batch.counters.commit), to: &state) }
      state.commits += 1
    }
  }

  private static func apply(_ write: MailWrite, commit: UInt64, to state: inout State) {
    switch write {
    case .insert(let id, let messages), .update(let id, let messages):
      for message in messages { state.mailboxes[id, default: Stored()].messages[message.uid] = message }
    case .mailbox(let row):
      state.mailboxes[row.mailbox.id, default: Stored()].modSeq = row.mailbox.highestModSeq
    case .removeMailbox(let account, let id):
      state.mailboxes[id] = nil
      state.metadata[Place(account: account, mailbox: id.number)] = nil
    case .expunge(let id, let messages, let modSeq, let account, let name, let time):
      for message in messages {
        state.mailboxes[id]?.messages[message.uid] = nil
        if let modSeq { state.mailboxes[id]?.vanished.append((modSeq, message.uid)) }
        let gone = ExpungedMessage(mailbox: id, mailboxName: name, message: message, expunged: time)
        state.expunged[ExpungedKey(mailbox: id, uid: message.uid)] = ExpungedRecord(
          account: account, commit: commit, expunged: gone)
      }
    case .forget(let id, let uids):
      for uid in uids { state.expunged[ExpungedKey(mailbox: id, uid: uid)] = nil }
    case .email(let email, let blob, let digest):
      state.emails[email] = Email(blob: blob, digest: digest, references: 1)
    case .references(let email, let change):
      state.emails[email]?.references += change
      guard let gone = state.emails[email], gone.references <= 0 else { return }
      state.emails[email] = nil
      if !state.emails.values.contains(where: { $0.blob == gone.blob }) { state.blobs[gone.blob] = nil }
    case .thread(let account, let hash, let thread):
      state.threads[account, default: [:]][hash] = thread
    case .metadata(let account, let mailbox, let key, let value):
      state.metadata[Place(account: account, mailbox: mailbox), default: [:]][key] = value
    case .removeAccount(let account):
      state.threads[account] = nil
      state.metadata = state.metadata.filter { $0.key.account != account }
    case .account, .subscription: break
    }
  }

  // MARK: Search

  public func matches(_ query: MailTextQuery, in emailIDs: ClosedRange<Int64>) throws(StoreError) -> MailTextMatches {
    let bodies = try read { state in
      state.emails.compactMap { id, email in
        emailIDs.contains(id) ? state.blobs[email.blob].map { (id, $0) } : nil
      }
    }
    var found: Set<Int64> = []
    for (id, blob) in bodies {
      let text = SearchableText(try blob.body())
      if text.field(query.field).contains(query.text.lowercased()) { found.insert(id) }
    }
    return MailTextMatches(emailIDs: found, indexedThrough: .max)
  }
}

/// Bytes in memory, coming or there.
final class MemoryBlob: StagedBlob, MessageBody {
  private let bytes = Mutex<[UInt8]>([])

  var size: Int64 { bytes.withLock { Int64($0.count) } }

  func write(_ more: UnsafeRawBufferPointer) throws(StoreError) {
    bytes.withLock { $0.append(contentsOf: more) }
  }

  func seal() throws(StoreError) {}

  func body() throws(StoreError) -> any MessageBody { self }

  func read(into memory: UnsafeMutableRawBufferPointer, at offset: Int64) throws(StoreError) -> Int {
    bytes.withLock { bytes in
      guard offset >= 0, offset < Int64(bytes.count) else { return 0 }
      let count = min(memory.count, bytes.count - Int(offset))
      bytes.withUnsafeBytes { source in
        memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[Int(offset)..<(Int(offset) + count)]))
      }
      return count
    }
  }

  var place: MessagePlace? { nil }
}
