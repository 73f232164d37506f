/// Which mailboxes NOTIFY and ESEARCH mean (RFC 5465 §6, RFC 7377 §2.2).
///
/// ```
/// C: b NOTIFY SET STATUS (selected (MessageNew (UID) MessageExpunge)) (subtree Lists (MessageNew MessageExpunge))
/// C: t ESEARCH IN (mailboxes "folder1" subtree "folder2") UNSEEN
/// ```
public enum MailboxFilter: Hashable, Sendable {
  /// The selected one, told of at once, expunges too: its client can't use sequence numbers.
  case selected
  /// The selected one; expunges wait for a command that allows them.
  case selectedDelayed
  /// Those to which messages are delivered.
  case inboxes
  case personal
  case subscribed
  /// These and all below them.
  case subtree([MailboxName])
  /// These and those one level below (RFC 7377).
  case subtreeOne([MailboxName])
  case mailboxes([MailboxName])

  /// Whether it means the selected mailbox, whichever that is.
  public var isSelected: Bool { self == .selected || self == .selectedDelayed }
}

/// What NOTIFY can tell of (RFC 5465 §5). `AnnotationChange` is none of them: messages have no annotations here.
public struct NotifyEvents: OptionSet, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let messageNew = NotifyEvents(rawValue: 1)
  public static let messageExpunge = NotifyEvents(rawValue: 2)
  public static let flagChange = NotifyEvents(rawValue: 4)
  public static let mailboxName = NotifyEvents(rawValue: 8)
  public static let subscriptionChange = NotifyEvents(rawValue: 16)
  public static let mailboxMetadataChange = NotifyEvents(rawValue: 32)
  public static let serverMetadataChange = NotifyEvents(rawValue: 64)

  /// About messages; only these may be asked of the selected mailbox.
  public static let messages: NotifyEvents = [.messageNew, .messageExpunge, .flagChange]

  static let names: [(String, NotifyEvents)] = [
    ("MessageNew", .messageNew), ("MessageExpunge", .messageExpunge), ("FlagChange", .flagChange),
    ("MailboxName", .mailboxName), ("SubscriptionChange", .subscriptionChange),
    ("MailboxMetadataChange", .mailboxMetadataChange), ("ServerMetadataChange", .serverMetadataChange),
  ]

  init?(name: String) {
    guard let found = Self.names.first(where: { $0.0.uppercased() == name }) else { return nil }
    self = found.1
  }
}

/// Mailboxes, and what is to be told of them.
public struct EventGroup: Hashable, Sendable {
  public var filter: MailboxFilter
  public var events: NotifyEvents
  /// What is told of messages that come into the selected mailbox.
  public var items: [FetchItem]
}

/// NOTIFY SET.
public struct NotifyArguments: Hashable, Sendable {
  /// Whether the present state of the mailboxes is told first.
  public var tellsStatus: Bool
  public var groups: [EventGroup]
}

/// ESEARCH: a search in several mailboxes, by UID (RFC 7377).
///
/// ```
/// C: tag1 ESEARCH IN (mailboxes "folder1" subtree "folder2") UNSEEN
/// S: * ESEARCH (TAG "tag1" MAILBOX "folder1" UIDVALIDITY 1) UID ALL 4001,4003,4005
/// S: * ESEARCH (TAG "tag1" MAILBOX "folder2/banana" UIDVALIDITY 503) UID ALL 3002,4004
/// S: tag1 OK ESEARCH completed
/// ```
public struct MultiSearchQuery: Hashable, Sendable {
  /// The selected mailbox where nothing is said.
  public var sources: [MailboxFilter]
  public var search: SearchQuery
}

/// UIDBATCHES: the UIDs at which a mailbox falls into parts of so many messages, the newest first (RFC 10022).
///
/// ```
/// C: A143 UIDBATCHES 2000
/// S: * UIDBATCHES (TAG "A143") 215295:99696,99695:20351,20350:7830,7829:1
/// S: A143 OK UIDBATCHES completed
/// ```
public struct UIDBatches: Hashable, Sendable {
  public var size: UInt32
  /// Which of the parts, from 1; `nil` for all.
  public var parts: ClosedRange<UInt32>?
}
