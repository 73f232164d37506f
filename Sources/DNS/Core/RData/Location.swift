import WireKit

/// LOC's data (RFC 1876): version, size, precisions as mantissa and exponent, angles in thousandths of a second of arc
/// around 2³¹, altitude in centimetres above −100 km.
extension RDataParser {
  mutating func parseLocation(into wire: inout [UInt8]) throws(PresentationError) {
    let latitude = try angle(limitDegrees: 90, positive: "N", negative: "S")
    let longitude = try angle(limitDegrees: 180, positive: "E", negative: "W")
    let altitude = try centimetres(default: nil, in: -10_000_000...4_284_967_295)
    let size = try centimetres(default: 100, in: 0...9_000_000_000)
    let horizontal = try centimetres(default: 1_000_000, in: 0...9_000_000_000)
    let vertical = try centimetres(default: 1000, in: 0...9_000_000_000)
    wire.append(0)
    for value in [size, horizontal, vertical] { wire.append(Self.exponentForm(value)) }
    wire.appendInteger(latitude)
    wire.appendInteger(longitude)
    wire.appendInteger(UInt32(truncatingIfNeeded: altitude + 10_000_000))
  }

  private mutating func angle(
    limitDegrees: Int64, positive: String, negative: String
  ) throws(PresentationError) -> UInt32 {
    let start = place
    var thousandths = Int64(try number("degrees", limit: UInt64(limitDegrees))) * 3_600_000
    for scale in [60_000, 1000] as [Int64] {
      let token = try next("\(positive) or \(negative)")
      let word = text(token).uppercased()
      if word == positive || word == negative { return try angle(thousandths, word == negative, limitDegrees, start) }
      guard let value = Self.decimal(word, fractionDigits: scale == 1000 ? 3 : 0),
        value < (scale == 1000 ? 60_000 : 60)
      else { throw PresentationError("'\(word)' is no part of an angle", at: Int(token.start)) }
      thousandths += scale == 1000 ? value : value * scale
    }
    let token = try next("\(positive) or \(negative)")
    let word = text(token).uppercased()
    guard word == positive || word == negative else {
      throw PresentationError("\(positive) or \(negative) is missing", at: Int(token.start))
    }
    return try angle(thousandths, word == negative, limitDegrees, start)
  }

  private func angle(
    _ thousandths: Int64, _ isNegative: Bool, _ limitDegrees: Int64, _ start: Int
  ) throws(PresentationError) -> UInt32 {
    guard thousandths <= limitDegrees * 3_600_000 else {
      throw PresentationError("angle above \(limitDegrees) degrees", at: start)
    }
    return UInt32(truncatingIfNeeded: (1 << 31) + (isNegative ? -thousandths : thousandths))
  }

  private mutating func centimetres(
    default standard: Int64?, in range: ClosedRange<Int64>
  ) throws(PresentationError) -> Int64 {
    if let standard, index == tokens.count { return standard }
    let token = try next("altitude")
    var word = text(token)[...]
    if word.hasSuffix("m") || word.hasSuffix("M") { word = word.dropLast() }
    guard let value = Self.decimal(String(word), fractionDigits: 2), range.contains(value) else {
      throw PresentationError("'\(text(token))' is no number of metres that LOC can hold", at: Int(token.start))
    }
    return value
  }

  /// A decimal number times 10^fractionDigits.
  private static func decimal(_ text: String, fractionDigits: Int) -> Int64? {
    let isNegative = text.hasPrefix("-")
    let parts = text.dropFirst(isNegative ? 1 : 0).split(
      separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    let fraction = parts.count == 2 ? parts[1] : ""
    guard let first = parts.first, (1...10).contains(first.count), fraction.count <= fractionDigits,
      (first + fraction).utf8.allSatisfy({ $0 &- 0x30 < 10 }),
      let value = Int64(first + fraction + String(repeating: "0", count: fractionDigits - fraction.count))
    else { return nil }
    return isNegative ? -value : value
  }

  /// The largest mantissa·10^exponent that does not exceed the value.
  private static func exponentForm(_ centimetres: Int64) -> UInt8 {
    var (mantissa, exponent) = (centimetres, UInt8(0))
    while mantissa > 9 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
    return UInt8(truncatingIfNeeded: mantissa) << 4 | exponent
  }
}

enum LocationText {
  /// Appends the presentation form; data of another version than 0 or out of range is left to `\#`.
  static func append(_ wire: RawSpan, to text: inout [UInt8]) -> Bool {
    var reader = WireReader(wire)
    guard let version = try? reader.readUInt8("LOC"), version == 0, let size = try? reader.readUInt8("LOC"),
      let horizontal = try? reader.readUInt8("LOC"), let vertical = try? reader.readUInt8("LOC"),
      let latitude = try? reader.readUInt32("LOC"), let longitude = try? reader.readUInt32("LOC"),
      let altitude = try? reader.readUInt32("LOC"),
      [size, horizontal, vertical].allSatisfy(isCanonical)
    else { return false }
    let (north, east) = (Int64(latitude) - (1 << 31), Int64(longitude) - (1 << 31))
    guard abs(north) <= 90 * 3_600_000, abs(east) <= 180 * 3_600_000 else { return false }
    text.append(contentsOf: "\(angle(north)) \(north < 0 ? "S" : "N") \(angle(east)) \(east < 0 ? "W" : "E")".utf8)
    text.append(contentsOf: " \(metres(Int64(altitude) - 10_000_000))".utf8)
    for value in [size, horizontal, vertical] {
      var centimetres = Int64(value >> 4)
      for _ in 0..<(value & 15) { centimetres *= 10 }
      text.append(contentsOf: " \(metres(centimetres))".utf8)
    }
    return true
  }

  /// Mantissa and exponent are digits, and zero has the exponent zero.
  private static func isCanonical(_ value: UInt8) -> Bool {
    let (mantissa, exponent) = (value >> 4, value & 15)
    return mantissa <= 9 && exponent <= 9 && (mantissa > 0 || exponent == 0)
  }

  private static func angle(_ value: Int64) -> String {
    let value = abs(value)
    return "\(value / 3_600_000) \(value / 60_000 % 60) \(value / 1000 % 60).\(padded(value % 1000, 3))"
  }

  private static func metres(_ centimetres: Int64) -> String {
    "\(centimetres < 0 ? "-" : "")\(abs(centimetres) / 100).\(padded(abs(centimetres) % 100, 2))m"
  }

  private static func padded(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
