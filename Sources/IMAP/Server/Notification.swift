import IMAPCore
import Services
import Synchronization

/// What a client asked to be told of (RFC 5465), and what has happened since it was told last.
struct Notification {
  let arguments: NotifyArguments
  let changes: NotificationQueue
  /// Ends with it.
  let observation: MailObservation
  /// The mailboxes as the client knows them.
  var known: [MailboxID: Known] = [:]
  var subscriptions: Set<String> = []

  /// A mailbox that the account can see.
  struct Known {
    var mailbox: Mailbox
    var name: MailboxName
    var rights: MailboxRights
  }

  /// What is told of messages of the selected mailbox.
  var selectedGroup: EventGroup? { arguments.groups.first { $0.filter.isSelected } }

  /// What is told of a mailbox that is not selected.
  func events(of entry: Known, account: String) -> NotifyEvents {
    var events: NotifyEvents = []
    for group in arguments.groups
    where group.filter.includes(entry.name, isOwn: entry.mailbox.owner == account, subscriptions) {
      events.formUnion(group.events)
    }
    return events
  }
}

extension MailboxFilter {
  /// Whether a mailbox is meant; the selected one is nobody's business here.
  func includes(_ name: MailboxName, isOwn: Bool, _ subscriptions: Set<String>) -> Bool {
    switch self {
    case .selected, .selectedDelayed: false
    // Filters, and who sends to `name+folder@`, deliver to every mailbox of one's own.
    case .personal, .inboxes: isOwn
    case .subscribed: subscriptions.contains(name.description)
    case .mailboxes(let names): names.contains(name)
    case .subtree(let names): names.contains { $0 == name || name.description.hasPrefix($0.description + "/") }
    case .subtreeOne(let names): names.contains { $0 == name || name.parent == $0 }
    }
  }
}

/// Changes that wait to be told. A client that takes nothing for long is told that there were too many, not each.
final class NotificationQueue: Sendable {
  private struct State {
    var changes: [MailChange] = []
    var isOverflowing = false
  }

  static let limit = 2_000
  private let state = Mutex(State())

  func add(_ change: MailChange) {
    state.withLock { state in
      if state.changes.count >= Self.limit {
        state.changes = []
        state.isOverflowing = true
      }
      if !state.isOverflowing { state.changes.append(change) }
    }
  }

  /// What has waited; `nil` when it was too much.
  func take() -> [MailChange]? {
    state.withLock { state in
      if state.isOverflowing { return nil }
      defer { state.changes = [] }
      return state.changes
    }
  }
}
