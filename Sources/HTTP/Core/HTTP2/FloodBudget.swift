import WireKit

/// Counts what costs us and brings nothing, over windows of ten seconds. Rapid Reset (CVE-2023-44487), MadeYouReset
/// (CVE-2025-8671) and the floods of CVE-2019-9511 to 9518 all show as one of these numbers.
struct FloodBudget: Sendable {
  private var windowEnd = MonotonicTime(nanoseconds: 0)
  private var resets = 0
  private var idleFrames = 0

  /// A stream was reset before its reply was complete, by either side.
  mutating func countReset(_ now: MonotonicTime, _ limits: HTTPLimits) throws(HTTP2Error) {
    roll(now)
    resets += 1
    guard resets <= limits.resets else { throw .connection(.enhanceYourCalm, "too many streams reset") }
  }

  /// A frame that asks for work and carries no request.
  mutating func countIdle(_ now: MonotonicTime, _ limits: HTTPLimits) throws(HTTP2Error) {
    roll(now)
    idleFrames += 1
    guard idleFrames <= limits.idleFrames else { throw .connection(.enhanceYourCalm, "too many idle frames") }
  }

  private mutating func roll(_ now: MonotonicTime) {
    guard now >= windowEnd else { return }
    windowEnd = now + .seconds(10)
    resets = 0
    idleFrames = 0
  }
}
