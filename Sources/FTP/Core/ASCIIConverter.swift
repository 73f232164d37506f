/// Lines of a file to lines of the wire and back: TYPE A (RFC 959 §3.1.1.1, RFC 1123 §4.1.2.3).
///
/// Files here end lines by LF. On the wire every line ends by CRLF. A CRLF that a file has already stays as it is, so that
/// a file from Windows arrives unharmed; a CR alone is no line end and stays too.
public struct ASCIIEncoder: Sendable {
  private var lastWasCR = false

  public init() {}

  /// Appends the wire form of the next bytes of the file.
  public mutating func encode(_ bytes: UnsafeRawBufferPointer, into output: inout [UInt8]) {
    output.reserveCapacity(output.count + bytes.count + bytes.count / 16)
    for byte in bytes {
      if byte == 0x0A, !lastWasCR { output.append(0x0D) }
      output.append(byte)
      lastWasCR = byte == 0x0D
    }
  }
}

/// The way back: CRLF becomes LF, wherever the stream was cut.
public struct ASCIIDecoder: Sendable {
  private var heldCR = false

  public init() {}

  public mutating func decode(_ bytes: UnsafeRawBufferPointer, into output: inout [UInt8]) {
    output.reserveCapacity(output.count + bytes.count + 1)
    for byte in bytes {
      if heldCR {
        heldCR = false
        if byte != 0x0A { output.append(0x0D) }
      }
      if byte == 0x0D { heldCR = true } else { output.append(byte) }
    }
  }

  /// The stream has ended: a CR that nothing followed is part of the file.
  public mutating func finish(into output: inout [UInt8]) {
    if heldCR { output.append(0x0D) }
    heldCR = false
  }
}
