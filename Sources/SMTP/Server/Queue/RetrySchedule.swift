import Services

/// When delivery is tried again (RFC 5321 §4.5.4.1).
struct RetrySchedule: Sendable {
  /// Seconds after each attempt; the last one repeats.
  static let pauses: [Int64] = [120, 300, 900, 1800, 3600, 7200, 10_800, 14_400]
  /// When the sender is told that it takes time.
  static let delayNotice = Duration.seconds(4 * 3600)

  /// The next attempt after so many; up to a fifth earlier or later, so that what failed together does not come back
  /// together.
  static func next(attempts: Int, now: WallTime) -> WallTime {
    let pause = pauses[min(max(0, attempts), pauses.count - 1)]
    let jitter = Int64.random(in: -(pause / 5)...(pause / 5))
    return now + .seconds(pause + jitter)
  }
}
