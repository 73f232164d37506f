/// The class of a resource record (RFC 1035 §3.2.4).
public struct RecordClass: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt16
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// The Internet.
  public static let `in` = RecordClass(rawValue: 1)
  /// Chaosnet; in use for `version.bind` and its like alone.
  public static let ch = RecordClass(rawValue: 3)
  /// Hesiod.
  public static let hs = RecordClass(rawValue: 4)
  /// No class: in prerequisites of updates (RFC 2136 §2.4).
  public static let none = RecordClass(rawValue: 254)
  /// Any class; only in questions.
  public static let any = RecordClass(rawValue: 255)
}

extension RecordClass: CustomStringConvertible {
  /// The mnemonic, or `CLASS1234` (RFC 3597 §5).
  public var description: String {
    Self.mnemonics.first { $0.value == self }?.text ?? "CLASS\(rawValue)"
  }

  /// The class of a mnemonic in either case, or of `CLASS1234`.
  public init?(_ text: String) {
    let upper = text.uppercased()
    if let known = Self.mnemonics.first(where: { $0.text == upper }) {
      self = known.value
    } else if upper.hasPrefix("CLASS"), let number = UInt16(upper.dropFirst(5)) {
      self.init(rawValue: number)
    } else {
      return nil
    }
  }

  private static let mnemonics: [(value: RecordClass, text: String)] = [
    (.in, "IN"), (.ch, "CH"), (.hs, "HS"), (.none, "NONE"), (.any, "ANY"),
  ]
}
