/// A pattern for names as shells have them: `*`, `?`, `[a-z]`, `[!a-z]`. Bytes, not characters.
///
/// Matching takes at most as many steps as the lengths' product: a library's matcher can be made to try every way that
/// stars may stretch.
public struct FTPNamePattern: Hashable, Sendable {
  private enum Part: Hashable, Sendable {
    case byte(UInt8)
    case any
    case many
    case set([ClosedRange<UInt8>], isNegated: Bool)

    func takes(_ byte: UInt8) -> Bool {
      switch self {
      case .byte(let own): own == byte
      case .any, .many: true
      case .set(let ranges, let isNegated): ranges.contains { $0.contains(byte) } != isNegated
      }
    }
  }

  private let parts: [Part]
  /// A leading dot is only met by a dot.
  private let meetsDot: Bool

  public init(_ bytes: some Collection<UInt8>) {
    let bytes = Array(bytes)
    var parts: [Part] = []
    var index = 0
    while index < bytes.count {
      switch bytes[index] {
      case 0x2A: if parts.last != .many { parts.append(.many) }
      case 0x3F: parts.append(.any)
      case 0x5B:
        if let (set, end) = Self.set(bytes, after: index) {
          parts.append(set)
          index = end
        } else {
          parts.append(.byte(0x5B))
        }
      case let byte: parts.append(.byte(byte))
      }
      index += 1
    }
    self.parts = parts
    meetsDot = bytes.first == 0x2E
  }

  /// Whether `bytes` is a pattern at all.
  public static func isPattern(_ bytes: some Sequence<UInt8>) -> Bool {
    bytes.contains { $0 == 0x2A || $0 == 0x3F || $0 == 0x5B }
  }

  /// The set that begins at `start`, and where its bracket closes; `nil` where none does.
  private static func set(_ bytes: [UInt8], after start: Int) -> (Part, Int)? {
    var index = start + 1
    let isNegated = index < bytes.count && (bytes[index] == 0x21 || bytes[index] == 0x5E)
    if isNegated { index += 1 }
    var ranges: [ClosedRange<UInt8>] = []
    let first = index
    while index < bytes.count {
      let byte = bytes[index]
      if byte == 0x5D, index > first { return (.set(ranges, isNegated: isNegated), index) }
      if index + 2 < bytes.count, bytes[index + 1] == 0x2D, bytes[index + 2] != 0x5D {
        let end = bytes[index + 2]
        if byte <= end { ranges.append(byte...end) }
        index += 3
      } else {
        ranges.append(byte...byte)
        index += 1
      }
    }
    return nil
  }

  public func matches(_ name: [UInt8]) -> Bool {
    if name.first == 0x2E, !meetsDot { return false }
    var (part, byte) = (0, 0)
    // Where to go on when it does not fit: behind the last star, which takes one byte more.
    var (star, taken) = (-1, 0)
    while byte < name.count {
      if part < parts.count, parts[part] == .many {
        (star, taken) = (part, byte)
        part += 1
      } else if part < parts.count, parts[part].takes(name[byte]) {
        part += 1
        byte += 1
      } else if star >= 0 {
        taken += 1
        (part, byte) = (star + 1, taken)
      } else {
        return false
      }
    }
    while part < parts.count, parts[part] == .many { part += 1 }
    return part == parts.count
  }
}
