import Services
import Synchronization
import WireKit

/// The heart of a `MailEngine`: what is committed, and the one thread that commits.
///
/// Operations that wait when the thread comes back run one after the other on one `MailTransaction`, share one commit of the
/// backing, are published together, and only then answered.
final class EngineCore: Sendable {
  typealias Completion = @Sendable (StoreError?) -> Void

  /// One operation; it returns what is to be called when the commit is done, or `nil` when it must come again.
  struct Operation: Sendable {
    let run: @Sendable (inout MailTransaction) -> Completion?
  }

  private struct Published {
    var accounts: [String: AccountState] = [:]
    var owners: [MailboxID: String] = [:]
    var lazy: [MailboxID: String] = [:]
    var counters = MailCounters()
  }

  private struct WeakHold {
    weak var hold: MailboxHold?
  }

  let backing: any MailBacking
  let options: MailEngineOptions
  private let clock: any Clock
  private let published: Mutex<Published>
  private let holds = Mutex<[MailboxID: [WeakHold]]>([:])
  private let observers = Mutex<[String: [Int: @Sendable (MailChange) -> Void]]>([:])
  /// Digests that were written or read lately.
  let digests = DigestCache()
  private let observerNumber = Mutex(0)
  private let queue = WorkQueue<Operation>()
  private let isDone = Mutex(false)
  private let done = Signal()

  init(backing: any MailBacking, clock: any Clock, options: MailEngineOptions) throws(StoreError) {
    self.backing = backing
    self.clock = clock
    self.options = options
    published = Mutex(Self.state(of: try backing.load()))
    let purgeSeconds = 600
    runOnThread { [self] in
      var lastPurge = clock.now()
      while let operations = queue.next(options.batch, seconds: purgeSeconds) {
        run(operations)
        if clock.now() - lastPurge > .seconds(purgeSeconds) {
          lastPurge = clock.now()
          run([purging()])
        }
      }
      flush()
      backing.close()
      done.raise()
    }
  }

  private static func state(of loaded: LoadedMail) -> Published {
    var published = Published()
    published.counters = loaded.counters
    var names: [Int64: String] = [:]
    for row in loaded.accounts {
      names[row.id] = row.name
      var account = AccountState(row: row)
      account.subscriptions = loaded.subscriptions[row.id] ?? []
      published.accounts[row.name] = account
    }
    let hold = UInt64(clamping: loaded.counters.commit)
    for row in loaded.mailboxes {
      guard let name = names[row.account] else { continue }
      let id = row.mailbox.id
      published.owners[id] = name
      published.accounts[name]?.mailboxes[id] = MailboxState(
        mailbox: row.mailbox, recentFrom: row.recentFrom, messages: row.mailbox.count == 0 ? MessageList() : nil,
        hold: MailboxHold(commit: hold))
    }
    return published
  }

  // MARK: What is committed

  func state(of account: String) -> AccountState? { published.withLock { $0.accounts[account] } }
  func owner(of id: MailboxID) -> String? { published.withLock { $0.owners[id] } }
  var accountNames: [String] { published.withLock { $0.accounts.keys.sorted() } }

  func mailbox(_ id: MailboxID) -> MailboxState? {
    published.withLock { state in state.owners[id].flatMap { state.accounts[$0]?.mailboxes[id] } }
  }

  func mailboxes(where condition: (Mailbox) -> Bool) -> [Mailbox] {
    published.withLock { state in
      state.accounts.values.flatMap { account in account.mailboxes.values.map(\.mailbox).filter(condition) }
    }
  }

  // MARK: Who still has an older state

  /// The hold of the state that this commit makes; one for all changes of the commit.
  func hold(for id: MailboxID, commit: UInt64, replacing old: MailboxHold) -> MailboxHold {
    if old.commit == commit { return old }
    holds.withLock { holds in
      var live = (holds[id] ?? []).filter { $0.hold != nil }
      if !live.contains(where: { $0.hold === old }) { live.append(WeakHold(hold: old)) }
      holds[id] = live
    }
    return MailboxHold(commit: commit)
  }

  /// Whether somebody has a state of this mailbox from before a commit.
  func isHeld(_ id: MailboxID, before commit: UInt64) -> Bool {
    holds.withLock { holds in (holds[id] ?? []).contains { ($0.hold?.commit ?? .max) < commit } }
  }

  // MARK: Commits

  /// Runs an operation and returns when its commit is durable.
  func submit<Value: Sendable>(
    _ body: @escaping @Sendable (inout MailTransaction) throws(StoreError) -> Value
  ) async throws(StoreError) -> Value {
    let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
      let operation = Operation { transaction in
        do throws(StoreError) {
          let value = try transaction.perform(body)
          return { failure in continuation.resume(returning: failure.map { .failure($0) } ?? .success(value)) }
        } catch {
          if transaction.isDeferred { return nil }
          return { _ in continuation.resume(returning: .failure(error)) }
        }
      }
      if !queue.add(operation) {
        continuation.resume(returning: .failure(StoreError(.unavailable, "the store of mail is closed")))
      }
    }
    return try result.get()
  }

  private func run(_ operations: [Operation]) {
    if operations.isEmpty { return }
    var (counters, lazy) = published.withLock { ($0.counters, $0.lazy) }
    var transaction = MailTransaction(core: self, now: clock.wallTime(), counters: counters)
    var completions: [Completion] = []
    for (index, operation) in operations.enumerated() {
      guard let completion = operation.run(&transaction) else {
        transaction.isDeferred = false
        queue.putBack(Array(operations[index...]))
        break
      }
      completions.append(completion)
    }
    var failure: StoreError?
    if transaction.isDurable {
      for (id, owner) in lazy where transaction.dirtyMailboxes[id] == nil { transaction.dirtyMailboxes[id] = owner }
      lazy = [:]
      transaction.complete()
      do throws(StoreError) { try backing.commit(transaction.batch) } catch { failure = error }
      counters = transaction.batch.counters
    }
    if failure == nil {
      lazy.merge(transaction.lazyMailboxes) { first, _ in first }
      for case .email(let email, _, let digest) in transaction.batch.writes { digests.add(digest, of: email) }
      publish(transaction, counters, lazy)
      tell(transaction)
    }
    for completion in completions { completion(failure) }
  }

  private func publish(_ transaction: MailTransaction, _ counters: MailCounters, _ lazy: [MailboxID: String]) {
    published.withLock { state in
      state.counters = counters
      state.lazy = lazy
      for (name, account) in transaction.accounts {
        if let before = state.accounts[name] {
          for id in before.mailboxes.keys where account?.mailboxes[id] == nil { state.owners[id] = nil }
        }
        for id in account?.mailboxes.keys ?? [:].keys { state.owners[id] = name }
        state.accounts[name] = account
      }
      if transaction.hasLoaded { Self.evict(&state, keeping: Set(transaction.accounts.keys), options) }
    }
  }

  /// Lets go of messages of other accounts when too many are in memory: their next reader reads them again.
  private static func evict(_ state: inout Published, keeping names: Set<String>, _ options: MailEngineOptions) {
    var total = state.accounts.values.reduce(0) { sum, account in
      sum + account.mailboxes.values.reduce(0) { $0 + ($1.messages?.count ?? 0) }
    }
    if total <= options.messagesInMemory { return }
    for name in state.accounts.keys.sorted() where !names.contains(name) {
      for id in state.accounts[name]?.mailboxes.keys.map({ $0 }) ?? [] {
        total -= state.accounts[name]?.mailboxes[id]?.messages?.count ?? 0
        if state.accounts[name]?.mailboxes[id]?.mailbox.count != 0 {
          state.accounts[name]?.mailboxes[id]?.messages = nil
        }
      }
      if total <= options.messagesInMemory / 2 { return }
    }
  }

  private func flush() {
    let lazy = published.withLock { $0.lazy }
    if lazy.isEmpty { return }
    var transaction = MailTransaction(
      core: self, now: clock.wallTime(), counters: published.withLock { $0.counters })
    for name in Set(lazy.values) {
      if let account = state(of: name) { transaction.accounts[name] = account }
    }
    transaction.dirtyMailboxes = lazy
    transaction.complete()
    // What is lost here is only who was told of which message as recent.
    try? backing.commit(transaction.batch)
  }

  // MARK: Feed

  private func tell(_ transaction: MailTransaction) {
    for (name, var change) in transaction.feed {
      let handlers = observers.withLock { $0[name]?.values.map { $0 } ?? [] }
      if handlers.isEmpty { continue }
      if let account = transaction.accounts[name] ?? nil {
        change.mailboxes = transaction.changedMessages.sorted().compactMap { account.mailboxes[$0]?.mailbox }
      }
      for handler in handlers { handler(change) }
    }
  }

  func observe(_ accounts: Set<String>, _ handler: @escaping @Sendable (MailChange) -> Void) -> MailObservation {
    let number = observerNumber.withLock { number in
      number += 1
      return number
    }
    observers.withLock { observers in
      for account in accounts { observers[account, default: [:]][number] = handler }
    }
    return MailObservation { [weak self] in
      self?.observers.withLock { observers in
        for account in accounts {
          observers[account]?[number] = nil
          if observers[account]?.isEmpty == true { observers[account] = nil }
        }
      }
    }
  }

  // MARK: Upkeep

  private func purging() -> Operation {
    Operation { transaction in
      let time = transaction.now + (.zero - transaction.core.options.keptFor)
      _ = try? transaction.perform { (transaction) throws(StoreError) in try transaction.purge(before: time) }
      return { _ in }
    }
  }

  /// Ends the thread after everything that was asked for; blocks until then.
  func close() {
    queue.close()
    let waits = isDone.withLock { isDone in
      defer { isDone = true }
      return !isDone
    }
    if waits { _ = done.wait(seconds: 60) }
  }
}
