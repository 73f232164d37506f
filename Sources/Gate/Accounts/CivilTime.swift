import Services
import WireKit

/// Moments as people write them: `2027-01-31`, `2027-01-31T18:00:00Z`, `30d`; always UTC.
enum CivilTime {
  /// A date (its first second), a date with time, or a duration from `now` in s, m, h, d or w; `nil` for anything else.
  static func parse(_ text: String, now: WallTime) -> WallTime? {
    if let unit = text.last,
      let length = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400), ("w", 604_800)]
        .first(where: { $0.0 == String(unit) })?.1, let count = number(text.dropLast(), digits: 1...9)
    {
      return now + .seconds(count * Int64(length))
    }
    let bytes = Array(text.utf8)
    guard bytes.count == 10 || bytes.count == 20, bytes[4] == 0x2D, bytes[7] == 0x2D else { return nil }
    var digits = text.filter { $0 != "-" }
    if bytes.count == 20 {
      guard bytes[10] == 0x54, bytes[13] == 0x3A, bytes[16] == 0x3A, bytes[19] == 0x5A else { return nil }
      digits = digits.filter { $0 != "T" && $0 != ":" && $0 != "Z" }
    }
    return compact(digits)
  }

  /// `expiry-time` of a key (sshd(8)): YYYYMMDD[HHMM[SS]], here always in UTC, with or without its `Z`.
  static func keyExpiry(_ text: String) -> WallTime? {
    compact(text.hasSuffix("Z") ? String(text.dropLast()) : text)
  }

  /// `2027-01-31T18:00:00Z`.
  static func text(_ time: WallTime) -> String {
    let days = time.seconds >= 0 ? time.seconds / 86_400 : (time.seconds - 86_399) / 86_400
    let second = time.seconds - days * 86_400
    let (year, month, day) = date(days: days)
    let two = { (number: Int64) in number < 10 ? "0\(number)" : "\(number)" }
    let four = String(repeating: "0", count: max(0, 4 - String(year).count)) + String(year)
    return "\(four)-\(two(month))-\(two(day))T\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))Z"
  }

  /// YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS.
  private static func compact(_ digits: String) -> WallTime? {
    guard [8, 12, 14].contains(digits.utf8.count) else { return nil }
    let part = { (from: Int, count: Int) in number(digits.dropFirst(from).prefix(count), digits: count...count) }
    guard let year = part(0, 4), let month = part(4, 2), let day = part(6, 2), year >= 1970, (1...12).contains(month)
    else { return nil }
    var clock: [Int64] = [0, 0, 0]
    for (index, from) in [8, 10, 12].enumerated() where from < digits.utf8.count {
      guard let value = part(from, 2), value < (index == 0 ? 24 : 60) else { return nil }
      clock[index] = value
    }
    let days = days(year: year, month: month, day: day)
    // The way back tells the 31st of June from a day that exists.
    guard date(days: days) == (year, month, day) else { return nil }
    return WallTime(seconds: days * 86_400 + clock[0] * 3600 + clock[1] * 60 + clock[2])
  }

  private static func number(_ text: some StringProtocol, digits: ClosedRange<Int>) -> Int64? {
    guard digits.contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return Int64(text)
  }

  /// Days since 1970-01-01 in the Gregorian calendar, counted in years that begin with March.
  private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
    let shifted = month > 2 ? year : year - 1
    let era = shifted / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  private static func date(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthIndex = (5 * dayOfYear + 2) / 153
    let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthIndex + 2) / 5 + 1)
  }
}
