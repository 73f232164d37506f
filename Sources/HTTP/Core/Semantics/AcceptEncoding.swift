import WireKit

/// A content coding (RFC 9110 §8.4.1) that a representation can have.
public enum ContentCoding: String, Sendable, CaseIterable {
  case identity, gzip, br, zstd

  fileprivate var token: StaticString {
    switch self {
    case .identity: "identity"
    case .gzip: "gzip"
    case .br: "br"
    case .zstd: "zstd"
    }
  }
}

/// Choosing a content coding by `Accept-Encoding` (RFC 9110 §12.5.3).
public enum AcceptEncoding {
  /// The coding to use among those there are, best first; `nil` when the client takes none of them, identity included.
  public static func choose(_ fields: Fields, among available: [ContentCoding]) -> ContentCoding? {
    guard fields.contains(.acceptEncoding) else { return available.contains(.identity) ? .identity : available.first }
    var best: (coding: ContentCoding, weight: Int)?
    for coding in available {
      let weight = weight(of: coding, in: fields)
      guard weight > 0, weight > best?.weight ?? 0 else { continue }
      best = (coding, weight)
    }
    return best?.coding
  }

  /// In thousandths. What is not named has the weight of `*`, and identity a very small one unless it is excluded.
  private static func weight(of coding: ContentCoding, in fields: Fields) -> Int {
    var star: Int?
    for entry in fields.entries where entry.known == .acceptEncoding {
      var members = ListReader(fields.bytes.span.bytes.extracting(entry.value.bounds))
      while let bounds = members.next() {
        let member = members.bytes.extracting(bounds)
        let end = (0..<member.byteCount).first { member[$0] == 0x3B } ?? member.byteCount
        let name = member.extracting(member.trimmed(0..<end))
        let weight = QualityValue.thousandths(member.extracting(end..<member.byteCount))
        if name.isEqualIgnoringCase(to: coding.token) { return weight }
        if name.isEqual(to: "*") { star = weight }
      }
    }
    if let star { return star }
    return coding == .identity ? 1 : 0
  }
}

/// A weight (RFC 9110 §12.4.2).
enum QualityValue {
  /// `;q=0.5` as 500; 1000 without one, 0 when malformed: who can't be understood gets the plain form.
  static func thousandths(_ parameters: RawSpan) -> Int {
    guard let equals = (0..<parameters.byteCount).first(where: { parameters[$0] == 0x3D }) else { return 1000 }
    let digits = parameters.extracting(parameters.trimmed((equals + 1)..<parameters.byteCount))
    guard digits.byteCount > 0, digits.byteCount <= 5, digits[0] == 0x30 || digits[0] == 0x31 else { return 0 }
    var value = digits[0] == 0x31 ? 1000 : 0
    guard digits.byteCount > 1 else { return value }
    guard digits[1] == 0x2E else { return 0 }
    var place = 100
    for index in 2..<digits.byteCount {
      guard Characters.isDigit(digits[index]) else { return 0 }
      value += Int(digits[index] - 0x30) * place
      place /= 10
    }
    return min(value, 1000)
  }
}
