/// One unit of a Telnet stream.
public enum TelnetElement: Sendable, Hashable {
  case data(UInt8)
  case command(TelnetCommand)
  case negotiation(NegotiationVerb, TelnetOption)
  /// Its content without the escapes.
  case subnegotiation(TelnetOption, [UInt8])
  /// A sub-negotiation without an end: longer than anybody needs.
  case endless
}

/// Takes a Telnet stream apart, byte by byte (RFC 854, RFC 855).
public struct TelnetDecoder: Sendable {
  /// Bytes of a sub-negotiation that are kept; longer ones are passed over whole.
  public static let maximumSubnegotiation = 2048
  /// Bytes after which a sub-negotiation is taken to have no end.
  static let endlessSubnegotiation = 65_536

  private enum State: Sendable {
    case data
    case escape
    case negotiation(NegotiationVerb)
    case option
    case content(TelnetOption)
    case contentEscape(TelnetOption)
  }

  private var state = State.data
  private var content: [UInt8] = []
  private var length = 0

  public init() {}

  /// Whether the next byte is plain data, unless it is IAC.
  var isInData: Bool { if case .data = state { true } else { false } }

  /// The element that this byte completes.
  public mutating func decode(_ byte: UInt8) -> TelnetElement? {
    switch state {
    case .data:
      guard byte == TelnetCommand.interpretAsCommand.rawValue else { return .data(byte) }
      state = .escape
      return nil
    case .escape: return escaped(byte)
    case .negotiation(let verb):
      state = .data
      return .negotiation(verb, TelnetOption(rawValue: byte))
    case .option:
      (state, content, length) = (.content(TelnetOption(rawValue: byte)), [], 0)
      return nil
    case .content(let option):
      if byte == TelnetCommand.interpretAsCommand.rawValue {
        state = .contentEscape(option)
        return nil
      }
      return append(byte)
    case .contentEscape(let option):
      if byte == TelnetCommand.interpretAsCommand.rawValue {
        state = .content(option)
        return append(byte)
      }
      guard byte == TelnetCommand.subnegotiationEnd.rawValue else {
        // Not closed: what was begun is void, and the command counts.
        content = []
        return escaped(byte)
      }
      state = .data
      defer { content = [] }
      return length > Self.maximumSubnegotiation ? nil : .subnegotiation(option, content)
    }
  }

  private mutating func append(_ byte: UInt8) -> TelnetElement? {
    length += 1
    if length <= Self.maximumSubnegotiation { content.append(byte) }
    return length > Self.endlessSubnegotiation ? .endless : nil
  }

  private mutating func escaped(_ byte: UInt8) -> TelnetElement? {
    if let verb = NegotiationVerb(rawValue: byte) {
      state = .negotiation(verb)
      return nil
    }
    switch TelnetCommand(rawValue: byte) {
    case .interpretAsCommand:
      state = .data
      return .data(byte)
    case .subnegotiation:
      state = .option
      return nil
    default:
      state = .data
      return .command(TelnetCommand(rawValue: byte))
    }
  }
}
