/// A point on a clock that never goes back, in nanoseconds from an arbitrary start.
///
/// Sessions are told the time and never ask for it, so that tests own the clock.
public struct MonotonicTime: Hashable, Comparable, Sendable {
  /// Nanoseconds since the clock's arbitrary start.
  public let nanoseconds: UInt64

  public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  public static func < (left: MonotonicTime, right: MonotonicTime) -> Bool { left.nanoseconds < right.nanoseconds }

  /// The time `duration` later; at the ends of the clock it stays there instead of overflowing.
  public static func + (time: MonotonicTime, duration: Duration) -> MonotonicTime {
    let step = duration.wholeNanoseconds
    if step >= 0 {
      let (sum, overflow) = time.nanoseconds.addingReportingOverflow(UInt64(step))
      return MonotonicTime(nanoseconds: overflow ? .max : sum)
    }
    let (difference, underflow) = time.nanoseconds.subtractingReportingOverflow(step.magnitude)
    return MonotonicTime(nanoseconds: underflow ? 0 : difference)
  }

  /// The time from `earlier` to `later`; negative when they are the other way round.
  public static func - (later: MonotonicTime, earlier: MonotonicTime) -> Duration {
    later.nanoseconds >= earlier.nanoseconds
      ? .nanoseconds(Int64(clamping: later.nanoseconds - earlier.nanoseconds))
      : .nanoseconds(-Int64(clamping: earlier.nanoseconds - later.nanoseconds))
  }
}

extension Duration {
  /// The whole duration in nanoseconds, clamped to what 64 bits hold (292 years).
  public var wholeNanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    if overflow { return seconds < 0 ? .min : .max }
    let (sum, carried) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
    if carried { return seconds < 0 ? .min : .max }
    return sum
  }
}
