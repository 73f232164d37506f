/// A point in time as a calendar and a clock in UTC show it.
public struct CivilTime: Sendable, Hashable {
  public var year: Int
  /// 1...12
  public var month: Int
  /// 1...31
  public var day: Int
  public var hour: Int
  public var minute: Int
  public var second: Int
  /// 0 is Sunday.
  public var weekday: Int

  /// The civil time of a point in time, by the proleptic Gregorian calendar (Howard Hinnant's `civil_from_days`).
  public init(_ time: WallTime) {
    let (days, secondOfDay) = Self.divide(time.seconds, by: 86_400)
    let (era, dayOfEra) = Self.divide(days + 719_468, by: 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    day = Int(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    month = Int(shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9)
    year = Int(yearOfEra + era * 400) + (month <= 2 ? 1 : 0)
    hour = Int(secondOfDay / 3_600)
    minute = Int(secondOfDay / 60 % 60)
    second = Int(secondOfDay % 60)
    weekday = Int(Self.divide(days + 4, by: 7).remainder)
  }

  private static func divide(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }

  /// `2026-11-23T07:58:08Z` (RFC 3339).
  public var rfc3339: String {
    "\(Self.padded(year, 4))-\(Self.padded(month, 2))-\(Self.padded(day, 2))T\(clock)Z"
  }

  /// `07:58:08`
  public var clock: String { "\(Self.padded(hour, 2)):\(Self.padded(minute, 2)):\(Self.padded(second, 2))" }

  static func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
  }
}

extension WallTime {
  /// `2026-11-23T07:58:08.123Z`, in milliseconds.
  public var rfc3339: String {
    String(CivilTime(self).rfc3339.dropLast()) + "." + CivilTime.padded(Int(nanoseconds / 1_000_000), 3) + "Z"
  }
}
