import WireKit

/// Data connections and transfers (RFC 959 §4.1.2 and §4.1.3, RFC 2428, RFC 3659 §5).
extension FTPServerSession {
  mutating func takeTransfer(_ verb: FTPVerb, _ command: FTPCommand, _ actions: inout Actions) -> Bool {
    switch verb.name {
    case "PASV", "EPSV": passive(verb, command, &actions)
    case "PORT", "EPRT": active(verb, command, &actions)
    case "TYPE": type(command, &actions)
    case "STRU":
      reply(command.words == ["F"] ? FTPReply(200, "Files it is.") : FTPReply(504, "STRU F alone."), &actions)
    case "MODE": mode(command, &actions)
    case "REST":
      guard let offset = FTPText.number(command.argument) else { return refused(501, "REST <offset>", &actions) }
      restart = offset
      range = nil
      reply(FTPReply(350, "Restarting at \(offset)."), &actions)
    case "RANG": range(command, &actions)
    case "ALLO":
      let words = command.words
      guard let first = words.first, let size = FTPText.number(first) else {
        return refused(501, "ALLO <bytes>", &actions)
      }
      announcedSize = size
      ask(.allocate(size), .command(verb), &actions)
    case "ABOR": abort(&actions)
    case "RETR", "STOR", "APPE", "STOU", "LIST", "NLST", "MLSD": transfer(verb, command, &actions)
    default: return false
    }
    return true
  }

  private mutating func passive(_ verb: FTPVerb, _ command: FTPCommand, _ actions: inout Actions) {
    guard verb.name == "EPSV" else {
      guard !wantsExtendedOnly else { return refuse(FTPReply(501, "You said EPSV ALL."), &actions) }
      return ask(.passive(.v4), .command(verb), &actions)
    }
    switch command.words.first {
    case nil: ask(.passive(nil), .command(verb), &actions)
    case "1": ask(.passive(.v4), .command(verb), &actions)
    case "2": ask(.passive(.v6), .command(verb), &actions)
    case "ALL":
      wantsExtendedOnly = true
      reply(FTPReply(200, "EPSV alone from now on."), &actions)
    default: refuse(FTPReply(522, "No such network protocol; use (1,2)."), &actions)
    }
  }

  private mutating func active(_ verb: FTPVerb, _ command: FTPCommand, _ actions: inout Actions) {
    guard !wantsExtendedOnly else { return refuse(FTPReply(501, "You said EPSV ALL."), &actions) }
    guard policy.allowsActive else { return refuse(FTPReply(502, "No active mode here; use EPSV."), &actions) }
    let endpoint: Endpoint?
    do throws(FTPHostPort.Refusal) {
      endpoint =
        verb.name == "PORT"
        ? command.text.flatMap { FTPHostPort.parsePort($0) } : try FTPHostPort.parseExtendedPort(command.text ?? "")
    } catch {
      if error == .unknownFamily { return refuse(FTPReply(522, "No such network protocol; use (1,2)."), &actions) }
      endpoint = nil
    }
    guard let endpoint else { return refuse(FTPReply(501, "\(verb.name) \(verb.rule.syntax)"), &actions) }
    guard endpoint.port >= 1024 else { return refuse(FTPReply(.forbiddenAddress), &actions) }
    ask(.active(endpoint), .command(verb), &actions)
  }

  private mutating func type(_ command: FTPCommand, _ actions: inout Actions) {
    switch command.words {
    case ["A"], ["A", "N"]:
      isText = true
      reply(FTPReply(200, "Text."), &actions)
    case ["I"], ["L", "8"]:
      isText = false
      reply(FTPReply(200, "Bytes as they are."), &actions)
    default: refuse(FTPReply(504, "TYPE A, TYPE I or TYPE L 8"), &actions)
    }
  }

  private mutating func mode(_ command: FTPCommand, _ actions: inout Actions) {
    switch command.words {
    case ["S"]:
      compression = nil
      reply(FTPReply(200, "Stream."), &actions)
    case ["Z"]:
      compression = compressionLevel
      reply(FTPReply(200, "Deflate."), &actions)
    default: refuse(FTPReply(504, "MODE S or MODE Z"), &actions)
    }
  }

  /// `RANG first last`, both included; `RANG 1 0` takes it back (draft-bryan-ftp-range).
  private mutating func range(_ command: FTPCommand, _ actions: inout Actions) {
    let words = command.words
    guard words.count == 2, let first = FTPText.number(words[0]), let last = FTPText.number(words[1]) else {
      return refuse(FTPReply(501, "RANG <first> <last>"), &actions)
    }
    restart = 0
    if first == 1, last == 0 {
      range = nil
      return reply(FTPReply(350, "The whole file."), &actions)
    }
    guard first <= last else { return refuse(FTPReply(501, "RANG <first> <last>"), &actions) }
    range = (first, last)
    reply(FTPReply(350, "From \(first) to \(last)."), &actions)
  }

  private mutating func transfer(_ verb: FTPVerb, _ command: FTPCommand, _ actions: inout Actions) {
    if isEncrypted || wasCleared, policy.requiresProtectedData, !protectsData {
      return refuse(FTPReply(522, "PROT P first: data connections must be encrypted."), &actions)
    }
    let path = command.argument
    // In text, an offset of the wire is no offset of the file.
    if isText, restart > 0 || range != nil, ["RETR", "STOR"].contains(verb.name) {
      forgetTransfer()
      return refuse(FTPReply(504, "Restarts and ranges need TYPE I."), &actions)
    }
    let content: FTPTransfer.Content
    switch verb.name {
    case "RETR": content = .retrieve(path, from: range?.first ?? restart, through: range?.last)
    case "STOR": content = .store(path, at: range?.first ?? restart)
    case "APPE": content = .append(path)
    case "STOU": content = .storeUnique(path.isEmpty ? nil : path)
    case "MLSD": content = .list(path.isEmpty ? nil : path, .facts(facts))
    default:
      let path = Self.withoutFlags(path)
      content = .list(path.isEmpty ? nil : path, verb.name == "NLST" ? .names : .long)
    }
    let isListing = if case .list = content { true } else { false }
    let transfer = FTPTransfer(
      content, isText: isText && !isListing, compression: compression, isProtected: protectsData,
      announcedSize: announcedSize)
    forgetTransfer()
    abortRequested = false
    ask(.begin(transfer), .begin(verb), &actions)
  }

  /// LIST and NLST with flags for `ls`, which many clients send.
  static func withoutFlags(_ argument: [UInt8]) -> [UInt8] {
    var rest = FTPText.trimmed(argument)[...]
    while rest.first == 0x2D {
      rest = rest.drop { $0 != 0x20 }.drop { $0 == 0x20 }
    }
    return Array(rest)
  }

  private mutating func abort(_ actions: inout Actions) {
    switch waiting {
    case .begin, .run:
      abortRequested = true
      if case .run = waiting { actions.cancel(ticket) }
    default: ask(.abandonData, .command(FTPVerb("ABOR" as StaticString)), &actions)
    }
  }

  // MARK: Answers

  mutating func finishBegin(_ verb: FTPVerb, _ outcome: FTPOutcome, _ actions: inout Actions) {
    guard case .began(let size, let name) = outcome else {
      if case .failed(let failure) = outcome { reply(FTPReply(failure), &actions) }
      return finishTransfer(&actions)
    }
    if let name {
      // RFC 1123 §4.1.2.9 has this form, which clients read the name from.
      reply(FTPReply(150, lines: [Array("FILE: ".utf8) + name]), &actions)
    } else {
      reply(FTPReply(150, size.map { "Here it comes (\($0) bytes)." } ?? "Ready for the data connection."), &actions)
    }
    ask(.run, .run(verb), &actions)
    if abortRequested { actions.cancel(ticket) }
  }

  mutating func finishRun(_ outcome: FTPOutcome, _ actions: inout Actions) {
    switch outcome {
    case .transferred: reply(FTPReply(226, "Transfer complete."), &actions)
    case .failed(let failure): reply(FTPReply(failure), &actions)
    default: reply(FTPReply(.local), &actions)
    }
    finishTransfer(&actions)
  }

  private mutating func finishTransfer(_ actions: inout Actions) {
    if abortRequested { reply(FTPReply(226, "ABOR done."), &actions) }
    abortRequested = false
  }
}
