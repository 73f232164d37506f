import WireKit

/// A reply of the server (RFC 959 §4.2).
///
/// ```
/// S: 211-Features:
/// S:  SIZE
/// S: 211 End
/// ```
public struct FTPReply: Hashable, Sendable {
  /// 100...599.
  public var code: Int
  /// The text of each line, without code and line end. Inner lines of our own begin with a space, so that none can be
  /// taken for the last one (RFC 2389 §3.2).
  public var lines: [[UInt8]]

  public init(_ code: Int, _ text: String) { self.init(code, lines: [Array(text.utf8)]) }

  public init(_ code: Int, lines: [[UInt8]]) {
    self.code = code
    self.lines = lines
  }

  /// A reply whose inner lines stand between an opening and a closing one.
  static func list(_ code: Int, _ opening: String, _ inner: [[UInt8]], _ closing: String) -> FTPReply {
    FTPReply(code, lines: [Array(opening.utf8)] + inner.map { [0x20] + $0 } + [Array(closing.utf8)])
  }

  /// Whether the command has done what it was for, so far: 1xx, 2xx or 3xx.
  public var isPositive: Bool { code < 400 }
  /// 1xx: another reply to the same command follows.
  public var isPreliminary: Bool { code < 200 }

  /// The last line's text.
  public var text: String { String(decoding: lines.last ?? [], as: UTF8.self) }

  /// The bytes for the wire. What could break a line stands as a question mark.
  public func encode(into output: inout [UInt8]) {
    for (index, line) in lines.enumerated() {
      let isLast = index == lines.count - 1
      if index == 0 || isLast {
        output.append(contentsOf: String(code).utf8)
        output.append(isLast ? 0x20 : 0x2D)
      }
      for byte in line { output.append(byte == 0x0A || byte == 0x0D ? 0x3F : byte) }
      output.append(0x0D)
      output.append(0x0A)
    }
  }

  /// A path in quotes, quotes in it doubled (RFC 959, appendix II).
  static func quoted(_ path: [UInt8]) -> [UInt8] {
    [0x22] + path.flatMap { $0 == 0x22 ? [0x22, 0x22] : [$0] } + [0x22]
  }
}

/// Puts replies together from lines: the client's side.
public struct FTPReplyParser: Sendable {
  /// Lines and bytes of one reply, beyond which a server is not to be believed.
  public static let maximumLines = 4_096
  public static let maximumBytes = 256 * 1024

  private var code = 0
  private var lines: [[UInt8]] = []
  private var bytes = 0

  public init() {}

  /// Takes a line without its line end; the reply, once that was its last.
  public mutating func add(_ line: RawSpan) throws(WireError) -> FTPReply? {
    let line = line.copied()
    bytes += line.count
    guard lines.count < Self.maximumLines, bytes <= Self.maximumBytes else { throw WireError(.tooLong, "reply") }
    let number = line.count >= 3 ? FTPText.number(line[..<3]).map { Int($0) } : nil
    let mark = line.count > 3 ? line[3] : 0x20
    if lines.isEmpty {
      guard let number, (100...599).contains(number), mark == 0x20 || mark == 0x2D else {
        throw WireError(.malformed, "reply code")
      }
      code = number
      lines = [Array(line.dropFirst(4))]
      return mark == 0x20 ? finish() : nil
    }
    if number == code, mark == 0x20 {
      lines.append(Array(line.dropFirst(4)))
      return finish()
    }
    lines.append(number == code && mark == 0x2D ? Array(line.dropFirst(4)) : line)
    return nil
  }

  private mutating func finish() -> FTPReply {
    defer {
      lines = []
      bytes = 0
    }
    return FTPReply(code, lines: lines)
  }
}
