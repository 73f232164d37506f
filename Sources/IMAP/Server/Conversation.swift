import IMAPCore
import Services
import Synchronization
import Transport
import WireKit

/// What the server knows of one connection beside its session: who it is, and what it has selected.
///
/// Unchecked, because a session sends one request at a time and waits for its answer: nothing here is ever touched by two tasks at
/// once. What crosses that line, the signal, locks by itself.
final class Conversation: @unchecked Sendable {
  var identity: AccountIdentity?
  var view: MailboxView?
  /// What goes on with the answer of the last command.
  var job: FetchJob?
  /// Messages of an APPEND that is under way.
  var staging = AppendStaging()
  /// What NOTIFY asked for.
  var notification: Notification?
  /// Searches of the selected mailbox that go on.
  var contexts: [SearchContext] = []
  /// Messages that this session put into the selected mailbox itself.
  var ownArrivals = UIDSet()
  /// What this session did to mailboxes, and need not be told of.
  var ownChanges: Set<String> = []
  /// Rises when something of the selected mailbox changes.
  let signal = ChangeSignal()
  private var observation: MailObservation?
  private var observed: String?

  /// The account's name; empty before log-in, which no command gets past.
  var account: String { identity?.name ?? "" }

  /// Follows the changes of the account that owns the selected mailbox.
  func follow(_ mailbox: Mailbox, _ store: any MailStore) {
    guard observed != mailbox.owner else { return }
    let signal = signal
    observed = mailbox.owner
    observation = store.observe([mailbox.owner]) { _ in signal.raise() }
  }

  /// The connection is over.
  func end() {
    stopFollowing()
    notification?.observation.cancel()
    notification = nil
  }

  func stopFollowing() {
    observation?.cancel()
    observation = nil
    observed = nil
  }
}

/// Wakes the one task that waits for news.
final class ChangeSignal: Sendable {
  private struct State {
    var isRaised = false
    var isCancelled = false
    var waiter: CheckedContinuation<Void, Never>?
  }

  private let state = Mutex(State())

  /// There is news.
  func raise() {
    let waiter = state.withLock { state in
      defer { state.waiter = nil }
      state.isRaised = state.waiter == nil
      return state.waiter
    }
    waiter?.resume()
  }

  /// Returns at news since the last return, or when the task is cancelled.
  func wait() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isDue = state.withLock { state in
          if state.isRaised || state.isCancelled {
            state.isRaised = false
            return true
          }
          state.waiter = continuation
          return false
        }
        if isDue { continuation.resume() }
      }
    } onCancel: {
      let waiter = state.withLock { state in
        defer { state.waiter = nil }
        state.isCancelled = true
        return state.waiter
      }
      waiter?.resume()
    }
    state.withLock { $0.isCancelled = false }
  }
}
