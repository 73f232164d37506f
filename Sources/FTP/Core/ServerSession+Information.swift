import WireKit

/// What the server tells of itself (RFC 959 §4.1.3, RFC 2389, RFC 2640).
extension FTPServerSession {
  mutating func takeInformation(_ verb: FTPVerb, _ command: FTPCommand, _ actions: inout Actions) -> Bool {
    switch verb.name {
    case "SYST": reply(FTPReply(215, "UNIX Type: L8"), &actions)
    case "NOOP": reply(FTPReply(200, "Yes."), &actions)
    case "CLNT": reply(FTPReply(200, "Welcome."), &actions)
    case "FEAT": reply(.list(211, "Features:", features.map { Array($0.utf8) }, "End"), &actions)
    case "HELP": help(command, &actions)
    case "LANG":
      let language = command.words.first ?? "EN"
      let isEnglish = language == "EN" || language.hasPrefix("EN-")
      reply(isEnglish ? FTPReply(200, "English.") : FTPReply(504, "English alone."), &actions)
    case "OPTS": options(command, &actions)
    case "STAT": status(verb, command, &actions)
    default: return false
    }
    return true
  }

  private var features: [String] {
    var lines = policy.offersTLS || policy.isImplicit ? ["AUTH TLS", "PBSZ", "PROT"] : []
    if policy.allowsClearCommands, !lines.isEmpty { lines.append("CCC") }
    lines += [
      "AVBL", "EPRT", "EPSV",
      "HASH " + FTPHashAlgorithm.allCases.map { $0.rawValue + ($0 == hash ? "*" : "") }.joined(separator: ";"),
      "HOST", "LANG EN*", "MDTM", "MFF modify;UNIX.mode;", "MFMT", "MLST \(facts.feature)", "MODE Z", "RANG STREAM",
      "REST STREAM", "SIZE", "TVFS", "UTF8",
    ]
    return lines
  }

  private mutating func help(_ command: FTPCommand, _ actions: inout Actions) {
    if let word = command.words.first {
      guard let verb = FTPVerb(word) else { return reply(FTPReply(502, "There is no such command."), &actions) }
      return reply(FTPReply(214, "\(verb.name) \(verb.rule.syntax)"), &actions)
    }
    var lines: [[UInt8]] = []
    var line = ""
    for verb in FTPVerb.all {
      if line.utf8.count > 60 {
        lines.append(Array(line.utf8))
        line = ""
      }
      line += (line.isEmpty ? "" : " ") + verb.name
    }
    lines.append(Array(line.utf8))
    reply(.list(214, "Commands:", lines, "HELP <command> tells more."), &actions)
  }

  /// `OPTS UTF8 ON`, `OPTS MLST type;size;`, `OPTS HASH CRC32`, `OPTS MODE Z LEVEL 9`.
  private mutating func options(_ command: FTPCommand, _ actions: inout Actions) {
    let words = command.words
    switch words.first {
    case "UTF8":
      let isOn = words.count < 2 || words[1] == "ON"
      reply(isOn ? FTPReply(200, "Names are UTF-8.") : FTPReply(504, "Names are UTF-8 always."), &actions)
    case "UTF-8": reply(FTPReply(200, "Names are UTF-8."), &actions)
    case "MLST":
      facts = FTPFacts(option: words.count > 1 ? words[1] : "")
      reply(FTPReply(200, "MLST OPTS \(facts.text)"), &actions)
    case "HASH":
      if words.count > 1 {
        guard let algorithm = FTPHashAlgorithm(rawValue: words[1]) else {
          return refuse(FTPReply(504, "SHA-256 or CRC32"), &actions)
        }
        hash = algorithm
      }
      reply(FTPReply(200, hash.rawValue), &actions)
    case "MODE":
      guard words.count == 4, words[1] == "Z", words[2] == "LEVEL", let level = Int(words[3]), (1...9).contains(level)
      else { return refuse(FTPReply(501, "OPTS MODE Z LEVEL <1…9>"), &actions) }
      compressionLevel = level
      if compression != nil { compression = level }
      reply(FTPReply(200, "MODE Z LEVEL set to \(level)."), &actions)
    default: refuse(FTPReply(501, "No options for that."), &actions)
    }
  }

  private mutating func status(_ verb: FTPVerb, _ command: FTPCommand, _ actions: inout Actions) {
    switch waiting {
    case .begin: reply(FTPReply(213, "A transfer is about to begin."), &actions)
    case .run:
      // Answered at once, without a suspension, so that it never overtakes the transfer's own end.
      actions.request(.progress, Ticket(0))
    default:
      guard command.argument.isEmpty || !isLoggedIn else {
        return ask(.status(Self.withoutFlags(command.argument)), .command(verb), &actions)
      }
      var lines = [isEncrypted ? "The control connection is encrypted." : "The control connection is in plain text."]
      if isLoggedIn {
        lines.append("Logged in; TYPE \(isText ? "A" : "I"), MODE \(compression == nil ? "S" : "Z"), STRU F.")
        lines.append("Data connections are \(protectsData ? "encrypted" : "in plain text").")
      } else {
        lines.append("Not logged in.")
      }
      reply(.list(211, "Status:", lines.map { Array($0.utf8) }, "End"), &actions)
    }
  }

  // MARK: Answers from outside

  public mutating func resume(
    _ outcome: consuming FTPOutcome, for ticket: Ticket, now: MonotonicTime, into actions: inout Actions
  ) {
    if ticket.number == 0 {
      if case .progress(let bytes) = outcome {
        reply(FTPReply(213, "A transfer runs: \(bytes) bytes so far."), &actions)
      }
      return
    }
    guard ticket == self.ticket else { return }
    let was = waiting
    waiting = .nothing
    if isLoggedIn { actions.setTimer(Self.idleTimer, at: now + limits.idleTime) }
    switch was {
    case .nothing: break
    case .begin(let verb): finishBegin(verb, outcome, &actions)
    case .run: finishRun(outcome, &actions)
    case .command(let verb) where verb.name == "PASS" || verb.name == "ACCT":
      finishLogIn(outcome, now: now, &actions)
    case .command(let verb): finishCommand(verb, outcome, &actions)
    }
    if isDraining, waiting == .nothing, !actions.closes { finishDraining(&actions) }
  }

  private mutating func finishCommand(_ verb: FTPVerb, _ outcome: FTPOutcome, _ actions: inout Actions) {
    switch outcome {
    case .failed(let failure):
      if verb.name == "RNFR" { renameFrom = nil }
      reply(FTPReply(failure), &actions)
    case .path(let path):
      let isFolder = verb.name == "PWD" || verb.name == "MKD"
      reply(
        isFolder
          ? FTPReply(
            257,
            lines: [FTPReply.quoted(path) + Array((verb.name == "PWD" ? " is the current folder." : " made.").utf8)])
          : FTPReply(250, lines: [Array("Now in ".utf8) + FTPReply.quoted(path)]), &actions)
    case .passive(let endpoint): reply(Self.passiveReply(verb, endpoint), &actions)
    case .number(let number): reply(FTPReply(213, String(number)), &actions)
    case .time(let time):
      let isSet = verb.name == "MFMT" || verb.name == "MFF"
      reply(
        verb.name == "SITE" ? Self.done(verb) : FTPReply(213, isSet ? "Modify=\(time.text);" : time.text), &actions)
    case .lines(let lines):
      reply(verb.name == "MLST" ? .list(250, "Listing:", lines, "End") : .list(213, "Status:", lines, "End"), &actions)
    case .hash(let sum, let first, let last):
      reply(FTPReply(213, "\(hash.rawValue) \(first)-\(last) \(FTPText.hexadecimal(sum))"), &actions)
    default: reply(Self.done(verb), &actions)
    }
  }

  private static func passiveReply(_ verb: FTPVerb, _ endpoint: Endpoint) -> FTPReply {
    guard verb.name == "PASV" else { return FTPReply(229, "Entering Extended Passive Mode (|||\(endpoint.port)|)") }
    guard let argument = FTPHostPort.portArgument(endpoint) else { return FTPReply(.needsExtended(.v6)) }
    return FTPReply(227, "Entering Passive Mode (\(argument)).")
  }

  private static func done(_ verb: FTPVerb) -> FTPReply {
    switch verb.name {
    case "REIN": FTPReply(220, "Ready for a new user.")
    case "RNFR": FTPReply(350, "And the new name?")
    case "ABOR": FTPReply(226, "No transfer runs.")
    case "PORT", "EPRT": FTPReply(200, "Noted.")
    case "ALLO": FTPReply(200, "There is room for it.")
    case "SITE": FTPReply(200, "Done.")
    default: FTPReply(250, "Done.")
    }
  }
}
