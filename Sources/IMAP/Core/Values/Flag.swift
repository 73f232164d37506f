/// A message's flag or keyword (RFC 9051 §2.3.2), compared without regard to ASCII case and shown as it was first written.
///
/// ```
/// C: A003 STORE 2:4 +FLAGS (\Deleted $Forwarded)
/// ```
public struct Flag: Hashable, Sendable, CustomStringConvertible {
  public let description: String
  private let folded: String

  public init(_ text: String) {
    description = text
    folded = String(decoding: text.utf8.map(\.asciiLowercase), as: UTF8.self)
  }

  public static func == (left: Flag, right: Flag) -> Bool { left.folded == right.folded }
  public func hash(into hasher: inout Hasher) { hasher.combine(folded) }

  public static let seen = Flag("\\Seen")
  public static let answered = Flag("\\Answered")
  public static let flagged = Flag("\\Flagged")
  public static let deleted = Flag("\\Deleted")
  public static let draft = Flag("\\Draft")
  /// IMAP4rev1 only (RFC 3501 §2.3.2); no client can set it.
  public static let recent = Flag("\\Recent")

  /// The flags that the protocol itself gives a meaning, in the order in which they are listed.
  public static let system: [Flag] = [.answered, .flagged, .deleted, .seen, .draft]

  /// Whether it begins with a backslash.
  public var isSystem: Bool { description.utf8.first == UInt8(ascii: "\\") }
}

extension UInt8 {
  /// The lower case of an ASCII letter; everything else as it is.
  var asciiLowercase: UInt8 { (0x41...0x5A).contains(self) ? self + 0x20 : self }
  /// The upper case of an ASCII letter; everything else as it is.
  var asciiUppercase: UInt8 { (0x61...0x7A).contains(self) ? self - 0x20 : self }
}
