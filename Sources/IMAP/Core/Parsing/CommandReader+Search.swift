/// SEARCH, SORT and THREAD (RFC 9051 §6.4.4, RFC 5256).
extension CommandReader {
  /// The most keys of one search.
  private static let maximumKeys = 1000

  /// Everything behind `SEARCH`.
  mutating func searchQuery() throws(CommandSyntaxError) -> SearchQuery {
    var query = SearchQuery(returns: nil, key: .all, unknownCharset: nil)
    try space()
    if accept(keyword: "RETURN") {
      try space()
      query.returns = try searchReturn()
      try space()
    }
    if accept(keyword: "CHARSET") {
      try space()
      query.unknownCharset = Self.unknown(try text("The charset is missing"))
      try space()
    }
    query.key = try searchProgram()
    try Self.checkRelevancy(query)
    return query
  }

  /// Relevancy is of loose matches alone (RFC 6203 §4).
  private static func checkRelevancy(_ query: SearchQuery, isSorted: Bool = false) throws(CommandSyntaxError) {
    if query.returns?.relevancy == true || isSorted, !query.key.mentionsFuzzy {
      throw CommandSyntaxError("RELEVANCY needs FUZZY")
    }
  }

  /// What a name stands for: the keys as they were stored.
  static func filter(_ text: [UInt8]) throws(CommandSyntaxError) -> SearchKey {
    var reader = CommandReader(text)
    let key = try reader.searchProgram()
    try reader.requireEnd()
    return key
  }

  /// The name, unless it is one of those that every text here is in.
  private static func unknown(_ charset: String) -> String? {
    ["US-ASCII", "ASCII", "UTF-8", "UTF8"].contains(charset.uppercased()) ? nil : charset
  }

  mutating func searchReturn() throws(CommandSyntaxError) -> SearchReturn {
    var result = SearchReturn()
    var isEmpty = true
    try list(allowsNone: true) { reader throws(CommandSyntaxError) in
      isEmpty = false
      switch try reader.keyword() {
      case "MIN": result.minimum = true
      case "MAX": result.maximum = true
      case "ALL": result.all = true
      case "COUNT": result.count = true
      case "SAVE": result.save = true
      case "RELEVANCY": result.relevancy = true
      case "CONTEXT": result.context = true
      case "UPDATE":
        result.update = true
        if reader.peek() == UInt8(ascii: " "), reader.peek(1) == UInt8(ascii: "(") {
          try reader.space()
          result.updateItems = try reader.fetchItems()
        }
      case "PARTIAL":
        try reader.space()
        result.partial = try reader.pageRange()
      default: throw CommandSyntaxError("There is no such thing to return")
      }
    }
    if isEmpty { result.all = true }
    if result.partial != nil, result.all { throw CommandSyntaxError("PARTIAL and ALL exclude each other") }
    return result
  }

  /// One or more keys, all of which must hold.
  mutating func searchProgram() throws(CommandSyntaxError) -> SearchKey {
    var budget = Self.maximumKeys
    let key = try searchKeys(&budget)
    return key
  }

  private mutating func searchKeys(_ budget: inout Int) throws(CommandSyntaxError) -> SearchKey {
    var keys: [SearchKey] = []
    repeat { keys.append(try searchKey(&budget)) } while accept(" ")
    return keys.count == 1 ? keys[0] : .and(keys)
  }

  private mutating func searchKey(_ budget: inout Int) throws(CommandSyntaxError) -> SearchKey {
    budget -= 1
    guard budget >= 0 else { throw CommandSyntaxError(refusal: "The search has too many keys", .limit) }
    if accept("(") {
      try enter()
      defer { leave() }
      let key = try searchKeys(&budget)
      try expect(")", "A list of keys has no end")
      return key
    }
    if let byte = peek(), (0x30...0x39).contains(byte) || byte == UInt8(ascii: "*") || byte == UInt8(ascii: "$") {
      return .sequence(try sequenceSet())
    }
    let word = try keyword("A search key is missing")
    if let key = Self.plainKeys[word] { return key }
    try space()
    switch word {
    case "NOT", "FUZZY":
      try enter()
      defer { leave() }
      let key = try searchKey(&budget)
      return word == "NOT" ? .not(key) : .fuzzy(key)
    case "OR":
      try enter()
      defer { leave() }
      let left = try searchKey(&budget)
      try space()
      return .or(left, try searchKey(&budget))
    default: return try keyWithValue(word)
    }
  }

  private static let plainKeys: [String: SearchKey] = [
    "ALL": .all, "ANSWERED": .flag(.answered, true), "DELETED": .flag(.deleted, true), "DRAFT": .flag(.draft, true),
    "FLAGGED": .flag(.flagged, true), "SEEN": .flag(.seen, true), "UNANSWERED": .flag(.answered, false),
    "UNDELETED": .flag(.deleted, false), "UNDRAFT": .flag(.draft, false), "UNFLAGGED": .flag(.flagged, false),
    "UNSEEN": .flag(.seen, false), "RECENT": .flag(.recent, true), "OLD": .flag(.recent, false),
    "NEW": .and([.flag(.recent, true), .flag(.seen, false)]), "SAVEDATESUPPORTED": .saveDateSupported,
  ]

  private mutating func keyWithValue(_ word: String) throws(CommandSyntaxError) -> SearchKey {
    switch word {
    case "FROM", "TO", "CC", "BCC", "SUBJECT": return .header(word, try searchText())
    case "HEADER":
      let name = try astring("A field's name is missing")
      guard !name.isEmpty, name.count <= 200 else { throw CommandSyntaxError("A field has no such name") }
      try space()
      return .header(String(decoding: name, as: UTF8.self), try searchText())
    case "BODY": return .body(try searchText())
    case "TEXT": return .text(try searchText())
    case "KEYWORD": return .flag(Flag(try atom("A keyword is missing")), true)
    case "UNKEYWORD": return .flag(Flag(try atom("A keyword is missing")), false)
    case "BEFORE": return .day(.stored, .before, try date())
    case "ON": return .day(.stored, .on, try date())
    case "SINCE": return .day(.stored, .since, try date())
    case "SENTBEFORE": return .day(.sent, .before, try date())
    case "SENTON": return .day(.sent, .on, try date())
    case "SENTSINCE": return .day(.sent, .since, try date())
    case "SAVEDBEFORE": return .day(.saved, .before, try date())
    case "SAVEDON": return .day(.saved, .on, try date())
    case "SAVEDSINCE": return .day(.saved, .since, try date())
    case "LARGER": return .larger(try number64())
    case "SMALLER": return .smaller(try number64())
    case "YOUNGER": return .younger(try positive())
    case "OLDER": return .older(try positive())
    case "UID": return .uid(try sequenceSet())
    case "UIDAFTER": return .uidAfter(try positive())
    case "UIDBEFORE": return .uidBefore(try positive())
    case "FILTER": return .filter(try filterName())
    case "MODSEQ": return .modSequence(try searchModSequence())
    case "EMAILID": return .emailID(try atom("An object's id is missing"))
    case "THREADID": return .threadID(try atom("An object's id is missing"))
    default: throw CommandSyntaxError("There is no such search key")
    }
  }

  private mutating func filterName() throws(CommandSyntaxError) -> String {
    let name = try atom("A filter's name is missing")
    guard name.utf8.count <= 200, !name.contains("/") else { throw CommandSyntaxError("A filter has no such name") }
    return name
  }

  private mutating func searchText() throws(CommandSyntaxError) -> [UInt8] {
    let value = try astring()
    guard value.count <= 2000 else { throw CommandSyntaxError(refusal: "A text to search for is too long", .limit) }
    return value
  }

  /// `620162338`, or with the entry's name and type, which change nothing here: `"/flags/\\draft" all 620162338`.
  private mutating func searchModSequence() throws(CommandSyntaxError) -> ModSequence {
    if peek() == UInt8(ascii: "\"") {
      _ = try string()
      try space()
      guard ["PRIV", "SHARED", "ALL"].contains(try keyword()) else {
        throw CommandSyntaxError("There is no such entry type")
      }
      try space()
    }
    return try number64()
  }

  // MARK: SORT and THREAD

  mutating func sortQuery() throws(CommandSyntaxError) -> SortQuery {
    try space()
    var returns: SearchReturn?
    if accept(keyword: "RETURN") {
      try space()
      returns = try searchReturn()
      try space()
    }
    var criteria: [SortCriterion] = []
    var isReversed = false
    try list { reader throws(CommandSyntaxError) in
      let word = try reader.keyword()
      if word == "REVERSE" {
        guard !isReversed else { throw CommandSyntaxError("REVERSE twice") }
        isReversed = true
        return
      }
      guard let field = SortCriterion.Field(rawValue: word) else { throw CommandSyntaxError("There is no such order") }
      criteria.append(SortCriterion(field: field, isReversed: isReversed))
      isReversed = false
      guard criteria.count <= 20 else { throw CommandSyntaxError("Too many orders") }
    }
    guard !isReversed, !criteria.isEmpty else { throw CommandSyntaxError("REVERSE needs an order") }
    try space()
    let charset = Self.unknown(try text("The charset is missing"))
    try space()
    let query = SearchQuery(returns: returns, key: try searchProgram(), unknownCharset: charset)
    try Self.checkRelevancy(query, isSorted: criteria.contains { $0.field == .relevancy })
    return SortQuery(criteria: criteria, search: query)
  }

  mutating func threadQuery() throws(CommandSyntaxError) -> ThreadQuery {
    try space()
    guard let algorithm = ThreadAlgorithm(rawValue: try keyword()) else {
      throw CommandSyntaxError("There is no such way to thread")
    }
    try space()
    let charset = Self.unknown(try text("The charset is missing"))
    try space()
    return ThreadQuery(
      algorithm: algorithm, search: SearchQuery(returns: nil, key: try searchProgram(), unknownCharset: charset))
  }
}
