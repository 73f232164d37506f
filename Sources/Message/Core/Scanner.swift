/// Cuts a structured field into its tokens (RFC 5322 §3.2), and passes over what is not well formed.
struct Scanner {
  enum Token: Equatable {
    case atom([UInt8])
    case quoted([UInt8])
    /// With its brackets.
    case domainLiteral([UInt8])
    case special(UInt8)
    case comment([UInt8])
  }

  private let bytes: [UInt8]
  private var index = 0
  private let commentDepth: Int
  /// Whether white space or a comment stood before the token that was returned last.
  private(set) var sawSpace = false

  init(_ bytes: [UInt8], limits: MessageLimits) {
    self.bytes = bytes
    commentDepth = limits.commentDepth
  }

  mutating func next() -> Token? {
    sawSpace = false
    while index < bytes.count, Self.isSpace(bytes[index]) {
      sawSpace = true
      index += 1
    }
    guard index < bytes.count else { return nil }
    switch bytes[index] {
    case 0x22: return .quoted(delimited(by: 0x22))
    case 0x5B: return .domainLiteral([0x5B] + delimited(by: 0x5D) + [0x5D])
    case 0x28: return .comment(comment())
    case let byte where Self.isSpecial(byte):
      index += 1
      return .special(byte)
    default:
      let start = index
      while index < bytes.count, !Self.isSpace(bytes[index]), !Self.isSpecial(bytes[index]) { index += 1 }
      return .atom(Array(bytes[start..<index]))
    }
  }

  /// What stands between the byte at `index` and `end`, without the backslashes of quoted pairs.
  private mutating func delimited(by end: UInt8) -> [UInt8] {
    index += 1
    var content: [UInt8] = []
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      if byte == end { return content }
      if byte == 0x5C, index < bytes.count {
        content.append(bytes[index])
        index += 1
      } else if byte != 0x0D, byte != 0x0A {
        content.append(byte)
      }
    }
    return content
  }

  private mutating func comment() -> [UInt8] {
    var depth = 0
    var content: [UInt8] = []
    while index < bytes.count {
      let byte = bytes[index]
      index += 1
      if byte == 0x28 {
        if depth < commentDepth { depth += 1 }
        if depth > 1 { content.append(byte) }
      } else if byte == 0x29 {
        depth -= 1
        if depth <= 0 { return content }
        content.append(byte)
      } else if byte == 0x5C, index < bytes.count {
        content.append(bytes[index])
        index += 1
      } else if byte != 0x0D, byte != 0x0A {
        content.append(byte)
      }
    }
    return content
  }

  static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A }

  private static func isSpecial(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x28, 0x29, 0x3C, 0x3E, 0x5B, 0x5D, 0x3A, 0x3B, 0x40, 0x2C, 0x2E, 0x22: true
    default: false
    }
  }
}
