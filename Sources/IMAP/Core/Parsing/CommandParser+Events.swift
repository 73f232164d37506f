/// NOTIFY, ESEARCH and what belongs to searches that go on (RFC 5465, 7377, 5267, 10022), and URLs that carry their permission
/// (RFC 4467).
extension CommandParser {
  /// Mailboxes that one command may name.
  private static let maximumMailboxes = 500
  private static let maximumURLs = 100

  func events(_ verb: String, _ reader: inout CommandReader) throws(CommandSyntaxError) -> Command {
    switch verb {
    case "NOTIFY": return .notify(try notify(&reader))
    case "ESEARCH": return .multiSearch(try multiSearch(&reader))
    case "CANCELUPDATE":
      var tags: [[UInt8]] = []
      repeat { tags.append(try reader.string("A tag is missing")) } while reader.accept(" ") && tags.count < 100
      return .cancelUpdate(tags)
    default:
      let size = try reader.positive("The size is missing")
      guard reader.accept(" ") else { return .uidBatches(UIDBatches(size: size, parts: nil)) }
      let first = try reader.positive()
      try reader.expect(":", "Batches are first:last")
      let last = try reader.positive()
      guard first <= last else { throw CommandSyntaxError("The last batch is before the first", .clientBug) }
      return .uidBatches(UIDBatches(size: size, parts: first...last))
    }
  }

  // MARK: NOTIFY

  private func notify(_ reader: inout CommandReader) throws(CommandSyntaxError) -> NotifyArguments? {
    switch try reader.keyword("SET or NONE is missing") {
    case "NONE": return nil
    case "SET": break
    default: throw CommandSyntaxError("NOTIFY is SET or NONE")
    }
    try reader.space()
    var arguments = NotifyArguments(tellsStatus: false, groups: [])
    if reader.accept(keyword: "STATUS") {
      arguments.tellsStatus = true
      try reader.space()
    }
    repeat {
      arguments.groups.append(try eventGroup(&reader))
      guard arguments.groups.count <= 100 else { throw CommandSyntaxError(refusal: "Too many groups", .limit) }
    } while reader.accept(" ")
    guard arguments.groups.filter(\.filter.isSelected).count <= 1 else {
      throw CommandSyntaxError("The selected mailbox twice")
    }
    return arguments
  }

  /// `(subtree Lists (MessageNew MessageExpunge))`. The list of events without its parentheses, as the RFC's own examples have it
  /// against its grammar, is taken as well.
  private func eventGroup(_ reader: inout CommandReader) throws(CommandSyntaxError) -> EventGroup {
    try reader.expect("(", "A group of events is a list")
    try reader.enter()
    defer { reader.leave() }
    var group = EventGroup(filter: try mailboxFilter(&reader), events: [], items: [])
    try reader.space()
    if reader.accept(keyword: "NONE") {
    } else if reader.accept("(") {
      repeat { try event(&reader, &group) } while reader.accept(" ")
      try reader.expect(")", "A list of events has no end")
    } else {
      repeat { try event(&reader, &group) } while reader.accept(" ")
    }
    try reader.expect(")", "A group of events has no end")
    if group.filter.isSelected, !group.events.isSubset(of: .messages) {
      throw CommandSyntaxError("The selected mailbox has events of messages alone")
    }
    let pair: NotifyEvents = [.messageNew, .messageExpunge]
    guard group.events.isDisjoint(with: .messages) || group.events.isSuperset(of: pair) else {
      throw CommandSyntaxError("MessageNew and MessageExpunge go together, and FlagChange with both")
    }
    return group
  }

  private func event(_ reader: inout CommandReader, _ group: inout EventGroup) throws(CommandSyntaxError) {
    guard let event = NotifyEvents(name: try reader.keyword("An event is missing")) else {
      let names = NotifyEvents.names.map(\.0).joined(separator: " ")
      throw CommandSyntaxError(refusal: "There is no such event here", ResponseCode("BADEVENT (\(names))"))
    }
    group.events.insert(event)
    guard event == .messageNew, reader.peek() == UInt8(ascii: " "), reader.peek(1) == UInt8(ascii: "(") else { return }
    try reader.space()
    group.items = try reader.fetchItems()
  }

  private func mailboxFilter(_ reader: inout CommandReader) throws(CommandSyntaxError) -> MailboxFilter {
    let word = try reader.keyword("Which mailboxes?")
    switch word {
    case "SELECTED": return .selected
    case "SELECTED-DELAYED": return .selectedDelayed
    case "INBOXES": return .inboxes
    case "PERSONAL": return .personal
    case "SUBSCRIBED": return .subscribed
    case "SUBTREE", "SUBTREE-ONE", "MAILBOXES":
      try reader.space()
      let names = try mailboxNames(&reader)
      return word == "SUBTREE" ? .subtree(names) : word == "MAILBOXES" ? .mailboxes(names) : .subtreeOne(names)
    default: throw CommandSyntaxError("There is no such choice of mailboxes")
    }
  }

  private func mailboxNames(_ reader: inout CommandReader) throws(CommandSyntaxError) -> [MailboxName] {
    guard reader.peek() == UInt8(ascii: "(") else { return [try reader.mailbox(isUTF8: isUTF8)] }
    var names: [MailboxName] = []
    let isUTF8 = isUTF8
    try reader.list { reader throws(CommandSyntaxError) in
      names.append(try reader.mailbox(isUTF8: isUTF8))
      guard names.count <= Self.maximumMailboxes else {
        throw CommandSyntaxError(refusal: "Too many mailboxes", .limit)
      }
    }
    return names
  }

  // MARK: ESEARCH

  private func multiSearch(_ reader: inout CommandReader) throws(CommandSyntaxError) -> MultiSearchQuery {
    var sources: [MailboxFilter] = []
    if reader.accept(keyword: "IN") {
      try reader.space()
      try reader.expect("(", "IN has a list")
      repeat {
        let filter = try mailboxFilter(&reader)
        guard filter != .selectedDelayed else { throw CommandSyntaxError("There is no such choice of mailboxes") }
        sources.append(filter)
        guard sources.count <= 100 else { throw CommandSyntaxError(refusal: "Too many mailboxes", .limit) }
      } while reader.accept(" ")
      try reader.expect(")", "IN's list has no end")
      try reader.space()
    }
    reader.unreadSpace()
    var search = try reader.searchQuery()
    if sources.isEmpty { sources = [.selected] }
    if search.returns == nil {
      var all = SearchReturn()
      all.all = true
      search.returns = all
    }
    let isSelectedAlone = sources.allSatisfy { $0 == .selected }
    if search.returns?.save == true || search.returns?.update == true, !isSelectedAlone {
      throw CommandSyntaxError("Only a search of the selected mailbox is saved or followed")
    }
    return MultiSearchQuery(sources: sources, search: search)
  }

  // MARK: URLs

  func urls(_ verb: String, _ reader: inout CommandReader) throws(CommandSyntaxError) -> Command {
    switch verb {
    case "GENURLAUTH":
      var requests: [URLRequest] = []
      repeat {
        let url = try reader.astring("A URL is missing")
        try reader.space()
        requests.append(URLRequest(url: url, mechanism: try reader.keyword("The mechanism is missing")))
        guard requests.count <= Self.maximumURLs else { throw CommandSyntaxError(refusal: "Too many URLs", .limit) }
      } while reader.accept(" ")
      return .makeURLs(requests)
    case "RESETKEY":
      let name = try reader.mailbox(isUTF8: isUTF8)
      var mechanisms: [String] = []
      while reader.accept(" "), mechanisms.count < 10 { mechanisms.append(try reader.keyword()) }
      return .resetURLKeys(name, mechanisms: mechanisms)
    default:
      var urls: [[UInt8]] = []
      repeat {
        urls.append(try reader.astring("A URL is missing"))
        guard urls.count <= Self.maximumURLs else { throw CommandSyntaxError(refusal: "Too many URLs", .limit) }
      } while reader.accept(" ")
      return .fetchURLs(urls)
    }
  }
}
