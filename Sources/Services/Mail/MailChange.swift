/// What one commit changed in one account: a hint that comes at once after it.
///
/// It is enough to look at the newest state: `MailStore.current(_:)` and `MailboxSnapshot.difference(from:)`. Who misses some
/// of these, or drops them because too many wait, loses nothing by looking once afterwards.
public struct MailChange: Sendable {
  /// The account that owns what has changed.
  public var account: String
  /// The store's commits are numbered from 1.
  public var commit: UInt64
  /// Mailboxes whose messages have changed, with their new state where it is in memory.
  public var mailboxes: [Mailbox]
  /// Mailboxes that came, with the names they have now.
  public var created: [MailboxID]
  public var deleted: [MailboxID]
  /// With their names of before.
  public var renamed: [MailboxID: String]
  /// Names that were subscribed to or unsubscribed from.
  public var subscriptions: [String]
  /// Mailboxes whose metadata entries have changed, and which; `nil` for the account's own (RFC 5464).
  public var metadata: [MailboxID?: [String]]
  /// Mailboxes whose access lists or special use have changed.
  public var attributes: [MailboxID]
  /// Whether the quota's limits have changed.
  public var quotaChanged: Bool

  public init(account: String, commit: UInt64) {
    self.account = account
    self.commit = commit
    mailboxes = []
    created = []
    deleted = []
    renamed = [:]
    subscriptions = []
    metadata = [:]
    attributes = []
    quotaChanged = false
  }
}

/// Keeps an observation alive; it ends when nobody refers to this any more, or earlier by `cancel`.
public final class MailObservation: Sendable {
  private let onCancel: @Sendable () -> Void
  public init(onCancel: @escaping @Sendable () -> Void) { self.onCancel = onCancel }
  /// After this no further call begins.
  public func cancel() { onCancel() }
  deinit { onCancel() }
}

extension MailStore {
  /// The changes of some accounts as a sequence. At most `limit` wait; when more would, the oldest are dropped and the next
  /// one comes after an `.overflow`.
  public func changes(of accounts: Set<String>, limit: Int = 64) -> AsyncStream<MailFeedElement> {
    let (stream, continuation) = AsyncStream<MailFeedElement>.makeStream(bufferingPolicy: .bufferingNewest(limit))
    let observation = observe(accounts) { change in
      if case .dropped = continuation.yield(.change(change)) { continuation.yield(.overflow) }
    }
    continuation.onTermination = { _ in observation.cancel() }
    return stream
  }
}

/// An element of a change feed.
public enum MailFeedElement: Sendable {
  case change(MailChange)
  /// Some were dropped: look at everything.
  case overflow
}
