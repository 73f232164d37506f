/// Reads whole commands.
public struct CommandParser: Sendable {
  /// Whether the client has enabled UTF-8 for mailbox names.
  public var isUTF8 = false

  public init(isUTF8: Bool = false) { self.isUTF8 = isUTF8 }

  /// The tag and the verb at a command's front, as far as they can be read: a complaint needs the tag.
  public struct Head: Sendable, Hashable {
    public var tag: [UInt8]
    /// In upper case; `UID` and the word behind it are one: `UID FETCH`.
    public var verb: String
    /// Where the arguments begin: at a space or at the end.
    public var argumentsOffset: Int
  }

  /// The tag alone; `nil` where there is none.
  public static func tag(of bytes: [UInt8]) -> [UInt8]? {
    var reader = CommandReader(bytes)
    return try? reader.tag()
  }

  public static func head(of bytes: [UInt8]) throws(CommandSyntaxError) -> Head {
    var reader = CommandReader(bytes)
    let tag = try reader.tag()
    try reader.space()
    var verb = try reader.keyword("The command is missing")
    if verb == "UID" {
      try reader.space()
      verb = "UID " + (try reader.keyword("The command is missing"))
    }
    return Head(tag: tag, verb: verb, argumentsOffset: reader.offset)
  }

  /// The command behind a head whose verb stands in `Verb.table`.
  public func command(_ verb: Verb, in bytes: [UInt8], at offset: Int) throws(CommandSyntaxError) -> Command {
    var reader = CommandReader(bytes, from: offset)
    let command = try command(verb.name, &reader)
    try reader.requireEnd()
    return command
  }

  private func command(_ verb: String, _ reader: inout CommandReader) throws(CommandSyntaxError) -> Command {
    switch verb {
    case "CAPABILITY": return .capability
    case "NOOP": return .noop
    case "LOGOUT": return .logout
    case "STARTTLS": return .startTLS
    case "NAMESPACE": return .namespace
    case "IDLE": return .idle
    case "CHECK": return .check
    case "CLOSE": return .close
    case "UNSELECT": return .unselect
    case "EXPUNGE": return .expunge(nil)
    case "RESETKEY" where reader.isAtEnd: return .resetURLKeys(nil, mechanisms: [])
    default: break
    }
    try reader.space()
    switch verb {
    case "ID", "AUTHENTICATE", "LOGIN", "ENABLE", "COMPRESS": return try session(verb, &reader)
    case "SELECT", "EXAMINE", "CREATE", "DELETE", "RENAME", "SUBSCRIBE", "UNSUBSCRIBE", "STATUS":
      return try mailbox(verb, &reader)
    case "LIST": return .list(try listArguments(&reader))
    case "LSUB":
      var arguments = ListArguments()
      arguments.isLSUB = true
      arguments.selectSubscribed = true
      arguments.reference = try reader.astring()
      try reader.space()
      arguments.patterns = [try reader.listPattern()]
      return .list(arguments)
    case "GETQUOTA", "GETQUOTAROOT", "SETQUOTA", "GETACL", "SETACL", "DELETEACL", "LISTRIGHTS", "MYRIGHTS":
      return try rights(verb, &reader)
    case "NOTIFY", "ESEARCH", "CANCELUPDATE", "UIDBATCHES": return try events(verb, &reader)
    case "GENURLAUTH", "RESETKEY", "URLFETCH": return try urls(verb, &reader)
    case "GETMETADATA": return try getMetadata(&reader)
    case "SETMETADATA": return try setMetadata(&reader)
    default: return try messages(verb, &reader)
    }
  }

  private func session(_ verb: String, _ reader: inout CommandReader) throws(CommandSyntaxError) -> Command {
    switch verb {
    case "ID": return .id(try idFields(&reader))
    case "LOGIN":
      let name = try reader.astring("The name is missing")
      try reader.space()
      return .logIn(name: name, password: try reader.astring("The password is missing"))
    case "AUTHENTICATE":
      let mechanism = try reader.keyword("The mechanism is missing")
      guard reader.accept(" ") else { return .authenticate(mechanism: mechanism, initial: nil) }
      // `=` stands for an empty response (RFC 4959 §3).
      let initial = try reader.astring("The initial response is missing")
      return .authenticate(mechanism: mechanism, initial: initial)
    case "COMPRESS":
      guard try reader.keyword() == "DEFLATE" else {
        throw CommandSyntaxError("There is no such way to compress")
      }
      return .compress
    default:
      var names: [String] = []
      repeat {
        names.append(try reader.keyword("A capability is missing"))
      } while reader.accept(" ") && names.count < 50
      return .enable(names)
    }
  }

  private func idFields(_ reader: inout CommandReader) throws(CommandSyntaxError) -> [IDField]? {
    if reader.accept(keyword: "NIL") { return nil }
    var fields: [IDField] = []
    try reader.list(allowsNone: true) { reader throws(CommandSyntaxError) in
      let name = try reader.string("A field's name is missing")
      try reader.space()
      let value = try reader.nstring()
      guard fields.count < 30, name.count <= 30, (value?.count ?? 0) <= 1024 else {
        throw CommandSyntaxError("ID has at most 30 fields of 1,024 octets")
      }
      fields.append(
        IDField(name: String(decoding: name, as: UTF8.self), value: value.map { String(decoding: $0, as: UTF8.self) }))
    }
    return fields
  }

  private func mailbox(_ verb: String, _ reader: inout CommandReader) throws(CommandSyntaxError) -> Command {
    let name = try reader.mailbox(isUTF8: isUTF8)
    switch verb {
    case "SELECT", "EXAMINE":
      var arguments = SelectArguments(mailbox: name, isReadOnly: verb == "EXAMINE")
      if reader.accept(" ") { try selectParameters(&reader, &arguments) }
      return .select(arguments)
    case "CREATE": return .create(name, specialUse: try createParameters(&reader))
    case "DELETE": return .delete(name)
    case "SUBSCRIBE": return .subscribe(name, true)
    case "UNSUBSCRIBE": return .subscribe(name, false)
    case "RENAME":
      try reader.space()
      return .rename(name, try reader.mailbox(isUTF8: isUTF8))
    default:
      try reader.space()
      return .status(name, try statusItems(&reader))
    }
  }

  func statusItems(_ reader: inout CommandReader) throws(CommandSyntaxError) -> [StatusItem] {
    var items: [StatusItem] = []
    try reader.list { reader throws(CommandSyntaxError) in
      guard let item = StatusItem(rawValue: try reader.keyword()) else {
        throw CommandSyntaxError("There is no such status")
      }
      if !items.contains(item) { items.append(item) }
    }
    return items
  }

  private func selectParameters(
    _ reader: inout CommandReader, _ arguments: inout SelectArguments
  ) throws(CommandSyntaxError) {
    var result = arguments
    try reader.list { reader throws(CommandSyntaxError) in
      switch try reader.keyword() {
      case "CONDSTORE": result.condstore = true
      case "QRESYNC":
        try reader.space()
        result.resynchronise = try resynchronisation(&reader)
      default: throw CommandSyntaxError("There is no such parameter")
      }
    }
    arguments = result
  }

  /// `(67890007 20050715194045000 41,43:211 (1,5 41,45))`
  private func resynchronisation(
    _ reader: inout CommandReader
  ) throws(CommandSyntaxError) -> SelectArguments.Resynchronisation {
    try reader.expect("(", "QRESYNC has a list")
    try reader.enter()
    defer { reader.leave() }
    let validity = try reader.positive()
    try reader.space()
    var result = SelectArguments.Resynchronisation(uidValidity: validity, modSequence: try reader.number64())
    guard result.modSequence > 0 else { throw CommandSyntaxError("A modification sequence is not 0") }
    if reader.accept(" ") {
      if reader.peek() != UInt8(ascii: "(") {
        result.knownUIDs = try reader.sequenceSet()
        if reader.accept(" ") { result.match = try match(&reader) }
      } else {
        result.match = try match(&reader)
      }
    }
    try reader.expect(")", "QRESYNC's list has no end")
    return result
  }

  private func match(
    _ reader: inout CommandReader
  ) throws(CommandSyntaxError) -> SelectArguments.Resynchronisation.Match {
    try reader.expect("(", "QRESYNC's match is a list")
    let numbers = try reader.sequenceSet()
    try reader.space()
    let uids = try reader.sequenceSet()
    try reader.expect(")", "QRESYNC's match has no end")
    return .init(numbers: numbers, uids: uids)
  }

  /// ` (USE (\Drafts))` (RFC 6154 §3).
  private func createParameters(_ reader: inout CommandReader) throws(CommandSyntaxError) -> [String] {
    guard reader.accept(" ") else { return [] }
    var uses: [String] = []
    try reader.list { reader throws(CommandSyntaxError) in
      guard try reader.keyword() == "USE" else { throw CommandSyntaxError("There is no such parameter") }
      try reader.space()
      try reader.list(allowsNone: true) { reader throws(CommandSyntaxError) in
        try reader.expect("\\", "A use is missing")
        uses.append("\\" + (try reader.atom()))
      }
    }
    return uses
  }
}
