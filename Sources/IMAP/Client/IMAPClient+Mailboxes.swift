import IMAPCore

/// The commands that a program needs that keeps a copy of mailboxes. All numbers are UIDs.
extension IMAPClient {
  /// A mailbox as SELECT shows it.
  public struct Selected: Sendable, Hashable {
    public var exists: UInt32 = 0
    public var uidValidity: UInt32 = 0
    public var uidNext: UInt32?
    /// `nil` where the server keeps none (RFC 7162).
    public var highestModSequence: UInt64?
    public var isReadOnly = false
    /// What came with it because of QRESYNC.
    public var vanished = NumberSet()
    public var changed: [Fetched] = []
  }

  /// What FETCH told of one message.
  public struct Fetched: Sendable, Hashable {
    public var uid: UInt32
    /// By their names as the server writes them, in upper case: `FLAGS`, `RFC822.SIZE`, `BODY[]`.
    public var items: [String: ResponseValue]

    public var flags: Set<String>? { items["FLAGS"].map { Set($0.elements.compactMap(\.text)) } }
    public var size: UInt64? { items["RFC822.SIZE"]?.number }
    public var modSequence: UInt64? { items["MODSEQ"]?.elements.first?.number }
    /// The whole message, where `BODY[]` was asked for.
    public var message: [UInt8]? { items["BODY[]"]?.bytes }

    init?(_ response: ServerResponse) {
      guard case .fetch(let number, let isUID, let items) = response else { return nil }
      guard let uid = isUID ? number : items["UID"]?.number.flatMap({ UInt32(exactly: $0) }) else { return nil }
      self.uid = uid
      self.items = items
    }
  }

  /// A command that must be answered by OK; what came with it.
  @discardableResult
  func ask(_ parts: [UInt8]...) async throws -> (responses: [ServerResponse], code: [ResponseValue]) {
    let answer = try await command(pieces: parts)
    guard answer.isOK else { throw Failure("the server said: \(answer.completion)") }
    let code: [ResponseValue]
    if case .state(_, let found, _)? = ServerResponse(Array("* \(answer.completion)".utf8)) {
      code = found
    } else {
      code = []
    }
    return (answer.untagged.compactMap { ServerResponse($0) }, code)
  }

  private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  private static func quoted(_ name: String) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(string: MailboxName(name).wire(isUTF8: false))
    return bytes
  }

  private static func wire(_ uids: NumberSet) -> [UInt8] {
    var bytes: [UInt8] = []
    uids.write(to: &bytes)
    return bytes
  }

  /// Switches extensions on; returns whether the server knows them all.
  @discardableResult
  public func enable(_ names: String...) async throws -> Bool {
    guard names.allSatisfy({ capabilities.contains($0.uppercased()) }) else { return false }
    try await ask(Self.bytes("ENABLE \(names.joined(separator: " "))"))
    return true
  }

  /// Mailboxes with their attributes.
  public func mailboxes(_ pattern: String = "*") async throws -> [(name: MailboxName, attributes: [String])] {
    try await ask(Self.bytes("LIST \"\" "), Self.quoted(pattern)).responses.compactMap { response in
      if case .list(let name, let attributes) = response { (name, attributes) } else { nil }
    }
  }

  /// Opens a mailbox. With `known` and QRESYNC enabled, what has happened since comes with it.
  public func select(
    _ name: String, readOnly: Bool = false, known: (uidValidity: UInt32, modSequence: UInt64)? = nil
  ) async throws -> Selected {
    var suffix = ""
    if let known {
      suffix = " (QRESYNC (\(known.uidValidity) \(known.modSequence)))"
    } else if capabilities.contains("CONDSTORE") {
      suffix = " (CONDSTORE)"
    }
    let (responses, code) = try await ask(
      Self.bytes(readOnly ? "EXAMINE " : "SELECT "), Self.quoted(name), Self.bytes(suffix))
    var selected = Selected()
    selected.isReadOnly = code.first?.text?.uppercased() == "READ-ONLY"
    for response in responses {
      switch response {
      case .exists(let count): selected.exists = count
      case .vanished(let uids, _): selected.vanished = uids
      case .fetch: if let message = Fetched(response) { selected.changed.append(message) }
      case .state(_, let code, _): Self.take(code, into: &selected)
      default: break
      }
    }
    guard selected.uidValidity > 0 else { throw Failure("the server told no UIDVALIDITY") }
    return selected
  }

  private static func take(_ code: [ResponseValue], into selected: inout Selected) {
    guard let name = code.first?.text?.uppercased(), code.count > 1 else { return }
    let number = code[1].number
    switch name {
    case "UIDVALIDITY": selected.uidValidity = number.flatMap { UInt32(exactly: $0) } ?? 0
    case "UIDNEXT": selected.uidNext = number.flatMap { UInt32(exactly: $0) }
    case "HIGHESTMODSEQ": selected.highestModSequence = number
    default: break
    }
  }

  /// FETCH of messages that are there, in the server's order. `set` as the protocol writes it: `1:*`.
  public func fetch(
    _ set: String, _ items: String, changedSince modSequence: UInt64? = nil
  ) async throws -> [Fetched] {
    let suffix = modSequence.map { " (CHANGEDSINCE \($0))" } ?? ""
    return try await ask(Self.bytes("UID FETCH \(set) (UID \(items))\(suffix)")).responses.compactMap { Fetched($0) }
  }

  /// The UIDs that a search finds, ascending.
  public func search(_ criteria: String) async throws -> [UInt32] {
    var result: [UInt32] = []
    for response in try await ask(Self.bytes("UID SEARCH \(criteria)")).responses {
      switch response {
      case .search(let uids): result += uids
      case .extendedSearch(let data):
        guard let set = data["ALL"]?.bytes.flatMap({ NumberSet(wire: $0) }) else { continue }
        for range in set.ranges { result += Array(range) }
      default: break
      }
    }
    return result.sorted()
  }

  /// Adds or takes away flags, in silence.
  public func store(_ uids: NumberSet, adding: Bool, _ flags: [String]) async throws {
    guard !uids.isEmpty else { return }
    let list = flags.joined(separator: " ")
    try await ask(Self.bytes("UID STORE "), Self.wire(uids), Self.bytes(" \(adding ? "+" : "-")FLAGS.SILENT (\(list))"))
  }

  public func copy(_ uids: NumberSet, to name: String) async throws {
    guard !uids.isEmpty else { return }
    try await ask(Self.bytes("UID COPY "), Self.wire(uids), Self.bytes(" "), Self.quoted(name))
  }

  /// Moves messages; by COPY and EXPUNGE where the server has no MOVE (RFC 6851).
  public func move(_ uids: NumberSet, to name: String) async throws {
    guard !uids.isEmpty else { return }
    guard capabilities.contains("MOVE") else {
      try await copy(uids, to: name)
      return try await remove(uids)
    }
    try await ask(Self.bytes("UID MOVE "), Self.wire(uids), Self.bytes(" "), Self.quoted(name))
  }

  /// Removes exactly these messages, which needs UIDPLUS (RFC 4315).
  public func remove(_ uids: NumberSet) async throws {
    guard !uids.isEmpty else { return }
    guard capabilities.contains("UIDPLUS") || capabilities.contains("IMAP4REV2") else {
      throw Failure("the server can't remove single messages")
    }
    try await store(uids, adding: true, ["\\Deleted"])
    try await ask(Self.bytes("UID EXPUNGE "), Self.wire(uids))
  }

  /// Puts a message, whose lines end by CRLF, into a mailbox. Its UID where the server tells it (RFC 4315).
  @discardableResult
  public func append(_ message: [UInt8], to name: String, flags: [String] = []) async throws -> UInt32? {
    let list = flags.joined(separator: " ")
    let isWaiting = !capabilities.contains("LITERAL+")
    let head =
      Self.bytes("APPEND ") + Self.quoted(name) + Self.bytes(" (\(list)) {\(message.count)\(isWaiting ? "" : "+")}\r\n")
    let (_, code) = isWaiting ? try await ask(head, message) : try await ask(head + message)
    guard code.first?.text?.uppercased() == "APPENDUID", code.count > 2 else { return nil }
    return code[2].number.flatMap { UInt32(exactly: $0) }
  }

  /// IDLE (RFC 2177): returns with what the server tells, or with nothing after `limit`.
  public func waitForNews(_ limit: Duration) async throws -> [ServerResponse] {
    guard capabilities.contains("IDLE") || capabilities.contains("IMAP4REV2") else {
      throw Failure("the server can't wait")
    }
    return try await idle(limit).compactMap { ServerResponse($0) }
  }
}
