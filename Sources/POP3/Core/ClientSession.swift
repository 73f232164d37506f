import SASLCore
import WireKit

/// The client's side of one connection of POP3: carries out a plan, step by step.
public struct POP3ClientSession: StreamSession, ~Copyable {
  public typealias Request = POP3Arrival
  /// Whether the message was kept; only then it is deleted.
  public typealias Reply = Bool
  public typealias Body = Never
  public typealias Event = POP3ClientEvent

  static let silenceTimer = SessionTimer(1)
  /// RFC 1939 gives no time; ten minutes are the server's.
  static let silence = Duration.seconds(120)
  static let linesLimit = 1_000_000

  enum Await {
    case greeting
    case capabilities
    case startTLS
    case sasl
    case user
    case pass
    case step(POP3Plan.Step)
    case quit
    case nothing
  }

  private let plan: POP3Plan
  private var outcome = POP3Outcome()
  private var awaited = Await.greeting
  /// The lines of an answer are coming.
  private var isInLines = false
  private var lines = 0
  private var ticket: Ticket?
  private var lastTicket: UInt64 = 0
  /// Messages whose keeper has not answered yet, or said no.
  private var unkept: Set<Int> = []
  private var waitingKeeper: Ticket?
  private var isEncrypted: Bool
  private var nextStep = 0
  private var exchange: SASLClientExchange?
  private var framer = LineFramer(maximumLength: 65_536, lineEnd: .lenient)

  public init(plan: POP3Plan) {
    self.plan = plan
    isEncrypted = plan.security == .implicit
  }

  public var maximumPendingInput: Int { 65_538 }

  public mutating func opened(now: MonotonicTime, into actions: inout Actions) { wait(now, &actions) }

  public mutating func receive(_ input: RawSpan, now: MonotonicTime, into actions: inout Actions) -> Int {
    var consumed = 0
    while consumed < input.byteCount {
      if case .nothing = awaited { return waitingKeeper == nil ? input.byteCount : consumed }
      switch framer.next(in: input.extracting(consumed..<input.byteCount)) {
      case .incomplete: return consumed
      case .tooLong, .bareLineEnd:
        fail("the server's lines make no sense", &actions)
        return input.byteCount
      case .line(let length, let terminator):
        let start = consumed
        consumed += length + terminator
        if isInLines {
          takeLine(input, start, length, consumed, now, &actions)
        } else {
          let text = String(decoding: input.extracting(start..<(start + length)).copied(), as: UTF8.self)
          actions.event(.received(text))
          takeReply(text, now, &actions)
        }
        wait(now, &actions)
      }
    }
    return consumed
  }

  public mutating func resume(
    _ reply: consuming Bool, for ticket: Ticket, now: MonotonicTime, into actions: inout Actions
  ) {
    guard ticket == waitingKeeper else { return }
    waitingKeeper = nil
    if case .step(let step) = awaited, let number = Self.number(of: step), !reply { unkept.insert(number) }
    if case .nothing = awaited { proceed(now, &actions) }
  }

  public mutating func timerFired(_ timer: SessionTimer, now: MonotonicTime, into actions: inout Actions) {
    fail("the server is silent", &actions)
  }

  public mutating func inputClosed(now: MonotonicTime, into actions: inout Actions) {
    fail("the server ended the connection", &actions)
  }

  public mutating func tlsEstablished(_: TLSParameters, now: MonotonicTime, into actions: inout Actions) {
    isEncrypted = true
    framer.reset()
    say("CAPA", .capabilities, &actions)
    wait(now, &actions)
  }

  // MARK: Answers

  private mutating func takeReply(_ text: String, _ now: MonotonicTime, _ actions: inout Actions) {
    if case .sasl = awaited, text.hasPrefix("+ ") || text == "+" {
      let challenge = Base64.decode(Array(text.dropFirst(2).utf8))
      guard let challenge, let response = exchange?.respond(to: challenge) else { return say("*", .sasl, &actions) }
      actions.write(Base64.encode(response))
      actions.write("\r\n")
      return actions.event(.sent("••••"))
    }
    let isPositive = text.hasPrefix("+OK")
    guard isPositive else {
      // A server without CAPA is an old one, and no worse.
      if case .capabilities = awaited { return chooseNext(now, &actions) }
      return fail(text, &actions)
    }
    switch awaited {
    case .greeting:
      outcome.greeting = text
      say("CAPA", .capabilities, &actions)
    case .capabilities:
      outcome.capabilities = []
      beginLines()
    case .startTLS:
      awaited = .nothing
      actions.startTLS()
    case .user:
      let password = plan.credential?.password.bytes ?? []
      actions.write("PASS ")
      actions.write(password)
      actions.write("\r\n")
      actions.event(.sent("PASS ••••"))
      awaited = .pass
    case .sasl:
      guard exchange?.isServerTrusted == true else {
        return fail("the server did not prove that it knows the account", &actions)
      }
      loggedIn(now, &actions)
    case .pass: loggedIn(now, &actions)
    case .step(let step): takeStep(step, text, now, &actions)
    case .quit:
      outcome.isComplete = true
      finish(&actions)
    case .nothing: break
    }
  }

  private mutating func takeStep(
    _ step: POP3Plan.Step, _ text: String, _ now: MonotonicTime, _ actions: inout Actions
  ) {
    switch step {
    case .stat:
      let words = text.split(separator: " ")
      guard words.count >= 3, let count = Int(words[1]), let octets = Int64(words[2]) else {
        return fail(text, &actions)
      }
      (outcome.count, outcome.octets) = (count, octets)
      proceed(now, &actions)
    case .list, .uidl: beginLines()
    case .retrieve(let number), .top(let number, _):
      lastTicket += 1
      let ticket = Ticket(lastTicket)
      self.ticket = ticket
      waitingKeeper = ticket
      actions.request(POP3Arrival(number: number), ticket)
      beginLines()
    case .delete(let number):
      outcome.deleted.append(number)
      proceed(now, &actions)
    }
  }

  private mutating func beginLines() {
    isInLines = true
    lines = 0
  }

  private mutating func takeLine(
    _ input: RawSpan, _ start: Int, _ length: Int, _ end: Int, _ now: MonotonicTime, _ actions: inout Actions
  ) {
    let isDot = length > 0 && input.byte(at: start) == 0x2E
    if isDot, length == 1 { return endLines(now, &actions) }
    let contentStart = isDot ? start + 1 : start
    if let ticket { return actions.body(contentStart..<end, for: ticket) }
    lines += 1
    guard lines <= Self.linesLimit else { return fail("the server's list has no end", &actions) }
    let text = String(decoding: input.extracting(contentStart..<(start + length)).copied(), as: UTF8.self)
    if case .capabilities = awaited { return outcome.capabilities.append(text) }
    let words = text.split(separator: " ", maxSplits: 1)
    guard words.count == 2, let number = Int(words[0]), case .step(let step) = awaited else { return }
    if step == .list { outcome.sizes[number] = Int64(words[1]) } else { outcome.uniqueIDs[number] = String(words[1]) }
  }

  private mutating func endLines(_ now: MonotonicTime, _ actions: inout Actions) {
    isInLines = false
    if let ticket {
      actions.bodyEnd(for: ticket)
      self.ticket = nil
      if case .step(let step) = awaited, let number = Self.number(of: step) { outcome.retrieved.append(number) }
    }
    if case .capabilities = awaited { chooseNext(now, &actions) } else { proceed(now, &actions) }
  }

  private static func number(of step: POP3Plan.Step) -> Int? {
    switch step {
    case .retrieve(let number), .top(let number, _), .delete(let number): number
    case .stat, .list, .uidl: nil
    }
  }

  // MARK: Steps

  private func offers(_ capability: String) -> [Substring]? {
    outcome.capabilities.map { $0.split(separator: " ") }.first { $0.first?.uppercased() == capability }
  }

  /// Capabilities are known: TLS, log-in, or the end.
  private mutating func chooseNext(_ now: MonotonicTime, _ actions: inout Actions) {
    if outcome.isLoggedIn { return proceed(now, &actions) }
    if !isEncrypted, plan.security != .never {
      if offers("STLS") != nil { return say("STLS", .startTLS, &actions) }
      if plan.security == .required { return fail("the server offers no STLS", &actions) }
    }
    guard let credential = plan.credential else { return say("QUIT", .quit, &actions) }
    let mechanisms = (offers("SASL") ?? []).dropFirst().map(String.init)
    let secret = SASLClientExchange.Credential.password(name: credential.name, credential.password)
    guard let mechanism = SASLClientExchange.choose(from: mechanisms, for: secret) else {
      return say("USER \(credential.name)", .user, &actions)
    }
    var exchange = SASLClientExchange(mechanism, credential: secret, nonce: credential.nonce)
    let initial = exchange.initialResponse()
    self.exchange = exchange
    guard let initial else { return say("AUTH \(mechanism.rawValue)", .sasl, &actions) }
    actions.write("AUTH \(mechanism.rawValue) ")
    actions.write(Base64.encode(initial))
    actions.write("\r\n")
    actions.event(.sent("AUTH \(mechanism.rawValue) ••••"))
    awaited = .sasl
  }

  private mutating func loggedIn(_ now: MonotonicTime, _ actions: inout Actions) {
    outcome.isLoggedIn = true
    proceed(now, &actions)
  }

  private mutating func proceed(_ now: MonotonicTime, _ actions: inout Actions) {
    // A message is deleted only once it has been kept.
    if waitingKeeper != nil {
      awaited = .nothing
      return
    }
    while nextStep < plan.steps.count {
      let step = plan.steps[nextStep]
      nextStep += 1
      switch step {
      case .stat: say("STAT", .step(step), &actions)
      case .list: say("LIST", .step(step), &actions)
      case .uidl: say("UIDL", .step(step), &actions)
      case .retrieve(let number): say("RETR \(number)", .step(step), &actions)
      case .top(let number, let count): say("TOP \(number) \(count)", .step(step), &actions)
      case .delete(let number):
        if unkept.contains(number) { continue }
        say("DELE \(number)", .step(step), &actions)
      }
      return
    }
    say("QUIT", .quit, &actions)
  }

  private mutating func say(_ text: String, _ next: Await, _ actions: inout Actions) {
    // What a caller gave must stay one line.
    guard !text.utf8.contains(where: { $0 == 0x0D || $0 == 0x0A }) else {
      return fail("no name has a line end", &actions)
    }
    actions.write(text)
    actions.write("\r\n")
    actions.event(.sent(text))
    awaited = next
  }

  private func wait(_ now: MonotonicTime, _ actions: inout Actions) {
    actions.setTimer(Self.silenceTimer, at: now + Self.silence)
  }

  private mutating func fail(_ reason: String, _ actions: inout Actions) {
    if outcome.isComplete || outcome.failure != nil { return }
    outcome.failure = reason
    finish(&actions)
  }

  private mutating func finish(_ actions: inout Actions) {
    awaited = .nothing
    waitingKeeper = nil
    actions.event(.finished(outcome))
    actions.close()
  }
}
