import Services
import Synchronization

/// Keeps the events that it is given.
public final class RecordingEventSink: EventSink {
  private let state: Mutex<[Event]> = Mutex([])
  private let isWatching: Bool

  public init(isWatching: Bool = true) { self.isWatching = isWatching }

  public func isWatched(_ service: ServiceName) -> Bool { isWatching }
  public func emit(_ event: Event) { state.withLock { $0.append(event) } }
  public var events: [Event] { state.withLock { $0 } }
}
