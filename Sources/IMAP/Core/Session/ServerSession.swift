import SASLCore
import WireKit

/// The server's end of an IMAP connection (RFC 9051, RFC 3501): framing, states, log-in, STARTTLS, literals and IDLE.
///
/// ```
/// S: * OK [CAPABILITY IMAP4rev1 IMAP4rev2 …] mail.lab.test Portside
/// C: a1 LOGIN ann@lab.test "secret"
/// S: a1 OK [CAPABILITY …] Logged in
/// ```
/// Commands are carried out one after another, however many wait (RFC 9051 §5.5): a session that waits for an answer takes no input.
public struct ServerSession: ~Copyable, StreamSession {
  public typealias Request = IMAPRequest
  public typealias Reply = IMAPReply
  public typealias Body = any ContentSource
  public typealias Event = IMAPEvent

  enum Phase {
    /// Before `opened`, and after the end.
    case closed
    /// A line of a command is due.
    case command
    /// Octets of a literal of the command's text.
    case literal(remaining: Int)
    /// A command is carried out.
    case working(Ticket)
    /// A part of an answer has been written; the next is asked for when it has left.
    case pausing
    /// A response of SASL is due.
    case saslResponse
    case saslJudging(Ticket)
    /// IDLE; the ticket is that of the watch.
    case idling(Ticket?)
    /// DONE has come; the watch has been taken back.
    case idleEnding(Ticket)
    /// A command begins while a watch for NOTIFY is out: it has been taken back, and is waited for.
    case watchEnding(Ticket)
    /// May messages be put there?
    case appendAsking(Ticket)
    /// Octets of a message.
    case appendBody(Ticket, remaining: Int)
    /// All octets of a message, or of a part of it, are given; the server has not said yet that it has them.
    case appendStaging(Ticket)
    /// Octets of a message that nobody wants.
    case appendDiscarding(remaining: Int)
    case upgrading
    /// Compression begins when the answer has left.
    case compressing
  }

  static let logInTimer = SessionTimer(1)
  static let idleTimer = SessionTimer(2)
  static let keepAliveTimer = SessionTimer(3)
  static let progressTimer = SessionTimer(4)

  var configuration: ServerSessionConfiguration
  var phase = Phase.closed
  var state = SessionStates.notAuthenticated
  public internal(set) var enabled: EnabledExtensions = []
  var framer: LineFramer
  /// The command so far: lines with their CRLF where a literal follows, and literals.
  var buffer: [UInt8] = []
  var tag: [UInt8] = []
  /// The command that is being carried out, in words.
  var verb = ""
  var lastTicket: UInt64 = 0
  var exchange: SASLServerExchange?
  var mechanism = ""
  var logInFailures = 0
  var badCommands = 0
  var append: AppendProgress?
  var isDraining = false
  /// NOTIFY: what happens is told between commands as well (RFC 5465).
  var isListening = false
  /// The watch that is out between two commands.
  var backgroundWatch: Ticket?
  public private(set) var wantsCompression = false

  public init(_ configuration: ServerSessionConfiguration) {
    self.configuration = configuration
    framer = LineFramer(maximumLength: configuration.limits.line)
  }

  /// Log-in has been granted.
  public var isAuthenticated: Bool { state != .notAuthenticated }

  public var maximumPendingInput: Int { configuration.limits.line + 2 }

  // MARK: The driver's calls

  public mutating func opened(now: MonotonicTime, into actions: inout Actions) {
    phase = .command
    let words = capabilities
    let host = configuration.hostName
    actions.write { output in
      output.append(untagged: .ok("\(host) Portside", ResponseCode("CAPABILITY \(words)")))
    }
    actions.setTimer(Self.logInTimer, at: now + configuration.limits.logInTime)
  }

  public mutating func receive(_ input: RawSpan, now: MonotonicTime, into actions: inout Actions) -> Int {
    var consumed = 0
    while consumed < input.byteCount {
      let count = take(input.extracting(consumed..<input.byteCount), base: consumed, now: now, into: &actions)
      guard let count else { break }
      consumed += count
    }
    return consumed
  }

  public mutating func resume(
    _ reply: consuming IMAPReply, for ticket: Ticket, now: MonotonicTime, into actions: inout Actions
  ) {
    switch (phase, reply) {
    case (.saslJudging(let expected), .authentication(let answer)) where expected == ticket:
      authenticationAnswered(answer, now: now, into: &actions)
    case (.working(let expected), .output(let output)) where expected == ticket:
      finish(output, now: now, into: &actions)
    case (.idling(let expected), .output(let output)) where expected == ticket:
      write(output, into: &actions)
      noteListening(output)
      phase = .idling(watch(isIdle: true, into: &actions))
    case (.watchEnding(let expected), .output(let output)) where expected == ticket:
      write(output, into: &actions)
      noteListening(output)
      phase = .command
    case (.command, .output(let output)) where backgroundWatch == ticket:
      write(output, into: &actions)
      noteListening(output)
      backgroundWatch = nil
      listen(into: &actions)
    case (.idleEnding(let expected), .output(let output)) where expected == ticket:
      write(output, into: &actions)
      complete(.ok("IDLE completed"), now: now, into: &actions)
    case (.appendAsking(let expected), .output(let output)) where expected == ticket:
      appendAnswered(output, now: now, into: &actions)
    case (.appendBody(let expected, let remaining), .output(let output)) where expected == ticket:
      // The server gave up before the message's end: no room, for one.
      refuseAppend(output.completion ?? .no("The message was not taken"))
      phase = .appendDiscarding(remaining: remaining)
    case (.appendStaging(let expected), .output(let output)) where expected == ticket:
      if let completion = output.completion, completion.status != .ok { refuseAppend(completion) }
      phase = .command
      appendContinues(now: now, into: &actions)
    default: break
    }
  }

  public mutating func timerFired(_ timer: SessionTimer, now: MonotonicTime, into actions: inout Actions) {
    switch timer {
    case Self.logInTimer:
      guard !isAuthenticated else { return }
      bye("Too slow", into: &actions)
    case Self.keepAliveTimer:
      guard case .idling = phase else { return }
      actions.write("* OK Still here\r\n")
      actions.setTimer(Self.keepAliveTimer, at: now + configuration.limits.keepAlive)
    case Self.progressTimer:
      // Between two responses only: while a part of an answer leaves, that is sign enough (RFC 9585).
      guard case .working = phase else { return }
      let tag = tag
      actions.write { output in
        output.append(contentsOf: "* OK [INPROGRESS (".utf8)
        output.append(string: tag)
        output.append(contentsOf: " NIL NIL)] Still at it\r\n".utf8)
      }
      actions.setTimer(Self.progressTimer, at: now + configuration.limits.progress)
    case Self.idleTimer:
      switch phase {
      case .working, .pausing, .saslJudging, .appendAsking, .appendStaging:
        actions.setTimer(Self.idleTimer, at: now + configuration.limits.idleTime)
      default: bye("Silent for too long", into: &actions)
      }
    default: break
    }
  }

  public mutating func outputDrained(now: MonotonicTime, into actions: inout Actions) {
    switch phase {
    case .pausing: phase = .working(ask(.more, into: &actions))
    case .compressing:
      phase = .command
      listen(into: &actions)
    default: break
    }
  }

  public mutating func inputClosed(now: MonotonicTime, into actions: inout Actions) {
    switch phase {
    // What has begun is carried out; the answer goes to whom still reads.
    case .working, .pausing: isDraining = true
    default: end(into: &actions)
    }
  }

  public mutating func tlsEstablished(_: TLSParameters, now: MonotonicTime, into actions: inout Actions) {
    configuration.isEncrypted = true
    buffer = []
    framer.reset()
    exchange = nil
    enabled = []
    phase = .command
    actions.setTimer(Self.logInTimer, at: now + configuration.limits.logInTime)
  }

  public mutating func drain(now: MonotonicTime, into actions: inout Actions) {
    switch phase {
    case .working, .pausing, .appendStaging, .saslJudging: isDraining = true
    default: bye("The server stops", into: &actions)
    }
  }

  /// COMPRESS DEFLATE (RFC 4978).
  mutating func compress(now: MonotonicTime, into actions: inout Actions) {
    guard !wantsCompression else {
      complete(.no("Everything is compressed already", .compressionActive), now: now, into: &actions)
      return
    }
    complete(.ok("Compressed from here on"), now: now, into: &actions)
    guard case .command = phase else { return }
    wantsCompression = true
    phase = .compressing
  }

  // MARK: What all parts use

  mutating func ask(_ request: IMAPRequest, into actions: inout Actions) -> Ticket {
    lastTicket += 1
    let ticket = Ticket(lastTicket)
    actions.request(request, ticket)
    return ticket
  }

  func write(_ output: CommandOutput, into actions: inout Actions) {
    for piece in output.pieces {
      switch piece {
      case .bytes(let bytes): actions.write(bytes)
      case .content(let source, let range): actions.send(source, range)
      }
    }
  }

  /// Writes what an answer holds, and its end where it is complete.
  private mutating func finish(_ output: CommandOutput, now: MonotonicTime, into actions: inout Actions) {
    write(output, into: &actions)
    guard let completion = output.completion else {
      if output.isEmpty { phase = .working(ask(.more, into: &actions)) } else { phase = .pausing }
      return
    }
    switch output.effect {
    case .none: break
    case .selected: state = .selected
    case .unselected: state = .authenticated
    case .listening: noteListening(output)
    }
    complete(completion, now: now, into: &actions)
  }

  /// Ends the command, and makes ready for the next.
  mutating func complete(_ completion: Completion, now: MonotonicTime, into actions: inout Actions) {
    let tag = tag
    actions.write { output in
      output.append(contentsOf: tag)
      output.appendSpace()
      completion.write(to: &output)
    }
    actions.event(
      .sent(
        line: "\(String(decoding: tag, as: UTF8.self)) \(completion.status.rawValue)"
          + "\(completion.code.map { " [\($0)]" } ?? "") \(completion.text)"))
    if case .working = phase { actions.setTimer(Self.progressTimer, at: nil) }
    phase = .command
    buffer.removeAll(keepingCapacity: buffer.capacity <= 4096)
    append = nil
    if completion.status != .bad {
      badCommands = 0
    } else {
      badCommands += 1
      let limits = configuration.limits
      if badCommands >= (isAuthenticated ? limits.badCommands : limits.badCommandsBeforeLogIn) {
        bye("Too many commands that make no sense", into: &actions)
        return
      }
    }
    if isAuthenticated { actions.setTimer(Self.idleTimer, at: now + configuration.limits.idleTime) }
    if isDraining { bye("The server stops", into: &actions) }
    // What follows these is no state in which something could be told.
    if verb != "COMPRESS", verb != "LOGOUT" { listen(into: &actions) }
  }

  private mutating func noteListening(_ output: CommandOutput) {
    if case .listening(let isOn) = output.effect { isListening = isOn }
  }

  /// Between commands, a client that said NOTIFY is told what happens.
  private mutating func listen(into actions: inout Actions) {
    guard isListening, backgroundWatch == nil, case .command = phase else { return }
    backgroundWatch = watch(isIdle: false, into: &actions)
  }

  mutating func bye(_ reason: StaticString, into actions: inout Actions) {
    actions.write("* BYE ")
    actions.write(reason)
    actions.write("\r\n")
    actions.event(.refused(reason))
    end(into: &actions)
  }

  mutating func end(into actions: inout Actions) {
    phase = .closed
    actions.close()
  }

  /// What this connection can do in its present state, in one line.
  var capabilities: String {
    var words = Capability.table.filter { !$0.states.isDisjoint(with: state) }.map(\.name)
    if state == .notAuthenticated {
      if configuration.offersStartTLS, !configuration.isEncrypted { words.append("STARTTLS") }
      if configuration.isEncrypted || configuration.acceptsPlaintext {
        words += configuration.mechanisms.map { "AUTH=\($0.rawValue)" }
      } else {
        words.append("LOGINDISABLED")
      }
    } else {
      words.append("APPENDLIMIT=\(configuration.limits.message)")
      if let limit = configuration.limits.messagesOfCommand { words.append("MESSAGELIMIT=\(limit)") }
    }
    return words.joined(separator: " ")
  }
}
