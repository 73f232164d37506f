/// Bytes as they go onto the wire.
enum TelnetEncoding {
  /// Text of a program: a line feed becomes CR LF, a carriage return CR NUL (RFC 854, the network virtual terminal), and
  /// IAC is doubled. In BINARY (RFC 856) a carriage return stands alone.
  static func append(_ text: ArraySlice<UInt8>, isBinary: Bool, to output: inout [UInt8]) {
    // Room for a carriage return before each of many short lines: a long listing is not moved again.
    output.reserveCapacity(output.count + text.count + text.count / 16 + 64)
    // What needs no change goes over in one piece.
    var start = text.startIndex
    for index in text.indices {
      let byte = text[index]
      guard byte == 0x0A || byte == 0x0D || byte == 0xFF else { continue }
      output.append(contentsOf: text[start..<index])
      start = index + 1
      switch byte {
      case 0x0A:
        output.append(0x0D)
        output.append(0x0A)
      case 0x0D:
        output.append(0x0D)
        if !isBinary { output.append(0x00) }
      default:
        output.append(0xFF)
        output.append(0xFF)
      }
    }
    output.append(contentsOf: text[start...])
  }

  static func append(_ verb: NegotiationVerb, _ option: TelnetOption, to output: inout [UInt8]) {
    output += [TelnetCommand.interpretAsCommand.rawValue, verb.rawValue, option.rawValue]
  }

  static func append(_ command: TelnetCommand, to output: inout [UInt8]) {
    output += [TelnetCommand.interpretAsCommand.rawValue, command.rawValue]
  }

  /// `IAC SB option content IAC SE`, with IAC doubled inside (RFC 855).
  static func append(_ option: TelnetOption, _ content: [UInt8], to output: inout [UInt8]) {
    append(.subnegotiation, to: &output)
    output.append(option.rawValue)
    for byte in content {
      output.append(byte)
      if byte == 0xFF { output.append(byte) }
    }
    append(.subnegotiationEnd, to: &output)
  }
}
