/// What may follow the escape byte IAC (RFC 854, and RFC 885, RFC 1184 for the three lowest).
public struct TelnetCommand: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let endOfFile = TelnetCommand(rawValue: 236)
  public static let suspend = TelnetCommand(rawValue: 237)
  public static let abort = TelnetCommand(rawValue: 238)
  public static let endOfRecord = TelnetCommand(rawValue: 239)
  public static let subnegotiationEnd = TelnetCommand(rawValue: 240)
  public static let noOperation = TelnetCommand(rawValue: 241)
  public static let dataMark = TelnetCommand(rawValue: 242)
  public static let `break` = TelnetCommand(rawValue: 243)
  public static let interruptProcess = TelnetCommand(rawValue: 244)
  public static let abortOutput = TelnetCommand(rawValue: 245)
  public static let areYouThere = TelnetCommand(rawValue: 246)
  public static let eraseCharacter = TelnetCommand(rawValue: 247)
  public static let eraseLine = TelnetCommand(rawValue: 248)
  public static let goAhead = TelnetCommand(rawValue: 249)
  public static let subnegotiation = TelnetCommand(rawValue: 250)
  public static let interpretAsCommand = TelnetCommand(rawValue: 255)

  private static let names: [UInt8: String] = [
    236: "EOF", 237: "SUSP", 238: "ABORT", 239: "EOR", 240: "SE", 241: "NOP", 242: "DM", 243: "BRK", 244: "IP",
    245: "AO", 246: "AYT", 247: "EC", 248: "EL", 249: "GA", 250: "SB", 251: "WILL", 252: "WONT", 253: "DO", 254: "DONT",
    255: "IAC",
  ]

  /// As the RFCs write it.
  public var description: String { Self.names[rawValue] ?? "\(rawValue)" }
}

/// The four words by which options are agreed on (RFC 854).
public enum NegotiationVerb: UInt8, Sendable, Hashable, CustomStringConvertible {
  case will = 251
  case wont = 252
  case `do` = 253
  case dont = 254

  public var description: String { TelnetCommand(rawValue: rawValue).description }
}

/// An option, by IANA's number.
public struct TelnetOption: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let binary = TelnetOption(rawValue: 0)  // RFC 856
  public static let echo = TelnetOption(rawValue: 1)  // RFC 857
  public static let suppressGoAhead = TelnetOption(rawValue: 3)  // RFC 858
  public static let status = TelnetOption(rawValue: 5)  // RFC 859
  public static let timingMark = TelnetOption(rawValue: 6)  // RFC 860
  public static let terminalType = TelnetOption(rawValue: 24)  // RFC 1091
  public static let endOfRecord = TelnetOption(rawValue: 25)  // RFC 885
  public static let windowSize = TelnetOption(rawValue: 31)  // RFC 1073
  public static let terminalSpeed = TelnetOption(rawValue: 32)  // RFC 1079
  public static let flowControl = TelnetOption(rawValue: 33)  // RFC 1372
  public static let lineMode = TelnetOption(rawValue: 34)  // RFC 1184
  public static let displayLocation = TelnetOption(rawValue: 35)  // RFC 1096
  public static let oldEnvironment = TelnetOption(rawValue: 36)  // RFC 1408
  public static let newEnvironment = TelnetOption(rawValue: 39)  // RFC 1572
  public static let charset = TelnetOption(rawValue: 42)  // RFC 2066
  public static let comPort = TelnetOption(rawValue: 44)  // RFC 2217
  public static let startTLS = TelnetOption(rawValue: 46)  // draft-altman-telnet-starttls-02
  public static let extendedOptions = TelnetOption(rawValue: 255)  // RFC 861

  private static let names: [UInt8: String] = [
    0: "BINARY", 1: "ECHO", 3: "SGA", 5: "STATUS", 6: "TIMING-MARK", 24: "TTYPE", 25: "EOR", 31: "NAWS", 32: "TSPEED",
    33: "LFLOW", 34: "LINEMODE", 35: "XDISPLOC", 36: "ENVIRON", 37: "AUTHENTICATION", 38: "ENCRYPT", 39: "NEW-ENVIRON",
    42: "CHARSET", 44: "COM-PORT", 46: "START-TLS", 69: "MSDP", 70: "MSSP", 85: "MCCP1", 86: "MCCP2", 91: "MXP",
    201: "GMCP", 255: "EXOPL",
  ]

  /// As the RFCs and clients write it.
  public var description: String { Self.names[rawValue] ?? "option \(rawValue)" }
}
