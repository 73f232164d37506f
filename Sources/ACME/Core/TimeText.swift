/// Points in time as RFC 3339 writes them.
public enum TimeText {
  /// Seconds since 1970 of `2026-11-25T16:00:00Z`, with a fraction or an offset too; `nil` for anything else.
  public static func seconds(_ text: String) -> Int64? {
    let octets = Array(text.utf8)
    func number(_ range: Range<Int>) -> Int64? {
      guard range.upperBound <= octets.count, octets[range].allSatisfy({ (0x30...0x39).contains($0) }) else {
        return nil
      }
      return Int64(String(decoding: octets[range], as: UTF8.self))
    }
    guard octets.count >= 20, octets[4] == 0x2D, octets[7] == 0x2D, octets[10] | 0x20 == 0x74, octets[13] == 0x3A,
      octets[16] == 0x3A, let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
      let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19), (1...12).contains(month),
      (1...31).contains(day), hour < 24, minute < 60, second <= 60
    else { return nil }
    var index = 19
    if octets[index] == 0x2E {
      index += 1
      while index < octets.count, (0x30...0x39).contains(octets[index]) { index += 1 }
    }
    guard index < octets.count else { return nil }
    var offset: Int64 = 0
    if octets[index] | 0x20 == 0x7A {
      guard index + 1 == octets.count else { return nil }
    } else {
      guard octets[index] == 0x2B || octets[index] == 0x2D, index + 6 == octets.count, octets[index + 3] == 0x3A,
        let hours = number((index + 1)..<(index + 3)), let minutes = number((index + 4)..<(index + 6)), hours < 24,
        minutes < 60
      else { return nil }
      offset = (hours * 3600 + minutes * 60) * (octets[index] == 0x2B ? 1 : -1)
    }
    return days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset
  }

  /// `2026-11-25T16:00:00Z`
  public static func text(_ seconds: Int64) -> String {
    let days = (seconds - ((seconds % 86_400) + 86_400) % 86_400) / 86_400
    let rest = seconds - days * 86_400
    // Howard Hinnant's civil_from_days.
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(year)-\(two(month))-\(two(day))T\(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60))Z"
  }

  private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let shiftedYear = month <= 2 ? year - 1 : year
    let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
    let yearOfEra = shiftedYear - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }
}
