import WireKit

/// Cuts the stream into commands: words and strings up to a line end, with strings in quotes or as literals (RFC 5804 §4).
///
/// Holds no more than one command, of which strings have a limit together; a longer literal is passed over.
public struct CommandReader: Sendable {
  public enum Outcome: Sendable, Equatable {
    /// More is needed; all of the input was taken, or what is left is the beginning of a line.
    case incomplete
    case command([Command.Argument])
    /// A command whose strings were longer than allowed has come to its end.
    case tooLarge([Command.Argument])
    /// Not of this grammar; the line is passed over.
    case malformed
    /// Nothing that follows can be understood.
    case broken
  }

  /// A literal that is longer is not even passed over: its sender should have asked by HAVESPACE.
  static let maximumPassed = 8 << 20
  private static let maximumArguments = 8

  private var framer: LineFramer
  private var parts: [Command.Argument] = []
  private var literal: [UInt8] = []
  private var literalLeft: Int?
  private var isTooLarge = false
  private var total = 0
  /// Most bytes of all strings of a command together.
  public var maximumSize: Int

  public init(maximumLine: Int, maximumSize: Int) {
    framer = LineFramer(maximumLength: maximumLine)
    self.maximumSize = maximumSize
  }

  public mutating func reset() {
    framer.reset()
    (parts, literal, literalLeft, isTooLarge, total) = ([], [], nil, false, 0)
  }

  /// Takes input. Returns how many bytes it took, and what it has now.
  public mutating func next(in input: RawSpan) -> (taken: Int, outcome: Outcome) {
    var taken = 0
    while taken < input.byteCount {
      if let left = literalLeft {
        let count = min(left, input.byteCount - taken)
        if !isTooLarge { literal += input.extracting(taken..<(taken + count)).copied() }
        taken += count
        literalLeft = left - count
        guard left == count else { return (taken, .incomplete) }
        literalLeft = nil
        parts.append(.string(literal))
        literal = []
        continue
      }
      let rest = input.extracting(taken..<input.byteCount)
      switch framer.next(in: rest) {
      case .incomplete: return (taken, .incomplete)
      case .tooLong, .bareLineEnd: return (input.byteCount, .broken)
      case .line(let length, let terminator):
        let line = rest.extracting(0..<length).copied()
        taken += length + terminator
        if let outcome = take(line) { return (taken, outcome) }
      }
    }
    // A literal of no bytes is complete without any that follow; its line end still comes.
    return (taken, .incomplete)
  }

  /// Takes a line, or what stands of it behind a literal; `nil` when a literal follows.
  private mutating func take(_ line: [UInt8]) -> Outcome? {
    var cursor = line[...]
    // Behind a literal comes a space, or the end.
    while true {
      while cursor.first == 0x20 { cursor = cursor.dropFirst() }
      guard let byte = cursor.first else { return finish() }
      guard parts.count < Self.maximumArguments else { return fail() }
      switch byte {
      case 0x22:
        guard let string = Self.quoted(&cursor) else { return fail() }
        guard add(string.count) else { continue }
        parts.append(.string(string))
      case 0x7B:
        guard let size = Self.literalSize(cursor) else { return fail() }
        guard size <= Self.maximumPassed else {
          reset()
          return .broken
        }
        _ = add(size)
        (literalLeft, literal) = (size, [])
        if size == 0 {
          literalLeft = nil
          parts.append(.string([]))
        }
        return nil
      default:
        let word = cursor.prefix { $0 != 0x20 && $0 != 0x22 && $0 != 0x7B }
        guard add(word.count) else { return fail() }
        parts.append(.word(Array(word)))
        cursor = cursor[word.endIndex...]
      }
    }
  }

  private mutating func add(_ count: Int) -> Bool {
    total += count
    if total > maximumSize { isTooLarge = true }
    return !isTooLarge
  }

  private mutating func finish() -> Outcome {
    let (parts, isTooLarge) = (parts, isTooLarge)
    reset()
    return isTooLarge ? .tooLarge(parts) : .command(parts)
  }

  private mutating func fail() -> Outcome {
    reset()
    return .malformed
  }

  /// `"…"` with `\"` and `\\`.
  private static func quoted(_ cursor: inout ArraySlice<UInt8>) -> [UInt8]? {
    var text: [UInt8] = []
    var index = cursor.startIndex + 1
    while index < cursor.endIndex {
      switch cursor[index] {
      case 0x22:
        cursor = cursor[(index + 1)...]
        return text
      case 0x5C:
        index += 1
        guard index < cursor.endIndex, cursor[index] == 0x22 || cursor[index] == 0x5C else { return nil }
        text.append(cursor[index])
      case 0: return nil
      default: text.append(cursor[index])
      }
      index += 1
    }
    return nil
  }

  /// `{31+}` at the end of a line: clients send no other literals (RFC 5804 §4).
  private static func literalSize(_ cursor: ArraySlice<UInt8>) -> Int? {
    guard cursor.count >= 4, cursor.count <= 13, Array(cursor.suffix(2)) == [0x2B, 0x7D] else { return nil }
    let digits = cursor.dropFirst().dropLast(2)
    guard digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return Int(String(decoding: digits, as: UTF8.self))
  }
}
