import Services
import Synchronization

/// The newest events, kept in memory for `show log`.
public final class RecentEvents: EventSink {
  private let state: Mutex<(events: [Event?], next: Int)>

  public init(capacity: Int = 5000) {
    state = Mutex((Array(repeating: nil, count: max(1, capacity)), 0))
  }

  public func isWatched(_ service: ServiceName) -> Bool { false }

  public func emit(_ event: Event) {
    switch event.kind {
    case .operation, .conversation: return
    case .log, .audit: break
    }
    state.withLock { state in
      state.events[state.next % state.events.count] = event
      state.next += 1
    }
  }

  /// Events from this number on, at most so many, and the number that comes next. Events that are lost by then are left out.
  public func events(from first: Int, limit: Int) -> (events: [Event], next: Int) {
    state.withLock { state in
      let start = min(state.next, max(first, state.next - state.events.count))
      let end = min(state.next, start + limit)
      return ((start..<end).compactMap { state.events[$0 % state.events.count] }, end)
    }
  }

  /// The number of the next event.
  public var next: Int { state.withLock { $0.next } }

  /// The newest events, at most so many, the oldest of them first.
  public func last(_ count: Int) -> [Event] {
    state.withLock { state in
      let first = max(0, state.next - min(count, state.events.count))
      return (first..<state.next).compactMap { state.events[$0 % state.events.count] }
    }
  }
}
