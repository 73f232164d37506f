import Services

/// Dates as messages carry them (RFC 5322 §3.3).
enum MailDate {
  private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  /// `Wed, 25 Nov 2026 13:24:51 +0000`
  static func text(_ time: WallTime) -> String {
    let civil = CivilTime(time)
    return "\(days[civil.weekday]), \(civil.day) \(months[civil.month - 1]) \(civil.year) "
      + "\(two(civil.hour)):\(two(civil.minute)):\(two(civil.second)) +0000"
  }

  private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}

/// Names of messages that nobody else gives.
enum MailToken {
  /// 80 bits of randomness in base 32.
  static func random() -> String {
    let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567")
    return String((0..<16).map { _ in alphabet[Int.random(in: 0..<32)] })
  }
}
