import WireKit

/// An entity tag (RFC 9110 §8.8.3): `"abc"`, or weak: `W/"abc"`.
public struct EntityTag: Hashable, Sendable, CustomStringConvertible {
  public var isWeak: Bool
  /// What stands between the quotes.
  public var opaque: [UInt8]

  public init(_ opaque: some Sequence<UInt8>, isWeak: Bool = false) {
    self.opaque = Array(opaque)
    self.isWeak = isWeak
  }

  /// A strong tag that changes whenever a file does: from its size in bytes, time of change in nanoseconds, and inode.
  public init(size: Int64, modified: Int64, inode: UInt64) {
    let text = String(UInt64(bitPattern: size), radix: 36) + "-" + String(UInt64(bitPattern: modified), radix: 36)
    self.init((text + "-" + String(inode, radix: 36)).utf8)
  }

  /// Reads one tag; `nil` for anything else.
  init?(_ text: RawSpan) {
    isWeak = text.byteCount > 2 && text[0] == 0x57 && text[1] == 0x2F
    let start = isWeak ? 2 : 0
    let end = text.byteCount - 1
    guard end > start, text[start] == 0x22, text[end] == 0x22 else { return nil }
    for index in (start + 1)..<end where text[index] < 0x21 || text[index] == 0x22 || text[index] == 0x7F { return nil }
    opaque = text.extracting((start + 1)..<end).copied()
  }

  public var description: String { (isWeak ? "W/\"" : "\"") + String(decoding: opaque, as: UTF8.self) + "\"" }

  /// Equal and both strong (§8.8.3.2): good for ranges.
  public func matchesStrongly(_ other: EntityTag) -> Bool { !isWeak && !other.isWeak && opaque == other.opaque }
  /// Equal, weak or not: good for `If-None-Match`.
  public func matchesWeakly(_ other: EntityTag) -> Bool { opaque == other.opaque }
}
