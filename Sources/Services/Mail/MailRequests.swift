/// One message to add to one mailbox.
public struct MessageAppend: Sendable {
  public var mailbox: MailboxID
  public var message: any StagedMessage
  public var flags: MessageFlags
  public var keywords: [String]
  /// INTERNALDATE; `nil` for now.
  public var internalDate: WallTime?
  /// A message that goes in the same commit (RFC 8508, REPLACE). It may be gone already.
  public var replacing: Replaced?

  public struct Replaced: Sendable, Hashable {
    public var mailbox: MailboxID
    public var uid: UInt32
    public init(mailbox: MailboxID, uid: UInt32) {
      self.mailbox = mailbox
      self.uid = uid
    }
  }

  public init(
    _ message: any StagedMessage, to mailbox: MailboxID, flags: MessageFlags = [], keywords: [String] = [],
    internalDate: WallTime? = nil, replacing: Replaced? = nil
  ) {
    self.message = message
    self.mailbox = mailbox
    self.flags = flags
    self.keywords = keywords
    self.internalDate = internalDate
    self.replacing = replacing
  }
}

/// Where an appended message stands now (RFC 4315, APPENDUID).
public struct AppendedMessage: Sendable, Hashable {
  public var mailbox: MailboxID
  public var uidValidity: UInt32
  public var uid: UInt32
  public var modSeq: UInt64
  public var emailID: Int64

  public init(mailbox: MailboxID, uidValidity: UInt32, uid: UInt32, modSeq: UInt64, emailID: Int64) {
    self.mailbox = mailbox
    self.uidValidity = uidValidity
    self.uid = uid
    self.modSeq = modSeq
    self.emailID = emailID
  }
}

/// What a COPY or MOVE did (RFC 4315, COPYUID).
public struct CopyResult: Sendable, Hashable {
  /// Of the mailbox copied to.
  public var uidValidity: UInt32
  /// The UIDs that were there to be copied, in rising order …
  public var sources: [UInt32]
  /// … and those of their copies, in the same order.
  public var copies: [UInt32]
  /// The source's mod-sequence after a MOVE; that of before after a COPY.
  public var sourceModSeq: UInt64

  public init(uidValidity: UInt32, sources: [UInt32], copies: [UInt32], sourceModSeq: UInt64) {
    self.uidValidity = uidValidity
    self.sources = sources
    self.copies = copies
    self.sourceModSeq = sourceModSeq
  }
}

/// What a STORE did.
public struct StoreFlagsResult: Sendable {
  /// Those that were left alone because they changed after UNCHANGEDSINCE (RFC 7162 §3.1.3, MODIFIED).
  public var modified: UIDSet
  /// Those with another value than before.
  public var changed: UIDSet
  /// The mailbox afterwards.
  public var snapshot: MailboxSnapshot

  public init(modified: UIDSet, changed: UIDSet, snapshot: MailboxSnapshot) {
    self.modified = modified
    self.changed = changed
    self.snapshot = snapshot
  }
}

/// What an EXPUNGE did.
public struct ExpungeResult: Sendable {
  public var expunged: UIDSet
  /// The mailbox afterwards.
  public var snapshot: MailboxSnapshot

  public init(expunged: UIDSet, snapshot: MailboxSnapshot) {
    self.expunged = expunged
    self.snapshot = snapshot
  }
}

/// A message that is expunged but can still be had back.
public struct ExpungedMessage: Sendable, Hashable {
  /// The mailbox that it was in, and its name then.
  public var mailbox: MailboxID
  public var mailboxName: String
  public var message: MailMessage
  public var expunged: WallTime

  public init(mailbox: MailboxID, mailboxName: String, message: MailMessage, expunged: WallTime) {
    self.mailbox = mailbox
    self.mailboxName = mailboxName
    self.message = message
    self.expunged = expunged
  }
}

/// What an account uses of what it may use (RFC 9208), over all mailboxes that it owns.
public struct MailQuota: Sendable, Hashable {
  public var usedBytes: Int64
  public var usedMessages: Int64
  /// `nil` for without limit.
  public var limitBytes: Int64?
  public var limitMessages: Int64?

  public init(usedBytes: Int64 = 0, usedMessages: Int64 = 0, limitBytes: Int64? = nil, limitMessages: Int64? = nil) {
    self.usedBytes = usedBytes
    self.usedMessages = usedMessages
    self.limitBytes = limitBytes
    self.limitMessages = limitMessages
  }

  /// Whether so much more may be added.
  public func allows(bytes: Int64, messages: Int64) -> Bool {
    if let limitBytes, bytes > limitBytes - usedBytes { return false }
    if let limitMessages, messages > limitMessages - usedMessages { return false }
    return true
  }
}

/// The mailboxes of an account, at one time.
public struct MailboxTree: Sendable {
  /// In the order of their names' bytes; the inbox first.
  public var mailboxes: [Mailbox]
  /// Names, also of mailboxes that are not there (RFC 9051 §6.3.7), and of others' mailboxes by the name that the
  /// subscriber sees.
  public var subscriptions: Set<String>

  public init(mailboxes: [Mailbox], subscriptions: Set<String>) {
    self.mailboxes = mailboxes
    self.subscriptions = subscriptions
  }

  public func mailbox(named name: String) -> Mailbox? {
    if MailText.equalsIgnoringCase(name, Mailbox.inboxName) { return mailboxes.first { $0.isInbox } }
    return mailboxes.first { $0.name == name }
  }

  public func mailbox(for use: SpecialUse) -> Mailbox? { mailboxes.first { $0.specialUse == use } }
}

/// A question to the text index.
public struct MailTextQuery: Sendable, Hashable {
  public enum Field: Sendable, Hashable {
    case from, to, cc, bcc, subject
    /// The whole header: each field's name, a colon and its decoded value.
    case header
    /// The decoded text of the body's text parts.
    case body
    /// Header and body (RFC 9051 §6.4.4, TEXT).
    case text
  }

  public var field: Field
  /// A part of the text to be found, in UTF-8; letters in either case.
  public var text: String

  public init(_ field: Field, _ text: String) {
    self.field = field
    self.text = text
  }
}

/// What the text index knows.
public struct MailTextMatches: Sendable {
  /// EMAILIDs whose text holds the words as the index cuts them, among them others than the mailbox's; `nil` where the text is too
  /// short for the index to tell.
  public var emailIDs: Set<Int64>?
  /// EMAILIDs above this one the index has not taken in yet: who asks must look into these itself.
  public var indexedThrough: Int64
  /// EMAILIDs of which the index holds only the beginning: that it does not find the text there says nothing.
  public var cut: Set<Int64>

  public init(emailIDs: Set<Int64>?, indexedThrough: Int64, cut: Set<Int64> = []) {
    self.emailIDs = emailIDs
    self.indexedThrough = indexedThrough
    self.cut = cut
  }

  /// Whether a content holds the text; `nil` when only a look into it can tell.
  public func holds(_ emailID: Int64) -> Bool? {
    guard emailID <= indexedThrough, let emailIDs else { return nil }
    if emailIDs.contains(emailID) { return true }
    return cut.contains(emailID) ? nil : false
  }
}
