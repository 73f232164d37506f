import WireKit

/// Where the time comes from. Injected, so that a test owns it.
public protocol Clock: Sendable {
  /// Time that never goes back; for durations, time-outs and penalties.
  func now() -> MonotonicTime
  /// The time of day; for what is shown, stored or sent.
  func wallTime() -> WallTime
}

/// A point in civil time: seconds and nanoseconds since 1970-01-01T00:00:00Z, without leap seconds.
public struct WallTime: Hashable, Comparable, Sendable, Codable {
  public var seconds: Int64
  /// 0..<1,000,000,000.
  public var nanoseconds: Int32

  public init(seconds: Int64, nanoseconds: Int32 = 0) {
    self.seconds = seconds
    self.nanoseconds = nanoseconds
  }

  public static func < (left: WallTime, right: WallTime) -> Bool {
    (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
  }

  /// The time `duration` later, clamped to what the type can hold.
  public static func + (time: WallTime, duration: Duration) -> WallTime {
    let (whole, attoseconds) = duration.components
    var nanoseconds = Int64(time.nanoseconds) + attoseconds / 1_000_000_000
    var carry: Int64 = 0
    if nanoseconds >= 1_000_000_000 { (nanoseconds, carry) = (nanoseconds - 1_000_000_000, 1) }
    if nanoseconds < 0 { (nanoseconds, carry) = (nanoseconds + 1_000_000_000, -1) }
    let (sum, overflow) = time.seconds.addingReportingOverflow(whole)
    let (seconds, overflowAgain) = sum.addingReportingOverflow(carry)
    let limit: Int64 = whole < 0 ? .min : .max
    return WallTime(seconds: overflow || overflowAgain ? limit : seconds, nanoseconds: Int32(nanoseconds))
  }

  /// The time from `earlier` to `later`.
  public static func - (later: WallTime, earlier: WallTime) -> Duration {
    .seconds(later.seconds.subtractingReportingOverflow(earlier.seconds).partialValue)
      + .nanoseconds(Int64(later.nanoseconds) - Int64(earlier.nanoseconds))
  }
}
