import SASLCore
import WireKit

/// The server's side of one connection of POP3 (RFC 1939).
///
/// ```
/// S: +OK srv.lab.test POP3
/// C: USER ann@lab.test       S: +OK
/// C: PASS ••••               S: +OK 2 messages
/// C: RETR 1                  S: +OK 120 octets … .
/// C: DELE 1                  S: +OK
/// C: QUIT                    S: +OK bye
/// ```
///
/// Deletions happen at QUIT and at no other end. Commands are answered strictly in order; what is pipelined (RFC 2449 §6.6)
/// behind one that must ask the outside waits, unconsumed.
public struct POP3ServerSession: StreamSession, ~Copyable {
  public typealias Request = POP3Request
  public typealias Reply = POP3Answer
  public typealias Body = Never
  public typealias Event = POP3Event

  static let idleTimer = SessionTimer(1)
  static let logInTimer = SessionTimer(2)

  enum Phase {
    case command
    /// A line of SASL is due.
    case sasl
    case waiting
    /// An answer of many lines is going out.
    case sending
    case closed
  }

  enum Question {
    case sasl
    case open
    case read(MessageTransfer)
    case update(count: Int)
  }

  /// A listing that is going out.
  struct Listing {
    var isUIDL: Bool
    var next = 0
  }

  public let profile: POP3Profile
  var isEncrypted: Bool
  var phase = Phase.command
  var framer: LineFramer
  var saslFramer: LineFramer
  var lastTicket: UInt64 = 0
  var question: (ticket: Ticket, kind: Question)?
  var exchange: SASLServerExchange?
  var userName: String?
  var account: String?
  var maildrop: (any Maildrop)?
  var deleted: Set<Int> = []
  /// Messages that were sent whole.
  var retrieved: Set<Int> = []
  var listing: Listing?
  /// A message whose next piece waits until the one before has left.
  var transfer: MessageTransfer?
  var errors = 0
  var logInFailures = 0
  var isDraining = false

  public init(profile: POP3Profile, isEncrypted: Bool) {
    self.profile = profile
    self.isEncrypted = isEncrypted
    framer = LineFramer(maximumLength: max(profile.limits.commandLength, profile.limits.authenticationLength))
    saslFramer = LineFramer(maximumLength: profile.limits.authenticationLength)
  }

  public var maximumPendingInput: Int { profile.limits.authenticationLength + 2 }

  var isPrivate: Bool { isEncrypted || profile.allowsPlaintext }
  var state: Verb.State { maildrop == nil ? .authorization : .transaction }

  // MARK: From the driver

  public mutating func opened(now: MonotonicTime, into actions: inout Actions) {
    send(POP3Reply(ok: "\(profile.hostname) POP3"), &actions)
    actions.setTimer(Self.logInTimer, at: now + profile.limits.logInTime)
    awaitCommand(now, &actions)
  }

  public mutating func receive(_ input: RawSpan, now: MonotonicTime, into actions: inout Actions) -> Int {
    var consumed = 0
    while consumed < input.byteCount {
      let rest = input.extracting(consumed..<input.byteCount)
      let taken: Int
      switch phase {
      case .command, .sasl: taken = receiveLine(rest, now, &actions)
      case .waiting, .sending: return consumed
      case .closed: return input.byteCount
      }
      guard taken > 0 else { break }
      consumed += taken
    }
    return consumed
  }

  public mutating func resume(
    _ reply: consuming POP3Answer, for ticket: Ticket, now: MonotonicTime, into actions: inout Actions
  ) {
    if case .closed = phase { return }
    guard let question, question.ticket == ticket else { return }
    self.question = nil
    phase = .command
    answer(question.kind, reply, now, &actions)
    if case .command = phase { awaitCommand(now, &actions) }
  }

  public mutating func outputDrained(now: MonotonicTime, into actions: inout Actions) {
    guard case .sending = phase else { return }
    if let transfer {
      self.transfer = nil
      read(transfer, &actions)
    } else if listing != nil {
      continueListing(now, &actions)
    }
    // A client that takes its bytes is not idle.
    actions.setTimer(Self.idleTimer, at: now + profile.limits.idleTime)
  }

  public mutating func timerFired(_ timer: SessionTimer, now: MonotonicTime, into actions: inout Actions) {
    if timer == Self.logInTimer, account != nil { return }
    if timer == Self.idleTimer, case .waiting = phase { return }
    actions.event(timer == Self.logInTimer ? .leftWithoutLogIn : .timedOut)
    // Without QUIT nothing is deleted (RFC 1939 §3).
    end(.timedOut, &actions)
  }

  public mutating func inputClosed(now: MonotonicTime, into actions: inout Actions) {
    // What was asked for is still answered, QUIT's update among it; a message is not.
    if case .waiting = phase, case .update = question?.kind { return }
    phase = .closed
    actions.close()
  }

  public mutating func tlsEstablished(_: TLSParameters, now: MonotonicTime, into actions: inout Actions) {
    // Nothing that was said before counts (RFC 2595 §4).
    isEncrypted = true
    (userName, exchange) = (nil, nil)
    phase = .command
    framer.reset()
    awaitCommand(now, &actions)
  }

  public mutating func drain(now: MonotonicTime, into actions: inout Actions) {
    isDraining = true
    switch phase {
    case .command, .sasl: end(.goingAway, &actions)
    case .waiting, .sending, .closed: break
    }
  }

  // MARK: Small things

  mutating func awaitCommand(_ now: MonotonicTime, _ actions: inout Actions) {
    if isDraining { return end(.goingAway, &actions) }
    actions.setTimer(Self.idleTimer, at: now + profile.limits.idleTime)
  }

  func send(_ reply: POP3Reply, _ actions: inout Actions) {
    actions.write(reply.description)
    actions.write("\r\n")
    actions.event(.sent(reply))
  }

  mutating func refuse(_ reply: POP3Reply, _ actions: inout Actions) {
    errors += 1
    guard errors < profile.limits.errors else {
      actions.event(.tooManyErrors)
      return end(.tooManyErrors, &actions)
    }
    send(reply, &actions)
  }

  mutating func end(_ reply: POP3Reply, _ actions: inout Actions) {
    if case .closed = phase { return }
    send(reply, &actions)
    phase = .closed
    actions.close()
  }

  mutating func ask(_ request: POP3Request, _ kind: Question, _ actions: inout Actions) {
    lastTicket += 1
    let ticket = Ticket(lastTicket)
    question = (ticket, kind)
    phase = .waiting
    actions.request(request, ticket)
  }
}
