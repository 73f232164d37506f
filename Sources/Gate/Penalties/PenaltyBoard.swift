import Services
import Synchronization
import WireKit

/// The penalties of this server: the ledger with a clock, for this process and for those who follow its changes.
public final class PenaltyBoard: PenaltyBook {
  private struct State {
    var ledger: PenaltyLedger
    var followers: [UInt64: @Sendable ([PenaltyLedger.Change]) -> Void] = [:]
    var nextFollower: UInt64 = 0
  }

  private let state: Mutex<State>
  private let clock: any Clock
  private let events: any EventSink
  private let observer: @Sendable (Misbehaviour, ServiceName) -> Void
  public let settings: PenaltySettings

  /// `observer` is told of everything that is reported, whether it leads to a penalty or not.
  public init(
    _ settings: PenaltySettings, clock: any Clock, events: any EventSink,
    observer: @escaping @Sendable (Misbehaviour, ServiceName) -> Void = { _, _ in }
  ) {
    self.observer = observer
    state = Mutex(State(ledger: PenaltyLedger(settings)))
    self.settings = settings
    self.clock = clock
    self.events = events
  }

  public func penalty(for source: IPAddress, now: MonotonicTime) -> Duration? {
    state.withLock { $0.ledger.penalty(for: source, now: now) }
  }

  public func report(_ misbehaviour: Misbehaviour, by source: IPAddress, service: ServiceName) {
    observer(misbehaviour, service)
    let now = clock.now()
    let changes = state.withLock { state in
      let changes = state.ledger.report(misbehaviour, by: source, service: service, now: now)
      Self.tell(changes, state)
      return changes
    }
    for case .enforced(let network, let end) in changes {
      events.emit(
        Event(
          time: clock.wallTime(), severity: .notice, message: "source penalised", service: service,
          fields: [
            .init("source", .string(network.description)), .init("reason", .string(misbehaviour.rawValue)),
            .init("seconds", .integer((end - now).components.seconds)),
          ]))
    }
  }

  /// Forgives; returns how many sources had been turned away.
  public func clear(_ network: IPNetwork?) -> Int {
    state.withLock { state in
      let changes = state.ledger.clear(network)
      Self.tell(changes, state)
      return changes.count
    }
  }

  public func list() -> [PenaltyLedger.Entry] {
    let now = clock.now()
    return state.withLock { $0.ledger.list(now: now) }
  }

  /// Calls `start` with what is in force, then `change` with every change from there on, in order and with nothing
  /// falling between. Both are called under a lock: they hand on, and do nothing else.
  func follow(
    start: ([PenaltyLedger.Entry]) -> Void, change: @escaping @Sendable ([PenaltyLedger.Change]) -> Void
  ) -> UInt64 {
    let now = clock.now()
    return state.withLock { state in
      state.nextFollower += 1
      state.followers[state.nextFollower] = change
      start(state.ledger.list(now: now).filter(\.isEnforced))
      return state.nextFollower
    }
  }

  func unfollow(_ follower: UInt64) {
    state.withLock { $0.followers[follower] = nil }
  }

  private static func tell(_ changes: [PenaltyLedger.Change], _ state: borrowing State) {
    guard !changes.isEmpty else { return }
    for follower in state.followers.values { follower(changes) }
  }
}
