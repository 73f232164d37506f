import WireKit

/// The server's end of a control connection (RFC 959).
///
/// ```
/// S: 220 srv.lab.test FTP ready.
/// C: AUTH TLS
/// S: 234 Begin TLS.
/// C: USER ann
/// S: 331 Password, please.
/// ```
///
/// Commands are answered one after the other. While a transfer runs, only ABOR, STAT and NOOP are taken; everything else
/// waits in the input.
public struct FTPServerSession: ~Copyable, StreamSession {
  public typealias Request = FTPRequest
  public typealias Reply = FTPOutcome
  public typealias Body = Never
  public typealias Event = FTPEvent
  public typealias Actions = SessionActions<FTPRequest, Never, FTPEvent>

  /// Who is at the other end.
  enum Stage: Hashable {
    case greeted
    case named([UInt8], isAnonymous: Bool)
    case awaitingCode
    case loggedIn
  }

  /// What an answer from outside is for.
  enum Waiting: Hashable {
    case nothing
    case command(FTPVerb)
    case begin(FTPVerb)
    case run(FTPVerb)
  }

  static let idleTimer = SessionTimer(0)

  let limits: FTPLimits
  let policy: FTPPolicy
  var framer: LineFramer
  public var maximumPendingInput: Int { limits.lineLength * 2 }

  var stage = Stage.greeted
  var isEncrypted: Bool
  /// The client has logged in inside TLS, and ended that since (CCC).
  var wasCleared = false
  var waiting = Waiting.nothing
  var ticket = Ticket(0)
  /// ABOR came while a transfer ran; its own reply follows the transfer's.
  var abortRequested = false
  var isDraining = false
  var failures = 0
  var errors = 0

  // What commands set for those that follow.
  var isText = true
  var compression: Int?
  var compressionLevel = 6
  var hasBufferSize = false
  var protectsData: Bool
  var restart: UInt64 = 0
  var range: (first: UInt64, last: UInt64)?
  var announcedSize: UInt64?
  var renameFrom: [UInt8]?
  var wantsExtendedOnly = false
  var facts = FTPFacts.all
  var hash = FTPHashAlgorithm.sha256

  public init(policy: FTPPolicy, limits: FTPLimits = .init()) {
    self.policy = policy
    self.limits = limits
    isEncrypted = policy.isImplicit
    protectsData = policy.isImplicit
    framer = LineFramer(maximumLength: limits.lineLength, lineEnd: .lenient)
  }

  var isLoggedIn: Bool { stage == .loggedIn }

  // MARK: StreamSession

  public mutating func opened(now: MonotonicTime, into actions: inout Actions) {
    reply(FTPReply(220, "\(policy.hostNames.first ?? "Portside") FTP ready."), &actions)
    actions.setTimer(Self.idleTimer, at: now + limits.logInTime)
  }

  public mutating func receive(_ input: RawSpan, now: MonotonicTime, into actions: inout Actions) -> Int {
    var consumed = 0
    while !actions.closes {
      let rest = input.extracting(consumed..<input.byteCount)
      // The framer remembers how far it has looked; a line that waits is looked at again from its start.
      var framer = framer
      switch framer.next(in: rest) {
      case .incomplete:
        self.framer = framer
        return consumed
      case .tooLong, .bareLineEnd:
        reply(FTPReply(500, "The line is too long."), &actions)
        end(.overlongLine, &actions)
        return input.byteCount
      case .line(let length, let terminator):
        let command = FTPCommand(line: rest.extracting(0..<length))
        if waiting != .nothing, !isTakenNow(command) { return consumed }
        self.framer = framer
        consumed += length + terminator
        if isForeign(rest.extracting(0..<length), command) {
          actions.event(.ended(.foreignProtocol))
          actions.close(.immediately)
          return input.byteCount
        }
        actions.event(.received(command.masked))
        take(command, now: now, &actions)
        if isUpgrading(actions) { return consumed }
      }
    }
    return consumed
  }

  public mutating func timerFired(_ timer: SessionTimer, now: MonotonicTime, into actions: inout Actions) {
    guard waiting == .nothing else {
      // A transfer has its own limits.
      actions.setTimer(Self.idleTimer, at: now + limits.idleTime)
      return
    }
    reply(FTPReply(421, isLoggedIn ? "No command for too long." : "No log-in in time."), &actions)
    end(isLoggedIn ? .idle : .logInTime, &actions)
  }

  public mutating func inputClosed(now: MonotonicTime, into actions: inout Actions) { end(.peerClosed, &actions) }

  /// Back to the greeting's state (RFC 4217 §4): what was said in plain text counts for nothing.
  public mutating func tlsEstablished(_: TLSParameters, now: MonotonicTime, into actions: inout Actions) {
    reset()
    isEncrypted = true
    framer = LineFramer(maximumLength: limits.lineLength, lineEnd: .lenient)
    actions.setTimer(Self.idleTimer, at: now + limits.logInTime)
  }

  public mutating func drain(now: MonotonicTime, into actions: inout Actions) {
    isDraining = true
    if waiting == .nothing { finishDraining(&actions) }
  }

  // MARK: Taking commands

  private func isTakenNow(_ command: FTPCommand) -> Bool {
    guard case .command = waiting else {
      return command.verb?.rule.isTakenDuringTransfer == true
        && !(command.verb?.name == "STAT" && !command.argument.isEmpty)
    }
    return false
  }

  private func isUpgrading(_ actions: borrowing Actions) -> Bool {
    switch actions.actions.last {
    case .startTLS, .stopTLS: true
    default: false
    }
  }

  /// Whether this is the beginning of another protocol's conversation.
  private func isForeign(_ line: RawSpan, _ command: FTPCommand) -> Bool {
    guard !isLoggedIn, command.verb == nil else { return false }
    let bytes = line.copied()
    let word = String(decoding: bytes.prefix(9).prefix { $0 != 0x20 }, as: UTF8.self).uppercased()
    return FTPVerb.foreign.contains(word) || bytes.first.map { $0 < 0x20 || $0 >= 0x7F } == true
      || bytes.suffix(8).elementsEqual("HTTP/1.1".utf8) || bytes.suffix(8).elementsEqual("HTTP/1.0".utf8)
  }

  private mutating func take(_ command: FTPCommand, now: MonotonicTime, _ actions: inout Actions) {
    if isLoggedIn { actions.setTimer(Self.idleTimer, at: now + limits.idleTime) }
    guard let verb = command.verb else { return refuse(FTPReply(500, "There is no such command."), &actions) }
    if let refusal = refusal(verb, command) { return refuse(refusal, &actions) }
    if verb.name != "RNTO" { renameFrom = nil }
    let isAnswered =
      takeAccess(verb, command, &actions) || takeTransfer(verb, command, &actions)
      || takeFile(verb, command, &actions) || takeInformation(verb, command, &actions)
    if !isAnswered { refuse(FTPReply(502, "That is not served here."), &actions) }
  }

  /// What the table has against the command here and now.
  private func refusal(_ verb: FTPVerb, _ command: FTPCommand) -> FTPReply? {
    switch verb.rule.stage {
    case .beforeLogIn where isLoggedIn && verb.name != "AUTH":
      return FTPReply(
        verb.name == "USER" || verb.name == "PASS" ? 530 : 503, "You are logged in already; REIN begins anew.")
    case .afterLogIn where !isLoggedIn: return FTPReply(530, "Log in first.")
    default: break
    }
    if verb.rule.argument == .required, command.argument.isEmpty {
      return FTPReply(501, "\(verb.name) \(verb.rule.syntax)")
    }
    if !verb.rule.hidesArgument, command.argument.contains(0x0D) || command.argument.contains(0) {
      return FTPReply(501, "No line ends and no NUL in arguments.")
    }
    return nil
  }

  // MARK: Small parts

  mutating func reply(_ reply: FTPReply, _ actions: inout Actions) {
    actions.write { reply.encode(into: &$0) }
    actions.event(.sent(reply))
  }

  /// Answers that the command was no good; before log-in not for ever.
  mutating func refuse(_ refusal: FTPReply, _ actions: inout Actions) {
    reply(refusal, &actions)
    guard !isLoggedIn else { return }
    errors += 1
    if errors >= limits.commandErrors {
      reply(FTPReply(421, "Too many mistakes."), &actions)
      end(.commandErrors, &actions)
    }
  }

  mutating func end(_ reason: FTPEvent.Reason, _ actions: inout Actions) {
    actions.event(.ended(reason))
    actions.close()
  }

  mutating func ask(_ request: FTPRequest, _ waiting: Waiting, _ actions: inout Actions) {
    ticket = Ticket(ticket.number + 1)
    self.waiting = waiting
    actions.request(request, ticket)
  }

  mutating func finishDraining(_ actions: inout Actions) {
    reply(FTPReply(421, "The server stops; try again later."), &actions)
    end(.drained, &actions)
  }

  /// Forgets everything that commands have set (REIN, AUTH).
  mutating func reset() {
    stage = .greeted
    wasCleared = false
    isText = true
    compression = nil
    hasBufferSize = false
    protectsData = policy.isImplicit
    forgetTransfer()
    renameFrom = nil
    wantsExtendedOnly = false
    facts = .all
    hash = .sha256
  }

  mutating func forgetTransfer() {
    restart = 0
    range = nil
    announcedSize = nil
  }
}
