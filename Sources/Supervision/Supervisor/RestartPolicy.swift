/// When a worker that ended is started again.
public struct RestartPolicy: Hashable, Sendable {
  /// The wait before the second restart in a row; the first one has none. Each further one waits twice as long.
  public var firstDelay: Duration
  /// The longest wait.
  public var longestDelay: Duration
  /// A worker that lived this long counts as sound again: its next end is the first in a row.
  public var settledAfter: Duration
  /// After this many ends in a row the worker is reported as failing. It is still restarted.
  public var failingAfter: Int

  public init(
    firstDelay: Duration = .milliseconds(100), longestDelay: Duration = .seconds(30),
    settledAfter: Duration = .seconds(60), failingAfter: Int = 5
  ) {
    self.firstDelay = firstDelay
    self.longestDelay = longestDelay
    self.settledAfter = settledAfter
    self.failingAfter = failingAfter
  }

  /// The wait before the restart that follows the `failures`-th end in a row.
  func delay(afterFailures failures: Int) -> Duration {
    guard failures > 1 else { return .zero }
    var delay = firstDelay
    for _ in 2..<failures {
      delay *= 2
      if delay >= longestDelay { break }
    }
    return min(delay, longestDelay)
  }
}
