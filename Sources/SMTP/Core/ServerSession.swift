import SASLCore
import WireKit

/// The server's side of one connection of SMTP (RFC 5321), submission (RFC 6409) or LMTP (RFC 2033).
///
/// ```
/// S: 220 srv.lab.test ESMTP
/// C: EHLO client.test          S: 250-srv.lab.test … 250 DSN
/// C: MAIL FROM:<ann@lab.test>  S: 250 2.1.0 …
/// C: RCPT TO:<bob@lab.test>    S: 250 2.1.5 …
/// C: DATA                      S: 354 …
/// C: …
/// C: .                         S: 250 2.6.0 kept
/// ```
///
/// Commands are answered strictly in order; what is pipelined behind one that must ask the outside waits, unconsumed.
public struct ServerSession: StreamSession, ~Copyable {
  public typealias Request = ServerRequest
  public typealias Reply = ServerAnswer
  public typealias Body = Never
  public typealias Event = SMTPEvent

  static let commandTimer = SessionTimer(1)
  static let logInTimer = SessionTimer(2)
  static let messageTimer = SessionTimer(3)
  static let silenceTimer = SessionTimer(4)

  enum Phase {
    case command
    /// A line of SASL is due.
    case sasl
    /// A line that is too long is passed over.
    case passingLine
    /// The outside has been asked.
    case waiting
    case data
    case chunk(remaining: Int64, isLast: Bool)
    case closed
  }

  /// What the outside was asked.
  enum Question {
    case sasl
    case sender(ReversePath, MailParameters)
    case recipient(Envelope.Recipient)
    case postmaster(RecipientParameters)
    /// The message is complete; only its answer is due.
    case message
  }

  /// A message on its way in.
  struct Incoming {
    var ticket: Ticket
    var size: Int64 = 0
    var scanner = EndOfDataScanner()
    var lineEnds = BareLineEndCheck()
    /// The answer that came, or was decided on, before the end: what still comes is dropped.
    var early: [SMTPReply]?
    var isChunked = false
  }

  public let profile: ServerProfile
  var isEncrypted: Bool
  var phase = Phase.command
  var framer: LineFramer
  var saslFramer: LineFramer
  var lastTicket: UInt64 = 0
  var question: (Ticket, Question)?
  var exchange: SASLServerExchange?

  var helloName: String?
  var isExtended = false
  var account: String?
  var envelope: Envelope?
  var incoming: Incoming?

  var errors = 0
  var refusedRecipients = 0
  var logInFailures = 0
  var transactions = 0
  var isDraining = false
  /// `silence` is being played.
  var isSilent = false

  public init(profile: ServerProfile, isEncrypted: Bool) {
    self.profile = profile
    self.isEncrypted = isEncrypted
    // Programs send tokens, which are long, on AUTH's own line.
    framer = LineFramer(
      maximumLength: profile.acceptsTokens
        ? max(profile.limits.commandLength, profile.limits.authenticationLength) : profile.limits.commandLength)
    saslFramer = LineFramer(maximumLength: profile.limits.authenticationLength)
  }

  public var maximumPendingInput: Int { max(profile.limits.authenticationLength, profile.limits.commandLength) + 2 }

  /// Whether secrets may be asked for on this connection.
  var isPrivate: Bool { isEncrypted || profile.allowsPlaintext }
  var mustLogIn: Bool { profile.role == .submission }
  var client: ServerRequest.Client {
    .init(helloName: helloName ?? "", isExtended: isExtended, account: account)
  }

  // MARK: From the driver

  public mutating func opened(now: MonotonicTime, into actions: inout Actions) {
    let name = profile.role == .lmtp ? "LMTP" : "ESMTP"
    send(SMTPReply(220, nil, "\(profile.hostname) \(name)"), &actions)
    if mustLogIn { actions.setTimer(Self.logInTimer, at: now + profile.limits.logInTime) }
    awaitCommand(now, &actions)
  }

  public mutating func receive(_ input: RawSpan, now: MonotonicTime, into actions: inout Actions) -> Int {
    var consumed = 0
    while consumed < input.byteCount {
      let rest = input.extracting(consumed..<input.byteCount)
      let taken: Int
      switch phase {
      case .command, .sasl, .passingLine: taken = receiveLine(rest, now, &actions)
      case .data: taken = receiveData(input, from: consumed, now, &actions)
      case .chunk(let remaining, let isLast):
        taken = receiveChunk(input, from: consumed, remaining, isLast, now, &actions)
      case .waiting: return consumed
      case .closed: return input.byteCount
      }
      guard taken > 0 else { break }
      consumed += taken
    }
    return consumed
  }

  public mutating func resume(
    _ reply: consuming ServerAnswer, for ticket: Ticket, now: MonotonicTime, into actions: inout Actions
  ) {
    if case .closed = phase { return }
    if let (asked, question) = question, asked == ticket {
      self.question = nil
      phase = .command
      answer(question, reply, now, &actions)
      if case .command = phase { awaitCommand(now, &actions) }
      return
    }
    // The message was judged before it had ended: the answer waits until it has.
    if incoming?.ticket == ticket, incoming?.early == nil { incoming?.early = Self.replies(reply) }
  }

  public mutating func timerFired(_ timer: SessionTimer, now: MonotonicTime, into actions: inout Actions) {
    if timer == Self.logInTimer, account != nil { return }
    if timer == Self.commandTimer, case .waiting = phase { return }
    if timer == Self.logInTimer { actions.event(.leftWithoutLogIn) } else { actions.event(.timedOut) }
    end(.timedOut, &actions)
  }

  public mutating func inputClosed(now: MonotonicTime, into actions: inout Actions) {
    phase = .closed
    actions.close()
  }

  public mutating func tlsEstablished(_: TLSParameters, now: MonotonicTime, into actions: inout Actions) {
    // Nothing that was said before counts (RFC 3207 §4.2).
    isEncrypted = true
    (helloName, isExtended, account, envelope, incoming, exchange) = (nil, false, nil, nil, nil, nil)
    phase = .command
    framer.reset()
    awaitCommand(now, &actions)
  }

  public mutating func drain(now: MonotonicTime, into actions: inout Actions) {
    isDraining = true
    switch phase {
    case .command where envelope == nil, .sasl, .passingLine: end(.closing, &actions)
    case .command, .waiting, .data, .chunk, .closed: break
    }
  }

  // MARK: Small things

  mutating func awaitCommand(_ now: MonotonicTime, _ actions: inout Actions) {
    if isDraining, envelope == nil { return end(.closing, &actions) }
    actions.setTimer(Self.commandTimer, at: now + profile.limits.commandTime)
  }

  func send(_ reply: SMTPReply, _ actions: inout Actions) {
    actions.write { reply.write(to: &$0) }
    actions.event(.sent(reply))
  }

  /// Answers a faulty command; too many of them end the connection.
  mutating func refuse(_ reply: SMTPReply, _ actions: inout Actions) {
    errors += 1
    guard errors < profile.limits.errors else {
      actions.event(.tooManyErrors)
      return end(.tooManyErrors, &actions)
    }
    send(reply, &actions)
  }

  mutating func end(_ reply: SMTPReply, _ actions: inout Actions) {
    if case .closed = phase { return }
    if let ticket = incoming?.ticket { actions.cancel(ticket) }
    incoming = nil
    send(reply, &actions)
    phase = .closed
    actions.close()
  }

  mutating func ask(_ request: ServerRequest, _ question: Question, _ actions: inout Actions) {
    let ticket = nextTicket()
    self.question = (ticket, question)
    phase = .waiting
    actions.request(request, ticket)
  }

  mutating func nextTicket() -> Ticket {
    lastTicket += 1
    return Ticket(lastTicket)
  }

  static func replies(_ answer: ServerAnswer) -> [SMTPReply] {
    switch answer {
    case .reply(let reply): [reply]
    case .replies(let replies): replies
    case .sasl, .postmaster, .silence: [.temporary]
    }
  }
}
