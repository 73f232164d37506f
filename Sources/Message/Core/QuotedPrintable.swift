/// Quoted-printable (RFC 2045 §6.7), in pieces.
///
/// What is no escape stays as it is; white space before a line end is dropped, as the RFC demands.
public struct QuotedPrintableDecoder: Sendable {
  /// Bytes whose meaning depends on what follows: an escape that has begun, or white space.
  private var held: [UInt8] = []

  /// Most white space held back; a longer run is text.
  private static let heldLimit = 1024

  public init() {}

  /// Decodes a piece and appends what it holds.
  public mutating func decode(_ input: some Sequence<UInt8>, into output: inout [UInt8]) {
    for byte in input { take(byte, into: &output) }
  }

  /// There is no more.
  public mutating func finish(into output: inout [UInt8]) {
    if held.first == 0x3D {
      // A soft break at the very end, or an escape cut short.
      if held.count == 2, held[1] != 0x0D { output += held }
    }
    held.removeAll()
  }

  private mutating func take(_ byte: UInt8, into output: inout [UInt8]) {
    if held.first == 0x3D {
      held.append(byte)
      resolveEscape(into: &output)
      return
    }
    switch byte {
    case 0x3D:
      release(into: &output)
      held = [byte]
    case 0x20, 0x09, 0x0D:
      held.append(byte)
      if held.count > Self.heldLimit { release(into: &output) }
    case 0x0A:
      let wasCRLF = held.last == 0x0D
      held.removeAll(keepingCapacity: true)
      if wasCRLF { output.append(0x0D) }
      output.append(byte)
    default:
      release(into: &output)
      output.append(byte)
    }
  }

  private mutating func release(into output: inout [UInt8]) {
    if held.isEmpty { return }
    output += held
    held.removeAll(keepingCapacity: true)
  }

  private mutating func resolveEscape(into output: inout [UInt8]) {
    guard let last = held.last else { return }
    if held.count == 2 {
      if last == 0x0A {
        held.removeAll(keepingCapacity: true)
      } else if last != 0x0D, last != 0x20, last != 0x09, hexValue(last) == nil {
        release(into: &output)
      }
      return
    }
    // White space between `=` and the line end is a soft break as well.
    if held[1] == 0x20 || held[1] == 0x09 || held[1] == 0x0D {
      if last == 0x0A {
        held.removeAll(keepingCapacity: true)
      } else if (last != 0x20 && last != 0x09 && last != 0x0D) || held.count > Self.heldLimit {
        let again = held
        held.removeAll(keepingCapacity: true)
        output.append(0x3D)
        for byte in again.dropFirst() { take(byte, into: &output) }
      }
      return
    }
    if let high = hexValue(held[1]), let low = hexValue(last) {
      held.removeAll(keepingCapacity: true)
      output.append(high << 4 | low)
      return
    }
    let again = held
    held.removeAll(keepingCapacity: true)
    output.append(again[0])
    output.append(again[1])
    take(again[2], into: &output)
  }
}

/// Quoted-printable on its way out.
public enum QuotedPrintable {
  /// Text whose line ends are CRLF, in lines of at most 76 characters.
  public static func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
    let input = Array(bytes)
    var result: [UInt8] = []
    var column = 0
    var index = 0
    while index < input.count {
      let byte = input[index]
      if byte == 0x0D, index + 1 < input.count, input[index + 1] == 0x0A {
        result += [0x0D, 0x0A]
        column = 0
        index += 2
        continue
      }
      let atEnd = index + 1 >= input.count || input[index + 1] == 0x0D
      let isPlain = (byte >= 0x21 && byte <= 0x7E && byte != 0x3D) || ((byte == 0x20 || byte == 0x09) && !atEnd)
      let width = isPlain ? 1 : 3
      if column + width > 75 {
        result += [0x3D, 0x0D, 0x0A]
        column = 0
      }
      if isPlain { result.append(byte) } else { result += [0x3D, hexDigit(byte >> 4), hexDigit(byte & 15)] }
      column += width
      index += 1
    }
    return result
  }
}

/// The value of a hexadecimal digit.
func hexValue(_ byte: UInt8) -> UInt8? {
  switch byte {
  case 0x30...0x39: byte - 0x30
  case 0x41...0x46: byte - 0x41 + 10
  case 0x61...0x66: byte - 0x61 + 10
  default: nil
  }
}

/// The hexadecimal digit, in upper case, of a value below 16.
func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x41 + value &- 10 }

/// A transfer encoding (RFC 2045 §6) of either kind, or none, in pieces.
public enum TransferDecoder: Sendable {
  case identity
  case base64(Base64Decoder)
  case quotedPrintable(QuotedPrintableDecoder)

  /// For the name of a Content-Transfer-Encoding; `nil` for one that we lack.
  public init?(encoding: String) {
    switch asciiLowercased(encoding) {
    case "7bit", "8bit", "binary", "": self = .identity
    case "base64": self = .base64(Base64Decoder())
    case "quoted-printable": self = .quotedPrintable(QuotedPrintableDecoder())
    default: return nil
    }
  }

  public mutating func decode(_ input: some Sequence<UInt8>, into output: inout [UInt8]) {
    switch self {
    case .identity:
      output.append(contentsOf: input)
    case .base64(var decoder):
      decoder.decode(input, into: &output)
      self = .base64(decoder)
    case .quotedPrintable(var decoder):
      decoder.decode(input, into: &output)
      self = .quotedPrintable(decoder)
    }
  }

  public mutating func finish(into output: inout [UInt8]) {
    switch self {
    case .identity: break
    case .base64(var decoder):
      decoder.finish(into: &output)
      self = .base64(decoder)
    case .quotedPrintable(var decoder):
      decoder.finish(into: &output)
      self = .quotedPrintable(decoder)
    }
  }
}
