import Services
import WireKit

/// The penalties in force as a worker knows them: a copy for look-ups without asking.
struct PenaltyTable: Sendable {
  private var ends: [IPNetwork: MonotonicTime] = [:]
  private var prefixLengthV4 = 32
  private var prefixLengthV6 = 64

  /// Takes a message of `gate`. Times come as what is left, because processes need not share the clock's start.
  mutating func apply(_ update: PenaltyUpdate, now: MonotonicTime) {
    if update.isReset { ends = [:] }
    prefixLengthV4 = min(max(update.prefixLengthV4, 0), 32)
    prefixLengthV6 = min(max(update.prefixLengthV6, 0), 128)
    for entry in update.entries {
      ends[entry.source] = entry.nanosecondsLeft.map { now + .nanoseconds($0) }
    }
    if ends.count > 2 * max(1024, update.entries.count) { ends = ends.filter { $0.value > now } }
  }

  func penalty(for address: IPAddress, now: MonotonicTime) -> Duration? {
    let source = PenaltySettings.source(
      of: address, prefixLengthV4: prefixLengthV4, prefixLengthV6: prefixLengthV6)
    guard let end = ends[source], end > now else { return nil }
    return end - now
  }
}
