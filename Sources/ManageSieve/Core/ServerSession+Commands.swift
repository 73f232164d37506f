import SASLCore
import WireKit

extension ManageSieveSession {
  /// A command, or the client's part of a log-in.
  mutating func receive(_ parts: [Command.Argument], _ now: MonotonicTime, _ actions: inout Actions) {
    if case .sasl = phase { return receiveSASL(parts, now, &actions) }
    let command: Command
    do throws(Command.Fault) { command = try Command(parts) } catch { return receiveFault(error, &actions) }
    actions.event(.received(Self.shown(parts)))
    guard command.verb.states.contains(state) else { return refuse(.notNow, &actions) }
    switch command {
    case .authenticate(let mechanism, let initial): authenticate(mechanism, initial, now, &actions)
    case .startTLS:
      guard profile.offersTLS, !isEncrypted else { return refuse(.notNow, &actions) }
      send(SieveReply(.ok, "Begin TLS"), &actions)
      phase = .waiting
      actions.startTLS()
    case .logout:
      if account == nil { actions.event(.leftWithoutLogIn) }
      end(SieveReply(.ok, "Bye"), &actions)
    case .capability:
      sendCapabilities(&actions)
      send(.ok, &actions)
    case .noop(let tag):
      let code = tag.map { "TAG " + String(decoding: SieveReply.string($0), as: UTF8.self) }
      send(SieveReply(.ok, "Done", code: code), &actions)
    default: manage(command, &actions)
    }
  }

  private mutating func manage(_ command: Command, _ actions: inout Actions) {
    guard let account else { return refuse(.notNow, &actions) }
    switch command {
    case .listScripts: ask(.list(account: account), &actions)
    case .haveSpace(let name, let size): ask(.haveSpace(account: account, name: name, size: size), &actions)
    case .putScript(let name, let content): ask(.put(account: account, name: name, content), &actions)
    case .checkScript(let content): ask(.check(content), &actions)
    case .setActive(let name): ask(.activate(account: account, name: name), &actions)
    case .getScript(let name): ask(.get(account: account, name: name), &actions)
    case .deleteScript(let name): ask(.delete(account: account, name: name), &actions)
    case .renameScript(let from, let to): ask(.rename(account: account, from: from, to: to), &actions)
    default: refuse(.notNow, &actions)
    }
  }

  private mutating func receiveFault(_ fault: Command.Fault, _ actions: inout Actions) {
    switch fault {
    case .foreign where account == nil:
      // Not a word to a browser that was led here.
      actions.event(.foreignProtocol)
      phase = .closed
      actions.close(.immediately)
    case .unknown, .foreign:
      // It may be a password that was typed too early; nobody needs to see it.
      actions.event(.received("(no command)"))
      refuse(.unknownCommand, &actions)
    case .syntax(let verb):
      actions.event(.received("\(verb.rawValue) …"))
      refuse(verb.states.contains(state) ? .syntax : .notNow, &actions)
    }
  }

  /// The command as those who watch may see it: what is secret masked, scripts by their size.
  static func shown(_ parts: [Command.Argument]) -> String {
    var words: [String] = []
    for (index, part) in parts.enumerated() {
      switch part {
      case .word(let bytes): words.append(String(decoding: bytes.prefix(100), as: UTF8.self))
      case .string(let bytes):
        if words.first?.uppercased() == "AUTHENTICATE", index > 1 {
          words.append("••••")
        } else if bytes.count > 200 {
          words.append("(\(bytes.count) bytes)")
        } else {
          words.append("\"\(String(decoding: bytes, as: UTF8.self))\"")
        }
      }
    }
    return words.joined(separator: " ")
  }

  // MARK: Capabilities (RFC 5804 §1.7)

  func sendCapabilities(_ actions: inout Actions) {
    let mechanisms = isPrivate && account == nil ? self.mechanisms.map(\.rawValue).joined(separator: " ") : ""
    var rows: [(String, String?)] = [
      ("IMPLEMENTATION", "Portside"), ("SASL", mechanisms), ("SIEVE", profile.extensions.joined(separator: " ")),
    ]
    if profile.offersTLS, !isEncrypted { rows.append(("STARTTLS", nil)) }
    if let account { rows.append(("OWNER", account)) }
    rows.append(("VERSION", "1.0"))
    for (name, value) in rows {
      actions.write(SieveReply.string(Array(name.utf8)))
      if let value {
        actions.write(" ")
        actions.write(SieveReply.string(Array(value.utf8)))
      }
      actions.write("\r\n")
    }
  }

  var mechanisms: [SASLMechanism] { SASLMechanism.offered(tokens: profile.acceptsTokens) }

  // MARK: AUTHENTICATE (RFC 5804 §2.1)

  private mutating func authenticate(
    _ name: String, _ initial: [UInt8]?, _ now: MonotonicTime, _ actions: inout Actions
  ) {
    guard isPrivate else { return refuse(.needsTLS, &actions) }
    guard let mechanism = SASLMechanism(name: name), mechanisms.contains(mechanism) else {
      return refuse(SieveReply(.no, "Mechanism not known here"), &actions)
    }
    var exchange = SASLServerExchange(mechanism)
    let step = exchange.begin(initial)
    self.exchange = exchange
    carryOut(step, now, &actions)
  }

  private mutating func receiveSASL(
    _ parts: [Command.Argument], _ now: MonotonicTime, _ actions: inout Actions
  ) {
    actions.event(.received("••••"))
    phase = .command
    guard parts.count == 1, case .string(let text) = parts[0], text != [0x2A], let response = Base64.decode(text),
      let step = exchange?.receive(response)
    else {
      exchange = nil
      return refuse(SieveReply(.no, "Log-in given up"), &actions)
    }
    carryOut(step, now, &actions)
  }

  mutating func carryOut(_ step: SASLServerExchange.Step, _ now: MonotonicTime, _ actions: inout Actions) {
    switch step {
    case .challenge(let challenge):
      actions.write(SieveReply.string(Base64.encode(challenge)))
      actions.write("\r\n")
      phase = .sasl
    case .question(let question): ask(.authenticate(question), &actions)
    case .granted(let account):
      exchange = nil
      self.account = account
      reader.maximumSize = profile.limits.scriptSize
      actions.setTimer(Self.logInTimer, at: nil)
      actions.event(.loggedIn(account: account))
      send(SieveReply(.ok, "Logged in"), &actions)
    case .failed(let failure): refused(failure, &actions)
    }
  }

  private mutating func refused(_ failure: SASLFailure, _ actions: inout Actions) {
    exchange = nil
    logInFailures += 1
    actions.event(.logInFailed)
    let reply: SieveReply =
      switch failure {
      case .malformed: .syntax
      case .denied: .denied
      case .codeNeeded: .codeNeeded
      case .penalised(let seconds): SieveReply(.no, "Try again in \(seconds) seconds", code: "TRYLATER")
      case .unavailable: .temporary
      }
    send(reply, &actions)
    if logInFailures >= profile.limits.logInFailures { end(.tooManyErrors, &actions) }
  }
}
