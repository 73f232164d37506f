import MessageCore

/// Parts of dates (RFC 5260 §4.2), in UTC or the zone that is asked for.
enum SieveDate {
  static func seconds(of value: String) -> Int64? { MessageDate(Array(value.utf8))?.seconds }

  /// A part by its name; empty for a name that is none.
  static func part(_ name: String, of seconds: Int64, _ arguments: SieveArguments) -> String {
    let offset = arguments.strings(of: "zone")?.first.flatMap { zone(String($0)) } ?? 0
    let (days, second) = floor(seconds + Int64(offset) * 60, 86_400)
    let (year, month, day) = civil(days)
    let (hour, minute) = (second / 3600, second / 60 % 60)
    let date = "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))"
    let time = "\(pad(hour, 2)):\(pad(minute, 2)):\(pad(second % 60, 2))"
    let sign = "\(offset < 0 ? "-" : "+")\(pad(Int64(abs(offset) / 60), 2))"
    switch name.lowercased() {
    case "year": return pad(year, 4)
    case "month": return pad(month, 2)
    case "day": return pad(day, 2)
    case "date": return date
    case "julian": return String(days + 40_587)
    case "hour": return pad(hour, 2)
    case "minute": return pad(minute, 2)
    case "second": return pad(second % 60, 2)
    case "time": return time
    case "iso8601": return "\(date)T\(time)\(sign):\(pad(Int64(abs(offset) % 60), 2))"
    case "zone": return "\(sign)\(pad(Int64(abs(offset) % 60), 2))"
    case "weekday": return String(floor(days + 4, 7).1)
    default: return ""
    }
  }

  private static func zone(_ text: String) -> Int? {
    guard text.count == 5, let number = Int(text.dropFirst()) else { return nil }
    let minutes = number / 100 * 60 + number % 100
    return text.hasPrefix("-") ? -minutes : minutes
  }

  private static func pad(_ number: Int64, _ width: Int) -> String {
    let text = String(number)
    return String(repeating: "0", count: max(0, width - text.count)) + text
  }

  private static func floor(_ value: Int64, _ divisor: Int64) -> (Int64, Int64) {
    let (quotient, rest) = value.quotientAndRemainder(dividingBy: divisor)
    return rest < 0 ? (quotient - 1, rest + divisor) : (quotient, rest)
  }

  /// Year, month and day of days since 1970 (Howard Hinnant's `civil_from_days`).
  private static func civil(_ days: Int64) -> (Int64, Int64, Int64) {
    let (era, dayOfEra) = floor(days + 719_468, 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
  }
}
