import WireKit

/// Log-in, TLS, the end (RFC 959 §4.1.1, RFC 4217, RFC 7151).
extension FTPServerSession {
  /// Takes the command if it is one of these.
  mutating func takeAccess(_ verb: FTPVerb, _ command: FTPCommand, _ actions: inout Actions) -> Bool {
    switch verb.name {
    case "USER": user(command, &actions)
    case "PASS": password(command, &actions)
    case "ACCT":
      guard stage == .awaitingCode else { return refused(503, "USER and PASS come first.", &actions) }
      ask(.secondFactor(command.argument), .command(verb), &actions)
    case "HOST": host(command, &actions)
    case "REIN":
      reset()
      ask(.reset, .command(verb), &actions)
    case "QUIT":
      reply(FTPReply(221, "Goodbye."), &actions)
      end(.quit, &actions)
    case "AUTH": authenticate(command, &actions)
    case "PBSZ":
      guard isEncrypted else { return refused(503, "AUTH TLS comes first.", &actions) }
      guard FTPText.number(command.argument) != nil else { return refused(501, "PBSZ 0", &actions) }
      hasBufferSize = true
      reply(FTPReply(200, "PBSZ=0"), &actions)
    case "PROT": protection(command, &actions)
    case "CCC": clearCommands(&actions)
    default: return false
    }
    return true
  }

  mutating func refused(_ code: Int, _ text: String, _ actions: inout Actions) -> Bool {
    refuse(FTPReply(code, text), &actions)
    return true
  }

  private mutating func user(_ command: FTPCommand, _ actions: inout Actions) {
    let name = command.text?.lowercased()
    let isAnonymous = policy.allowsAnonymous && (name == "anonymous" || name == "ftp")
    // Anonymous access has no secret that TLS would have to keep, and nobody to keep it from.
    guard isEncrypted || policy.acceptsPlainLogIn || isAnonymous else {
      return refuse(FTPReply(530, policy.offersTLS ? "AUTH TLS first." : "No log-in without TLS."), &actions)
    }
    stage = .named(command.argument, isAnonymous: isAnonymous)
    reply(FTPReply(331, isAnonymous ? "Any password will do." : "Password, please."), &actions)
  }

  private mutating func password(_ command: FTPCommand, _ actions: inout Actions) {
    guard case .named(let name, let isAnonymous) = stage else {
      return refuse(FTPReply(503, "USER comes first."), &actions)
    }
    stage = .greeted
    ask(
      .logIn(name: name, password: isAnonymous ? [] : command.argument, isAnonymous: isAnonymous),
      .command(FTPVerb("PASS" as StaticString)), &actions)
  }

  private mutating func host(_ command: FTPCommand, _ actions: inout Actions) {
    var name = command.text?.lowercased() ?? ""
    if name.hasPrefix("["), name.hasSuffix("]") { name = String(name.dropFirst().dropLast()) }
    guard stage == .greeted else { return refuse(FTPReply(503, "HOST comes before USER."), &actions) }
    guard policy.hostNames.contains(name) else { return refuse(FTPReply(504, "No such host here."), &actions) }
    reply(FTPReply(220, "This is it."), &actions)
  }

  private mutating func authenticate(_ command: FTPCommand, _ actions: inout Actions) {
    guard policy.offersTLS, !isEncrypted else {
      return refuse(
        FTPReply(isEncrypted ? 503 : 502, isEncrypted ? "TLS runs already." : "There is no TLS here."), &actions)
    }
    guard ["TLS", "TLS-C", "SSL", "TLS-P"].contains(command.words.first ?? "") else {
      return refuse(FTPReply(504, "AUTH TLS"), &actions)
    }
    reply(FTPReply(234, "Begin TLS."), &actions)
    actions.startTLS()
  }

  private mutating func protection(_ command: FTPCommand, _ actions: inout Actions) {
    guard isEncrypted, hasBufferSize || policy.isImplicit else {
      return refuse(FTPReply(503, "AUTH TLS and PBSZ come first."), &actions)
    }
    switch command.words.first {
    case "P":
      protectsData = true
      reply(FTPReply(200, "Data connections are encrypted."), &actions)
    case "C":
      guard !policy.requiresProtectedData else {
        return refuse(FTPReply(534, "Data connections must be encrypted."), &actions)
      }
      protectsData = false
      reply(FTPReply(200, "Data connections are in plain text."), &actions)
    case "S", "E": refuse(FTPReply(536, "TLS has no such level."), &actions)
    default: refuse(FTPReply(504, "PROT C or PROT P"), &actions)
    }
  }

  /// TLS ends on the control connection, so that a gateway in between can read which ports are used. Who is logged in stays
  /// so; what is decided about data connections stays as it is, since anybody may speak up now.
  private mutating func clearCommands(_ actions: inout Actions) {
    guard isEncrypted else { return refuse(FTPReply(533, "There is no TLS to end."), &actions) }
    guard policy.allowsClearCommands else {
      return refuse(FTPReply(534, "The control connection stays encrypted."), &actions)
    }
    reply(FTPReply(200, "TLS ends here."), &actions)
    actions.stopTLS()
  }

  public mutating func tlsStopped(now: MonotonicTime, into actions: inout Actions) {
    isEncrypted = false
    wasCleared = true
    framer = LineFramer(maximumLength: limits.lineLength, lineEnd: .lenient)
  }

  // MARK: Answers

  mutating func finishLogIn(_ outcome: FTPOutcome, now: MonotonicTime, _ actions: inout Actions) {
    switch outcome {
    case .loggedIn:
      stage = .loggedIn
      errors = 0
      actions.setTimer(Self.idleTimer, at: now + limits.idleTime)
      reply(FTPReply(230, "Logged in."), &actions)
    case .codeNeeded:
      stage = .awaitingCode
      reply(FTPReply(332, "ACCT with the code of your second factor, please."), &actions)
    case .penalised(let seconds):
      reply(FTPReply(421, "Too many failed log-ins; try again in \(seconds) s."), &actions)
      end(.logInFailures, &actions)
    case .unavailable:
      reply(FTPReply(421, "Log-in is not possible just now; try again."), &actions)
      end(.logInFailures, &actions)
    default:
      actions.event(.logInRefused)
      failures += 1
      stage = .greeted
      reply(FTPReply(530, "Log-in refused."), &actions)
      if failures >= limits.logInFailures { end(.logInFailures, &actions) }
    }
  }
}
