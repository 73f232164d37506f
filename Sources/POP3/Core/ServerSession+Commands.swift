import SASLCore
import WireKit

extension POP3ServerSession {
  mutating func receiveLine(_ input: RawSpan, _ now: MonotonicTime, _ actions: inout Actions) -> Int {
    let isSASL = if case .sasl = phase { true } else { false }
    switch framer.next(in: input) {
    case .incomplete: return 0
    case .tooLong, .bareLineEnd:
      actions.event(.bareLineEnd)
      end(POP3Reply(error: "Lines end by CRLF, and are not as long"), &actions)
      return input.byteCount
    case .line(let length, let terminator):
      let line = input.extracting(0..<length).copied()
      if isSASL {
        receiveSASL(line, now, &actions)
      } else {
        receiveCommand(line, now, &actions)
      }
      return length + terminator
    }
  }

  private mutating func receiveCommand(_ line: [UInt8], _ now: MonotonicTime, _ actions: inout Actions) {
    let command: Command
    do throws(Command.Fault) {
      command = try Command(line)
    } catch {
      return receiveFault(error, line.count, &actions)
    }
    actions.event(.received(Self.shown(command, line)))
    // RFC 5034 §4 lets AUTH, and nothing else, be longer than RFC 2449's 255 octets.
    if command.verb != .auth, line.count > profile.limits.commandLength { return refuse(.syntax, &actions) }
    let row = command.verb.row
    guard row.states.contains(state) else { return refuse(.badState, &actions) }
    if row.isSecret, !isPrivate { return refuse(.needsTLS, &actions) }
    perform(command, now, &actions)
    if case .command = phase { awaitCommand(now, &actions) }
  }

  private mutating func receiveFault(_ fault: Command.Fault, _ count: Int, _ actions: inout Actions) {
    switch fault {
    case .foreign where account == nil:
      // Not a word to a browser that was led here: what it sends may be somebody's words to somebody else.
      actions.event(.foreignProtocol)
      phase = .closed
      actions.close(.immediately)
    case .unknown, .foreign:
      // It may be a password that was typed too early; nobody needs to see it.
      actions.event(.received("(\(count) bytes that are no command)"))
      refuse(.unknownCommand, &actions)
    case .syntax(let verb):
      actions.event(.received("\(verb.rawValue) …"))
      refuse(verb.row.states.contains(state) ? .syntax : .badState, &actions)
    }
  }

  /// The line as those who watch may see it.
  private static func shown(_ command: Command, _ line: [UInt8]) -> String {
    switch command {
    case .pass: "PASS ••••"
    case .auth(let mechanism, let initial): "AUTH \(mechanism ?? "")\(initial == nil ? "" : " ••••")"
    default: String(decoding: line, as: UTF8.self)
    }
  }

  private mutating func perform(_ command: Command, _ now: MonotonicTime, _ actions: inout Actions) {
    switch command {
    case .user(let name):
      userName = name
      send(POP3Reply(ok: "Password, please"), &actions)
    case .pass(let password):
      guard let name = userName else { return refuse(.badState, &actions) }
      userName = nil
      exchange = nil
      ask(.authenticate(.password(.init(authorization: "", name: name, password: password))), .sasl, &actions)
    case .auth(let mechanism, let initial): authenticate(mechanism, initial, now, &actions)
    case .stls:
      guard profile.offersTLS, !isEncrypted else { return refuse(.badState, &actions) }
      send(POP3Reply(ok: "Begin TLS"), &actions)
      phase = .waiting
      actions.startTLS()
    case .utf8: send(POP3Reply(ok: "UTF-8"), &actions)
    case .capa: lines(POP3Reply(ok: "Capabilities"), capabilities, &actions)
    case .lang(let tag): language(tag, &actions)
    case .noop: send(POP3Reply(ok: ""), &actions)
    case .quit: quit(&actions)
    case .stat, .list, .uidl, .retr, .top, .dele, .rset: transact(command, now, &actions)
    }
  }

  /// What CAPA says, in this state (RFC 2449 §5).
  var capabilities: [String] {
    let limits = profile.limits
    let expiry = limits.expireAfterDays.map { String($0) } ?? "NEVER"
    var list = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE \(expiry)", "UTF8 USER", "LANG"]
    if limits.logInDelay > .zero { list.append("LOGIN-DELAY \(limits.logInDelay.components.seconds)") }
    if isPrivate || state == .transaction {
      list += ["USER", "SASL " + mechanisms.map(\.rawValue).joined(separator: " ")]
    }
    if profile.offersTLS, !isEncrypted { list.append("STLS") }
    return list + ["IMPLEMENTATION Portside"]
  }

  var mechanisms: [SASLMechanism] { SASLMechanism.offered(tokens: profile.acceptsTokens) }

  func lines(_ reply: POP3Reply, _ lines: [String], _ actions: inout Actions) {
    send(reply, &actions)
    for line in lines {
      actions.write(line)
      actions.write("\r\n")
    }
    actions.write(".\r\n")
  }

  /// RFC 6856 §3. There is one language, and `*` asks for the server's choice.
  private mutating func language(_ tag: String?, _ actions: inout Actions) {
    guard let tag else { return lines(POP3Reply(ok: "Languages"), ["en English", "i-default English"], &actions) }
    let known = ["en", "*", "i-default"].contains(tag.lowercased()) || tag.lowercased().hasPrefix("en-")
    if known {
      send(POP3Reply(ok: "en English it is"), &actions)
    } else {
      refuse(POP3Reply(error: "No such language"), &actions)
    }
  }

  private mutating func quit(_ actions: inout Actions) {
    guard let maildrop, !deleted.isEmpty || profile.limits.expireAfterDays != nil else {
      return end(POP3Reply(ok: "Bye"), &actions)
    }
    ask(
      .update(maildrop, deleting: deleted.sorted(), retrieved: retrieved.sorted()), .update(count: deleted.count),
      &actions)
  }

  // MARK: AUTH (RFC 5034)

  private mutating func authenticate(
    _ name: String?, _ initial: [UInt8]?, _ now: MonotonicTime, _ actions: inout Actions
  ) {
    // Without a name, as clients from before RFC 5034 ask.
    guard let name else { return lines(POP3Reply(ok: "Mechanisms"), mechanisms.map(\.rawValue), &actions) }
    guard let mechanism = SASLMechanism(name: name), mechanisms.contains(mechanism) else {
      return refuse(POP3Reply(error: "Mechanism not known here"), &actions)
    }
    var exchange = SASLServerExchange(mechanism)
    let step = exchange.begin(initial)
    self.exchange = exchange
    carryOut(step, &actions)
  }

  private mutating func receiveSASL(_ line: [UInt8], _ now: MonotonicTime, _ actions: inout Actions) {
    actions.event(.received("••••"))
    phase = .command
    guard line != [0x2A], let response = Base64.decode(line), let step = exchange?.receive(response) else {
      exchange = nil
      refuse(POP3Reply(error: "Log-in given up"), &actions)
      if case .command = phase { awaitCommand(now, &actions) }
      return
    }
    carryOut(step, &actions)
    if case .command = phase { awaitCommand(now, &actions) }
  }

  mutating func carryOut(_ step: SASLServerExchange.Step, _ actions: inout Actions) {
    switch step {
    case .challenge(let challenge):
      actions.write("+ ")
      actions.write(Base64.encode(challenge))
      actions.write("\r\n")
      phase = .sasl
    case .question(let question): ask(.authenticate(question), .sasl, &actions)
    case .granted(let account): granted(account, &actions)
    case .failed(let failure): refused(failure, &actions)
    }
  }

  mutating func granted(_ account: String, _ actions: inout Actions) {
    exchange = nil
    self.account = account
    actions.setTimer(Self.logInTimer, at: nil)
    actions.event(.loggedIn(account: account))
    ask(.open(account: account), .open, &actions)
  }

  mutating func refused(_ failure: SASLFailure, _ actions: inout Actions) {
    exchange = nil
    logInFailures += 1
    actions.event(.logInFailed)
    let reply: POP3Reply =
      switch failure {
      case .malformed: .syntax
      case .denied: .denied
      case .codeNeeded: .codeNeeded
      case .penalised(let seconds): POP3Reply(error: "Try again in \(seconds) seconds", code: "SYS/TEMP")
      case .unavailable: .temporary
      }
    if logInFailures >= profile.limits.logInFailures { end(reply, &actions) } else { send(reply, &actions) }
  }
}
