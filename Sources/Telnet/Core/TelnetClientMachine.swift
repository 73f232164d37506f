/// The client's end of a Telnet connection: answers options, takes the text out of the stream, and encodes what is typed.
///
/// It agrees to what a terminal program needs (ECHO, SGA, BINARY, NAWS, TTYPE, CHARSET, EOR, START_TLS where wanted) and
/// to nothing else; of its environment it tells nothing.
public struct TelnetClientMachine: Sendable {
  /// What was said, in the order in which it was said: for a probe, or to be shown.
  public struct Exchange: Sendable, Hashable, CustomStringConvertible {
    public var isReceived: Bool
    public var text: String
    public var description: String { (isReceived ? "S: " : "C: ") + text }
  }

  /// Exchanges that are kept.
  static let maximumExchanges = 500

  private var decoder = TelnetDecoder()
  private var options: OptionTable
  private var columns: Int
  private var rows: Int
  private let terminalType: String
  private var isAfterReturn = false
  public private(set) var exchanges: [Exchange] = []
  /// Whether START_TLS was agreed on: the stream's next bytes are TLS, and everything begins anew.
  public private(set) var beginsTLS = false
  /// FOLLOWS was said: nothing more is said, and nothing more believed, before TLS (draft-altman-telnet-starttls §3).
  private var awaitsTLS = false
  /// Whether the server has broken off in a way that no server does.
  public private(set) var isBroken = false

  public init(columns: Int = 80, rows: Int = 24, terminalType: String = "XTERM", wantsTLS: Bool = false) {
    (self.columns, self.rows, self.terminalType) = (columns, rows, terminalType)
    var offered: Set<TelnetOption> = [.suppressGoAhead, .binary, .windowSize, .terminalType, .charset]
    if wantsTLS { offered.insert(.startTLS) }
    options = OptionTable(
      offered: offered, accepted: [.echo, .suppressGoAhead, .binary, .endOfRecord, .status, .charset])
  }

  /// Whether the server shows what is typed.
  public var isEchoedByServer: Bool { options.isTheirs(.echo) }

  /// Options that are on: `WILL` for ours, `DO` for the server's.
  public var agreed: [String] { options.summary.map { "\($0.0) \($0.1)" } }

  /// Takes bytes of the server's. Returns the text among them, line ends as line feeds; what is to be answered is appended.
  public mutating func receive(_ bytes: some Sequence<UInt8>, into output: inout [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    for byte in bytes where !isBroken && !beginsTLS {
      switch decoder.decode(byte) {
      case nil: break
      case .subnegotiation(.startTLS, let content): heard(.startTLS, content, into: &output)
      case .some where awaitsTLS: break
      case .data(let byte): append(byte, to: &text)
      case .command(let command): note(true, "\(command)")
      case .negotiation(let verb, let option): heard(verb, option, into: &output)
      case .subnegotiation(let option, let content): heard(option, content, into: &output)
      case .endless: isBroken = true
      }
    }
    return text
  }

  /// What is typed, as it goes onto the wire; a line feed is the Enter key.
  public func encode(_ text: [UInt8]) -> [UInt8] {
    var output: [UInt8] = []
    TelnetEncoding.append(text[...], isBinary: options.isOurs(.binary), to: &output)
    return output
  }

  /// The window has another size.
  public mutating func resize(columns: Int, rows: Int, into output: inout [UInt8]) {
    (self.columns, self.rows) = (columns, rows)
    if options.isOurs(.windowSize) { tellSize(into: &output) }
  }

  private mutating func append(_ byte: UInt8, to text: inout [UInt8]) {
    defer { isAfterReturn = byte == 0x0D }
    if isAfterReturn, byte == 0x00 { return }
    if isAfterReturn, byte == 0x0A, text.last == 0x0D { text.removeLast() }
    text.append(byte)
  }

  private mutating func note(_ isReceived: Bool, _ text: String) {
    if exchanges.count < Self.maximumExchanges { exchanges.append(Exchange(isReceived: isReceived, text: text)) }
  }

  private mutating func heard(_ verb: NegotiationVerb, _ option: TelnetOption, into output: inout [UInt8]) {
    note(true, "\(verb) \(option)")
    var answers: [(NegotiationVerb, TelnetOption)] = []
    let change = options.heard(verb, option, into: &answers)
    for (verb, option) in answers {
      note(false, "\(verb) \(option)")
      TelnetEncoding.append(verb, option, to: &output)
    }
    guard verb == .do, change == .on else { return }
    switch option {
    case .windowSize: tellSize(into: &output)
    case .startTLS:
      awaitsTLS = true
      tell(.startTLS, [1], "FOLLOWS", into: &output)
    default: break
    }
  }

  private mutating func heard(_ option: TelnetOption, _ content: [UInt8], into output: inout [UInt8]) {
    note(true, "SB \(option)")
    switch option {
    case .terminalType where content == [1] && options.isOurs(.terminalType):
      tell(option, [0] + Array(terminalType.utf8), "IS \(terminalType)", into: &output)
    case .charset:
      if let answer = Charset.answer(content, isOursPending: false) { tell(option, answer, "answer", into: &output) }
    case .startTLS where content == [1] && awaitsTLS: beginsTLS = true
    default: break
    }
  }

  private mutating func tellSize(into output: inout [UInt8]) {
    let size = [UInt8(columns >> 8 & 0xFF), UInt8(columns & 0xFF), UInt8(rows >> 8 & 0xFF), UInt8(rows & 0xFF)]
    tell(.windowSize, size, "\(columns)×\(rows)", into: &output)
  }

  private mutating func tell(_ option: TelnetOption, _ content: [UInt8], _ words: String, into output: inout [UInt8]) {
    note(false, "SB \(option) \(words)")
    TelnetEncoding.append(option, content, to: &output)
  }
}
