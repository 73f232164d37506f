/// The form in which text travels (RFC 764, RFC 1350 §1): a line ends with CR LF, and a CR that is no line end is CR NUL.
public struct NetASCIIEncoder: Sendable {
  public init() {}

  /// Appends the net form of a piece of a local (Unix) text.
  public func encode(_ bytes: some Sequence<UInt8>, into output: inout [UInt8]) {
    for byte in bytes {
      switch byte {
      case 0x0A:
        output.append(0x0D)
        output.append(0x0A)
      case 0x0D:
        output.append(0x0D)
        output.append(0x00)
      default: output.append(byte)
      }
    }
  }
}

/// The way back. A CR at the end of a piece waits for what follows.
public struct NetASCIIDecoder: Sendable {
  private var hasReturn = false

  public init() {}

  /// Appends the local form of a piece from the net. A CR before anything but LF or NUL stays what it is.
  public mutating func decode(_ bytes: some Sequence<UInt8>, into output: inout [UInt8]) {
    for byte in bytes {
      if hasReturn {
        hasReturn = false
        switch byte {
        case 0x0A:
          output.append(0x0A)
          continue
        case 0x00:
          output.append(0x0D)
          continue
        default: output.append(0x0D)
        }
      }
      if byte == 0x0D { hasReturn = true } else { output.append(byte) }
    }
  }

  /// Appends a CR that nothing followed.
  public mutating func finish(into output: inout [UInt8]) {
    if hasReturn { output.append(0x0D) }
    hasReturn = false
  }
}
