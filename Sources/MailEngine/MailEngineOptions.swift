import Services

/// How a store of mail behaves.
public struct MailEngineOptions: Sendable {
  /// For how long an expunged message can be restored.
  public var keptFor: Duration = .seconds(14 * 86_400)
  /// What a new account may use.
  public var quotaBytes: Int64?
  public var quotaMessages: Int64?
  /// What a new account has beside its inbox.
  public var folders: [(name: String, use: SpecialUse)] = [
    ("Archive", .archive), ("Drafts", .drafts), ("Junk", .junk), ("Sent", .sent), ("Trash", .trash),
  ]
  public var mailboxesPerAccount = 10_000
  /// Bytes of a mailbox's whole name.
  public var nameLength = 1_000
  public var depth = 32
  public var subscriptionsPerAccount = 20_000
  /// Bytes of one annotation, and how many of them one mailbox has.
  public var annotationBytes = 65_536
  public var annotations = 1_000
  /// Messages whose states are kept in memory, over all mailboxes, before those that were used longest ago go.
  public var messagesInMemory = 4_000_000
  /// Operations that share one commit.
  public var batch = 512

  public init() {}
}
