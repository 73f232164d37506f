import SASLCore
import WireKit

/// Whole commands.
extension ServerSession {
  /// Words that HTTP begins with. A browser that was sent here by a hostile page gets no answer at all (ALPACA).
  private static let foreignWords: Set<String> = [
    "GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "PATCH", "TRACE", "DELETE", "PRI", "HOST:",
  ]

  /// Reads the command in the buffer and carries it out.
  mutating func run(now: MonotonicTime, into actions: inout Actions) {
    let bytes = buffer
    let head: CommandParser.Head
    do throws(CommandSyntaxError) {
      head = try CommandParser.head(of: bytes)
    } catch {
      if !isAuthenticated, isForeign(bytes) { return refuseForeign(into: &actions) }
      tag = CommandParser.tag(of: bytes) ?? [UInt8(ascii: "*")]
      complete(.bad("\(error.text)"), now: now, into: &actions)
      return
    }
    tag = head.tag
    verb = head.verb
    guard let row = Verb.table[head.verb] else {
      if !isAuthenticated, isForeign(bytes) { return refuseForeign(into: &actions) }
      complete(.bad("There is no such command"), now: now, into: &actions)
      return
    }
    tell(head, row, bytes, into: &actions)
    guard !row.states.isDisjoint(with: state) else {
      complete(.bad(Self.complaint(row, state)), now: now, into: &actions)
      return
    }
    let command: Command
    do throws(CommandSyntaxError) {
      if row.name == "APPEND" || row.name.hasSuffix("REPLACE") {
        // One with a message was taken on the way; this one has none, or only parts that the server has.
        return runAppendWithoutLiteral(row, head, now: now, into: &actions)
      }
      command = try CommandParser(isUTF8: enabled.hasUTF8Names).command(row, in: bytes, at: head.argumentsOffset)
    } catch {
      complete(Completion(error.isRefusal ? .no : .bad, error.code, "\(error.text)"), now: now, into: &actions)
      return
    }
    perform(command, now: now, into: &actions)
  }

  private static func complaint(_ row: Verb, _ state: SessionStates) -> String {
    if state == .notAuthenticated { return "Log in first" }
    return row.states == .selected ? "Select a mailbox first" : "Not in this state"
  }

  private func isForeign(_ bytes: [UInt8]) -> Bool {
    let word = bytes.prefix { $0 != UInt8(ascii: " ") }.prefix(10).map(\.asciiUppercase)
    return Self.foreignWords.contains(String(decoding: word, as: UTF8.self))
  }

  private mutating func refuseForeign(into actions: inout Actions) {
    actions.event(.refused("another protocol"))
    phase = .closed
    actions.close(.immediately)
  }

  /// Reports the command for those who watch, without its secrets and literals.
  private func tell(_ head: CommandParser.Head, _ row: Verb, _ bytes: [UInt8], into actions: inout Actions) {
    var line: [UInt8]
    switch row.name {
    case "LOGIN":
      line = Array(bytes.prefix(head.argumentsOffset)) + Array(" •••• ••••".utf8)
    case "AUTHENTICATE":
      // The mechanism is told, what follows is not.
      let rest = bytes.dropFirst(head.argumentsOffset + 1)
      let name = rest.prefix { $0 != UInt8(ascii: " ") }
      line = Array(bytes.prefix(head.argumentsOffset + 1)) + name.prefix(40)
      if name.count < rest.count { line += Array(" ••••".utf8) }
    default: line = Array(bytes.prefix(200))
    }
    if line.count < bytes.count, row.name != "LOGIN", row.name != "AUTHENTICATE" { line += Array("…".utf8) }
    actions.event(.received(line: line, meaning: row.meaning))
  }

  // MARK: Those that need nobody else

  private mutating func perform(_ command: Command, now: MonotonicTime, into actions: inout Actions) {
    switch command {
    case .capability:
      let words = capabilities
      actions.write("* CAPABILITY \(words)\r\n")
      complete(.ok("CAPABILITY completed"), now: now, into: &actions)
    case .logout:
      actions.write("* BYE Until next time\r\n")
      complete(.ok("LOGOUT completed"), now: now, into: &actions)
      if case .closed = phase { return }
      end(into: &actions)
    case .noop where state != .selected && !isListening: complete(.ok("NOOP completed"), now: now, into: &actions)
    case .id(let fields): identify(fields, now: now, into: &actions)
    case .startTLS: startTLS(now: now, into: &actions)
    case .logIn(let name, let password): logIn(name, password, now: now, into: &actions)
    case .authenticate(let name, let initial): authenticate(name, initial, now: now, into: &actions)
    case .enable(let names): enable(names, now: now, into: &actions)
    case .namespace:
      actions.write("* NAMESPACE ((\"\" \"/\")) ((\"#user/\" \"/\")) ((\"#shared/\" \"/\"))\r\n")
      complete(.ok("NAMESPACE completed"), now: now, into: &actions)
    case .idle: idle(now: now, into: &actions)
    case .compress: compress(now: now, into: &actions)
    default:
      if enabled.contains(.uidOnly), command.usesSequenceNumbers {
        complete(.bad("UIDs only, as was asked for", .uidRequired), now: now, into: &actions)
        return
      }
      noteCondstore(command)
      actions.setTimer(Self.progressTimer, at: now + configuration.limits.progress)
      phase = .working(ask(.command(command, tag: tag, enabled), into: &actions))
    }
  }

  private mutating func identify(_ fields: [IDField]?, now: MonotonicTime, into actions: inout Actions) {
    let version = configuration.version
    actions.write { output in
      output.append(contentsOf: "* ID (\"name\" \"Portside\" \"version\" ".utf8)
      output.append(string: Array(version.utf8))
      output.append(contentsOf: ")\r\n".utf8)
    }
    if let fields {
      func value(_ name: String) -> String {
        fields.first { $0.name.lowercased() == name }?.value.map { String($0.prefix(100)) } ?? ""
      }
      actions.event(.client(name: value("name"), version: value("version")))
    }
    complete(.ok("ID completed"), now: now, into: &actions)
  }

  private mutating func startTLS(now: MonotonicTime, into actions: inout Actions) {
    guard configuration.offersStartTLS, !configuration.isEncrypted else {
      complete(.bad("There is no STARTTLS here"), now: now, into: &actions)
      return
    }
    complete(.ok("Begin TLS now"), now: now, into: &actions)
    phase = .upgrading
    actions.startTLS()
  }

  /// ENABLE (RFC 5161): names that mean nothing here are passed over.
  private mutating func enable(_ names: [String], now: MonotonicTime, into actions: inout Actions) {
    var told: [String] = []
    for name in names {
      guard let extensions = EnabledExtensions(enabling: name) else { continue }
      if !enabled.isSuperset(of: extensions) {
        enabled.formUnion(extensions)
        told.append(Capability.table.first { $0.name.uppercased() == name }?.name ?? name)
      }
    }
    actions.write("* ENABLED\(told.map { " \($0)" }.joined())\r\n")
    complete(.ok("ENABLE completed"), now: now, into: &actions)
  }

  /// What a client asks for shows that it knows modification sequences (RFC 7162 §3.1).
  private mutating func noteCondstore(_ command: Command) {
    let uses: Bool =
      switch command {
      case .select(let arguments): arguments.condstore || arguments.resynchronise != nil
      case .status(_, let items): items.contains(.highestModSequence)
      case .fetch(_, let items, let modifiers, _): items.contains(.modSequence) || modifiers.changedSince != nil
      case .store(_, let arguments, _): arguments.unchangedSince != nil
      case .search(let query, _): query.key.mentionsModSequence
      case .multiSearch(let query): query.search.key.mentionsModSequence
      default: false
      }
    if uses { enabled.insert(.condstore) }
  }

  // MARK: IDLE

  private mutating func idle(now: MonotonicTime, into actions: inout Actions) {
    actions.write("+ idling\r\n")
    actions.setTimer(Self.idleTimer, at: now + configuration.limits.idleTime)
    actions.setTimer(Self.keepAliveTimer, at: now + configuration.limits.keepAlive)
    phase = .idling(state == .selected || isListening ? watch(isIdle: true, into: &actions) : nil)
  }

  mutating func watch(isIdle: Bool, into actions: inout Actions) -> Ticket {
    ask(.watch(enabled, isIdle: isIdle), into: &actions)
  }
}
