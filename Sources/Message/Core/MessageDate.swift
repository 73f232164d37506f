/// A date of a message's header (RFC 5322 §3.3): a point in time, and the zone in which its writer lives.
public struct MessageDate: Sendable, Hashable {
  /// Seconds since 1970-01-01T00:00:00Z.
  public var seconds: Int64
  /// Minutes east of Greenwich.
  public var zoneMinutes: Int

  public init(seconds: Int64, zoneMinutes: Int = 0) {
    self.seconds = seconds
    self.zoneMinutes = zoneMinutes
  }

  static let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
  private static let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]

  /// Reads what mail has: day of week optional, two-digit years, zones by name, comments. `nil` when it makes no date.
  public init?(_ text: [UInt8], limits: MessageLimits = MessageLimits()) {
    var words: [[UInt8]] = []
    var scanner = Scanner(text, limits: limits)
    // `12:30:00` comes as words and colons; they are put together again by the colons.
    var joins = false
    while words.count < 12, let token = scanner.next() {
      switch token {
      case .atom(let bytes):
        if joins, let last = words.indices.last { words[last] += bytes } else { words.append(bytes) }
        joins = false
      case .special(0x3A):
        if let last = words.indices.last { words[last].append(0x3A) }
        joins = true
      default: joins = false
      }
    }
    self.init(words: words.map { asciiLowercased(String(decoding: $0, as: UTF8.self)) })
  }

  public init?(_ text: String) { self.init(Array(text.utf8)) }

  private init?(words input: [String]) {
    var words = input[...]
    if let first = words.first, let letter = first.utf8.first, letter >= 0x61 && letter <= 0x7A { words.removeFirst() }
    // `25-Nov-2026` of old senders.
    if let first = words.first, first.contains("-") {
      words = (first.split(separator: "-").map(String.init) + words.dropFirst())[...]
    }
    guard words.count >= 4, let day = Int(words[words.startIndex]), (1...31).contains(day),
      let month = Self.months.firstIndex(of: String(words[words.startIndex + 1].prefix(3))),
      var year = Int(words[words.startIndex + 2]), (0...9999).contains(year)
    else { return nil }
    if year < 50 { year += 2000 } else if year < 1000 { year += 1900 }
    let clock = words[words.startIndex + 3].split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
    guard clock.count == 2 || clock.count == 3, let hour = clock[0], let minute = clock[1], (0...23).contains(hour),
      (0...59).contains(minute), let second = clock.count == 3 ? clock[2] : 0, (0...60).contains(second)
    else { return nil }
    let zone = words.count > 4 ? Self.zone(words[words.startIndex + 4]) : 0
    let days = Self.days(year: year, month: month + 1, day: day)
    seconds = days * 86_400 + Int64(hour * 3_600 + minute * 60 + second) - Int64(zone * 60)
    zoneMinutes = zone
  }

  private static func zone(_ text: String) -> Int {
    if let sign = text.first, sign == "+" || sign == "-", text.utf8.count == 5, let number = Int(text.dropFirst()) {
      let minutes = number / 100 * 60 + number % 100
      return min(minutes, 24 * 60) * (sign == "-" ? -1 : 1)
    }
    return switch text {
    case "edt": -240
    case "est", "cdt": -300
    case "cst", "mdt": -360
    case "mst", "pdt": -420
    case "pst": -480
    default: 0
    }
  }

  /// Days from 1970-01-01 by the proleptic Gregorian calendar (Howard Hinnant's `days_from_civil`).
  static func days(year: Int, month: Int, day: Int) -> Int64 {
    let year = Int64(month <= 2 ? year - 1 : year)
    let era = (year >= 0 ? year : year - 399) / 400
    let yearOfEra = year - era * 400
    let dayOfYear = Int64((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1)
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  /// `Wed, 25 Nov 2026 13:05:05 +0000`
  public var text: String {
    let local = seconds + Int64(zoneMinutes * 60)
    let day = local >= 0 ? local / 86_400 : (local - 86_399) / 86_400
    let secondOfDay = Int(local - day * 86_400)
    let (year, month, dayOfMonth) = Self.civil(day)
    let weekday = Self.days[Int(((day % 7) + 7) % 7)]
    let name = Self.months[month - 1]
    let zone = abs(zoneMinutes)
    return "\(weekday), \(dayOfMonth) \(name.prefix(1).uppercased())\(name.dropFirst()) \(Self.pad(year, 4)) "
      + "\(Self.pad(secondOfDay / 3_600)):\(Self.pad(secondOfDay / 60 % 60)):\(Self.pad(secondOfDay % 60)) "
      + "\(zoneMinutes < 0 ? "-" : "+")\(Self.pad(zone / 60))\(Self.pad(zone % 60))"
  }

  private static func civil(_ day: Int64) -> (Int, Int, Int) {
    let shifted = day + 719_468
    let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let month = (5 * dayOfYear + 2) / 153
    let realMonth = Int(month < 10 ? month + 3 : month - 9)
    return (
      Int(yearOfEra + era * 400) + (realMonth <= 2 ? 1 : 0), realMonth, Int(dayOfYear - (153 * month + 2) / 5 + 1)
    )
  }

  static func pad(_ number: Int, _ width: Int = 2) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
  }
}
