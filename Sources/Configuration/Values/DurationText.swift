import WireKit

/// How a duration is written: `8h`, `5s`, `1h30m`, `250ms`.
public enum DurationText {
  public static let form = "a duration such as \"8h\", \"5s\" or \"1h30m\""

  private static let units: [(name: String, milliseconds: Int64)] = [
    ("d", 86_400_000), ("h", 3_600_000), ("m", 60000), ("s", 1000), ("ms", 1),
  ]

  /// Whole numbers, each with a unit (d, h, m, s, ms), larger units first, each once at most. Zero is `0s`.
  public static func parse(_ text: String) throws(TextError) -> Duration {
    var rest = text[...]
    var total: Int64 = 0
    var smallest = -1
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      rest = rest.dropFirst(digits.count)
      let name = rest.prefix { !($0.isASCII && $0.isNumber) }
      rest = rest.dropFirst(name.count)
      guard let number = ASCIIText.number(digits, as: Int64.self) else { throw mismatch(text) }
      if name.isEmpty {
        throw mismatch(
          text, hint: text.count == digits.count ? "add a unit: \"\(text)s\", \"\(text)m\" or \"\(text)h\"" : nil)
      }
      guard let place = units.firstIndex(where: { $0.name == name }) else {
        throw mismatch(text, hint: "units: d, h, m, s, ms")
      }
      guard place > smallest else { throw mismatch(text, hint: "larger units come first, each once") }
      smallest = place
      let (part, overflow) = number.multipliedReportingOverflow(by: units[place].milliseconds)
      let (sum, carried) = total.addingReportingOverflow(part)
      guard !overflow, !carried, sum <= 3_153_600_000_000 else {
        throw TextError("\"\(text)\" is more than a hundred years")
      }
      total = sum
    }
    guard smallest >= 0 else { throw mismatch(text) }
    return .milliseconds(total)
  }

  /// The shortest text that `parse` reads as this duration, to the millisecond.
  public static func print(_ duration: Duration) -> String {
    var rest = max(0, duration.wholeNanoseconds / 1_000_000)
    if rest == 0 { return "0s" }
    var text = ""
    for unit in units where rest >= unit.milliseconds {
      text += "\(rest / unit.milliseconds)\(unit.name)"
      rest %= unit.milliseconds
    }
    return text
  }

  private static func mismatch(_ text: String, hint: String? = nil) -> TextError {
    TextError("expected \(form), found \(TOMLText.string(text))", hint: hint)
  }
}
