import WireKit

/// When to repeat: the round trip as RFC 6298 estimates it, doubled with each silence, or the fixed time of the
/// `timeout` option.
public struct RetransmissionTimer: Sendable, Hashable {
  private let fixed: Duration?
  private let minimum: Int64
  private let maximum: Int64
  private var smoothed: Int64 = 0
  private var variation: Int64 = 0
  private var base: Int64
  /// Silences in a row.
  public private(set) var retries = 0

  public init(_ limits: Limits, fixed: Duration? = nil) {
    self.fixed = fixed
    minimum = max(1_000_000, limits.minimumTimeout.wholeNanoseconds)
    maximum = max(minimum, limits.maximumTimeout.wholeNanoseconds)
    base = min(max(limits.initialTimeout.wholeNanoseconds, minimum), maximum)
  }

  /// How long to wait for an answer to what goes out at this moment.
  public var timeout: Duration {
    if let fixed { return fixed }
    var value = base
    for _ in 0..<min(retries, 16) where value < maximum { value *= 2 }
    return .nanoseconds(min(value, maximum))
  }

  /// A round trip of a packet that went out once only (Karn's rule).
  public mutating func measured(_ roundTrip: Duration) {
    let sample = min(max(0, roundTrip.wholeNanoseconds), maximum)
    if smoothed == 0 {
      smoothed = sample
      variation = sample / 2
    } else {
      variation += (abs(smoothed - sample) - variation) / 4
      smoothed += (sample - smoothed) / 8
    }
    base = min(max(smoothed + 4 * variation, minimum), maximum)
  }

  /// The peer answered: the count of silences starts again.
  public mutating func answered() { retries = 0 }

  /// Nothing came in time.
  public mutating func expired() { retries += 1 }
}
