/// A date, a time, or both, as TOML 1.0 has them: after RFC 3339, with or without an offset.
public struct TOMLDateTime: Hashable, Sendable {
  public struct Date: Hashable, Sendable {
    /// 0...9999
    public var year: Int
    /// 1...12
    public var month: Int
    /// 1...31, as the month allows.
    public var day: Int
  }

  public struct Time: Hashable, Sendable {
    /// 0...23
    public var hour: Int
    /// 0...59
    public var minute: Int
    /// 0...59
    public var second: Int
    /// 0..<1,000,000,000; digits behind the ninth are cut off.
    public var nanosecond: Int
  }

  public var date: Date?
  public var time: Time?
  /// Minutes east of UTC; `nil` for a local time.
  public var offsetMinutes: Int?

  /// The type in words, with its article.
  var typeName: String {
    switch (date, time) {
    case (nil, _): "a time"
    case (_, nil): "a date"
    default: "a date and time"
    }
  }
}

/// RFC 3339, as a TOML value is written.
extension TOMLDateTime: CustomStringConvertible {
  public var description: String {
    var text = ""
    if let date { text = "\(Self.padded(date.year, 4))-\(Self.padded(date.month))-\(Self.padded(date.day))" }
    guard let time else { return text }
    if date != nil { text += "T" }
    text += "\(Self.padded(time.hour)):\(Self.padded(time.minute)):\(Self.padded(time.second))"
    if time.nanosecond > 0 {
      var digits = Self.padded(time.nanosecond, 9)
      while digits.hasSuffix("0") { digits.removeLast() }
      text += "." + digits
    }
    guard let offset = offsetMinutes else { return text }
    if offset == 0 { return text + "Z" }
    let size = offset.magnitude
    return text + (offset < 0 ? "-" : "+") + Self.padded(Int(size / 60)) + ":" + Self.padded(Int(size % 60))
  }

  private static func padded(_ number: Int, _ width: Int = 2) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}

extension TOMLDateTime {
  /// Reads a whole token; `nil` when it is no date or time.
  init?(_ token: ArraySlice<UInt8>) {
    var scanner = DigitScanner(rest: token)
    if let date = scanner.date() {
      self.date = date
      if scanner.rest.isEmpty { return }
      guard scanner.take(UInt8(ascii: "T"), UInt8(ascii: "t"), UInt8(ascii: " ")), let time = scanner.time() else {
        return nil
      }
      self.time = time
      if scanner.rest.isEmpty { return }
      guard let offset = scanner.offset(), scanner.rest.isEmpty else { return nil }
      offsetMinutes = offset
    } else {
      guard let time = scanner.time(), scanner.rest.isEmpty else { return nil }
      self.time = time
    }
  }

  /// Takes fixed-width decimal fields from the front of a token.
  private struct DigitScanner {
    var rest: ArraySlice<UInt8>

    mutating func take(_ wanted: UInt8...) -> Bool {
      guard let first = rest.first, wanted.contains(first) else { return false }
      rest = rest.dropFirst()
      return true
    }

    mutating func number(_ width: Int, in range: ClosedRange<Int>) -> Int? {
      let field = rest.prefix(width)
      guard field.count == width, field.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
      let value = field.reduce(0) { $0 * 10 + Int($1 - 0x30) }
      guard range.contains(value) else { return nil }
      rest = rest.dropFirst(width)
      return value
    }

    /// Leaves `rest` as it was when there is no date.
    mutating func date() -> Date? {
      var scanner = self
      guard let year = scanner.number(4, in: 0...9999), scanner.take(UInt8(ascii: "-")),
        let month = scanner.number(2, in: 1...12), scanner.take(UInt8(ascii: "-")),
        let day = scanner.number(2, in: 1...DigitScanner.days(year, month))
      else { return nil }
      self = scanner
      return Date(year: year, month: month, day: day)
    }

    mutating func time() -> Time? {
      guard let hour = number(2, in: 0...23), take(UInt8(ascii: ":")), let minute = number(2, in: 0...59),
        take(UInt8(ascii: ":")), let second = number(2, in: 0...59)
      else { return nil }
      var time = Time(hour: hour, minute: minute, second: second, nanosecond: 0)
      if take(UInt8(ascii: ".")) {
        let digits = rest.prefix { (0x30...0x39).contains($0) }
        guard !digits.isEmpty else { return nil }
        rest = rest.dropFirst(digits.count)
        let nine = Array(digits.prefix(9)) + [UInt8](repeating: 0x30, count: max(0, 9 - digits.count))
        time.nanosecond = nine.reduce(0) { $0 * 10 + Int($1 - 0x30) }
      }
      return time
    }

    mutating func offset() -> Int? {
      if take(UInt8(ascii: "Z"), UInt8(ascii: "z")) { return 0 }
      let sign = rest.first == UInt8(ascii: "-") ? -1 : 1
      guard take(UInt8(ascii: "+"), UInt8(ascii: "-")), let hours = number(2, in: 0...23), take(UInt8(ascii: ":")),
        let minutes = number(2, in: 0...59)
      else { return nil }
      return sign * (hours * 60 + minutes)
    }

    private static func days(_ year: Int, _ month: Int) -> Int {
      switch month {
      case 2: year.isMultiple(of: 4) && (!year.isMultiple(of: 100) || year.isMultiple(of: 400)) ? 29 : 28
      case 4, 6, 9, 11: 30
      default: 31
      }
    }
  }
}
