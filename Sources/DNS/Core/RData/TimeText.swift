/// The time of a signature: `YYYYMMDDHHmmSS` in UTC, or seconds since 1970 (RFC 4034 §3.2).
enum TimeText {
  static func seconds(_ source: RawSpan, _ range: Range<Int>) -> UInt32? {
    guard range.count == 14 else {
      return PresentationText.number(source, range, limit: UInt64(UInt32.max)).map { UInt32($0) }
    }
    let part = { (source: borrowing RawSpan, from: Int, count: Int) -> Int? in
      let start = range.lowerBound + from
      return PresentationText.number(source, start..<(start + count), limit: 9999).map { Int($0) }
    }
    guard let year = part(source, 0, 4), let month = part(source, 4, 2), let day = part(source, 6, 2),
      let hour = part(source, 8, 2), let minute = part(source, 10, 2), let second = part(source, 12, 2),
      year >= 1970, (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second < 61
    else { return nil }
    let days = daysSince1970(year, month, day)
    // Modulo 2³²: the field is compared by serial arithmetic (RFC 4034 §3.1.5).
    return UInt32(truncatingIfNeeded: ((days * 24 + hour) * 60 + minute) * 60 + second)
  }

  /// Days from 1970-01-01 in the Gregorian calendar, counted in years that start in March.
  private static func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let year = month <= 2 ? year - 1 : year
    let era = year / 400
    let yearOfEra = year - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  static func append(_ seconds: UInt32, to text: inout [UInt8]) {
    let days = Int(seconds) / 86400 + 719_468
    let era = days / 146_097
    let dayOfEra = days - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shifted + 2) / 5 + 1
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    let rest = Int(seconds) % 86400
    appendPadded(year, 4, to: &text)
    for part in [month, day, rest / 3600, rest / 60 % 60, rest % 60] { appendPadded(part, 2, to: &text) }
  }

  private static func appendPadded(_ value: Int, _ width: Int, to text: inout [UInt8]) {
    let digits = Array(String(value).utf8)
    text.append(contentsOf: repeatElement(0x30, count: max(0, width - digits.count)))
    text.append(contentsOf: digits)
  }
}
