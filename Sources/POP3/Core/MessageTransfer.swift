/// A message on its way to the client: dot-stuffed, every line ended by CRLF (RFC 1939 §3), and after TOP's lines at an end.
///
/// Takes the stored bytes piece by piece; the same comes out however they are cut.
public struct MessageTransfer: Sendable, Hashable {
  /// The message's index in the maildrop, from 0.
  public let index: Int
  /// The next byte that is wanted.
  public private(set) var offset: Int64 = 0
  /// Lines of the body that are still to be sent; `nil` for all.
  private var linesLeft: Int?
  private var isInHeader = true
  private var isAtLineStart = true
  private var lineIsEmpty = true
  private var sawCR = false
  /// Nothing more is wanted.
  public private(set) var isDone = false

  /// Whether all of it is wanted, not only the lines that TOP asks for.
  public let isWhole: Bool

  public init(index: Int, lines: Int? = nil) {
    self.index = index
    isWhole = lines == nil
    linesLeft = lines
  }

  /// Takes the bytes at `offset`, and appends what goes to the client.
  public mutating func take(_ bytes: [UInt8], into output: inout [UInt8]) {
    for byte in bytes {
      if isDone { return }
      offset += 1
      take(byte, &output)
    }
  }

  /// The message has no more bytes: ends the last line, and the answer.
  public mutating func finish(into output: inout [UInt8]) {
    if sawCR || !isAtLineStart { output += [0x0D, 0x0A] }
    output += [0x2E, 0x0D, 0x0A]
    isDone = true
  }

  private mutating func take(_ byte: UInt8, _ output: inout [UInt8]) {
    if byte == 0x0A {
      // CRLF, and for a LF alone as well.
      output += [0x0D, 0x0A]
      sawCR = false
      endLine()
      return
    }
    if sawCR {
      // A CR alone: a client that takes it for a line end must not see a dot behind it.
      output += [0x0D, 0x0A]
      endLine()
      sawCR = false
      if isDone { return }
    }
    if byte == 0x0D {
      sawCR = true
      return
    }
    if isAtLineStart, byte == 0x2E { output.append(0x2E) }
    output.append(byte)
    isAtLineStart = false
    lineIsEmpty = false
  }

  private mutating func endLine() {
    if isInHeader {
      if lineIsEmpty {
        isInHeader = false
        if linesLeft == 0 { isDone = true }
      }
    } else if let lines = linesLeft {
      linesLeft = lines - 1
      if lines <= 1 { isDone = true }
    }
    isAtLineStart = true
    lineIsEmpty = true
  }
}
