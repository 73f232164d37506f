import IMAPCore
import MessageCore
import Services

/// ESEARCH, stored filters and UIDBATCHES (RFC 7377, 5466, 10022).
extension CommandExecutor {
  // MARK: ESEARCH

  func multiSearch(
    _ query: MultiSearchQuery, _ tag: [UInt8], _ enabled: EnabledExtensions
  ) async throws(IMAPFailure) -> CommandOutput {
    guard let returns = query.search.returns else { throw IMAPFailure(bad: "Nothing is to be returned") }
    if query.sources.contains(.selected), conversation.view == nil { throw .noneSelected }
    var output = CommandOutput()
    if query.sources.allSatisfy({ $0 == .selected }) {
      try await searchSelected(query.search, returns, tag, enabled, &output)
    } else {
      try await searchOthers(query, returns, tag, enabled, &output)
    }
    if conversation.view != nil { await announce(&output, allowsExpunge: true, enabled) }
    output.completion = output.completion ?? .ok("ESEARCH completed")
    return output
  }

  private func searchSelected(
    _ query: SearchQuery, _ returns: SearchReturn, _ tag: [UInt8], _ enabled: EnabledExtensions,
    _ output: inout CommandOutput
  ) async throws(IMAPFailure) {
    if returns.save || returns.update {
      // What is kept needs the selected mailbox's own way; it also answers where nothing is found.
      output = try await search(query, byUID: true, tag, enabled)
      return
    }
    let found = try await find(query, in: try selected(), refreshes: true)
    let view = try selected()
    tell(found, view, returns, query.key, tag, enabled, &output)
    if let lowest = found.lowest { output.completion = .ok("ESEARCH completed", messageLimit(reaching: lowest)) }
  }

  private func searchOthers(
    _ query: MultiSearchQuery, _ returns: SearchReturn, _ tag: [UInt8], _ enabled: EnabledExtensions,
    _ output: inout CommandOutput
  ) async throws(IMAPFailure) {
    let (entries, subscriptions) = try await directory.all()
    var budget = limits.messagesOfCommand ?? .max
    for entry in entries {
      let isSelected = entry.mailbox.id == conversation.view?.id
      let isMeant = query.sources.contains { source in
        source == .selected
          ? isSelected : source.includes(entry.name, isOwn: entry.mailbox.owner == account, subscriptions)
      }
      guard isMeant, entry.rights.isSuperset(of: [.lookup, .read]), entry.mailbox.count > 0 else { continue }
      guard entry.mailbox.count <= budget else {
        output.completion = .ok("Not all mailboxes were searched", .limit)
        return
      }
      if budget != .max { budget -= entry.mailbox.count }
      if isSelected {
        let found = try await find(query.search, in: try selected(), refreshes: true, isLimited: false)
        tell(found, try selected(), returns, query.search.key, tag, enabled, &output)
        continue
      }
      let id = entry.mailbox.id
      // One that goes meanwhile has nothing to find.
      guard let snapshot = try? await store.snapshot(of: id) else { continue }
      var view = MailboxView(entry.name, snapshot, isReadOnly: true, rights: entry.rights)
      view.isForeign = true
      let found = try await find(query.search, in: view, refreshes: false, isLimited: false)
      tell(found, view, returns, query.search.key, tag, enabled, &output)
      if Task.isCancelled { throw IMAPFailure("The search was given up") }
    }
  }

  /// One response for a mailbox in which something was found.
  private func tell(
    _ found: Found, _ view: MailboxView, _ returns: SearchReturn, _ key: SearchKey, _ tag: [UInt8],
    _ enabled: EnabledExtensions, _ output: inout CommandOutput
  ) {
    guard !found.places.isEmpty else { return }
    var response = SearchResponse(numbers: found.places.map { view.announced.messages[$0].uid }, isUID: true)
    response.mailbox = (view.name, view.announced.mailbox.uidValidity)
    response.scores = found.scores
    if key.mentionsModSequence { response.modSequence = found.places.map { view.message(at: $0).modSeq }.max() }
    output.write { response.writeExtended(returns, tag: tag, isUTF8: enabled.hasUTF8Names, to: &$0) }
  }

  // MARK: FILTER

  /// Filters may refer to filters so many times.
  private static let filterPasses = 5

  /// Puts what names stand for in their place.
  ///
  /// ```
  /// C: a007 SETMETADATA "" ("/private/filters/values/on-the-road" "OR SMALLER 5000 FROM \"boss@example.com\"")
  /// C: a008 SEARCH FILTER on-the-road SINCE 3-Dec-2002
  /// ```
  func substituteFilters(_ key: SearchKey) async throws(IMAPFailure) -> SearchKey {
    guard key.mentionsFilter else { return key }
    let values = try await annotations(nil)
    return try Self.substitute(key, values, passes: Self.filterPasses)
  }

  private static func substitute(
    _ key: SearchKey, _ values: [String: [UInt8]], passes: Int
  ) throws(IMAPFailure) -> SearchKey {
    switch key {
    case .filter(let name):
      let entry = asciiLowercased("filters/values/\(name)")
      guard passes > 0, let value = values["/private/\(entry)"] ?? values["/shared/\(entry)"],
        let stored = SearchKey(stored: value)
      else {
        throw IMAPFailure("There is no such filter, or it makes no sense", ResponseCode("UNDEFINED-FILTER \(name)"))
      }
      return try substitute(stored, values, passes: passes - 1)
    case .not(let inner): return .not(try substitute(inner, values, passes: passes))
    case .fuzzy(let inner): return .fuzzy(try substitute(inner, values, passes: passes))
    case .or(let left, let right):
      return .or(try substitute(left, values, passes: passes), try substitute(right, values, passes: passes))
    case .and(let keys):
      var result: [SearchKey] = []
      for key in keys { result.append(try substitute(key, values, passes: passes)) }
      return .and(result)
    default: return key
    }
  }

  // MARK: UIDBATCHES

  /// Smaller batches than this are refused, and more of them than that.
  private static let smallestBatch: UInt32 = 500
  private static let mostBatches = 100_000

  func uidBatches(
    _ batches: UIDBatches, _ tag: [UInt8], _ enabled: EnabledExtensions
  ) async throws(IMAPFailure) -> CommandOutput {
    guard batches.size >= Self.smallestBatch else {
      throw IMAPFailure("At least \(Self.smallestBatch) messages a batch", ResponseCode("TOOFEW"))
    }
    if let limit = limits.messagesOfCommand, batches.size > limit {
      throw IMAPFailure("At most \(limit) messages a batch", ResponseCode("TOOMANY"))
    }
    if let parts = batches.parts, parts.upperBound - parts.lowerBound >= Self.mostBatches {
      throw IMAPFailure("At most \(Self.mostBatches) batches at once", ResponseCode("TOOMANY"))
    }
    let view = try selected()
    let messages = view.announced.messages
    let size = Int(batches.size)
    var ranges: [String] = []
    var end = messages.count
    var high = messages.last?.uid ?? 0
    var number: UInt32 = 1
    while end > 0 {
      let start = max(0, end - size)
      // Together they leave no UID out, down to the first.
      let low = start == 0 ? 1 : messages[start].uid
      if batches.parts?.contains(number) ?? true { ranges.append("\(high):\(low)") }
      if let last = batches.parts?.upperBound, number >= last { break }
      (end, high, number) = (start, low &- 1, number + 1)
    }
    var output = CommandOutput()
    output.write { bytes in
      bytes.append(contentsOf: "* UIDBATCHES (TAG ".utf8)
      bytes.append(string: tag)
      bytes.append(contentsOf: ranges.isEmpty ? ")".utf8 : ") \(ranges.joined(separator: ","))".utf8)
      bytes.appendLineEnd()
    }
    await announce(&output, allowsExpunge: true, enabled)
    output.completion = .ok("UIDBATCHES completed")
    return output
  }
}

/// MESSAGELIMIT (RFC 9738): a command works on so many messages, those with the highest UIDs, and says where it stopped.
///
/// ```
/// C: 03 FETCH 10000:14589 (UID FLAGS)
/// S: * 14589 FETCH (FLAGS (\Seen) UID 25000)
/// S: * 14588 FETCH (FLAGS () UID 24998)
/// S: [...]
/// S: 03 OK [MESSAGELIMIT 1000 23221] FETCH completed, of the last 1000
/// ```
extension CommandExecutor {
  /// Those of some places that a command may work on, and the lowest UID of them where there were more.
  func limited(
    _ places: [Range<Int>], _ view: MailboxView
  ) -> (places: [Range<Int>], lowest: UInt32?) {
    let count = places.reduce(0) { $0 + $1.count }
    guard let limit = limits.messagesOfCommand, count > limit else { return (places, nil) }
    var kept: [Range<Int>] = []
    var room = limit
    for range in places.reversed() where room > 0 {
      let part = range.count > room ? range.upperBound - room..<range.upperBound : range
      kept.append(part)
      room -= part.count
    }
    kept.reverse()
    return (kept, kept.first.map { view.announced.messages[$0.lowerBound].uid })
  }

  func messageLimit(reaching lowest: UInt32) -> ResponseCode {
    ResponseCode("MESSAGELIMIT \(limits.messagesOfCommand ?? 0) \(lowest)")
  }

  /// For commands that do all or nothing.
  func tooManyMessages(reaching lowest: UInt32? = nil) -> IMAPFailure {
    let limit = limits.messagesOfCommand ?? 0
    let code = lowest.map { "MESSAGELIMIT \(limit) \($0)" } ?? "MESSAGELIMIT \(limit)"
    return IMAPFailure("That is more than \(limit) messages", ResponseCode(code))
  }
}
