import ConsoleCore
import WireKit

/// Options, sub-negotiations and commands.
extension TelnetServerSession {
  static func makeOptions() -> OptionTable {
    OptionTable(
      offered: [.binary, .echo, .suppressGoAhead, .status, .endOfRecord, .charset],
      accepted: [
        .binary, .suppressGoAhead, .windowSize, .terminalType, .terminalSpeed, .flowControl, .lineMode,
        .displayLocation, .newEnvironment, .oldEnvironment, .charset, .endOfRecord,
      ])
  }

  mutating func askOurs(_ option: TelnetOption, isWanted: Bool = true, into actions: inout Actions) {
    if let (verb, option) = options.setOurs(option, isWanted) { say(verb, option, into: &actions) }
  }

  mutating func askTheirs(_ option: TelnetOption, into actions: inout Actions) {
    if let (verb, option) = options.setTheirs(option, true) { say(verb, option, into: &actions) }
  }

  func say(_ verb: NegotiationVerb, _ option: TelnetOption, into actions: inout Actions) {
    actions.write { TelnetEncoding.append(verb, option, to: &$0) }
    if isWatched { actions.event(.said("\(verb) \(option)")) }
  }

  func say(_ option: TelnetOption, _ content: [UInt8], _ words: String, into actions: inout Actions) {
    actions.write { TelnetEncoding.append(option, content, to: &$0) }
    if isWatched { actions.event(.said("SB \(option) \(words)")) }
  }

  /// A command, a negotiation or a sub-negotiation.
  mutating func heard(_ element: TelnetElement, now: MonotonicTime, into actions: inout Actions) {
    budget -= 1
    guard budget > 0 else { return end(.tooManyNegotiations, "", into: &actions) }
    switch element {
    case .data: break
    case .endless: end(.endlessSubnegotiation, "", into: &actions)
    case .command(let command):
      if isWatched { actions.event(.heard("\(command)")) }
      heard(command, into: &actions)
    case .negotiation(let verb, let option):
      if isWatched { actions.event(.heard("\(verb) \(option)")) }
      heard(verb, option, into: &actions)
    case .subnegotiation(let option, let content):
      if isWatched { actions.event(.heard("SB \(option) \(content.count) bytes")) }
      heard(option, content, into: &actions)
    }
  }

  private mutating func heard(_ command: TelnetCommand, into actions: inout Actions) {
    switch command {
    // RFC 854: some visible evidence that we are here.
    case .areYouThere: actions.write("\r\n[Portside is here]\r\n")
    case .interruptProcess, .break, .suspend, .abort: type(0x03, into: &actions)
    case .abortOutput:
      // The Synch that RFC 854 asks for; what is on its way has left our hands.
      type(0x03, into: &actions)
      actions.write { TelnetEncoding.append(.dataMark, to: &$0) }
    case .eraseCharacter: type(0x7F, into: &actions)
    case .eraseLine: type(0x15, into: &actions)
    case .endOfFile: type(0x04, into: &actions)
    default: break
    }
  }

  /// As if the key had been typed.
  private mutating func type(_ byte: UInt8, into actions: inout Actions) {
    switch stage {
    case .running(var program):
      var wanted = Program.Actions()
      if byte == 0x03 { program.interrupt(into: &wanted) } else { program.receive(byte, into: &wanted) }
      perform(wanted, program, into: &actions)
    case .asking(var dialogue):
      var output: [UInt8] = []
      let outcome = dialogue.receive(byte, into: &output)
      stage = .asking(dialogue)
      show(output, into: &actions)
      if case .abandoned = outcome { hangUp(into: &actions) }
    case .securing, .judging, .ended: break
    }
  }

  private mutating func heard(_ verb: NegotiationVerb, _ option: TelnetOption, into actions: inout Actions) {
    switch option {
    case .timingMark:
      // RFC 860: DO is answered each time, in its place in the stream; it is no state.
      if verb == .do { say(.will, option, into: &actions) }
      if verb == .will { say(.dont, option, into: &actions) }
      return
    case .startTLS where !security.isSecure: return heardTLS(verb, into: &actions)
    default: break
    }
    var answers: [(NegotiationVerb, TelnetOption)] = []
    let isTheirs = verb == .will || verb == .wont
    let change = options.heard(verb, option, into: &answers)
    for (verb, option) in answers { say(verb, option, into: &actions) }
    if options.isEmpty { updateTerminal(into: &actions) }
    if isTheirs {
      if change == .on { theirsBegan(option, into: &actions) }
      if change == .off, option == .lineMode {
        lineMode = LineMode()
        updateEcho(into: &actions)
      }
    } else {
      if option == .suppressGoAhead { wantsGoAhead = verb == .dont }
      if option == .echo { updateTerminal(into: &actions) }
      if option == .charset, change == .on {
        isCharsetPending = true
        say(.charset, Charset.question, "REQUEST UTF-8", into: &actions)
      }
    }
  }

  /// WILL START_TLS is an answer to our DO; the client then says FOLLOWS, and so do we, and TLS begins.
  private mutating func heardTLS(_ verb: NegotiationVerb, into actions: inout Actions) {
    switch verb {
    case .will where security.offersTLS:
      var answers: [(NegotiationVerb, TelnetOption)] = []
      if !awaitsTLS { askTheirs(.startTLS, into: &actions) }
      _ = options.heard(verb, .startTLS, into: &answers)
      awaitsTLS = true
    case .wont:
      var answers: [(NegotiationVerb, TelnetOption)] = []
      _ = options.heard(verb, .startTLS, into: &answers)
      if case .securing = stage {
        refusePlainText(into: &actions)
        stage = .ended
      }
    case .will: say(.dont, .startTLS, into: &actions)
    case .do: say(.wont, .startTLS, into: &actions)
    case .dont: break
    }
  }

  /// The client does something now: what is to be asked about it.
  private mutating func theirsBegan(_ option: TelnetOption, into actions: inout Actions) {
    let send: UInt8 = 1
    switch option {
    case .terminalType, .terminalSpeed, .displayLocation: say(option, [send], "SEND", into: &actions)
    case .newEnvironment, .oldEnvironment: say(option, Environment.question, "SEND", into: &actions)
    case .charset:
      // The side that WILL may ask: let it, and ask ourselves as well once it wants us to.
      askOurs(.charset, into: &actions)
    case .lineMode: say(option, [LineMode.mode, lineMode.mask], "MODE \(lineMode.mask)", into: &actions)
    default: break
    }
  }

  private mutating func heard(_ option: TelnetOption, _ content: [UInt8], into actions: inout Actions) {
    switch option {
    case .startTLS: return heardFollows(content, into: &actions)
    case .status where options.isOurs(.status) && content == [1]: return tellStatus(into: &actions)
    case .charset:
      if content.first == Charset.accepted || content.first == Charset.rejected { isCharsetPending = false }
      if let answer = Charset.answer(content, isOursPending: isCharsetPending) {
        say(option, answer, answer.first == Charset.accepted ? "ACCEPTED" : "REJECTED", into: &actions)
      }
      return
    default: break
    }
    guard options.isTheirs(option) else { return }
    switch option {
    case .windowSize:
      guard content.count == 4 else { return }
      terminal.columns = min(1000, Int(content[0]) << 8 | Int(content[1]))
      terminal.rows = min(1000, Int(content[2]) << 8 | Int(content[3]))
      updateTerminal(into: &actions)
    case .terminalType: heardTerminalType(content, into: &actions)
    case .newEnvironment, .oldEnvironment:
      guard content.first == Environment.isCommand || content.first == Environment.infoCommand else { return }
      environment.merge(Environment.variables(content.dropFirst())) { _, new in new }
    case .lineMode:
      let wasEditing = lineMode.isEditing
      for answer in lineMode.heard(content) { say(option, answer, "answer", into: &actions) }
      if lineMode.isEditing != wasEditing { updateEcho(into: &actions) }
    default: break
    }
  }

  private mutating func heardFollows(_ content: [UInt8], into actions: inout Actions) {
    let follows: UInt8 = 1
    guard awaitsTLS, content == [follows], !security.isSecure, security.offersTLS else { return }
    say(.startTLS, [follows], "FOLLOWS", into: &actions)
    actions.startTLS()
  }

  /// RFC 859: all that is on. SE inside stands doubled, so that it does not look like the end.
  private func tellStatus(into actions: inout Actions) {
    let isCommand: UInt8 = 0
    var content: [UInt8] = [isCommand]
    for (verb, option) in options.summary {
      content.append(verb.rawValue)
      content.append(option.rawValue)
      if option.rawValue == TelnetCommand.subnegotiationEnd.rawValue { content.append(option.rawValue) }
    }
    say(.status, content, "IS", into: &actions)
  }

  /// RFC 1091: the client names what it can be, one name each time, and the last one twice. We go on until there is one
  /// whose cursor we can move.
  private mutating func heardTerminalType(_ content: [UInt8], into actions: inout Actions) {
    let isCommand: UInt8 = 0
    guard content.first == isCommand, content.count > 1, content.count <= 41 else { return }
    let name = content.dropFirst()
    guard name.allSatisfy({ (0x21..<0x7F).contains($0) }) else { return }
    let type = String(decoding: name, as: UTF8.self).uppercased()
    let isRepeated = terminalTypes.last == type
    if !isRepeated, terminalTypes.count < 6 { terminalTypes.append(type) }
    let candidate = TerminalDescription(type: type)
    if terminal.type.isEmpty || !terminal.hasCursor && candidate.hasCursor { terminal.type = type }
    if !terminal.hasCursor, !isRepeated, terminalTypes.count < 6 {
      say(.terminalType, [1], "SEND", into: &actions)
    }
    updateTerminal(into: &actions)
  }

  // MARK: The terminal

  /// We show what is typed, unless the client edits lines by itself; and even then we take that over while something is
  /// typed that must not be seen.
  mutating func updateEcho(into actions: inout Actions) {
    let isHidden =
      switch stage {
      case .asking(let dialogue), .judging(let dialogue): dialogue.hidesInput
      case .running(let program): program.hidesInput
      case .securing, .ended: false
      }
    askOurs(.echo, isWanted: isHidden || !lineMode.isEditing, into: &actions)
    updateTerminal(into: &actions)
  }

  mutating func updateTerminal(into actions: inout Actions) {
    // A client that refuses each and every option is a script (netmiko and its kin): those know network devices, which
    // show what is typed all the same, and wait for it. RFC 857 would have us be silent.
    terminal.echoes = options.isOurs(.echo) && !lineMode.isEditing || options.isEmpty
    switch stage {
    case .running(var program):
      var wanted = Program.Actions()
      program.changed(terminal, into: &wanted)
      perform(wanted, program, into: &actions)
    case .asking(var dialogue):
      dialogue.changed(terminal)
      stage = .asking(dialogue)
    case .judging(var dialogue):
      dialogue.changed(terminal)
      stage = .judging(dialogue)
    case .securing, .ended: break
    }
  }
}
