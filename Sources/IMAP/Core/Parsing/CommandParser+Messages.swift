/// The commands about messages, rights and annotations.
extension CommandParser {
  func messages(_ verb: String, _ reader: inout CommandReader) throws(CommandSyntaxError) -> Command {
    let byUID = verb.hasPrefix("UID ")
    switch byUID ? String(verb.dropFirst(4)) : verb {
    case "EXPUNGE": return .expunge(try reader.sequenceSet())
    case "SEARCH": return .search(try query(&reader), byUID: byUID)
    case "SORT": return .sort(try sort(&reader), byUID: byUID)
    case "THREAD": return .thread(try thread(&reader), byUID: byUID)
    case "FETCH":
      let set = try reader.sequenceSet()
      try reader.space()
      let items = try reader.fetchItems()
      let modifiers = try reader.fetchModifiers()
      if modifiers.vanished, !byUID { throw CommandSyntaxError("VANISHED needs UID FETCH") }
      return .fetch(set, items, modifiers, byUID: byUID)
    case "STORE":
      let set = try reader.sequenceSet()
      try reader.space()
      return .store(set, try storeArguments(&reader), byUID: byUID)
    case "COPY", "MOVE":
      let set = try reader.sequenceSet()
      try reader.space()
      let name = try reader.mailbox(isUTF8: isUTF8)
      return verb.hasSuffix("COPY") ? .copy(set, name, byUID: byUID) : .move(set, name, byUID: byUID)
    default: throw CommandSyntaxError("There is no such command")
    }
  }

  // The space before the arguments has been read by whom calls; the readers of queries want it.
  private func query(_ reader: inout CommandReader) throws(CommandSyntaxError) -> SearchQuery {
    reader.unreadSpace()
    return try reader.searchQuery()
  }

  private func sort(_ reader: inout CommandReader) throws(CommandSyntaxError) -> SortQuery {
    reader.unreadSpace()
    return try reader.sortQuery()
  }

  private func thread(_ reader: inout CommandReader) throws(CommandSyntaxError) -> ThreadQuery {
    reader.unreadSpace()
    return try reader.threadQuery()
  }

  /// `(UNCHANGEDSINCE 7) +FLAGS.SILENT (\Seen)`
  private func storeArguments(_ reader: inout CommandReader) throws(CommandSyntaxError) -> StoreArguments {
    var unchangedSince: ModSequence?
    if reader.peek() == UInt8(ascii: "(") {
      try reader.list { reader throws(CommandSyntaxError) in
        guard try reader.keyword() == "UNCHANGEDSINCE" else { throw CommandSyntaxError("There is no such modifier") }
        try reader.space()
        unchangedSince = try reader.number64()
      }
      try reader.space()
    }
    let mode: StoreArguments.Mode = reader.accept("+") ? .add : reader.accept("-") ? .remove : .replace
    let word = try reader.keyword()
    guard word == "FLAGS" || word == "FLAGS.SILENT" else { throw CommandSyntaxError("There is no such thing to store") }
    try reader.space()
    let flags: [Flag]
    if reader.peek() == UInt8(ascii: "(") {
      flags = try reader.flagList()
    } else {
      var found = [try reader.flag()]
      while reader.accept(" ") { found.append(try reader.flag()) }
      flags = found
    }
    return StoreArguments(mode: mode, flags: flags, isSilent: word != "FLAGS", unchangedSince: unchangedSince)
  }

  // MARK: LIST

  func listArguments(_ reader: inout CommandReader) throws(CommandSyntaxError) -> ListArguments {
    var arguments = ListArguments()
    if reader.peek() == UInt8(ascii: "(") {
      arguments.isExtended = true
      try reader.list(allowsNone: true) { reader throws(CommandSyntaxError) in
        switch try reader.keyword() {
        case "SUBSCRIBED":
          arguments.selectSubscribed = true
          arguments.returnSubscribed = true
        case "REMOTE": arguments.selectRemote = true
        case "SPECIAL-USE":
          arguments.selectSpecialUse = true
          arguments.returnSpecialUse = true
        case "RECURSIVEMATCH": arguments.recursiveMatch = true
        default: throw CommandSyntaxError("There is no such selection")
        }
      }
      if arguments.recursiveMatch, !arguments.selectSubscribed, !arguments.selectSpecialUse {
        throw CommandSyntaxError("RECURSIVEMATCH needs something to match")
      }
      try reader.space()
    }
    arguments.reference = try reader.astring()
    try reader.space()
    if reader.peek() == UInt8(ascii: "(") {
      arguments.isExtended = true
      try reader.list(allowsNone: true) { reader throws(CommandSyntaxError) in
        arguments.patterns.append(try reader.listPattern())
        guard arguments.patterns.count <= 50 else { throw CommandSyntaxError("Too many patterns") }
      }
    } else {
      arguments.patterns = [try reader.listPattern()]
    }
    if reader.accept(" ") {
      guard reader.accept(keyword: "RETURN") else { throw CommandSyntaxError("RETURN is missing") }
      arguments.isExtended = true
      try reader.space()
      try returnOptions(&reader, &arguments)
    }
    return arguments
  }

  private func returnOptions(
    _ reader: inout CommandReader, _ arguments: inout ListArguments
  ) throws(CommandSyntaxError) {
    var result = arguments
    try reader.list(allowsNone: true) { reader throws(CommandSyntaxError) in
      switch try reader.keyword() {
      case "SUBSCRIBED": result.returnSubscribed = true
      case "CHILDREN": result.returnChildren = true
      case "SPECIAL-USE": result.returnSpecialUse = true
      case "MYRIGHTS": result.returnMyRights = true
      case "STATUS":
        try reader.space()
        result.returnStatus = try statusItems(&reader)
      case "METADATA":
        try reader.space()
        result.returnMetadata = try entryNames(&reader)
      default: throw CommandSyntaxError("There is no such thing to return")
      }
    }
    arguments = result
  }

  // MARK: Quota and rights

  func rights(_ verb: String, _ reader: inout CommandReader) throws(CommandSyntaxError) -> Command {
    switch verb {
    case "GETQUOTA": return .getQuota(try reader.text())
    case "SETQUOTA":
      let root = try reader.text()
      try reader.space()
      try reader.list(allowsNone: true) { reader throws(CommandSyntaxError) in
        _ = try reader.atom()
        try reader.space()
        _ = try reader.number64()
      }
      return .setQuota(root)
    default: break
    }
    let name = try reader.mailbox(isUTF8: isUTF8)
    switch verb {
    case "GETQUOTAROOT": return .getQuotaRoot(name)
    case "GETACL": return .getACL(name)
    case "MYRIGHTS": return .myRights(name)
    default: break
    }
    try reader.space()
    let identifier = try reader.text("An identifier is missing")
    guard !identifier.isEmpty, identifier.utf8.count <= 320 else {
      throw CommandSyntaxError("An identifier is missing")
    }
    switch verb {
    case "DELETEACL": return .deleteACL(name, identifier: identifier)
    case "LISTRIGHTS": return .listRights(name, identifier: identifier)
    default:
      try reader.space()
      return .setACL(name, identifier: identifier, rights: try reader.text("The rights are missing"))
    }
  }

  // MARK: Annotations

  /// `GETMETADATA "" /shared/comment`, `GETMETADATA (MAXSIZE 1024 DEPTH one) INBOX (/shared/comment)`; Some clients put the options last.
  func getMetadata(_ reader: inout CommandReader) throws(CommandSyntaxError) -> Command {
    var options = MetadataOptions()
    if reader.peek() == UInt8(ascii: "(") {
      try reader.list { reader throws(CommandSyntaxError) in
        switch try reader.keyword() {
        case "MAXSIZE":
          try reader.space()
          options.maximumSize = try reader.number64()
        case "DEPTH":
          try reader.space()
          switch try reader.keyword() {
          case "0": options.depth = .zero
          case "1": options.depth = .one
          case "INFINITY": options.depth = .infinity
          default: throw CommandSyntaxError("DEPTH is 0, 1 or infinity")
          }
        default: throw CommandSyntaxError("There is no such option")
        }
      }
      try reader.space()
    }
    let name = try annotated(&reader)
    try reader.space()
    let entries = reader.peek() == UInt8(ascii: "(") ? try entryNames(&reader) : [try entryName(&reader)]
    return .getMetadata(name, entries, options)
  }

  func setMetadata(_ reader: inout CommandReader) throws(CommandSyntaxError) -> Command {
    let name = try annotated(&reader)
    try reader.space()
    var entries: [MetadataEntry] = []
    try reader.list { reader throws(CommandSyntaxError) in
      let entry = try entryName(&reader)
      try reader.space()
      entries.append(MetadataEntry(name: entry, value: try reader.nstring()))
      guard entries.count <= 100 else { throw CommandSyntaxError("Too many entries") }
    }
    return .setMetadata(name, entries)
  }

  private func annotated(_ reader: inout CommandReader) throws(CommandSyntaxError) -> MailboxName? {
    let name = try reader.mailbox(isUTF8: isUTF8)
    return name.description.isEmpty ? nil : name
  }

  private func entryNames(_ reader: inout CommandReader) throws(CommandSyntaxError) -> [String] {
    var names: [String] = []
    try reader.list { reader throws(CommandSyntaxError) in
      names.append(try entryName(&reader))
      guard names.count <= 100 else { throw CommandSyntaxError("Too many entries") }
    }
    return names
  }

  /// Lower case, without wildcards (RFC 5464 §3.2).
  private func entryName(_ reader: inout CommandReader) throws(CommandSyntaxError) -> String {
    let name = try reader.astring("An entry's name is missing")
    guard name.first == UInt8(ascii: "/"), name.last != UInt8(ascii: "/"), name.count <= 1000,
      name.allSatisfy({ (0x20...0x7E).contains($0) && $0 != UInt8(ascii: "*") && $0 != UInt8(ascii: "%") })
    else { throw CommandSyntaxError("An entry has no such name") }
    return String(decoding: name.map(\.asciiLowercase), as: UTF8.self)
  }
}
