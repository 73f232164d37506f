import WireKit

/// Finds the end of a message in the stream behind DATA, and takes out the dots that its sender put in (RFC 5321 §4.5.2).
///
/// The end is CR LF . CR LF and nothing else; a CR or LF that stands alone is refused, wherever it is: whoever takes one
/// for a line end disagrees with others about where messages end (SMTP smuggling, 2023).
public struct EndOfDataScanner: Sendable {
  public enum Outcome: Sendable, Equatable {
    /// All of the input belongs to the message; there is more to come.
    case more
    /// The message ends; so much of the input was its.
    case end(consumed: Int)
    /// A CR or LF stands alone.
    case bareLineEnd
  }

  private enum State: Sendable {
    case lineStart
    case text
    case afterCR
    /// A dot at the start of a line: the end, or one that was put in.
    case afterDot
    case afterDotCR
  }

  /// The line end of the command itself counts (RFC 5321 §4.1.1.4).
  private var state = State.lineStart

  public init() {}

  /// Goes through the input from `start`; `emit` gets the parts that are the message's.
  public mutating func scan(_ input: RawSpan, from start: Int, emit: (Range<Int>) -> Void) -> Outcome {
    let end = input.byteCount
    var index = start
    var runStart = start
    var current = state
    while index < end {
      let byte = input.unsafeLoad(fromByteOffset: index, as: UInt8.self)
      switch current {
      case .text:
        if byte == 0x0D { current = .afterCR } else if byte == 0x0A { return .bareLineEnd }
      case .lineStart:
        switch byte {
        case 0x2E:
          if runStart < index { emit(runStart..<index) }
          runStart = index + 1
          current = .afterDot
        case 0x0D: current = .afterCR
        case 0x0A: return .bareLineEnd
        default: current = .text
        }
      case .afterCR:
        guard byte == 0x0A else { return .bareLineEnd }
        current = .lineStart
      case .afterDot:
        switch byte {
        case 0x0D: current = .afterDotCR
        case 0x0A: return .bareLineEnd
        default:
          runStart = index
          current = .text
        }
      case .afterDotCR:
        guard byte == 0x0A else { return .bareLineEnd }
        state = .lineStart
        return .end(consumed: index + 1)
      }
      index += 1
    }
    if current != .afterDot, current != .afterDotCR, runStart < end { emit(runStart..<end) }
    state = current
    return .more
  }
}

/// Refuses CR and LF that stand alone in what comes by BDAT.
struct BareLineEndCheck: Sendable {
  private var isAfterCR = false

  /// Whether all is well so far.
  mutating func take(_ input: RawSpan) -> Bool {
    for index in 0..<input.byteCount {
      let byte = input.unsafeLoad(fromByteOffset: index, as: UInt8.self)
      if isAfterCR != (byte == 0x0A) { return false }
      isAfterCR = byte == 0x0D
    }
    return true
  }

  var isComplete: Bool { !isAfterCR }
}
