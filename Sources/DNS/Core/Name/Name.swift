import WireKit

/// A domain name (RFC 1035 §3.1): labels of up to 63 octets, 255 octets in all.
///
/// It keeps the case that it came in, and compares, hashes and sorts without regard to it (RFC 4343). The order is the
/// canonical one of RFC 4034 §6.1: from the root label on, `example.` before `a.example.` before `z.example.`.
public struct Name: Sendable {
  /// Most octets of a name's wire form, the root's zero octet included.
  public static let maximumLength = 255
  /// Most octets of a label.
  public static let maximumLabelLength = 63

  /// The uncompressed wire form: length octet, label, …, and a zero octet.
  public let wire: [UInt8]

  /// A wire form that is known to be well formed.
  init(validWire wire: [UInt8]) { self.wire = wire }

  /// The root, `.`.
  public static let root = Name(validWire: [0])

  /// A name of these labels, leftmost first. Throws for an empty or long label, or a long name.
  public init(labels: some Sequence<[UInt8]>) throws(WireError) {
    var wire: [UInt8] = []
    for label in labels {
      guard !label.isEmpty else { throw WireError(.malformed, "empty label", at: wire.count) }
      guard label.count <= Self.maximumLabelLength else { throw WireError(.tooLong, "label", at: wire.count) }
      wire.append(UInt8(truncatingIfNeeded: label.count))
      wire.append(contentsOf: label)
    }
    wire.append(0)
    guard wire.count <= Self.maximumLength else { throw WireError(.tooLong, "name", at: wire.count) }
    self.wire = wire
  }

  /// The name from its uncompressed wire form, which must fill the span.
  public init(wire span: RawSpan) throws(WireError) {
    guard span.byteCount <= Self.maximumLength else { throw WireError(.tooLong, "name") }
    var offset = 0
    while true {
      guard let length = span.byte(at: offset) else { throw WireError(.truncated, "name", at: offset) }
      guard length <= 63 else { throw WireError(.malformed, "label length", at: offset) }
      offset += 1 + Int(length)
      if length == 0 { break }
    }
    guard offset == span.byteCount else { throw WireError(.malformed, "name", at: offset) }
    wire = span.copied()
  }

  /// Whether it is the root.
  public var isRoot: Bool { wire.count == 1 }

  /// Labels without the root's empty one (RFC 4034 §3.1.3 counts so, too).
  public var labelCount: Int { labelOffsets.count }

  /// The labels, leftmost first, without the root's.
  public var labels: [ArraySlice<UInt8>] {
    labelOffsets.map { wire[($0 + 1)..<($0 + 1 + Int(wire[$0]))] }
  }

  /// Where each label's length octet stands in `wire`.
  var labelOffsets: [Int] {
    var offsets: [Int] = []
    var offset = 0
    while wire[offset] != 0 {
      offsets.append(offset)
      offset += 1 + Int(wire[offset])
    }
    return offsets
  }

  /// The name without its leftmost label; the root has none.
  public var parent: Name? {
    isRoot ? nil : Name(validWire: Array(wire[(1 + Int(wire[0]))...]))
  }

  /// Whether the leftmost label is `*` (RFC 4592 §2.1.1).
  public var isWildcard: Bool { wire.count >= 2 && wire[0] == 1 && wire[1] == UInt8(ascii: "*") }

  /// Whether this name is `ancestor` or lies below it.
  public func isWithin(_ ancestor: Name) -> Bool {
    guard wire.count >= ancestor.wire.count else { return false }
    let start = wire.count - ancestor.wire.count
    guard labelOffsets.contains(start) || start == wire.count - 1 else { return false }
    return zip(wire[start...], ancestor.wire).allSatisfy { $0.asciiLowercased == $1.asciiLowercased }
  }

  /// This name with `suffix` in the place of the root. Throws when that gets longer than 255 octets.
  public func appending(_ suffix: Name) throws(WireError) -> Name {
    let joined = Array(wire.dropLast()) + suffix.wire
    guard joined.count <= Self.maximumLength else { throw WireError(.tooLong, "name", at: joined.count) }
    return Name(validWire: joined)
  }

  /// Octets that sort as the canonical order has it (RFC 4034 §6.1), for many comparisons: labels from the root down, in lower
  /// case, each behind a zero, which no octet of a label is below (0 and 1 in labels are written as two octets).
  public var canonicalKey: [UInt8] {
    var key: [UInt8] = []
    for label in labels.reversed() {
      key.append(0)
      for octet in label {
        if octet < 2 { key.append(1) }
        key.append(octet.asciiLowercased)
      }
    }
    return key
  }

  /// The name in lower case: the canonical form (RFC 4034 §6.2).
  public var lowercased: Name { Name(validWire: wire.map(\.asciiLowercased)) }
}

extension UInt8 {
  /// A–Z as a–z; everything else as it is. Label lengths (at most 63) are never letters, so whole wire forms may be folded.
  var asciiLowercased: UInt8 { self &- 0x41 < 26 ? self | 0x20 : self }
}

extension Name: Hashable {
  public static func == (left: Name, right: Name) -> Bool {
    left.wire.count == right.wire.count
      && zip(left.wire, right.wire).allSatisfy { $0.asciiLowercased == $1.asciiLowercased }
  }

  public func hash(into hasher: inout Hasher) {
    for byte in wire { hasher.combine(byte.asciiLowercased) }
  }
}

extension Name: Comparable {
  public static func < (left: Name, right: Name) -> Bool {
    for (one, other) in zip(left.labels.reversed(), right.labels.reversed()) {
      let (one, other) = (one.map(\.asciiLowercased), other.map(\.asciiLowercased))
      if one != other { return one.lexicographicallyPrecedes(other) }
    }
    return left.labelCount < right.labelCount
  }
}
