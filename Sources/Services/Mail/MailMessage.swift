/// What a store knows of one message in one mailbox, without its content.
///
/// A small value without references: a mailbox of 100,000 messages is a list of these.
public struct MailMessage: Sendable, Hashable {
  /// Rises within a mailbox and is never used again (RFC 9051 §2.3.1.1).
  public var uid: UInt32
  public var flags: MessageFlags
  public var keywords: KeywordSet
  /// The mailbox's mod-sequence at this message's last change (RFC 7162).
  public var modSeq: UInt64
  /// Seconds since 1970: INTERNALDATE (RFC 9051 §2.3.3).
  public var internalSeconds: Int64
  /// Seconds since 1970: when it came into this mailbox (RFC 8514, SAVEDATE).
  public var saveSeconds: Int64
  /// RFC822.SIZE, in bytes, as the body reads.
  public var size: Int64
  /// The content's number: copies have the same, and nothing else ever has (RFC 8474, EMAILID).
  public var emailID: Int64
  /// The conversation's number within its account (RFC 8474, THREADID).
  public var threadID: Int64
  /// Where the bytes are, for the store alone.
  public var blob: Int64

  public init(
    uid: UInt32, flags: MessageFlags = [], keywords: KeywordSet = [], modSeq: UInt64, internalSeconds: Int64,
    saveSeconds: Int64, size: Int64, emailID: Int64, threadID: Int64, blob: Int64
  ) {
    self.uid = uid
    self.flags = flags
    self.keywords = keywords
    self.modSeq = modSeq
    self.internalSeconds = internalSeconds
    self.saveSeconds = saveSeconds
    self.size = size
    self.emailID = emailID
    self.threadID = threadID
    self.blob = blob
  }

  public var internalDate: WallTime { WallTime(seconds: internalSeconds) }
  public var saveDate: WallTime { WallTime(seconds: saveSeconds) }
}
