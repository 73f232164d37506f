/// A point in time as FTP writes it, always in UTC (RFC 3659 §2.3): `20260325081530.250`.
public struct FTPTime: Hashable, Sendable, Comparable {
  /// Since 1970-01-01T00:00:00Z.
  public var seconds: Int64

  public init(seconds: Int64) { self.seconds = seconds }

  public static func < (left: FTPTime, right: FTPTime) -> Bool { left.seconds < right.seconds }

  /// Reads `YYYYMMDDHHMMSS`, with a fraction that is passed over, or `YYYYMMDDHHMM`.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard let whole = parts.first, whole.utf8.count == 14 || whole.utf8.count == 12 else { return nil }
    if parts.count == 2, FTPText.number(parts[1]) == nil { return nil }
    let digits = Array(whole.utf8)
    func field(_ range: Range<Int>) -> Int? { FTPText.number(digits[range]).map { Int(clamping: $0) } }
    guard let year = field(0..<4), let month = field(4..<6), let day = field(6..<8), let hour = field(8..<10),
      let minute = field(10..<12), let second = digits.count == 14 ? field(12..<14) : 0, year >= 1,
      (1...12).contains(month), (1...Self.days(in: month, of: year)).contains(day), hour < 24, minute < 60, second <= 60
    else { return nil }
    seconds = Int64(Self.daysSinceEpoch(year, month, day)) * 86_400 + Int64(hour * 3_600 + minute * 60 + second)
  }

  /// Year, month, day, hour, minute, second.
  public var fields: (year: Int, month: Int, day: Int, hour: Int, minute: Int, second: Int) {
    // Times of a broken disk may be anything; those outside the years 1 to 9999 are shown as the nearest.
    let bounded = min(max(seconds, -62_135_596_800), 253_402_300_799)
    let days = Int(bounded >= 0 ? bounded / 86_400 : (bounded - 86_399) / 86_400)
    let rest = Int(bounded - Int64(days) * 86_400)
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let month = (5 * dayOfYear + 2) / 153
    return (
      yearOfEra + era * 400 + (month >= 10 ? 1 : 0), month < 10 ? month + 3 : month - 9,
      dayOfYear - (153 * month + 2) / 5 + 1, rest / 3_600, rest / 60 % 60, rest % 60
    )
  }

  /// `20260325081530`
  public var text: String {
    let (year, month, day, hour, minute, second) = fields
    return FTPText.padded(year, 4) + [month, day, hour, minute, second].map { FTPText.padded($0, 2) }.joined()
  }

  /// As `ls -l` shows it: `Mar 25 08:15`, or `Mar 25  2021` when it is more than half a year off.
  public func listText(now: FTPTime) -> String {
    let (year, month, day, hour, minute, _) = fields
    let date = "\(Self.months[min(max(month - 1, 0), 11)]) \(FTPText.padded(day, 2, with: " "))"
    let isRecent = seconds <= now.seconds + 86_400 && seconds > now.seconds - 182 * 86_400
    return date + " "
      + (isRecent ? "\(FTPText.padded(hour, 2)):\(FTPText.padded(minute, 2))" : " \(FTPText.padded(year, 4))")
  }

  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  private static func days(in month: Int, of year: Int) -> Int {
    switch month {
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
  }

  private static func daysSinceEpoch(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let shifted = month <= 2 ? year - 1 : year
    let era = shifted / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }
}
