import WireKit

/// A point in time in the form of a field value (RFC 9110 §5.6.7), to the second.
public struct HTTPDate: Hashable, Comparable, Sendable {
  /// Seconds since 1970-01-01T00:00:00Z, clamped to the years 1...9999.
  public let seconds: Int64

  public init(seconds: Int64) { self.seconds = min(max(seconds, -62_135_596_800), 253_402_300_799) }

  public static func < (left: HTTPDate, right: HTTPDate) -> Bool { left.seconds < right.seconds }

  /// `Sun, 06 Nov 1994 08:49:37 GMT`: 29 octets.
  public var octets: [UInt8] {
    let days = Self.floorDivide(seconds, 86_400)
    let second = seconds - days * 86_400
    let (year, month, day) = Self.civil(days)
    // 1970-01-01 was a Thursday.
    let weekday = Int(((days + 4) % 7 + 7) % 7)
    var result: [UInt8] = []
    result.reserveCapacity(29)
    result.append(contentsOf: Self.weekdays[weekday].utf8)
    result.append(", ")
    result.append(two: day)
    result.append(UInt8(ascii: " "))
    result.append(contentsOf: Self.months[month - 1].utf8)
    result.append(UInt8(ascii: " "))
    result.append(two: year / 100)
    result.append(two: year % 100)
    result.append(UInt8(ascii: " "))
    result.append(two: Int(second / 3600))
    result.append(UInt8(ascii: ":"))
    result.append(two: Int(second / 60 % 60))
    result.append(UInt8(ascii: ":"))
    result.append(two: Int(second % 60))
    result.append(" GMT")
    return result
  }

  /// Reads the preferred form and, as RFC 9110 §5.6.7 demands, the two obsolete ones; `nil` for anything else.
  public init?(_ text: RawSpan) {
    guard let comma = (0..<text.byteCount).first(where: { text[$0] == 0x2C }) else {
      self.init(asctime: text)
      return
    }
    var parts = DateReader(text.extracting((comma + 1)..<text.byteCount))
    guard parts.take(0x20), let day = parts.digits(2) else { return nil }
    let dashed = parts.peek == 0x2D
    guard parts.take(dashed ? 0x2D : 0x20), let month = parts.month(), parts.take(dashed ? 0x2D : 0x20),
      var year = parts.digits(dashed ? 2 : 4), parts.take(0x20), let time = parts.time(), parts.takeGMT(), parts.isAtEnd
    else { return nil }
    // RFC 850 dates have two digits; what seems more than 50 years ahead is meant as past. Years are judged against
    // 2000...2099, which is right until 2050.
    if dashed { year += year < 70 ? 2000 : 1900 }
    self.init(year: year, month: month, day: day, time: time)
  }

  private init?(asctime text: RawSpan) {
    var parts = DateReader(text)
    guard parts.letters(3), parts.take(0x20), let month = parts.month(), parts.take(0x20),
      let day = parts.peek == 0x20 ? (parts.take(0x20) ? parts.digits(1) : nil) : parts.digits(2), parts.take(0x20),
      let time = parts.time(), parts.take(0x20), let year = parts.digits(4), parts.isAtEnd
    else { return nil }
    self.init(year: year, month: month, day: day, time: time)
  }

  private init?(year: Int, month: Int, day: Int, time: Int) {
    guard year >= 1, month >= 1, month <= 12, day >= 1, day <= Self.daysIn(month, year) else { return nil }
    self.init(seconds: Int64(Self.dayNumber(year, month, day)) * 86_400 + Int64(time))
  }

  private static func daysIn(_ month: Int, _ year: Int) -> Int {
    switch month {
    case 4, 6, 9, 11: 30
    case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
    default: 31
    }
  }

  private static func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
    value >= 0 ? value / divisor : -((-value + divisor - 1) / divisor)
  }

  /// Days since 1970-01-01 to a Gregorian date, by eras of 400 years that begin in March.
  private static func civil(_ days: Int64) -> (year: Int, month: Int, day: Int) {
    let shifted = days + 719_468
    let era = floorDivide(shifted, 146_097)
    let dayOfEra = Int(shifted - era * 146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + Int(era) * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }

  private static func dayNumber(_ year: Int, _ month: Int, _ day: Int) -> Int {
    let shifted = month <= 2 ? year - 1 : year
    let era = shifted / 400
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
  fileprivate static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]
}

extension [UInt8] {
  fileprivate mutating func append(two number: Int) {
    append(UInt8(truncatingIfNeeded: number / 10 % 10) + 0x30)
    append(UInt8(truncatingIfNeeded: number % 10) + 0x30)
  }
}

/// Steps through the parts of a date.
private struct DateReader: ~Escapable {
  private let bytes: RawSpan
  private var index = 0

  @_lifetime(copy bytes)
  init(_ bytes: RawSpan) { self.bytes = bytes }

  var isAtEnd: Bool { index == bytes.byteCount }
  var peek: UInt8? { bytes.byte(at: index) }

  @_lifetime(self: copy self)
  mutating func take(_ byte: UInt8) -> Bool {
    guard peek == byte else { return false }
    index += 1
    return true
  }

  @_lifetime(self: copy self)
  mutating func digits(_ count: Int) -> Int? {
    var value = 0
    for _ in 0..<count {
      guard let byte = peek, Characters.isDigit(byte) else { return nil }
      value = value * 10 + Int(byte - 0x30)
      index += 1
    }
    return value
  }

  @_lifetime(self: copy self)
  mutating func letters(_ count: Int) -> Bool {
    for _ in 0..<count {
      guard let byte = peek, Characters.isToken(byte) else { return false }
      index += 1
    }
    return true
  }

  /// 1...12
  @_lifetime(self: copy self)
  mutating func month() -> Int? {
    guard index + 3 <= bytes.byteCount else { return nil }
    let name = bytes.extracting(index..<(index + 3)).text
    guard let number = HTTPDate.months.firstIndex(of: name) else { return nil }
    index += 3
    return number + 1
  }

  /// `08:49:37` as seconds of the day; a leap second counts as the one before it.
  @_lifetime(self: copy self)
  mutating func time() -> Int? {
    guard let hour = digits(2), take(0x3A), let minute = digits(2), take(0x3A), let second = digits(2), hour < 24,
      minute < 60, second <= 60
    else { return nil }
    return hour * 3600 + minute * 60 + min(second, 59)
  }

  @_lifetime(self: copy self)
  mutating func takeGMT() -> Bool { take(0x20) && take(0x47) && take(0x4D) && take(0x54) }
}
