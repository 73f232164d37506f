import WireKit

/// Range requests on bytes (RFC 9110 §14).
public enum ByteRanges {
  public enum Outcome: Hashable, Sendable {
    /// No range that we heed: the whole content.
    case whole
    /// 206 with these, each within the content and none empty.
    case parts([Range<Int64>])
    /// 416
    case unsatisfiable
  }

  /// The most ranges of a request that we heed; more is no honest reader (§17.15) and gets everything.
  static let maximumRanges = 16

  /// Reads the value of `Range` for a content of `length` bytes. Ranges that overlap or touch are joined.
  public static func parse(_ value: RawSpan, length: Int64) -> Outcome {
    guard value.byteCount > 6, value.extracting(0..<6).isEqualIgnoringCase(to: "bytes=") else { return .whole }
    var members = ListReader(value.extracting(6..<value.byteCount))
    var ranges: [Range<Int64>] = []
    var count = 0
    while let bounds = members.next() {
      count += 1
      guard count <= maximumRanges, let range = range(members.bytes.extracting(bounds), length) else { return .whole }
      if !range.isEmpty { ranges.append(range) }
    }
    guard count > 0 else { return .whole }
    if ranges.isEmpty { return .unsatisfiable }
    let joined = join(ranges)
    // Whoever asks for more than there is gains nothing by parts.
    if joined.count == 1, joined[0] == 0..<length, count > 1 { return .whole }
    return .parts(joined)
  }

  /// `first-last`, `first-` or `-suffix`; empty when it lies outside, `nil` when malformed.
  private static func range(_ text: RawSpan, _ length: Int64) -> Range<Int64>? {
    guard let dash = (0..<text.byteCount).first(where: { text[$0] == 0x2D }) else { return nil }
    let (first, last) = (text.extracting(0..<dash), text.extracting((dash + 1)..<text.byteCount))
    if first.byteCount == 0 {
      guard let suffix = position(last) else { return nil }
      return max(0, length - suffix)..<length
    }
    guard let start = position(first) else { return nil }
    if last.byteCount == 0 { return start < length ? start..<length : 0..<0 }
    guard let end = position(last), end >= start else { return nil }
    return start < length ? start..<(min(end, length - 1) + 1) : 0..<0
  }

  /// A number of bytes. One that no content reaches is as good as the largest we count to: the grammar has no bound.
  private static func position(_ digits: RawSpan) -> Int64? {
    guard digits.byteCount > 0, (0..<digits.byteCount).allSatisfy({ Characters.isDigit(digits[$0]) }) else {
      return nil
    }
    return digits.decimal ?? .max
  }

  /// Joins ranges that overlap or touch, and keeps the order of the first ones (§14.2 lets a server do so).
  private static func join(_ ranges: [Range<Int64>]) -> [Range<Int64>] {
    var result: [Range<Int64>] = []
    for range in ranges {
      var whole = range
      while let index = result.firstIndex(where: {
        $0.lowerBound <= whole.upperBound && whole.lowerBound <= $0.upperBound
      }) {
        let other = result.remove(at: index)
        whole = min(whole.lowerBound, other.lowerBound)..<max(whole.upperBound, other.upperBound)
      }
      result.append(whole)
    }
    return result
  }

  /// The value of `Content-Range` for a part, or for none (416).
  public static func contentRange(_ range: Range<Int64>?, length: Int64) -> String {
    guard let range else { return "bytes */\(length)" }
    return "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(length)"
  }
}
