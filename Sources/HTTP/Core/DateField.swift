import WireKit

/// The value of `Date`, made anew once a second.
struct DateField: Sendable {
  private let offset: Int64?
  private var second: Int64 = .min
  private var octets: [UInt8] = []
  /// The same as a literal of HPACK; empty without a clock.
  private(set) var hpack: [UInt8] = []

  init(offset: Int64?) { self.offset = offset }

  /// The 29 octets for this moment; empty without a clock.
  mutating func value(_ now: MonotonicTime) -> [UInt8] {
    guard let offset else { return [] }
    let (sum, overflow) = Int64(clamping: now.nanoseconds).addingReportingOverflow(offset)
    let current = (overflow ? .max : sum) / 1_000_000_000
    if current != second {
      second = current
      octets = HTTPDate(seconds: current).octets
      var literal: [UInt8] = []
      HPACKEncoder.append(.date, value: octets.span.bytes, to: &literal)
      hpack = literal
    }
    return octets
  }
}

/// A deadline that moves with every request without a timer being set each time: the timer that is running may ring too
/// early, and is then set to the time that counts.
struct Deadline: Sendable {
  private(set) var kind: StaticString = ""
  private var time: MonotonicTime?
  private var armed: MonotonicTime?

  /// Moves the deadline. Returns when the timer has to be set to, or `nil` if it may stay.
  mutating func move(to newTime: MonotonicTime, _ newKind: StaticString) -> MonotonicTime? {
    time = newTime
    kind = newKind
    if let armed, armed <= newTime { return nil }
    armed = newTime
    return newTime
  }

  /// There is no deadline for the moment.
  mutating func clear() { time = nil }

  /// Whether the deadline of this kind is running.
  func isRunning(_ wanted: StaticString) -> Bool { time != nil && kind.utf8Start == wanted.utf8Start }

  enum Ring {
    case ignored
    case again(MonotonicTime)
    case expired
  }

  /// The timer has rung.
  mutating func ring(_ now: MonotonicTime) -> Ring {
    armed = nil
    guard let time else { return .ignored }
    if now >= time {
      self.time = nil
      return .expired
    }
    armed = time
    return .again(time)
  }
}
