/// A day of the calendar, as SEARCH compares them: without time and zone (RFC 9051 §6.4.4).
public struct CalendarDay: Hashable, Sendable, Comparable {
  /// Days since 1970-01-01.
  public let number: Int

  public init(number: Int) { self.number = number }

  /// `nil` for a day that the calendar lacks.
  public init?(year: Int, month: Int, day: Int) {
    guard (1...9999).contains(year), (1...12).contains(month), day >= 1, day <= Self.days(in: month, of: year) else {
      return nil
    }
    // Days from civil, with years that begin in March, so that the leap day is the last.
    let shifted = month <= 2 ? year - 1 : year
    let era = shifted / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    number = era * 146_097 + dayOfEra - 719_468
  }

  public static func < (left: CalendarDay, right: CalendarDay) -> Bool { left.number < right.number }

  /// Year, month and day.
  public var parts: (year: Int, month: Int, day: Int) {
    let shifted = number + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthIndex = (5 * dayOfYear + 2) / 153
    let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthIndex + 2) / 5 + 1)
  }

  private static func days(in month: Int, of year: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  public static let monthNames = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
}

/// A moment as IMAP writes it: `" 7-Feb-1994 21:52:25 -0800"` (RFC 9051 §9, `date-time`).
public struct DateTime: Hashable, Sendable {
  /// Seconds since 1970-01-01T00:00:00Z.
  public var seconds: Int64
  /// Minutes east of Greenwich, for display.
  public var zone: Int

  public init(seconds: Int64, zone: Int = 0) {
    self.seconds = seconds
    self.zone = zone
  }

  /// The wire form, with its quotes.
  public func write(to output: inout [UInt8]) {
    let local = seconds + Int64(zone) * 60
    let day = local >= 0 ? local / 86_400 : (local - 86_399) / 86_400
    let rest = Int(local - day * 86_400)
    let parts = CalendarDay(number: Int(day)).parts
    func pad(_ number: Int, _ width: Int) {
      var divisor = width == 4 ? 1000 : 10
      while divisor > 0 {
        output.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number / divisor % 10))
        divisor /= 10
      }
    }
    output.append(UInt8(ascii: "\""))
    if parts.day < 10 {
      output.append(UInt8(ascii: " "))
      output.append(decimal: UInt64(clamping: parts.day))
    } else {
      pad(parts.day, 2)
    }
    output.append(UInt8(ascii: "-"))
    output.append(contentsOf: CalendarDay.monthNames[max(0, min(11, parts.month - 1))].utf8)
    output.append(UInt8(ascii: "-"))
    pad(parts.year, 4)
    output.append(UInt8(ascii: " "))
    pad(rest / 3600, 2)
    output.append(UInt8(ascii: ":"))
    pad(rest / 60 % 60, 2)
    output.append(UInt8(ascii: ":"))
    pad(rest % 60, 2)
    output.append(contentsOf: zone < 0 ? " -".utf8 : " +".utf8)
    pad(Int(zone.magnitude / 60), 2)
    pad(Int(zone.magnitude % 60), 2)
    output.append(UInt8(ascii: "\""))
  }
}
