import SASLCore
import WireKit

extension ServerSession {
  /// Takes one line, if one is there. Returns how many bytes it took.
  mutating func receiveLine(_ input: RawSpan, _ now: MonotonicTime, _ actions: inout Actions) -> Int {
    if case .passingLine = phase { return passLine(input, &actions) }
    var isSASL = false
    if case .sasl = phase { isSASL = true }
    switch isSASL ? saslFramer.next(in: input) : framer.next(in: input) {
    case .incomplete: return 0
    case .line(let length, let terminator):
      let line = input.extracting(0..<length).copied()
      if isSASL { receiveSASL(line, now, &actions) } else { receiveCommand(line, now, &actions) }
      return length + terminator
    case .tooLong:
      phase = .passingLine
      return passLine(input, &actions)
    case .bareLineEnd:
      actions.event(.bareLineEnd)
      end(.bareLineEnd, &actions)
      return input.byteCount
    }
  }

  /// Passes over a line that is too long, however long it is.
  private mutating func passLine(_ input: RawSpan, _ actions: inout Actions) -> Int {
    for index in 0..<input.byteCount where input.byte(at: index) == 0x0A {
      phase = .command
      framer.reset()
      saslFramer.reset()
      exchange = nil
      refuse(.lineTooLong, &actions)
      return index + 1
    }
    return input.byteCount
  }

  private mutating func receiveCommand(_ line: [UInt8], _ now: MonotonicTime, _ actions: inout Actions) {
    let command: Command
    do throws(Command.Fault) {
      command = try Command.parse(line)
    } catch {
      return receiveFault(error, line, &actions)
    }
    if case .authenticate(let mechanism, let initial) = command {
      actions.event(.received("AUTH \(mechanism)\(initial == nil ? "" : " ••••")"))
    } else {
      actions.event(.received(String(decoding: line, as: UTF8.self)))
    }
    if let reply = obstacle(command.verb) { return refuse(reply, &actions) }
    perform(command, now, &actions)
    if case .command = phase { awaitCommand(now, &actions) }
  }

  private mutating func receiveFault(_ fault: Command.Fault, _ line: [UInt8], _ actions: inout Actions) {
    switch fault {
    case .foreign:
      // Not a word to a browser that was led here: what it sends may be somebody's words to somebody else.
      actions.event(.foreignProtocol)
      phase = .closed
      actions.close(.immediately)
    case .unknown:
      // It may be a password that was typed too early; nobody needs to see it.
      actions.event(.received("(\(line.count) bytes that are no command)"))
      refuse(.unknownCommand, &actions)
    case .syntax(let verb, let reply):
      actions.event(.received("\(verb.rawValue) …"))
      refuse(obstacle(verb) ?? reply, &actions)
    }
  }

  /// Why a command may not come now; `nil` when it may.
  private func obstacle(_ verb: Verb) -> SMTPReply? {
    let needs = verb.needs
    if needs.contains(.hello), helloName == nil { return .helloFirst }
    if needs.contains(.privacy), mustLogIn, !isPrivate { return .tlsFirst }
    if needs.contains(.logIn), mustLogIn, account == nil { return .logInFirst }
    if needs.contains(.transaction), envelope == nil { return .noMail }
    if needs.contains(.noTransaction), envelope != nil { return .badSequence }
    if let incoming, incoming.isChunked, verb == .rcpt || verb == .data { return .badSequence }
    return nil
  }

  private mutating func perform(_ command: Command, _ now: MonotonicTime, _ actions: inout Actions) {
    switch command {
    case .hello(let verb, let name): hello(verb, name, &actions)
    case .mail(let sender, let parameters): mail(sender, parameters, &actions)
    case .recipient(let recipient): self.recipient(recipient, &actions)
    case .postmaster(let parameters): ask(.postmaster, .postmaster(parameters), &actions)
    case .data: startData(now, &actions)
    case .chunk(let size, let isLast): startChunk(size, isLast, now, &actions)
    case .reset:
      resetTransaction(&actions)
      send(.ok, &actions)
    case .noop: send(.ok, &actions)
    case .quit:
      if mustLogIn, account == nil { actions.event(.leftWithoutLogIn) }
      end(.bye, &actions)
    case .verify: send(.cannotVerify, &actions)
    case .expand: refuse(.notHere, &actions)
    case .help: send(SMTPReply(214, "2.0.0", "RFC 5321 tells all about it"), &actions)
    case .authenticate(let mechanism, let initial): authenticate(mechanism, initial, now, &actions)
    case .startTLS: startTLS(&actions)
    }
  }

  private mutating func hello(_ verb: Verb, _ name: String, _ actions: inout Actions) {
    guard (verb == .lhlo) == (profile.role == .lmtp) else { return refuse(.unknownCommand, &actions) }
    resetTransaction(&actions)
    helloName = name
    isExtended = verb != .helo
    guard isExtended else { return send(SMTPReply(250, nil, profile.hostname), &actions) }
    send(SMTPReply(250, nil, lines: [profile.hostname] + capabilities), &actions)
  }

  /// What EHLO announces, in this state.
  private var capabilities: [String] {
    var list = [
      "PIPELINING", "SIZE \(profile.limits.messageSize)", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "CHUNKING",
      "DSN", "LIMITS RCPTMAX=\(profile.limits.recipients)", "DELIVERBY", "MT-PRIORITY",
    ]
    if profile.offersTLS, !isEncrypted { list.append("STARTTLS") }
    // Only said where it can be kept (RFC 8689 §2).
    if isEncrypted { list.append("REQUIRETLS") }
    if mustLogIn, isPrivate {
      list.append("AUTH " + mechanisms.map(\.rawValue).joined(separator: " "))
      list.append("FUTURERELEASE \(Self.longestHold) \(Self.longestHold)")
    }
    return list
  }

  /// Seconds for which a message may be held (RFC 4865).
  static let longestHold: Int64 = 7 * 86400

  private mutating func startTLS(_ actions: inout Actions) {
    guard profile.offersTLS, !isEncrypted else { return refuse(isEncrypted ? .badSequence : .notHere, &actions) }
    send(.readyForTLS, &actions)
    phase = .waiting
    actions.startTLS()
  }

  // MARK: AUTH (RFC 4954)

  private var mechanisms: [SASLMechanism] { SASLMechanism.offered(tokens: profile.acceptsTokens) }

  private mutating func authenticate(
    _ name: String, _ initial: [UInt8]?, _ now: MonotonicTime, _ actions: inout Actions
  ) {
    guard mustLogIn else { return refuse(.notHere, &actions) }
    guard account == nil else { return refuse(.badSequence, &actions) }
    guard let mechanism = SASLMechanism(name: name), mechanisms.contains(mechanism) else {
      return refuse(SMTPReply(504, "5.5.4", "Mechanism not known here"), &actions)
    }
    var exchange = SASLServerExchange(mechanism)
    let step = exchange.begin(initial)
    self.exchange = exchange
    carryOut(step, now, &actions)
  }

  private mutating func receiveSASL(_ line: [UInt8], _ now: MonotonicTime, _ actions: inout Actions) {
    actions.event(.received("••••"))
    phase = .command
    guard line != [UInt8(ascii: "*")] else {
      exchange = nil
      return refuse(SMTPReply(501, "5.7.0", "Log-in given up"), &actions)
    }
    guard let response = Base64.decode(line) else {
      exchange = nil
      return refuse(SMTPReply(501, "5.5.2", "Not base 64"), &actions)
    }
    guard let step = exchange?.receive(response) else { return refuse(.badSequence, &actions) }
    carryOut(step, now, &actions)
    if case .command = phase { awaitCommand(now, &actions) }
  }

  func reply(to failure: SASLFailure) -> SMTPReply {
    switch failure {
    case .malformed: SMTPReply(501, "5.5.2", "Not a message of this mechanism")
    case .denied: SMTPReply(535, "5.7.8", "Log-in refused")
    case .codeNeeded: SMTPReply(534, "5.7.9", "Put the code of the second factor behind the password")
    case .penalised: SMTPReply(454, "4.7.0", "Too many failures, try again later")
    case .unavailable: SMTPReply(454, "4.7.0", "Log-in is not possible at the moment")
    }
  }

  mutating func carryOut(_ step: SASLServerExchange.Step, _ now: MonotonicTime, _ actions: inout Actions) {
    switch step {
    case .challenge(let challenge):
      phase = .sasl
      actions.write { output in
        output.append(contentsOf: "334 ".utf8)
        output.append(contentsOf: Base64.encode(challenge))
        output.append(contentsOf: [0x0D, 0x0A])
      }
      actions.event(.sent(SMTPReply(334, nil, "••••")))
      awaitCommand(now, &actions)
    case .question(let question): ask(.authenticate(question), .sasl, &actions)
    case .granted(let account):
      self.account = account
      exchange = nil
      phase = .command
      actions.setTimer(Self.logInTimer, at: nil)
      actions.event(.loggedIn(account: account))
      send(.loggedIn, &actions)
    case .failed(let failure):
      exchange = nil
      phase = .command
      logInFailures += 1
      actions.event(.logInFailed(failure))
      if logInFailures >= profile.limits.logInFailures {
        send(reply(to: failure), &actions)
        return end(.tooManyErrors, &actions)
      }
      send(reply(to: failure), &actions)
    }
  }
}
