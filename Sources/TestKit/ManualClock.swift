import Services
import Synchronization
import WireKit

/// A clock that stands still until the test moves it.
public final class ManualClock: Clock {
  private let state: Mutex<(monotonic: MonotonicTime, wall: WallTime)>

  /// - Parameter wall: The time of day at the start; 2026-01-01T00:00:00Z where a test doesn't care.
  public init(
    now: MonotonicTime = MonotonicTime(nanoseconds: 1_000_000_000), wall: WallTime = WallTime(seconds: 1_767_225_600)
  ) {
    state = Mutex((now, wall))
  }

  public func now() -> MonotonicTime { state.withLock { $0.monotonic } }
  public func wallTime() -> WallTime { state.withLock { $0.wall } }

  /// Moves both clocks.
  public func advance(by duration: Duration) {
    state.withLock { state in
      state.monotonic = state.monotonic + duration
      state.wall = state.wall + duration
    }
  }
}
