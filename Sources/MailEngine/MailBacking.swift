import Services

/// What keeps the data of a `MailEngine`: memory, or a disk. It knows nothing of mail's rules; it writes what it is told, all of
/// it or nothing, and reads it back.
///
/// `load` comes first, once. `commit` is called by one thread; everything else by any thread.
public protocol MailBacking: Sendable {
  func load() throws(StoreError) -> LoadedMail
  /// The messages of a mailbox by rising UIDs, with the mod-sequence of the state that was read.
  func messages(of mailbox: MailboxID) throws(StoreError) -> (modSeq: UInt64, messages: MessageList)
  func vanished(from mailbox: MailboxID, since modSeq: UInt64) throws(StoreError) -> UIDSet
  /// Of an account, the latest first.
  func expunged(account: Int64, limit: Int) throws(StoreError) -> [ExpungedMessage]
  func expunged(_ uids: UIDSet, from mailbox: MailboxID) throws(StoreError) -> [ExpungedRecord]
  /// Expunged before a time, the oldest first.
  func expunged(before time: WallTime, limit: Int) throws(StoreError) -> [ExpungedRecord]
  /// In the order of the identifiers; empty where there is none.
  func digests(of emailIDs: [Int64]) throws(StoreError) -> [[UInt8]]
  /// The conversations to which these hashes of message identifiers belong.
  func threads(account: Int64, of hashes: [Int64]) throws(StoreError) -> [Int64: Int64]
  func metadata(account: Int64, mailbox: Int64) throws(StoreError) -> [MetadataKey: [UInt8]]

  func stage(expecting size: Int64?) throws(StoreError) -> any StagedBlob
  /// The number of a blob with this content, if there is one already. On the thread of `commit`.
  func blob(like staged: any StagedBlob) throws(StoreError) -> Int64?
  /// A number for a new blob, used if it is in the next batch and void if not. On the thread of `commit`.
  func reserve(_ staged: any StagedBlob) throws(StoreError) -> Int64
  func body(ofBlob blob: Int64, size: Int64) throws(StoreError) -> any MessageBody

  /// Whether the next commit may give the bytes of forgotten messages back; a backup that is being taken forbids it. On the
  /// thread of `commit`, and only when such a commit follows.
  func mayForget() -> Bool
  func commit(_ batch: MailBatch) throws(StoreError)
  /// Asks the text index about the contents with these numbers.
  func matches(_ query: MailTextQuery, in emailIDs: ClosedRange<Int64>) throws(StoreError) -> MailTextMatches
  /// Nothing is asked for afterwards.
  func close()
}

extension MailBacking {
  public func mayForget() -> Bool { true }
}

/// Bytes on their way in, of a backing's own kind.
public protocol StagedBlob: Sendable, AnyObject {
  var size: Int64 { get }
  func write(_ bytes: UnsafeRawBufferPointer) throws(StoreError)
  /// No more is written: after this `body` and a commit may be asked for. May be called several times.
  func seal() throws(StoreError)
  func body() throws(StoreError) -> any MessageBody
}

/// What is read when a store is opened.
public struct LoadedMail: Sendable {
  public var accounts: [AccountRow] = []
  public var mailboxes: [MailboxRow] = []
  /// By account.
  public var subscriptions: [Int64: Set<String>] = [:]
  public var counters = MailCounters()

  public init() {}
}

/// The numbers that are given out, each once.
public struct MailCounters: Sendable, Hashable {
  public var account: Int64 = 1
  public var mailbox: Int64 = 1
  public var email: Int64 = 1
  public var uidValidity: Int64 = 0
  public var commit: Int64 = 0

  public init() {}
}

/// An account's row.
public struct AccountRow: Sendable, Hashable {
  public var id: Int64
  public var name: String
  public var quota: MailQuota

  public init(id: Int64, name: String, quota: MailQuota) {
    self.id = id
    self.name = name
    self.quota = quota
  }
}

/// A mailbox's row.
public struct MailboxRow: Sendable, Hashable {
  public var account: Int64
  public var mailbox: Mailbox
  /// The first UID that no session was told of as recent.
  public var recentFrom: UInt32

  public init(account: Int64, mailbox: Mailbox, recentFrom: UInt32) {
    self.account = account
    self.mailbox = mailbox
    self.recentFrom = recentFrom
  }
}

/// An expunged message with what its removal needs.
public struct ExpungedRecord: Sendable, Hashable {
  public var account: Int64
  public var commit: UInt64
  public var expunged: ExpungedMessage

  public init(account: Int64, commit: UInt64, expunged: ExpungedMessage) {
    self.account = account
    self.commit = commit
    self.expunged = expunged
  }
}

/// Which annotation.
public struct MetadataKey: Sendable, Hashable {
  /// Whose; empty for shared ones.
  public var user: String
  public var entry: String

  public init(user: String, entry: String) {
    self.user = user
    self.entry = entry
  }
}

/// One thing to write. In a batch their order counts.
public enum MailWrite: Sendable {
  /// New or changed.
  case account(AccountRow)
  /// With all that hangs on it; its mailboxes are gone already.
  case removeAccount(Int64)
  case mailbox(MailboxRow)
  /// With its vanished UIDs and metadata; its messages are gone already.
  case removeMailbox(account: Int64, MailboxID)
  case insert(MailboxID, [MailMessage])
  case update(MailboxID, [MailMessage])
  /// These go to the expunged ones; their UIDs have vanished with this mod-sequence, `nil` when the mailbox goes as well.
  case expunge(MailboxID, [MailMessage], modSeq: UInt64?, account: Int64, name: String, time: WallTime)
  /// These are expunged no more, and not restored: their place is free.
  case forget(MailboxID, [UInt32])
  /// A content that is new, with one message.
  case email(Int64, blob: Int64, digest: [UInt8])
  /// So many more or fewer messages (expunged ones included) have this content; without any it goes, and its bytes.
  case references(email: Int64, by: Int)
  case thread(account: Int64, hash: Int64, thread: Int64)
  case subscription(account: Int64, name: String, isOn: Bool)
  case metadata(account: Int64, mailbox: Int64, MetadataKey, [UInt8]?)
}

/// What one commit writes: all or nothing, durable when `commit` returns.
public struct MailBatch: Sendable {
  /// Contents that are new, with the numbers they get. Their bytes must be durable before the rows are.
  public var blobs: [(number: Int64, staged: any StagedBlob)] = []
  public var writes: [MailWrite] = []
  public var counters: MailCounters

  public init(counters: MailCounters) { self.counters = counters }
}
