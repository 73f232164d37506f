/// Cuts a byte stream into lines, under a length limit, and strictly by CRLF.
///
/// A bare CR or a bare LF is no line end: protocols that take one disagree with others about where a message ends, and
/// that disagreement is what request and message smuggling live on (`security.md`).
public struct LineFramer: Sendable {
  /// What stands at the front of the input.
  public enum Outcome: Equatable, Sendable {
    /// A whole line of this many bytes, followed by its terminator of this many bytes.
    case line(length: Int, terminator: Int)
    /// No line end yet; ask again when there is more.
    case incomplete
    /// The line is longer than allowed.
    case tooLong
    /// A CR without LF, or a LF without CR, at this offset.
    case bareLineEnd(at: Int)
  }

  /// Which line ends are accepted.
  public enum LineEnd: Sendable {
    /// CRLF only.
    case strict
    /// CRLF or LF, for text that people type (Telnet, the console) and files.
    case lenient
  }

  /// Most bytes of a line without its line end.
  public let maximumLength: Int
  public let lineEnd: LineEnd
  /// Bytes at the front that are known to hold no line end, so that slow senders do not cost quadratic time.
  private var scanned = 0

  public init(maximumLength: Int, lineEnd: LineEnd = .strict) {
    self.maximumLength = maximumLength
    self.lineEnd = lineEnd
  }

  /// Looks for the line at the front of `input`. Offer the same bytes again, with more behind them, after `.incomplete`.
  public mutating func next(in input: RawSpan) -> Outcome {
    var index = min(scanned, input.byteCount)
    let end = input.byteCount
    while index < end {
      switch input.unsafeLoad(fromByteOffset: index, as: UInt8.self) {
      case 0x0A:
        guard lineEnd == .lenient else { return finish(.bareLineEnd(at: index)) }
        guard index <= maximumLength else { return finish(.tooLong) }
        return finish(.line(length: index, terminator: 1))
      case 0x0D:
        guard index + 1 < end else {
          if index > maximumLength { return finish(.tooLong) }
          scanned = index
          return .incomplete
        }
        guard input.unsafeLoad(fromByteOffset: index + 1, as: UInt8.self) == 0x0A else {
          if lineEnd == .lenient { index += 1; continue }
          return finish(.bareLineEnd(at: index))
        }
        guard index <= maximumLength else { return finish(.tooLong) }
        return finish(.line(length: index, terminator: 2))
      default:
        index += 1
        if index > maximumLength { return finish(.tooLong) }
      }
    }
    scanned = index
    return .incomplete
  }

  /// Forgets what was scanned; call it when bytes other than a returned line were taken from the front.
  public mutating func reset() { scanned = 0 }

  private mutating func finish(_ outcome: Outcome) -> Outcome {
    scanned = 0
    return outcome
  }
}
