import Services
import Synchronization

/// Who watches what.
public final class WatchBoard: Sendable {
  private struct State {
    var watchers: [UInt64: (filter: WatchFilter, body: @Sendable (Event) -> Void)] = [:]
    var next: UInt64 = 0
    var watched: Set<ServiceName> = []
    var followers: [UInt64: @Sendable (Set<ServiceName>) -> Void] = [:]
  }

  private let state = Mutex(State())

  public init() {}

  /// Whether anybody follows this service's conversations.
  public func isWatched(_ service: ServiceName) -> Bool {
    state.withLock { $0.watched.contains(service) }
  }

  /// Calls `body` with every event that the filter lets through, until `remove`. `body` is called under a lock: it hands
  /// on, and does nothing else.
  func add(_ filter: WatchFilter, _ body: @escaping @Sendable (Event) -> Void) -> UInt64 {
    state.withLock { state in
      state.next += 1
      state.watchers[state.next] = (filter, body)
      Self.update(&state)
      return state.next
    }
  }

  func remove(_ watcher: UInt64) {
    state.withLock { state in
      state.watchers[watcher] = nil
      Self.update(&state)
    }
  }

  func offer(_ event: Event) {
    state.withLock { state in
      for watcher in state.watchers.values where watcher.filter.matches(event) { watcher.body(event) }
    }
  }

  /// Calls `body` with the set of watched services, now and at every change, under a lock.
  func follow(_ body: @escaping @Sendable (Set<ServiceName>) -> Void) -> UInt64 {
    state.withLock { state in
      state.next += 1
      state.followers[state.next] = body
      body(state.watched)
      return state.next
    }
  }

  func unfollow(_ follower: UInt64) {
    state.withLock { $0.followers[follower] = nil }
  }

  private static func update(_ state: inout State) {
    let watched = state.watchers.values.reduce(into: Set<ServiceName>()) { set, watcher in
      set.formUnion(watcher.filter.services.isEmpty ? Set(ServiceName.allCases) : watcher.filter.services)
    }
    guard watched != state.watched else { return }
    state.watched = watched
    for follower in state.followers.values { follower(watched) }
  }
}
