/// Runs a script over a message (RFC 5228 §2.10), in bounded time: a script has no loops.
public struct SieveInterpreter<Message: SieveMessage> {
  private static var maximumRedirects: Int { 5 }
  private static var maximumActions: Int { 32 }
  private static var maximumVariable: Int { 4096 }

  private struct Stop: Error {}

  private let message: Message
  private var outcome = SieveOutcome()
  private var isKept = true
  private var variables: [String: String] = [:]
  private var captures: [String] = []
  private var flags: [String] = []

  private init(_ message: Message) { self.message = message }

  /// What the script wants done. Without another action, and where something goes wrong, the message is kept.
  public static func run(_ script: SieveScript, on message: Message) -> SieveOutcome {
    var interpreter = SieveInterpreter(message)
    do { try interpreter.run(script.commands) } catch {}
    if interpreter.isKept { interpreter.outcome.actions.append(.keep(flags: interpreter.flags)) }
    return interpreter.outcome
  }

  private mutating func run(_ commands: [SieveCommand]) throws {
    var isDecided = false
    for command in commands {
      switch command.name {
      case "if": isDecided = try branch(command)
      case "elsif": if !isDecided { isDecided = try branch(command) }
      case "else": if !isDecided { try run(command.block ?? []) }
      case "stop": throw Stop()
      default: perform(command)
      }
    }
  }

  private mutating func branch(_ command: SieveCommand) throws -> Bool {
    guard let test = command.tests.first, judge(test) else { return false }
    try run(command.block ?? [])
    return true
  }

  // MARK: Actions

  private mutating func perform(_ command: SieveCommand) {
    guard outcome.actions.count < Self.maximumActions else {
      outcome.fault = "too many actions"
      return
    }
    let arguments = command.arguments
    let first = expand(arguments.strings(at: 0)?.first ?? "")
    let isCopy = arguments.tags.contains("copy")
    let flags = arguments.strings(of: "flags").map { Self.split($0.map { expand($0) }) } ?? flags
    switch command.name {
    case "keep":
      outcome.actions.append(.keep(flags: flags))
      isKept = false
    case "discard": isKept = false
    case "fileinto":
      outcome.actions.append(.file(mailbox: first, flags: flags, creates: arguments.tags.contains("create")))
      if !isCopy { isKept = false }
    case "redirect":
      let count = outcome.actions.count { if case .redirect = $0 { true } else { false } }
      guard count < Self.maximumRedirects else { return outcome.fault = "too many redirects" }
      outcome.actions.append(.redirect(to: first))
      if !isCopy { isKept = false }
    case "reject", "ereject":
      outcome.actions.append(.reject(reason: first))
      isKept = false
    case "vacation": vacation(arguments, first)
    case "set": set(arguments)
    case "setflag", "addflag", "removeflag": changeFlags(command.name, arguments)
    default: break
    }
  }

  private mutating func vacation(_ arguments: SieveArguments, _ reason: String) {
    let subject = arguments.strings(of: "subject")?.first.map { expand($0) }
    let from = arguments.strings(of: "from")?.first.map { expand($0) }
    let days = min(max(arguments.number(of: "days") ?? 7, 1), 365)
    let seconds = arguments.number(of: "seconds").map { min(max($0, 60), 365 * 86_400) } ?? days * 86_400
    outcome.actions.append(
      .vacation(
        SieveVacation(
          reason: reason, subject: subject, from: from,
          addresses: arguments.strings(of: "addresses")?.map { expand($0) } ?? [],
          handle: arguments.strings(of: "handle")?.first ?? "\(subject ?? "")\u{0}\(from ?? "")\u{0}\(reason)",
          seconds: seconds, isMIME: arguments.tags.contains("mime"))))
  }

  /// RFC 5229 §4: modifiers are applied by their precedence, the highest first.
  private mutating func set(_ arguments: SieveArguments) {
    guard let name = arguments.strings(at: 0)?.first?.lowercased(), var value = arguments.strings(at: 1)?.first,
      variables.count < 128 || variables[name] != nil
    else { return }
    value = expand(value)
    let tags = arguments.tags
    if tags.contains("lower") { value = value.lowercased() }
    if tags.contains("upper") { value = value.uppercased() }
    if tags.contains("lowerfirst") { value = value.prefix(1).lowercased() + value.dropFirst() }
    if tags.contains("upperfirst") { value = value.prefix(1).uppercased() + value.dropFirst() }
    if tags.contains("quotewildcard") {
      value = value.reduce(into: "") { $0 += "*?\\".contains($1) ? "\\\($1)" : "\($1)" }
    }
    if tags.contains("length") { value = String(value.unicodeScalars.count) }
    variables[name] = Self.cut(value)
  }

  /// RFC 5232: the flags of what is kept or filed from here on.
  private mutating func changeFlags(_ name: String, _ arguments: SieveArguments) {
    let lists = arguments.positional
    // With two lists the first names a variable.
    let variable = lists.count == 2 ? arguments.strings(at: 0)?.first?.lowercased() : nil
    let given = Self.split((arguments.strings(at: lists.count - 1) ?? []).map { expand($0) })
    var current = variable.map { Self.split([variables[$0] ?? ""]) } ?? flags
    switch name {
    case "setflag": current = given
    case "addflag": current += given.filter { flag in !current.contains { $0.lowercased() == flag.lowercased() } }
    default: current.removeAll { flag in given.contains { $0.lowercased() == flag.lowercased() } }
    }
    current = Array(current.prefix(64))
    if let variable { variables[variable] = current.joined(separator: " ") } else { flags = current }
  }

  private static func split(_ flags: [String]) -> [String] {
    var list: [String] = []
    for flag in flags.flatMap({ $0.split(separator: " ").map(String.init) })
    where !list.contains(where: { $0.lowercased() == flag.lowercased() }) { list.append(flag) }
    return list
  }

  // MARK: Tests

  private mutating func judge(_ test: SieveTest) -> Bool {
    let arguments = test.arguments
    switch test.name {
    case "true": return true
    case "not": return test.tests.first.map { !judge($0) } ?? false
    case "allof":
      for inner in test.tests where !judge(inner) { return false }
      return true
    case "anyof":
      for inner in test.tests where judge(inner) { return true }
      return false
    case "exists": return (strings(arguments, 0)).allSatisfy { !message.header($0).isEmpty }
    case "size":
      guard case .number(let limit) = arguments.positional.first else { return false }
      return arguments.tags.contains("over") ? message.size > limit : message.size < limit
    case "header":
      return match(arguments, strings(arguments, 0).flatMap { select(message.header($0), arguments) }, 1)
    case "address":
      let addresses = strings(arguments, 0).flatMap { select(message.addresses($0), arguments) }
      return match(arguments, addresses.compactMap { part(of: $0, arguments) }, 1)
    case "envelope":
      let values = strings(arguments, 0).flatMap { name -> [String] in
        switch name.lowercased() {
        case "from": [message.envelopeFrom]
        case "to": [message.envelopeTo]
        default: []
        }
      }
      return match(arguments, values.compactMap { part(of: $0, arguments) }, 1)
    case "body": return match(arguments, [arguments.tags.contains("raw") ? message.raw() : message.text()], 0)
    case "string": return match(arguments, strings(arguments, 0), 1)
    case "hasflag":
      let names = arguments.positional.count == 2 ? strings(arguments, 0).map { $0.lowercased() } : []
      let values = names.isEmpty ? flags : names.flatMap { Self.split([variables[$0] ?? ""]) }
      return match(arguments, values, names.isEmpty ? 0 : 1)
    case "currentdate":
      return match(arguments, [SieveDate.part(strings(arguments, 0).first ?? "", of: message.now, arguments)], 1)
    case "date":
      guard let field = strings(arguments, 0).first, let value = select(message.header(field), arguments).first,
        let seconds = SieveDate.seconds(of: value)
      else { return false }
      return match(arguments, [SieveDate.part(strings(arguments, 1).first ?? "", of: seconds, arguments)], 2)
    case "mailboxexists": return strings(arguments, 0).allSatisfy { message.hasMailbox($0) }
    default: return false
    }
  }

  private func strings(_ arguments: SieveArguments, _ index: Int) -> [String] {
    (arguments.strings(at: index) ?? []).map { expand($0) }
  }

  /// RFC 5260 §6: one of several fields of the name.
  private func select(_ values: [String], _ arguments: SieveArguments) -> [String] {
    guard let index = arguments.number(of: "index"), index > 0, index <= values.count else {
      return arguments.number(of: "index") == nil ? values : []
    }
    return [values[arguments.tags.contains("last") ? values.count - Int(index) : Int(index) - 1]]
  }

  private mutating func match(_ arguments: SieveArguments, _ values: [String], _ keys: Int) -> Bool {
    let matcher = SieveMatcher(arguments)
    let result = matcher.matches(values, strings(arguments, keys))
    if let found = result.captures { captures = found }
    return result.isMatch
  }

  private func part(of address: String, _ arguments: SieveArguments) -> String? {
    let tags = arguments.tags
    let at = address.lastIndex(of: "@")
    let local = at.map { String(address[..<$0]) } ?? address
    if tags.contains("domain") { return at.map { String(address[address.index(after: $0)...]) } ?? "" }
    if tags.contains("localpart") { return local }
    let plus = local.firstIndex(of: "+")
    if tags.contains("user") { return plus.map { String(local[..<$0]) } ?? local }
    if tags.contains("detail") { return plus.map { String(local[local.index(after: $0)...]) } }
    return address
  }

  // MARK: Variables

  /// `${name}` and `${1}` (RFC 5229 §3); what is no such thing stays as it is.
  private func expand(_ text: String) -> String {
    guard text.contains("${") else { return text }
    var output = ""
    var rest = text[...]
    while let start = rest.firstRange(of: "${") {
      output += rest[..<start.lowerBound]
      let behind = rest[start.upperBound...]
      guard let end = behind.firstIndex(of: "}"), let value = value(of: behind[..<end].lowercased()) else {
        output += "${"
        rest = behind
        continue
      }
      output += value
      rest = behind[behind.index(after: end)...]
    }
    return Self.cut(output + rest)
  }

  private func value(of name: String) -> String? {
    if let number = Int(name) { return number >= 0 ? (number < captures.count ? captures[number] : "") : nil }
    guard let first = name.first, first.isLetter || first == "_",
      name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") })
    else { return nil }
    return variables[name] ?? ""
  }

  private static func cut(_ text: String) -> String {
    text.utf8.count <= maximumVariable ? text : String(text.prefix(maximumVariable / 4))
  }
}
