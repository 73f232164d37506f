import WireKit

/// The type of a resource record (RFC 1035 §3.2.2 and IANA's "Resource Record (RR) TYPEs").
public struct RecordType: RawRepresentable, Hashable, Comparable, Sendable, BitwiseCopyable {
  public let rawValue: UInt16
  public init(rawValue: UInt16) { self.rawValue = rawValue }
  init(_ number: UInt16) { rawValue = number }

  public static func < (left: RecordType, right: RecordType) -> Bool { left.rawValue < right.rawValue }

  /// Types of questions only, or of single transactions: never in a zone (RFC 6895 §3.1).
  public var isMeta: Bool { rawValue == 0 || rawValue == 41 || (128...255).contains(rawValue) }

  public static let opt = RecordType(41)
  public static let tkey = RecordType(249)
  public static let tsig = RecordType(250)
  public static let ixfr = RecordType(251)
  public static let axfr = RecordType(252)
  public static let mailb = RecordType(253)
  public static let maila = RecordType(254)
  public static let any = RecordType(255)
}

extension RecordType: CustomStringConvertible {
  /// The mnemonic, or `TYPE1234` (RFC 3597 §5).
  public var description: String {
    if let schema = RecordCatalog.standard.schema(of: self) { return schema.mnemonic }
    return Self.metaMnemonics.first { $0.type == self }?.text ?? "TYPE\(rawValue)"
  }

  /// The type of a mnemonic in either case, or of `TYPE1234`; `nil` when there is none.
  public init?(_ text: String) {
    let bytes = Array(text.utf8)
    guard let type = RecordType(bytes.span.bytes, 0..<bytes.count) else { return nil }
    self = type
  }

  private static let metaMnemonics: [(type: RecordType, text: String)] = [
    (.opt, "OPT"), (.tkey, "TKEY"), (.tsig, "TSIG"), (.ixfr, "IXFR"), (.axfr, "AXFR"), (.mailb, "MAILB"),
    (.maila, "MAILA"), (.any, "ANY"),
  ]

  /// The type whose mnemonic stands in `source[range]`.
  init?(_ source: RawSpan, _ range: Range<Int>) {
    guard let key = RecordCatalog.key(source, range) else { return nil }
    if let type = RecordCatalog.standard.type(ofKey: key) {
      self = type
      return
    }
    if let meta = Self.metaMnemonics.first(where: { RecordCatalog.key($0.text) == key }) {
      self = meta.type
      return
    }
    guard range.count > 4, RecordCatalog.key(source, range.lowerBound..<(range.lowerBound + 4)) == 0x5459_5045,
      let number = PresentationText.number(source, (range.lowerBound + 4)..<range.upperBound, limit: 65535)
    else { return nil }
    self.init(UInt16(number))
  }
}
