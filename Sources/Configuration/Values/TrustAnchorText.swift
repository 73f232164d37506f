/// A key that is trusted for a zone, by its digest: `. 20326 8 2 E06D44B8…`, a zone and the data of a DS record.
public struct TrustAnchorText: Hashable, Sendable {
  /// The zone's name; empty for the root.
  public let zone: String
  /// The data of a DS record, as RFC 4034 §5.3 writes it.
  public let record: String
  public var description: String { "\(zone.isEmpty ? "." : zone) \(record)" }
}

extension TrustAnchorText: ConfigurationText {
  public static var typeName: String { "trust anchor" }
  public static var form: String { "a zone and the data of its DS record, such as \". 20326 8 2 E06D…8D\"" }

  public init(configuration text: String) throws(TextError) {
    let words = text.split(separator: " ")
    guard words.count >= 5, UInt16(words[1]) != nil, UInt8(words[2]) != nil, let digest = UInt8(words[3]) else {
      throw Self.mismatch(text)
    }
    let hexadecimal = words[4...].joined()
    let length = digest == 2 ? 64 : digest == 4 ? 96 : 0
    guard hexadecimal.utf8.count == length, hexadecimal.allSatisfy(\.isHexDigit),
      words[0] == "." || ZoneName(String(words[0])) != nil
    else { throw Self.mismatch(text) }
    zone = words[0] == "." ? "" : String(words[0])
    record = "\(words[1]) \(words[2]) \(words[3]) \(hexadecimal)"
  }
}
