import ConsoleCore
import WireKit

/// The server's end of a Telnet connection (RFC 854): options, log-in, then a program on the client's terminal.
///
/// ```
/// S: IAC WILL ECHO  IAC WILL SGA  IAC DO SGA  IAC DO NAWS  IAC DO TTYPE …
/// S: login:                       C: ann CR NUL
/// S: Password:                    C: … CR NUL
/// S: ann@srv>
/// ```
public struct TelnetServerSession<Program: TerminalProgram>: StreamSession, ~Copyable {
  public typealias Request = TelnetRequest<Program.Request>
  public typealias Reply = TelnetReply<Program>
  public typealias Body = Never
  public typealias Event = TelnetEvent

  static var logInTimer: SessionTimer { SessionTimer(0) }
  static var idleTimer: SessionTimer { SessionTimer(1) }
  static var tlsTimer: SessionTimer { SessionTimer(2) }

  enum Stage: Sendable {
    /// Nothing is asked before TLS stands.
    case securing
    case asking(LogInDialogue)
    /// The log-in is being judged.
    case judging(LogInDialogue)
    case running(Program)
    case ended
  }

  /// How the connection is secured.
  public struct Security: Sendable, Hashable {
    /// Whether START_TLS is offered.
    public var offersTLS: Bool
    /// Whether this peer may log in without TLS.
    public var allowsPlainText: Bool
    /// Whether TLS stands from the start.
    public var isSecure: Bool

    public init(offersTLS: Bool, allowsPlainText: Bool, isSecure: Bool) {
      self.offersTLS = offersTLS
      self.allowsPlainText = allowsPlainText
      self.isSecure = isSecure
    }
  }

  var security: Security
  let limits: TelnetLimits
  let banner: String
  let isWatched: Bool

  var stage = Stage.securing
  var decoder = TelnetDecoder()
  var options = TelnetServerSession.makeOptions()
  var terminal = TerminalDescription(echoes: false)
  var lineMode = LineMode()
  var environment: [String: String] = [:]
  var terminalTypes: [String] = []
  var isCharsetPending = false
  /// Whether START_TLS was agreed on, so that the client's next word begins it.
  var awaitsTLS = false
  /// Whether the client wants no suppression of GA: then it gets one behind each prompt (RFC 858).
  var wantsGoAhead = false
  var budget: Int
  var lastRefill: MonotonicTime?
  var lastInput: MonotonicTime?
  private var isAfterReturn = false

  public init(security: Security, limits: TelnetLimits = TelnetLimits(), banner: String = "", isWatched: Bool = false) {
    self.security = security
    self.limits = limits
    self.banner = banner
    self.isWatched = isWatched
    budget = limits.commands
  }

  /// What was said of the client's terminal and environment, for whoever wants to show it.
  public var clientDescription: TerminalDescription { terminal }

  public var maximumPendingInput: Int { 16_384 }

  public mutating func opened(now: MonotonicTime, into actions: inout Actions) {
    actions.setTimer(Self.logInTimer, at: now + limits.logInTime)
    if security.isSecure || security.allowsPlainText {
      if security.offersTLS, !security.isSecure { askTheirs(.startTLS, into: &actions) }
      begin(into: &actions)
    } else if security.offersTLS {
      actions.setTimer(Self.tlsTimer, at: now + limits.tlsTime)
      askTheirs(.startTLS, into: &actions)
    } else {
      refusePlainText(into: &actions)
    }
  }

  /// Options, banner, and the first question.
  private mutating func begin(into actions: inout Actions) {
    for option: TelnetOption in [.echo, .suppressGoAhead] { askOurs(option, into: &actions) }
    let wanted: [TelnetOption] = [.suppressGoAhead, .windowSize, .terminalType, .newEnvironment, .charset]
    for option in wanted { askTheirs(option, into: &actions) }
    var dialogue = LogInDialogue()
    var output: [UInt8] = []
    if !banner.isEmpty { output += Array("\(banner)\n".utf8) }
    dialogue.start(on: terminal, into: &output)
    stage = .asking(dialogue)
    show(output, isPrompt: true, into: &actions)
  }

  func refusePlainText(into actions: inout Actions) {
    actions.write(
      "This server lets nobody log in without TLS from here. Use telnet with START_TLS, telnets, or SSH.\r\n")
    actions.event(.ended(.needsTLS))
    actions.close()
  }

  // MARK: Input

  public mutating func receive(_ input: RawSpan, now: MonotonicTime, into actions: inout Actions) -> Int {
    var index = 0
    var typed: [UInt8] = []
    noteInput(now, into: &actions)
    while index < input.byteCount {
      if typed.isEmpty, !takesInput { break }
      guard let byte = input.byte(at: index) else { break }
      index += 1
      switch decoder.decode(byte) {
      case nil: break
      case .data(let byte):
        // RFC 854: CR LF and CR NUL are one key each.
        let completesReturn = isAfterReturn && (byte == 0x0A || byte == 0x00)
        isAfterReturn = byte == 0x0D
        if completesReturn { break }
        typed.append(byte)
        // In small portions, so that one who wants no more is heard: what follows a password waits for its judgement.
        if typed.count >= (isAsking ? 1 : 256) { deliver(&typed, into: &actions) }
      case .some(let element):
        deliver(&typed, into: &actions)
        heard(element, now: now, into: &actions)
      }
      if case .ended = stage { return input.byteCount }
      if awaitsTLS, actions.actions.contains(where: { if case .startTLS = $0 { true } else { false } }) { return index }
    }
    deliver(&typed, into: &actions)
    return index
  }

  private var isAsking: Bool { if case .asking = stage { true } else { false } }

  private var takesInput: Bool {
    switch stage {
    case .judging: false
    case .running(let program): program.takesInput
    case .securing, .asking, .ended: true
    }
  }

  /// Timers are costly: the one for idleness is set again only when it is near.
  private mutating func noteInput(_ now: MonotonicTime, into actions: inout Actions) {
    defer { lastInput = now }
    if let last = lastRefill {
      let (seconds, attoseconds) = (now - last).components
      let refill = Int(clamping: seconds) * 50 + Int(attoseconds / 20_000_000_000_000_000)
      if refill > 0 {
        budget = min(limits.commands, budget + refill)
        lastRefill = now
      }
    } else {
      lastRefill = now
    }
  }

  private mutating func deliver(_ typed: inout [UInt8], into actions: inout Actions) {
    guard !typed.isEmpty else { return }
    let bytes = typed
    typed = []
    switch stage {
    case .asking(let dialogue): ask(dialogue, bytes, into: &actions)
    case .running(var program):
      var wanted = Program.Actions()
      for byte in bytes { program.receive(byte, into: &wanted) }
      perform(wanted, program, into: &actions)
    case .securing, .judging, .ended: break
    }
  }

  private mutating func ask(_ dialogue: LogInDialogue, _ bytes: [UInt8], into actions: inout Actions) {
    var dialogue = dialogue
    var output: [UInt8] = []
    for byte in bytes {
      let wasHidden = dialogue.hidesInput
      let outcome = dialogue.receive(byte, into: &output)
      if wasHidden != dialogue.hidesInput {
        show(output, isPrompt: true, into: &actions)
        output = []
        stage = .asking(dialogue)
        updateEcho(into: &actions)
      }
      switch outcome {
      case .none: break
      case .abandoned:
        show(output, into: &actions)
        return hangUp(into: &actions)
      case .attempt(let attempt):
        show(output, into: &actions)
        stage = .judging(dialogue)
        actions.request(.logIn(attempt), Ticket(0))
        return
      }
    }
    stage = .asking(dialogue)
    show(output, into: &actions)
  }

  // MARK: Answers

  public mutating func resume(
    _ reply: consuming Reply, for ticket: Ticket, now: MonotonicTime, into actions: inout Actions
  ) {
    switch (reply, stage) {
    case (.program(let reply, let number), .running(var program)):
      var wanted = Program.Actions()
      program.resume(reply, for: number, into: &wanted)
      perform(wanted, program, into: &actions)
    case (.granted(let program, let account), .judging): start(program, account, now, into: &actions)
    case (.denied, .judging(var dialogue)):
      actions.event(.logInRefused)
      var output: [UInt8] = []
      let isLast = !dialogue.refused(into: &output)
      stage = .asking(dialogue)
      show(output, isPrompt: !isLast, into: &actions)
      if isLast { hangUp(into: &actions) } else { updateEcho(into: &actions) }
    case (.codeNeeded, .judging(var dialogue)):
      var output: [UInt8] = []
      dialogue.codeNeeded(into: &output)
      stage = .asking(dialogue)
      show(output, isPrompt: true, into: &actions)
    case (.penalised(let seconds), .judging):
      show(Array("Too many failures from your address: try again in \(seconds) seconds.\n".utf8), into: &actions)
      hangUp(into: &actions)
    case (.unavailable, .judging):
      show(Array("Nobody can log in at the moment: try again later.\n".utf8), into: &actions)
      hangUp(into: &actions)
    default: break
    }
  }

  private mutating func start(
    _ program: Program, _ account: String, _ now: MonotonicTime, into actions: inout Actions
  ) {
    var program = program
    actions.event(.loggedIn(account: account))
    actions.setTimer(Self.logInTimer, at: nil)
    lastInput = now
    actions.setTimer(Self.idleTimer, at: now + limits.idleTime)
    stage = .running(program)
    updateEcho(into: &actions)
    var wanted = Program.Actions()
    program.start(on: terminal, into: &wanted)
    perform(wanted, program, into: &actions)
  }

  /// Carries out what the program wants.
  mutating func perform(_ wanted: Program.Actions, _ program: Program, into actions: inout Actions) {
    let wasHidden = if case .running(let old) = stage { old.hidesInput } else { false }
    stage = .running(program)
    if wasHidden != program.hidesInput { updateEcho(into: &actions) }
    show(wanted.output, isPrompt: wanted.endsWithPrompt, into: &actions)
    for (number, request) in wanted.requests { actions.request(.program(request, number: number), Ticket(number)) }
    if wanted.hasEnded { hangUp(into: &actions) }
  }

  mutating func hangUp(into actions: inout Actions) {
    stage = .ended
    actions.close()
  }

  public mutating func outputDrained(now: MonotonicTime, into actions: inout Actions) {
    guard case .running(var program) = stage else { return }
    var wanted = Program.Actions()
    program.outputDrained(into: &wanted)
    perform(wanted, program, into: &actions)
  }

  public mutating func timerFired(_ timer: SessionTimer, now: MonotonicTime, into actions: inout Actions) {
    switch timer {
    case Self.logInTimer: end(.logInTime, "\r\nToo slow.\r\n", into: &actions)
    case Self.tlsTimer: if case .securing = stage { refusePlainText(into: &actions) }
    case Self.idleTimer:
      let end = (lastInput ?? now) + limits.idleTime
      if end <= now {
        self.end(.idle, "\r\nIdle for too long.\r\n", into: &actions)
      } else {
        actions.setTimer(Self.idleTimer, at: end)
      }
    default: break
    }
  }

  mutating func end(_ reason: TelnetEvent.Reason, _ words: String, into actions: inout Actions) {
    actions.write(words)
    actions.event(.ended(reason))
    hangUp(into: &actions)
  }

  public mutating func inputClosed(now: MonotonicTime, into actions: inout Actions) {
    stage = .ended
    actions.close()
  }

  public mutating func drain(now: MonotonicTime, into actions: inout Actions) {
    show(Array("\nThe server is being stopped.\n".utf8), into: &actions)
    hangUp(into: &actions)
  }

  /// TLS stands: everything agreed on in plain text is void.
  public mutating func tlsEstablished(_ parameters: TLSParameters, now: MonotonicTime, into actions: inout Actions) {
    security.isSecure = true
    options = Self.makeOptions()
    decoder = TelnetDecoder()
    terminal = TerminalDescription(echoes: false)
    (lineMode, environment, terminalTypes) = (LineMode(), [:], [])
    (awaitsTLS, isCharsetPending, wantsGoAhead) = (false, false, false)
    actions.setTimer(Self.tlsTimer, at: nil)
    begin(into: &actions)
  }

  // MARK: Output

  /// Writes text of ours, and behind a prompt the mark that the client has asked for.
  mutating func show(_ text: [UInt8], isPrompt: Bool = false, into actions: inout Actions) {
    guard !text.isEmpty else { return }
    let isBinary = options.isOurs(.binary)
    let mark: TelnetCommand? =
      !isPrompt ? nil : options.isOurs(.endOfRecord) ? .endOfRecord : wantsGoAhead ? .goAhead : nil
    actions.write { output in
      TelnetEncoding.append(text, isBinary: isBinary, to: &output)
      if let mark { TelnetEncoding.append(mark, to: &output) }
    }
  }
}
