import DHCPCore
import Datagrams
import Services
import Synchronization
import WireKit

/// Brings leases to disk in groups, and lets each ACK go only then. While one group is being synced, the next one gathers.
final class CommitPipeline: Sendable {
  /// What to do when the store does not keep a change.
  typealias Refusal = @Sendable (Decision.Change, LeaseRecord?) -> Void

  private let store: any LeaseStore
  private let report: ServerReport
  private let observer: any LeaseObserver
  private let refused: Refusal
  private let limit: Int
  private let waiting = Mutex<[Pending]>([])
  private let signal: AsyncStream<Void>.Continuation
  private let signals: AsyncStream<Void>
  private let sender: ReplySender

  init(
    _ store: any LeaseStore, report: ServerReport, observer: any LeaseObserver, limit: Int, refused: @escaping Refusal
  ) throws(SystemError) {
    self.store = store
    self.observer = observer
    self.report = report
    self.limit = limit
    self.refused = refused
    sender = try ReplySender()
    (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// Takes decisions with changes. What is too much comes back to the caller.
  func submit(_ items: [Pending]) -> [Pending] {
    let rest = waiting.withLock { waiting in
      let room = max(0, limit - waiting.count)
      waiting += items.prefix(room)
      return Array(items.dropFirst(room))
    }
    signal.yield()
    return rest
  }

  /// Ends `run`, after what waits has been done.
  func finish() { signal.finish() }

  func run() async {
    for await _ in signals { await drain() }
    await drain()
  }

  private func drain() async {
    while true {
      let group = waiting.withLock { waiting in
        defer { waiting.removeAll() }
        return waiting
      }
      if group.isEmpty { return }
      await commit(group)
    }
  }

  private func commit(_ group: [Pending]) async {
    var claims: [LeaseClaim] = []
    var claimed: [(item: Int, change: Decision.Change)] = []
    for (index, item) in group.enumerated() {
      for change in item.changes {
        guard let record = change.lease.record else { continue }
        claims.append(
          LeaseClaim(record, replaces: change.lease.state == .declined ? change.previous?.client.bytes : nil))
        claimed.append((index, change))
      }
    }
    do throws(StoreError) {
      let results = try await store.claim(claims, now: report.clock.wallTime())
      await observer.changed(zip(claims, results).filter { $1 == nil }.map { $0.0.record })
      // A reply that promises something which was not kept does not leave: its client asks again.
      var broken: Set<Int> = []
      for case (let claim, let standing?) in zip(claimed, results) {
        refused(claim.change, standing)
        broken.insert(claim.item)
      }
      for (index, item) in group.enumerated() where !broken.contains(index) { sender.send(item) }
      sender.flush()
      for (index, item) in group.enumerated() { report.note(item, broken.contains(index) ? .refused : .ok) }
    } catch {
      // Without the disk no promise: the clients ask again. The newest change goes back first, to what stood before it.
      for claim in claimed.reversed() { refused(claim.change, nil) }
      for item in group { report.note(item, .failed) }
      report.log(.error, "leases cannot be stored", [.init("reason", .string(error.description))])
    }
  }
}
