/// Where mail is kept: the mailboxes of accounts, their messages, and the bytes of those.
///
/// Accounts go by their names (`ann@lab.test`, or `Mailbox.publicOwner`); whether there is such an account, who calls has asked
/// the directory, and whether somebody may do what is asked, it has asked `Mailbox.rights`. An account that was never seen
/// has an inbox and the folders of every new account.
///
/// Every change is one commit, atomic and durable when the function returns; changes that are asked for at the same time share
/// the disk's work. All throw `.full`, `.unavailable` or `.corrupt` where that is the case, and `.notFound` for a mailbox that
/// is not there; what else, each says.
public protocol MailStore: Sendable {
  // MARK: Mailboxes

  /// The account's mailboxes and subscriptions.
  func mailboxes(of account: String) async throws(StoreError) -> MailboxTree
  /// As `mailboxes(of:)`, without waiting: `nil` when it is not in memory.
  func currentMailboxes(of account: String) -> MailboxTree?
  /// Others' mailboxes (public ones included) whose access lists name one of these identifiers, `anyone` included by who calls.
  func mailboxes(sharedWith identifiers: Set<String>) async throws(StoreError) -> [Mailbox]
  /// Makes a mailbox, and those above it that are missing. `.conflict` when there is one of that name, or one of that special
  /// use; `.limitReached` for too many, too long or too deep names.
  /// - Parameter uidValidity: For imports that must keep it; `nil` for a new one, higher than every one before.
  func createMailbox(
    _ name: String, of account: String, specialUse: SpecialUse?, uidValidity: UInt32?
  ) async throws(StoreError) -> Mailbox
  /// Removes a mailbox and its messages. Those below it stay. `.conflict` for the inbox.
  func deleteMailbox(_ id: MailboxID) async throws(StoreError)
  /// Renames a mailbox and those below it; makes those above that are missing. `.conflict` when the name is taken. The inbox
  /// stays, empty, and its messages go to a new mailbox of that name (RFC 9051 §6.3.6).
  func renameMailbox(_ id: MailboxID, to name: String) async throws(StoreError) -> Mailbox
  /// `.conflict` when another mailbox of the account has that use.
  func setSpecialUse(_ use: SpecialUse?, of id: MailboxID) async throws(StoreError)
  /// Adds names to an account's subscriptions, and takes names out.
  func subscribe(
    _ account: String, adding: Set<String>, removing: Set<String>
  ) async throws(StoreError)
  /// Gives an identifier (with `-` before it: denied) these rights; none takes it out.
  func setRights(_ rights: MailboxRights, of identifier: String, on id: MailboxID) async throws(StoreError)
  /// Removes an account's mailboxes and everything in them.
  func removeAccount(_ account: String) async throws(StoreError)
  /// All accounts that have mailboxes, in order.
  func accounts() async throws(StoreError) -> [String]

  // MARK: Messages

  /// The mailbox with its messages.
  func snapshot(of id: MailboxID) async throws(StoreError) -> MailboxSnapshot
  /// As `snapshot(of:)`, without waiting: `nil` when it is not in memory, or not there.
  func current(_ id: MailboxID) -> MailboxSnapshot?
  /// The UIDs that have vanished with a later mod-sequence than this, exact from the mailbox's first day (RFC 7162 §3.2.5.1).
  func vanished(from id: MailboxID, since modSeq: UInt64) async throws(StoreError) -> UIDSet
  /// The UIDs that no read-write session was told of as `\Recent` yet, and which therefore are this one's (RFC 3501 §2.3.2).
  func takeRecent(_ id: MailboxID) async throws(StoreError) -> UIDSet

  /// A place for the bytes of a message that comes.
  /// - Parameter size: How many bytes are expected, if known. `.full` when there is surely no room for them.
  func stage(expecting size: Int64?) async throws(StoreError) -> any StagedMessage
  /// Adds messages, also to mailboxes of several accounts: all of them or, when it throws, none. `.overQuota`,
  /// `.limitReached` for too many keywords. A staged message may be appended several times, in one call or later.
  func append(_ messages: [MessageAppend]) async throws(StoreError) -> [AppendedMessage]
  /// Adds messages in one commit, each on its own: what fails hinders no other. For deliveries.
  func deliver(_ messages: [MessageAppend]) async throws(StoreError) -> [Result<AppendedMessage, StoreError>]
  /// Copies those of `uids` that are there. `.overQuota` where the other account has not enough room: then none is copied.
  func copy(_ uids: UIDSet, from source: MailboxID, to destination: MailboxID) async throws(StoreError) -> CopyResult
  /// Moves those of `uids` that are there (RFC 6851).
  func move(_ uids: UIDSet, from source: MailboxID, to destination: MailboxID) async throws(StoreError) -> CopyResult
  /// Changes flags. A message whose mod-sequence is above `unchangedSince` is left alone. `.limitReached` for too many
  /// keywords.
  func store(
    _ change: FlagChange, to uids: UIDSet, of id: MailboxID, unchangedSince: UInt64?
  ) async throws(StoreError) -> StoreFlagsResult
  /// Removes messages: those of `uids`, and of these only what has `\Deleted` where `onlyDeleted` is set. Their bytes stay as
  /// long as a snapshot holds them, and for the time in which they can be restored.
  func expunge(_ uids: UIDSet, of id: MailboxID, onlyDeleted: Bool) async throws(StoreError) -> ExpungeResult

  /// What is expunged and can still be restored, the latest first.
  func expungedMessages(of account: String, limit: Int) async throws(StoreError) -> [ExpungedMessage]
  /// Brings expunged messages of a mailbox back, with new UIDs, into a mailbox of the same account. `.overQuota`.
  func restore(_ uids: UIDSet, expungedFrom id: MailboxID, to destination: MailboxID) async throws(StoreError)
    -> CopyResult

  // MARK: Content

  /// The bytes of a message, also of one that is expunged while a snapshot holds it. `.notFound` when they are gone.
  func body(of message: MailMessage) throws(StoreError) -> any MessageBody
  /// What is kept beside each message so that its bytes need not be read: envelope, structure, sort keys and preview in the form
  /// of `MessageCore.MessageDigest`. In the order of `messages`; empty where there is none.
  func digests(of messages: [MailMessage]) async throws(StoreError) -> [[UInt8]]
  /// As `digests(of:)` for one message, without waiting: `nil` when it is not in memory.
  func currentDigest(of message: MailMessage) -> [UInt8]?
  /// Asks the text index about a mailbox.
  func matches(_ query: MailTextQuery, in id: MailboxID) async throws(StoreError) -> MailTextMatches

  // MARK: Quota and metadata

  func quota(of account: String) async throws(StoreError) -> MailQuota
  /// As `quota(of:)`, without waiting: `nil` when it is not in memory.
  func currentQuota(of account: String) -> MailQuota?
  /// `nil` for without limit. What is stored already stays.
  func setQuota(of account: String, bytes: Int64?, messages: Int64?) async throws(StoreError)
  /// The annotations of a mailbox, or the account's own for `nil` (RFC 5464), as `user` sees them: entries are lower-case names
  /// such as `/shared/comment` and `/private/comment`; the private ones are each user's own.
  func metadata(of id: MailboxID?, account: String, user: String) async throws(StoreError) -> [String: [UInt8]]
  /// Sets entries, or takes them away with `nil`. `.limitReached` for too much.
  func setMetadata(
    _ entries: [String: [UInt8]?], of id: MailboxID?, account: String, user: String
  ) async throws(StoreError)

  // MARK: Feed

  /// Calls `handler` after each commit that changes something of these accounts, within a few microseconds and in the order of
  /// commits, on a thread of the store: it must return at once.
  func observe(_ accounts: Set<String>, _ handler: @escaping @Sendable (MailChange) -> Void) -> MailObservation
}
