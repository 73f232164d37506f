/// Prepares a message for DATA: a dot in front of lines that begin with one, and CR LF at the end (RFC 5321 §4.5.2).
///
/// What leaves never has a CR or LF that stands alone, whatever is stored: each of them becomes a line end.
public struct DotStuffer: Sendable {
  private var isLineStart = true
  private var isAfterCR = false

  public init() {}

  /// Appends a piece.
  public mutating func append(_ bytes: [UInt8], to output: inout [UInt8]) {
    for byte in bytes {
      if isAfterCR {
        // The CR is written together with its LF.
        output.append(contentsOf: [0x0D, 0x0A])
        (isAfterCR, isLineStart) = (false, true)
        if byte == 0x0A { continue }
      }
      switch byte {
      case 0x0D: isAfterCR = true
      case 0x0A:
        output.append(contentsOf: [0x0D, 0x0A])
        isLineStart = true
      default:
        if isLineStart, byte == 0x2E { output.append(0x2E) }
        output.append(byte)
        isLineStart = false
      }
    }
  }

  /// Appends what ends the message.
  public mutating func finish(to output: inout [UInt8]) {
    if isAfterCR || !isLineStart { output.append(contentsOf: [0x0D, 0x0A]) }
    output.append(contentsOf: [0x2E, 0x0D, 0x0A])
    (isAfterCR, isLineStart) = (false, true)
  }
}
