import Synchronization
import WireKit

/// Counts requests by source (the generic cell rate algorithm): one moment a source, from which on it is welcome again.
final class RateLimiter: Sendable {
  /// Sources that are remembered. Whoever has so many addresses is stopped by other limits.
  private static let maximumSources = 65_536

  let rule: RateRule
  private let interval: Int64
  private let tolerance: Int64
  private let sources = Mutex<[IPNetwork: Int64]>([:])

  init(_ rule: RateRule) {
    self.rule = rule
    interval = max(1, rule.per.wholeNanoseconds / Int64(rule.requests))
    tolerance = interval &* Int64(max(0, rule.burst - 1))
  }

  /// Counts a request; returns the seconds to wait when it is one too many.
  func take(_ source: IPAddress, now: MonotonicTime) -> Int? {
    let length = source.family == .v4 ? 32 : 64
    let key = IPNetwork(containing: source, prefixLength: length) ?? IPNetwork(source)
    let present = Int64(clamping: now.nanoseconds)
    return sources.withLock { sources -> Int? in
      let due = max(sources[key] ?? present, present)
      let excess = due - present - tolerance
      guard excess <= 0 else { return Int((excess + 999_999_999) / 1_000_000_000) }
      if sources.count >= Self.maximumSources, sources[key] == nil {
        sources = sources.filter { $0.value > present }
        if sources.count >= Self.maximumSources { return nil }
      }
      sources[key] = due + interval
      return nil
    }
  }
}
