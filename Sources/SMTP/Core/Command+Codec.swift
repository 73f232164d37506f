import SASLCore

extension Command {
  /// Why a line is no command.
  public enum Fault: Error, Sendable, Hashable {
    /// A word of another protocol.
    case foreign
    case unknown
    /// Known, and wrongly put.
    case syntax(Verb, SMTPReply)
  }

  /// Takes a line, without its line end, apart.
  public static func parse(_ line: [UInt8]) throws(Fault) -> Command {
    let word = line.prefix { $0 != 0x20 && $0 != 0x09 }
    let name = String(decoding: word, as: UTF8.self).uppercased()
    guard let verb = Verb(rawValue: name) else { throw Verb.foreign.contains(name) ? .foreign : .unknown }
    var arguments = line[word.endIndex...]
    while let first = arguments.first, first == 0x20 || first == 0x09 { arguments = arguments.dropFirst() }
    while let last = arguments.last, last == 0x20 || last == 0x09 { arguments = arguments.dropLast() }
    do throws(SMTPReply) { return try parse(verb, Array(arguments)) } catch { throw .syntax(verb, error) }
  }

  private static func parse(_ verb: Verb, _ arguments: [UInt8]) throws(SMTPReply) -> Command {
    switch verb {
    case .helo, .ehlo, .lhlo: return .hello(verb, name: try helloName(arguments))
    case .mail: return try mail(arguments)
    case .rcpt: return try recipient(arguments)
    case .bdat: return try chunk(arguments)
    case .auth: return try authenticate(arguments)
    case .data: return try bare(.data, arguments)
    case .rset: return try bare(.reset, arguments)
    case .quit: return try bare(.quit, arguments)
    case .starttls: return try bare(.startTLS, arguments)
    case .noop: return .noop
    case .vrfy: return .verify
    case .expn: return .expand
    case .help: return .help
    }
  }

  private static func bare(_ command: Command, _ arguments: [UInt8]) throws(SMTPReply) -> Command {
    guard arguments.isEmpty else { throw .syntax }
    return command
  }

  /// A domain, an address literal, or whatever printable word programs give themselves: refusing odd names refuses
  /// half of the world's printers.
  private static func helloName(_ arguments: [UInt8]) throws(SMTPReply) -> String {
    let word = arguments.prefix { $0 != 0x20 }
    guard (1...255).contains(word.count), let name = String(validating: word, as: UTF8.self),
      MailAddress.isPrintable(name)
    else { throw .syntax }
    return name
  }

  private static func chunk(_ arguments: [UInt8]) throws(SMTPReply) -> Command {
    let words = words(arguments)
    guard (1...2).contains(words.count), words[0].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      words[0].utf8.count <= 12, let size = Int64(words[0]), words.count == 1 || words[1].uppercased() == "LAST"
    else { throw .syntax }
    return .chunk(size: size, isLast: words.count == 2)
  }

  private static func authenticate(_ arguments: [UInt8]) throws(SMTPReply) -> Command {
    let words = words(arguments)
    guard (1...2).contains(words.count) else { throw .syntax }
    guard words.count == 2 else { return .authenticate(mechanism: words[0], initial: nil) }
    // "=" is an initial response of no bytes (RFC 4954 §4).
    guard words[1] != "=" else { return .authenticate(mechanism: words[0], initial: []) }
    guard let initial = Base64.decode(Array(words[1].utf8)) else { throw SMTPReply(501, "5.5.2", "Not base 64") }
    return .authenticate(mechanism: words[0], initial: initial)
  }

  private static func mail(_ arguments: [UInt8]) throws(SMTPReply) -> Command {
    let (path, rest) = try path(arguments, after: "FROM:")
    let sender: ReversePath
    switch path {
    case .null: sender = .null
    case .mailbox(let address): sender = .address(address)
    case .postmaster: throw .syntax
    }
    var parameters = MailParameters()
    for word in words(rest) {
      let (key, value) = try parameter(word)
      switch (key, value) {
      case ("SIZE", let value?):
        guard value.utf8.count <= 20, let size = Int64(value), size >= 0 else { throw .syntax }
        parameters.size = size
      case ("BODY", let value?):
        guard let body = MailParameters.Body(rawValue: value.uppercased()) else { throw .parameterUnknown }
        parameters.body = body
      case ("SMTPUTF8", nil): parameters.isUTF8 = true
      case ("RET", let value?):
        guard let returns = MailParameters.Return(rawValue: value.uppercased()) else { throw .syntax }
        parameters.returns = returns
      case ("ENVID", let value?):
        guard value.utf8.count <= 100, let text = XText.decode(value) else { throw .syntax }
        parameters.envelopeID = text
      case ("AUTH", let value?):
        guard value.utf8.count <= 500, let text = XText.decode(value) else { throw .syntax }
        parameters.submitter = text
      case ("REQUIRETLS", nil): parameters.requiresTLS = true
      case ("BY", let value?):
        guard let deliverBy = DeliverBy(value) else { throw .syntax }
        parameters.deliverBy = deliverBy
      case ("MT-PRIORITY", let value?):
        guard (1...2).contains(value.utf8.count), value.first != "+", let priority = Int(value), abs(priority) <= 9
        else { throw .syntax }
        parameters.priority = priority
      case ("HOLDFOR", let value?):
        guard value.utf8.count <= 9, let seconds = Int64(value), seconds >= 0 else { throw .syntax }
        parameters.holdSeconds = seconds
      default: throw .parameterUnknown
      }
    }
    return .mail(sender, parameters)
  }

  private static func recipient(_ arguments: [UInt8]) throws(SMTPReply) -> Command {
    let (path, rest) = try path(arguments, after: "TO:")
    var parameters = RecipientParameters()
    for word in words(rest) {
      let (key, value) = try parameter(word)
      switch (key, value) {
      case ("NOTIFY", let value?): parameters.notify = try notify(value)
      case ("ORCPT", let value?):
        guard value.utf8.count <= 500, let semicolon = value.firstIndex(of: ";"),
          let address = XText.decode(value[value.index(after: semicolon)...]),
          value[..<semicolon].utf8.allSatisfy({ PathParser.isAtomText($0) })
        else { throw .syntax }
        parameters.original = value[..<semicolon] + ";" + address
      default: throw .parameterUnknown
      }
    }
    switch path {
    case .null: throw .syntax
    case .postmaster: return .postmaster(parameters)
    case .mailbox(let address): return .recipient(.init(address, parameters))
    }
  }

  private static func notify(_ value: String) throws(SMTPReply) -> RecipientParameters.Notify {
    var notify: RecipientParameters.Notify = []
    for word in value.uppercased().split(separator: ",", omittingEmptySubsequences: false) {
      switch word {
      case "SUCCESS": notify.insert(.success)
      case "FAILURE": notify.insert(.failure)
      case "DELAY": notify.insert(.delay)
      case "NEVER": notify.insert(.never)
      default: throw .syntax
      }
    }
    guard !notify.contains(.never) || notify == .never else { throw .syntax }
    return notify
  }

  private static func path(
    _ arguments: [UInt8], after prefix: String
  ) throws(SMTPReply) -> (path: PathParser.Path, rest: [UInt8]) {
    guard String(decoding: arguments.prefix(prefix.utf8.count), as: UTF8.self).uppercased() == prefix else {
      throw .syntax
    }
    // A space behind the colon is against the RFC, and common.
    let rest = Array(arguments.dropFirst(prefix.utf8.count).drop { $0 == 0x20 })
    var parser = PathParser(rest)
    guard let path = parser.path() else { throw SMTPReply(501, "5.1.7", "Syntax error in the address") }
    let tail = Array(rest[parser.index...])
    guard tail.isEmpty || tail[0] == 0x20 else { throw SMTPReply(501, "5.1.7", "Syntax error in the address") }
    return (path, tail)
  }

  private static func parameter(_ word: String) throws(SMTPReply) -> (key: String, value: String?) {
    guard let equals = word.firstIndex(of: "=") else { return (word.uppercased(), nil) }
    let value = String(word[word.index(after: equals)...])
    guard !value.isEmpty else { throw .syntax }
    return (word[..<equals].uppercased(), value)
  }

  private static func words(_ bytes: [UInt8]) -> [String] {
    bytes.split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
  }
}
