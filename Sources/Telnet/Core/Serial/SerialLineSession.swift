import WireKit

/// What a session of a serial line asks of the port.
public enum SerialRequest: Sendable, Hashable {
  /// Take the port; answered by `.opened` or `.unavailable`.
  case open
  /// The next bytes that come from it, when there are some. Answered by `.bytes` or `.ended`.
  case read
  /// Answered by `.done` when the port has taken them: that is back-pressure.
  case write([UInt8])
  /// Answered by `.settings`, with what is set now.
  case apply(SerialSettings)
  case signal(SerialSignal, Bool)
  /// Throw away what waits in the port's own buffers.
  case purge(input: Bool, output: Bool)
  /// Answered by `.modem` when the state is not this one any more.
  case modem(UInt8)
}

/// What it is told.
public enum SerialReply: Sendable, Hashable {
  case opened(SerialSettings, modem: UInt8)
  /// Why it can't be had, for the client.
  case unavailable(String)
  case bytes([UInt8])
  case ended
  case done
  case settings(SerialSettings)
  /// CTS, DSR, RI and CD in the upper four bits (RFC 2217 §3).
  case modem(UInt8)
}

/// A serial line through the network: the access server's end of a connection by Telnet with COM-PORT control (RFC 2217). Without the
/// option it is a plain pipe to the line.
///
/// ```
/// C: IAC WILL COM-PORT              S: IAC DO COM-PORT
/// C: IAC SB COM-PORT SET-BAUDRATE … S: IAC SB COM-PORT 101 …   bytes both ways, IAC doubled
/// ```
public struct SerialLineSession: StreamSession, ~Copyable {
  public typealias Request = SerialRequest
  public typealias Reply = SerialReply
  public typealias Body = Never
  public typealias Event = TelnetEvent

  /// What a request is for. One of each is on its way at a time.
  enum Ticketed {
    static let open = Ticket(0)
    static let read = Ticket(1)
    static let write = Ticket(2)
    static let apply = Ticket(3)
    static let modem = Ticket(4)
    /// Those that nobody waits for.
    static let other = Ticket(5)
  }

  private enum Stage { case opening, open, ended }

  /// Bytes for the port that may wait for it before the client is not read from.
  private static let highWater = 4096

  private let name: String
  private let isAllowed: Bool
  private let isWatched: Bool
  private var stage = Stage.opening
  private var decoder = TelnetDecoder()
  private var options = OptionTable(
    offered: [.binary, .suppressGoAhead, .echo, .comPort], accepted: [.binary, .suppressGoAhead, .comPort])
  private var budget: Int
  private var isAfterReturn = false
  private var waiting: [UInt8] = []
  private var isWriting = false
  private var isReading = false
  private var isSuspended = false
  private var settings = SerialSettings()
  /// The answer that is due once the port is set. Until then nothing more is taken, so that answers keep the order of the questions.
  private var due: UInt8?
  private var control: (dtr: Bool, rts: Bool, isBreak: Bool) = (true, true, false)
  private var modem: UInt8 = 0
  private var modemMask: UInt8 = 0xFF
  private var hasOption: Bool { options.isTheirs(.comPort) || options.isOurs(.comPort) }

  /// `name`: what the line is called; `isAllowed`: whether this client may have it.
  public init(name: String, isAllowed: Bool, limits: TelnetLimits = TelnetLimits(), isWatched: Bool = false) {
    self.name = name
    self.isAllowed = isAllowed
    self.isWatched = isWatched
    budget = limits.commands
  }

  public var maximumPendingInput: Int { 16_384 }

  public mutating func opened(now: MonotonicTime, into actions: inout Actions) {
    guard isAllowed else { return refuse("This line is not for your address.", into: &actions) }
    for option: TelnetOption in [.binary, .suppressGoAhead] {
      if let (verb, option) = options.setOurs(option, true) { say(verb, option, into: &actions) }
      if let (verb, option) = options.setTheirs(option, true) { say(verb, option, into: &actions) }
    }
    actions.request(.open, Ticketed.open)
  }

  private mutating func refuse(_ words: String, into actions: inout Actions) {
    stage = .ended
    actions.write("\(words)\r\n")
    actions.close()
  }

  // MARK: From the client

  public mutating func receive(_ input: RawSpan, now: MonotonicTime, into actions: inout Actions) -> Int {
    var index = 0
    // What the port has not taken yet holds the client back.
    while index < input.byteCount, stage != .opening, due == nil, waiting.count < Self.highWater,
      let byte = input.byte(at: index)
    {
      index += 1
      guard let element = decoder.decode(byte) else { continue }
      if case .data(let byte) = element { take(byte) } else { heard(element, into: &actions) }
      if stage == .ended { return input.byteCount }
    }
    flush(into: &actions)
    return index
  }

  /// RFC 854: outside of BINARY, CR NUL is a carriage return.
  private mutating func take(_ byte: UInt8) {
    let isPadding = isAfterReturn && byte == 0x00 && !options.isTheirs(.binary)
    isAfterReturn = byte == 0x0D
    if !isPadding { waiting.append(byte) }
  }

  private mutating func flush(into actions: inout Actions) {
    guard stage == .open, !isWriting, !waiting.isEmpty else { return }
    isWriting = true
    actions.request(.write(waiting), Ticketed.write)
    waiting = []
  }

  private mutating func heard(_ element: TelnetElement, into actions: inout Actions) {
    switch element {
    case .data: break
    case .endless: end(.endlessSubnegotiation, into: &actions)
    case .command(let command):
      switch command {
      case .areYouThere: actions.write("\r\n[Portside is here]\r\n")
      case .break:
        actions.request(.signal(.breakCondition, true), Ticketed.other)
        actions.request(.signal(.breakCondition, false), Ticketed.other)
      default: break
      }
    case .negotiation(let verb, let option): heard(verb, option, into: &actions)
    case .subnegotiation(let option, let content):
      if isWatched { actions.event(.heard("SB \(option) \(content.count) bytes")) }
      if option == .comPort, hasOption, let command = ComPortCommand(content) { perform(command, into: &actions) }
    }
  }

  private mutating func heard(_ verb: NegotiationVerb, _ option: TelnetOption, into actions: inout Actions) {
    // Settings may be asked for as often as a client likes; what only goes round in circles may not.
    budget -= 1
    guard budget > 0 else { return end(.tooManyNegotiations, into: &actions) }
    if isWatched { actions.event(.heard("\(verb) \(option)")) }
    let hadOption = hasOption
    var answers: [(NegotiationVerb, TelnetOption)] = []
    _ = options.heard(verb, option, into: &answers)
    for (verb, option) in answers { say(verb, option, into: &actions) }
    if !hadOption, hasOption, stage == .open { tellModem(into: &actions) }
  }

  private mutating func end(_ reason: TelnetEvent.Reason, into actions: inout Actions) {
    stage = .ended
    actions.event(.ended(reason))
    actions.close()
  }

  // MARK: COM-PORT

  private mutating func perform(_ command: ComPortCommand, into actions: inout Actions) {
    switch command {
    case .signature(let theirs):
      // An empty one asks for ours.
      if theirs.isEmpty { answer(ComPortCommand.Answer.signature, Array("Portside \(name)".utf8), into: &actions) }
    case .setSpeed(let speed):
      change(ComPortCommand.Answer.speed, into: &actions) { if speed != 0 { $0.speed = speed } }
    case .setDataBits(let bits):
      change(ComPortCommand.Answer.dataBits, into: &actions) { if (5...8).contains(bits) { $0.dataBits = bits } }
    case .setParity(let code):
      change(ComPortCommand.Answer.parity, into: &actions) { settings in
        if let parity = SerialSettings.Parity(rawValue: code) { settings.parity = parity }
      }
    case .setStopBits(let code):
      change(ComPortCommand.Answer.stopBits, into: &actions) { settings in
        if let stopBits = SerialSettings.StopBits(rawValue: code) { settings.stopBits = stopBits }
      }
    case .setControl(let code): setControl(code, into: &actions)
    case .suspend: isSuspended = true
    case .resume:
      isSuspended = false
      read(into: &actions)
    case .setLineStateMask: answer(ComPortCommand.Answer.lineStateMask, [0], into: &actions)
    case .setModemStateMask(let mask):
      modemMask = mask
      answer(ComPortCommand.Answer.modemStateMask, [mask], into: &actions)
    case .purge(let what):
      actions.request(.purge(input: what & 1 != 0, output: what & 2 != 0), Ticketed.other)
      if what & 2 != 0 { waiting = [] }
      answer(ComPortCommand.Answer.purge, [what], into: &actions)
    }
  }

  /// RFC 2217 §3, SET-CONTROL: flow control, break, DTR and RTS in one numbering.
  private mutating func setControl(_ code: UInt8, into actions: inout Actions) {
    let answerCode = ComPortCommand.Answer.control
    func said(_ isOn: Bool, on: UInt8, off: UInt8) -> [UInt8] { [isOn ? on : off] }
    switch code {
    case 1, 2, 3:
      return change(answerCode, into: &actions) { settings in
        if let flow = SerialSettings.FlowControl(rawValue: code) { settings.flow = flow }
      }
    case 0, 13: return change(answerCode, into: &actions) { _ in }
    case 5, 6:
      control.isBreak = code == 5
      actions.request(.signal(.breakCondition, control.isBreak), Ticketed.other)
    case 8, 9:
      control.dtr = code == 8
      actions.request(.signal(.dataTerminalReady, control.dtr), Ticketed.other)
    case 11, 12:
      control.rts = code == 11
      actions.request(.signal(.requestToSend, control.rts), Ticketed.other)
    // Other forms of flow control for one direction alone: what is set is answered.
    case 14...19: return change(answerCode, into: &actions) { _ in }
    default: break
    }
    switch code {
    case 4...6: answer(answerCode, said(control.isBreak, on: 5, off: 6), into: &actions)
    case 7...9: answer(answerCode, said(control.dtr, on: 8, off: 9), into: &actions)
    case 10...12: answer(answerCode, said(control.rts, on: 11, off: 12), into: &actions)
    default: break
    }
  }

  /// Sets the port; the answer tells what it is set to then.
  private mutating func change(
    _ code: UInt8, into actions: inout Actions, _ body: (inout SerialSettings) -> Void
  ) {
    var next = settings
    body(&next)
    guard next != settings else { return answerSettings(code, into: &actions) }
    due = code
    actions.request(.apply(next), Ticketed.apply)
  }

  private func answerSettings(_ code: UInt8, into actions: inout Actions) {
    let value: [UInt8] =
      switch code {
      case ComPortCommand.Answer.speed: [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: settings.speed >> UInt32($0)) }
      case ComPortCommand.Answer.dataBits: [settings.dataBits]
      case ComPortCommand.Answer.parity: [settings.parity.rawValue]
      case ComPortCommand.Answer.stopBits: [settings.stopBits.rawValue]
      default: [settings.flow.rawValue]
      }
    answer(code, value, into: &actions)
  }

  private func answer(_ code: UInt8, _ value: [UInt8], into actions: inout Actions) {
    actions.write { TelnetEncoding.append(.comPort, [code] + value, to: &$0) }
    if isWatched { actions.event(.said("SB COM-PORT \(code)")) }
  }

  private func tellModem(into actions: inout Actions) {
    guard hasOption, modem & modemMask != 0 else { return }
    answer(ComPortCommand.Answer.modemState, [modem & modemMask], into: &actions)
  }

  private func say(_ verb: NegotiationVerb, _ option: TelnetOption, into actions: inout Actions) {
    actions.write { TelnetEncoding.append(verb, option, to: &$0) }
    if isWatched { actions.event(.said("\(verb) \(option)")) }
  }

  // MARK: From the port

  public mutating func resume(
    _ reply: consuming SerialReply, for ticket: Ticket, now: MonotonicTime, into actions: inout Actions
  ) {
    guard stage != .ended else { return }
    switch reply {
    case .opened(let settings, let modem):
      (self.settings, self.modem, stage) = (settings, modem, .open)
      tellModem(into: &actions)
      read(into: &actions)
      actions.request(.modem(modem), Ticketed.modem)
      flush(into: &actions)
    case .unavailable(let why): refuse("This line can't be had: \(why).", into: &actions)
    case .bytes(let bytes):
      isReading = false
      write(bytes, into: &actions)
    case .ended: refuse("\r\nThe line has gone.", into: &actions)
    case .settings(let settings):
      self.settings = settings
      if let code = due { answerSettings(code, into: &actions) }
      due = nil
    case .modem(let state):
      let changed = (state ^ modem) >> 4
      modem = state
      // The lower half says what has changed.
      if hasOption, changed & (modemMask & 0x0F | modemMask >> 4) != 0 {
        answer(ComPortCommand.Answer.modemState, [(state & 0xF0 | changed) & modemMask], into: &actions)
      }
      actions.request(.modem(state), Ticketed.modem)
    case .done:
      guard ticket == Ticketed.write else { return }
      isWriting = false
      flush(into: &actions)
    }
  }

  private mutating func read(into actions: inout Actions) {
    guard stage == .open, !isReading, !isSuspended else { return }
    isReading = true
    actions.request(.read, Ticketed.read)
  }

  /// The line's bytes as they are; outside of BINARY a carriage return that no line feed follows gets its NUL.
  private mutating func write(_ bytes: [UInt8], into actions: inout Actions) {
    let isBinary = options.isOurs(.binary)
    actions.write { output in
      for (index, byte) in bytes.enumerated() {
        output.append(byte)
        if byte == 0xFF { output.append(byte) }
        if byte == 0x0D, !isBinary, index + 1 == bytes.count || bytes[index + 1] != 0x0A { output.append(0x00) }
      }
    }
  }

  public mutating func outputDrained(now: MonotonicTime, into actions: inout Actions) { read(into: &actions) }

  public mutating func inputClosed(now: MonotonicTime, into actions: inout Actions) {
    stage = .ended
    actions.close()
  }
}
