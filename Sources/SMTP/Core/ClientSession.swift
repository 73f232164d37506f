import SASLCore
import WireKit

/// The client's side of one connection: greets, secures, logs in, and sends one message (RFC 5321 §3).
public struct ClientSession: StreamSession, ~Copyable {
  public typealias Request = ClientRequest
  public typealias Reply = ClientPiece
  public typealias Body = Never
  public typealias Event = ClientEvent

  private static let timer = SessionTimer(1)

  private enum Phase {
    case greeting
    case hello
    case helo
    case startTLS
    case upgrading
    case authenticating
    /// Replies to MAIL and RCPT, so many still to come.
    case envelope
    case data
    case content
    /// Replies to the end of the message.
    case verdict
    /// The reply to RSET, after an envelope that came to nothing.
    case resetting
    /// Nothing is under way; what is next was asked for.
    case idle
    case quit
    case over
  }

  private var plan: ClientPlan
  private var phase = Phase.greeting
  private var parser = ReplyParser()
  private var exchange: SASLClientExchange?
  private var outcome = DeliveryOutcome()
  private var isEncrypted = false
  private var saidHelloInTLS = false

  /// Commands of the envelope that wait to be sent where the server can't take them all at once.
  private var unsent: [String] = []
  private var mailReply: SMTPReply?
  private var recipientReplies: [SMTPReply] = []
  private var verdicts: [SMTPReply] = []
  private var stuffer = DotStuffer()
  private var lastTicket: UInt64 = 0
  private var wantsPiece = false

  public init(plan: ClientPlan) {
    self.plan = plan
    isEncrypted = plan.security == .implicit
  }

  public var maximumPendingInput: Int { 64 * 1024 }

  // MARK: From the driver

  public mutating func opened(now: MonotonicTime, into actions: inout Actions) {
    awaitReply(.seconds(300), now, &actions)
  }

  public mutating func receive(_ input: RawSpan, now: MonotonicTime, into actions: inout Actions) -> Int {
    var consumed = 0
    while consumed < input.byteCount {
      if case .over = phase { return input.byteCount }
      if case .upgrading = phase { return consumed }
      let (taken, result) = parser.next(in: input.extracting(consumed..<input.byteCount))
      consumed += taken
      switch result {
      case .incomplete: return consumed
      case .nonsense:
        fail(SMTPReply(451, "4.5.0", "the server's answer is none of SMTP"), &actions)
        return input.byteCount
      case .reply(let reply):
        actions.event(.received(reply))
        take(reply, now, &actions)
      }
    }
    return consumed
  }

  public mutating func resume(
    _ reply: consuming ClientPiece, for ticket: Ticket, now: MonotonicTime, into actions: inout Actions
  ) {
    if case .idle = phase { return goOn(reply, now, &actions) }
    guard case .content = phase else { return }
    switch reply {
    case .bytes(let bytes):
      actions.write { stuffer.append(bytes, to: &$0) }
      wantsPiece = true
      awaitReply(.seconds(180), now, &actions)
    case .end:
      actions.write { stuffer.finish(to: &$0) }
      actions.event(.sent("(the message)"))
      phase = .verdict
      awaitReply(.seconds(600), now, &actions)
    case .failed:
      // Nothing but an end of the connection takes back what was begun.
      fail(SMTPReply(451, "4.3.0", "the message can't be read"), &actions)
    case .plan: break
    }
  }

  public mutating func outputDrained(now: MonotonicTime, into actions: inout Actions) {
    guard wantsPiece, case .content = phase else { return }
    askForPiece(&actions)
  }

  public mutating func timerFired(_: SessionTimer, now: MonotonicTime, into actions: inout Actions) {
    fail(SMTPReply(451, "4.4.2", "the server did not answer in time"), &actions)
  }

  public mutating func inputClosed(now: MonotonicTime, into actions: inout Actions) {
    fail(SMTPReply(451, "4.4.2", "the server ended the connection"), &actions)
  }

  public mutating func tlsEstablished(_ parameters: TLSParameters, now: MonotonicTime, into actions: inout Actions) {
    isEncrypted = true
    outcome.tlsVersion = parameters.version
    hello(now, &actions)
  }

  // MARK: Replies

  private mutating func take(_ reply: SMTPReply, _ now: MonotonicTime, _ actions: inout Actions) {
    if case .idle = phase { return finish(&actions) }
    if !isGreeting { outcome.wasAnswered = true }
    // 421 may come at any time, and ends everything (RFC 5321 §3.8).
    if reply.code == 421 { return fail(reply, &actions) }
    switch phase {
    case .greeting:
      guard reply.code == 220 else { return fail(reply, &actions) }
      hello(now, &actions)
    case .hello:
      if reply.code == 250 {
        outcome.capabilities = Array(reply.lines.dropFirst())
        secure(now, &actions)
      } else if reply.isPermanent, !plan.isLMTP, plan.security != .required {
        outcome.capabilities = []
        phase = .helo
        send("HELO \(plan.helloName)", now, &actions)
      } else {
        fail(reply, &actions)
      }
    case .helo:
      guard reply.code == 250 else { return fail(reply, &actions) }
      secure(now, &actions)
    case .startTLS:
      if reply.code == 220 {
        phase = .upgrading
        parser = ReplyParser()
        actions.startTLS()
      } else if plan.security == .required {
        fail(reply, &actions)
      } else {
        logIn(now, &actions)
      }
    case .authenticating: takeAuthentication(reply, now, &actions)
    case .envelope: takeEnvelope(reply, now, &actions)
    case .data:
      guard reply.code == 354 else { return fail(reply, &actions) }
      phase = .content
      askForPiece(&actions)
    case .content: fail(reply, &actions)
    case .verdict: takeVerdict(reply, now, &actions)
    case .resetting: rest(now, &actions)
    case .idle: finish(&actions)
    case .quit: finish(&actions)
    case .upgrading, .over: break
    }
  }

  /// Whether what comes is about the connection, not about the message.
  private var isGreeting: Bool {
    switch phase {
    case .greeting, .hello, .helo, .startTLS, .upgrading, .authenticating: true
    default: false
    }
  }

  private func offers(_ keyword: String) -> Bool { parameter(of: keyword) != nil }

  /// What stands behind a keyword of EHLO; `nil` where it is not offered.
  private func parameter(of keyword: String) -> String? {
    for line in outcome.capabilities {
      let words = line.split(separator: " ", maxSplits: 1)
      if words.first?.uppercased() == keyword { return words.count > 1 ? String(words[1]) : "" }
    }
    return nil
  }

  private mutating func hello(_ now: MonotonicTime, _ actions: inout Actions) {
    phase = .hello
    send("\(plan.isLMTP ? "LHLO" : "EHLO") \(plan.helloName)", now, &actions)
  }

  private mutating func secure(_ now: MonotonicTime, _ actions: inout Actions) {
    guard !isEncrypted, plan.security == .opportunistic || plan.security == .required else {
      return logIn(now, &actions)
    }
    if offers("STARTTLS") {
      phase = .startTLS
      send("STARTTLS", now, &actions)
    } else if plan.security == .required {
      fail(SMTPReply(454, "4.7.5", "the server offers no TLS, and without it nothing is sent"), &actions)
    } else {
      logIn(now, &actions)
    }
  }

  // MARK: Log-in

  private mutating func logIn(_ now: MonotonicTime, _ actions: inout Actions) {
    guard let credential = plan.credential else { return sendEnvelope(now, &actions) }
    guard isEncrypted || plan.allowsPlaintextLogIn else {
      return fail(SMTPReply(454, "4.7.0", "no TLS, and a password is not sent without it"), &actions)
    }
    let offered = (parameter(of: "AUTH") ?? "").split(separator: " ").map(String.init)
    guard let mechanism = SASLClientExchange.choose(from: offered, for: credential) else {
      return fail(SMTPReply(454, "4.7.0", "the server offers no way to log in that is known here"), &actions)
    }
    var exchange = SASLClientExchange(mechanism, credential: credential, nonce: plan.nonce)
    phase = .authenticating
    let initial = exchange.initialResponse().map { " " + (String(decoding: Base64.encode($0), as: UTF8.self)) } ?? ""
    self.exchange = exchange
    actions.write("AUTH \(mechanism.rawValue)\(initial)\r\n")
    actions.event(.sent("AUTH \(mechanism.rawValue)\(initial.isEmpty ? "" : " ••••")"))
    awaitReply(.seconds(60), now, &actions)
  }

  private mutating func takeAuthentication(_ reply: SMTPReply, _ now: MonotonicTime, _ actions: inout Actions) {
    switch reply.code {
    case 334:
      guard let challenge = Base64.decode(Array(reply.text.utf8)), let response = exchange?.respond(to: challenge)
      else {
        actions.write("*\r\n")
        actions.event(.sent("*"))
        return
      }
      actions.write(Base64.encode(response))
      actions.write("\r\n")
      actions.event(.sent("••••"))
      awaitReply(.seconds(60), now, &actions)
    case 235 where exchange?.isServerTrusted == true:
      outcome.isLoggedIn = true
      sendEnvelope(now, &actions)
    case 235: fail(SMTPReply(454, "4.7.0", "the server has not proved who it is"), &actions)
    default:
      // A password that is refused may be put right by the administrator: the message waits.
      fail(SMTPReply(454, "4.7.0", "log-in refused: \(reply)"), &actions)
    }
  }

  // MARK: Envelope

  private mutating func sendEnvelope(_ now: MonotonicTime, _ actions: inout Actions) {
    guard let envelope = plan.envelope else { return quit(now, &actions) }
    if let limit = parameter(of: "SIZE").flatMap({ Int64($0) }), limit > 0, plan.size > limit {
      return fail(
        SMTPReply(552, "5.3.4", "the message is larger than the \(limit) bytes that the server takes"), &actions)
    }
    let needsUTF8 =
      envelope.parameters.isUTF8 || envelope.sender.needsUTF8
      || envelope.recipients.contains { $0.address.needsUTF8 }
    guard !needsUTF8 || offers("SMTPUTF8") else {
      return fail(SMTPReply(550, "5.6.7", "the server can't take addresses in UTF-8"), &actions)
    }
    if let refusal = unkept(envelope.parameters) { return fail(refusal, &actions) }
    unsent = [mailCommand(envelope, needsUTF8)] + envelope.recipients.map { recipientCommand($0) }
    phase = .envelope
    sendUnsent(all: offers("PIPELINING"), now, &actions)
  }

  /// What the sender demanded and this server can't keep.
  private func unkept(_ parameters: MailParameters) -> SMTPReply? {
    if parameters.requiresTLS, !isEncrypted || !offers("REQUIRETLS") {
      return SMTPReply(550, "5.7.30", "the server does not offer REQUIRETLS, which the message demands")
    }
    if let by = parameters.deliverBy, by.mode == .returned, !offers("DELIVERBY") {
      return SMTPReply(550, "5.3.3", "the server does not offer DELIVERBY, which the message demands")
    }
    return nil
  }

  private func mailCommand(_ envelope: Envelope, _ needsUTF8: Bool) -> String {
    var command = "MAIL FROM:<\(envelope.sender)>"
    if offers("SIZE"), plan.size > 0 { command += " SIZE=\(plan.size)" }
    if plan.isEightBit, offers("8BITMIME") { command += " BODY=8BITMIME" }
    if needsUTF8 { command += " SMTPUTF8" }
    if envelope.parameters.requiresTLS { command += " REQUIRETLS" }
    if let by = envelope.parameters.deliverBy, offers("DELIVERBY") { command += " BY=\(by.text)" }
    if let priority = envelope.parameters.priority, offers("MT-PRIORITY") { command += " MT-PRIORITY=\(priority)" }
    if offers("DSN") {
      if let returns = envelope.parameters.returns { command += " RET=\(returns.rawValue)" }
      if let id = envelope.parameters.envelopeID { command += " ENVID=\(XText.encode(id))" }
    }
    return command
  }

  private func recipientCommand(_ recipient: Envelope.Recipient) -> String {
    var command = "RCPT TO:<\(recipient.address)>"
    guard offers("DSN") else { return command }
    if let notify = recipient.parameters.notify, !notify.isEmpty { command += " NOTIFY=\(notify.words)" }
    if let original = recipient.parameters.original, let semicolon = original.firstIndex(of: ";") {
      let address = original[original.index(after: semicolon)...]
      command += " ORCPT=\(original[..<semicolon]);\(XText.encode(String(address)))"
    }
    return command
  }

  private mutating func sendUnsent(all: Bool, _ now: MonotonicTime, _ actions: inout Actions) {
    let count = all ? unsent.count : min(1, unsent.count)
    for command in unsent.prefix(count) { send(command, now, &actions) }
    unsent.removeFirst(count)
  }

  private mutating func takeEnvelope(_ reply: SMTPReply, _ now: MonotonicTime, _ actions: inout Actions) {
    let count = plan.envelope?.recipients.count ?? 0
    if mailReply == nil {
      mailReply = reply
      // Where all was sent at once, the replies to the recipients must be awaited, whatever they are.
      if !reply.isPositive, !unsent.isEmpty { return fail(reply, &actions) }
    } else {
      recipientReplies.append(reply)
    }
    guard recipientReplies.count == count else { return sendUnsent(all: false, now, &actions) }
    if let mailReply, !mailReply.isPositive { return fail(mailReply, &actions) }
    guard recipientReplies.contains(where: \.isPositive) else {
      outcome.replies = recipientReplies
      guard plan.keepsConnection else { return quit(now, &actions) }
      actions.event(.finished(outcome))
      phase = .resetting
      return send("RSET", now, &actions)
    }
    phase = .data
    send("DATA", now, &actions)
  }

  private mutating func takeVerdict(_ reply: SMTPReply, _ now: MonotonicTime, _ actions: inout Actions) {
    verdicts.append(reply)
    let accepted = recipientReplies.count { $0.isPositive }
    guard !plan.isLMTP || verdicts.count == accepted else { return }
    var next = 0
    outcome.replies = recipientReplies.map { given in
      guard given.isPositive else { return given }
      defer { next += 1 }
      return plan.isLMTP ? verdicts[min(next, verdicts.count - 1)] : reply
    }
    guard plan.keepsConnection else { return quit(now, &actions) }
    actions.event(.finished(outcome))
    rest(now, &actions)
  }

  // MARK: More messages on one connection

  private mutating func rest(_ now: MonotonicTime, _ actions: inout Actions) {
    phase = .idle
    actions.setTimer(Self.timer, at: nil)
    lastTicket += 1
    actions.request(.next, Ticket(lastTicket))
  }

  private mutating func goOn(_ next: ClientPiece, _ now: MonotonicTime, _ actions: inout Actions) {
    guard case .plan(let plan) = next else {
      phase = .quit
      actions.write("QUIT\r\n")
      actions.event(.sent("QUIT"))
      return actions.setTimer(Self.timer, at: now + .seconds(5))
    }
    self.plan.envelope = plan.envelope
    (self.plan.size, self.plan.isEightBit, self.plan.keepsConnection) = (
      plan.size, plan.isEightBit, plan.keepsConnection
    )
    (unsent, mailReply, recipientReplies, verdicts, stuffer) = ([], nil, [], [], DotStuffer())
    (outcome.replies, outcome.failure, outcome.wasAnswered) = ([], nil, false)
    sendEnvelope(now, &actions)
  }

  // MARK: Small things

  private mutating func askForPiece(_ actions: inout Actions) {
    wantsPiece = false
    lastTicket += 1
    actions.request(.piece, Ticket(lastTicket))
  }

  private mutating func send(_ command: String, _ now: MonotonicTime, _ actions: inout Actions) {
    actions.write(command)
    actions.write("\r\n")
    actions.event(.sent(command))
    awaitReply(.seconds(300), now, &actions)
  }

  private func awaitReply(_ time: Duration, _ now: MonotonicTime, _ actions: inout Actions) {
    actions.setTimer(Self.timer, at: now + time)
  }

  /// The outcome stands; the farewell is a courtesy.
  private mutating func quit(_ now: MonotonicTime, _ actions: inout Actions) {
    actions.event(.finished(outcome))
    phase = .quit
    actions.write("QUIT\r\n")
    actions.event(.sent("QUIT"))
    actions.setTimer(Self.timer, at: now + .seconds(5))
  }

  private mutating func finish(_ actions: inout Actions) {
    phase = .over
    actions.close()
  }

  private mutating func fail(_ reply: SMTPReply, _ actions: inout Actions) {
    switch phase {
    case .over: return
    // The outcome stands already.
    case .quit, .resetting, .idle: return finish(&actions)
    default: break
    }
    outcome.failure = reply
    outcome.replies = (plan.envelope?.recipients ?? []).map { _ in reply }
    phase = .over
    actions.event(.finished(outcome))
    actions.write("QUIT\r\n")
    actions.close()
  }
}
