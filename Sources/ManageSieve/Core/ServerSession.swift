import SASLCore
import WireKit

/// The server's side of one connection of ManageSieve (RFC 5804).
///
/// ```
/// S: "IMPLEMENTATION" "Portside" … OK
/// C: STARTTLS                           S: OK
/// C: AUTHENTICATE "PLAIN" "AGFubgBz…"   S: OK
/// C: PUTSCRIPT "holiday" {20+} …        S: OK
/// C: SETACTIVE "holiday"                S: OK
/// ```
public struct ManageSieveSession: StreamSession, ~Copyable {
  public typealias Request = SieveRequest
  public typealias Reply = SieveAnswer
  public typealias Body = Never
  public typealias Event = SieveEvent

  static let idleTimer = SessionTimer(1)
  static let logInTimer = SessionTimer(2)

  enum Phase {
    case command
    /// A string of SASL is due.
    case sasl
    case waiting
    case closed
  }

  public let profile: SieveProfile
  var isEncrypted: Bool
  var phase = Phase.command
  var reader: CommandReader
  var lastTicket: UInt64 = 0
  var awaited: Ticket?
  var exchange: SASLServerExchange?
  var account: String?
  var errors = 0
  var logInFailures = 0
  var isDraining = false

  public init(profile: SieveProfile, isEncrypted: Bool) {
    self.profile = profile
    self.isEncrypted = isEncrypted
    reader = CommandReader(maximumLine: profile.limits.lineLength, maximumSize: profile.limits.strangerSize)
  }

  public var maximumPendingInput: Int { profile.limits.lineLength + 2 }

  var isPrivate: Bool { isEncrypted || profile.allowsPlaintext }
  var state: Verb.State { account == nil ? .stranger : .loggedIn }

  // MARK: From the driver

  public mutating func opened(now: MonotonicTime, into actions: inout Actions) {
    sendCapabilities(&actions)
    send(SieveReply(.ok, "Portside"), &actions)
    actions.setTimer(Self.logInTimer, at: now + profile.limits.logInTime)
    awaitCommand(now, &actions)
  }

  public mutating func receive(_ input: RawSpan, now: MonotonicTime, into actions: inout Actions) -> Int {
    var consumed = 0
    while consumed < input.byteCount {
      switch phase {
      case .waiting: return consumed
      case .closed: return input.byteCount
      case .command, .sasl:
        let (taken, outcome) = reader.next(in: input.extracting(consumed..<input.byteCount))
        consumed += taken
        switch outcome {
        case .incomplete: return consumed
        case .command(let parts): receive(parts, now, &actions)
        case .tooLarge(let parts):
          actions.event(.received("\(Self.shown(parts)) …"))
          exchange = nil
          phase = .command
          refuse(.tooLarge, &actions)
        case .malformed:
          exchange = nil
          phase = .command
          refuse(.syntax, &actions)
        case .broken:
          actions.event(.brokenStream)
          end(SieveReply(.bye, "Lines end by CRLF, and are not as long"), &actions)
        }
        if case .command = phase { awaitCommand(now, &actions) }
      }
    }
    return consumed
  }

  public mutating func resume(
    _ reply: consuming SieveAnswer, for ticket: Ticket, now: MonotonicTime, into actions: inout Actions
  ) {
    if case .closed = phase { return }
    guard awaited == ticket else { return }
    awaited = nil
    phase = .command
    switch reply {
    case .sasl(let answer):
      if let step = exchange?.resume(answer) { carryOut(step, now, &actions) } else { send(.temporary, &actions) }
    case .scripts(let scripts):
      for script in scripts {
        actions.write(SieveReply.string(Array(script.name.utf8)))
        actions.write(script.isActive ? " ACTIVE\r\n" : "\r\n")
      }
      send(.ok, &actions)
    case .content(let bytes):
      // Always as a literal, as the script goes over many lines (§2.9).
      actions.write("{\(bytes.count)}\r\n")
      actions.write(bytes)
      actions.write("\r\n")
      send(.ok, &actions)
    case .reply(let reply): send(reply, &actions)
    }
    if case .command = phase { awaitCommand(now, &actions) }
  }

  public mutating func timerFired(_ timer: SessionTimer, now: MonotonicTime, into actions: inout Actions) {
    if timer == Self.logInTimer, account != nil { return }
    if timer == Self.idleTimer, case .waiting = phase { return }
    actions.event(timer == Self.logInTimer ? .leftWithoutLogIn : .timedOut)
    end(.timedOut, &actions)
  }

  public mutating func inputClosed(now: MonotonicTime, into actions: inout Actions) {
    phase = .closed
    actions.close()
  }

  public mutating func tlsEstablished(_: TLSParameters, now: MonotonicTime, into actions: inout Actions) {
    // What can be done is told anew, without being asked (§2.2).
    isEncrypted = true
    exchange = nil
    phase = .command
    reader.reset()
    sendCapabilities(&actions)
    send(SieveReply(.ok, "TLS it is"), &actions)
    awaitCommand(now, &actions)
  }

  public mutating func drain(now: MonotonicTime, into actions: inout Actions) {
    isDraining = true
    switch phase {
    case .command, .sasl: end(.goingAway, &actions)
    case .waiting, .closed: break
    }
  }

  // MARK: Small things

  mutating func awaitCommand(_ now: MonotonicTime, _ actions: inout Actions) {
    if isDraining { return end(.goingAway, &actions) }
    actions.setTimer(Self.idleTimer, at: now + profile.limits.idleTime)
  }

  func send(_ reply: SieveReply, _ actions: inout Actions) {
    actions.write(reply.line)
    actions.event(.sent("\(reply.kind.rawValue) \(reply.text)"))
  }

  mutating func refuse(_ reply: SieveReply, _ actions: inout Actions) {
    errors += 1
    guard errors < profile.limits.errors else {
      actions.event(.tooManyErrors)
      return end(.tooManyErrors, &actions)
    }
    send(reply, &actions)
  }

  mutating func end(_ reply: SieveReply, _ actions: inout Actions) {
    if case .closed = phase { return }
    send(reply, &actions)
    phase = .closed
    actions.close()
  }

  mutating func ask(_ request: SieveRequest, _ actions: inout Actions) {
    lastTicket += 1
    awaited = Ticket(lastTicket)
    phase = .waiting
    actions.request(request, Ticket(lastTicket))
  }
}
