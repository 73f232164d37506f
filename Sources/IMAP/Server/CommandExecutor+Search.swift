import IMAPCore
import MessageCore
import Services

/// SEARCH, SORT and THREAD (RFC 9051 §6.4.4, RFC 5256).
extension CommandExecutor {
  /// What a search found.
  struct Found {
    /// In the order of the answer.
    var places: [Int]
    /// How well each of them matches; empty where nothing was asked for loosely.
    var scores: [UInt8] = []
    /// What it was resolved to.
    var key: SearchKey
    /// The lowest UID that was looked at, where a limit cut the search off (RFC 9738).
    var lowest: UInt32?
  }

  func search(
    _ query: SearchQuery, byUID: Bool, _ tag: [UInt8], _ enabled: EnabledExtensions
  ) async throws(IMAPFailure) -> CommandOutput {
    let found: Found
    do throws(IMAPFailure) {
      found = try await find(query, in: try selected(), refreshes: true)
    } catch {
      // A search that fails leaves nothing saved (RFC 5182 §2.1).
      if query.returns?.save == true { conversation.view?.savedResult = NumberSet() }
      throw error
    }
    var output = CommandOutput()
    if let returns = query.returns, returns.update {
      let view = try selected()
      if try mayFollow(tag, count: found.places.count, &output) {
        conversation.contexts.append(
          SearchContext(
            tag: tag, key: found.key, byUID: byUID, items: returns.updateItems,
            members: found.places.map { view.announced.messages[$0].uid }))
      }
    }
    return try await answer(query, found, isSort: false, byUID: byUID, tag, enabled, output)
  }

  /// The places of what a query means.
  func find(
    _ query: SearchQuery, in first: MailboxView, refreshes: Bool, isLimited: Bool = true
  ) async throws(IMAPFailure) -> Found {
    guard first.rights.contains(.read) else { throw .notPermitted }
    guard query.unknownCharset == nil else { throw IMAPFailure("That charset is unknown here", .badCharset) }
    let whole = try await substituteFilters(query.key)
    guard let key = first.resolve(whole) else { throw .badSet }
    var view = first
    if refreshes {
      await refresh()
      view = try selected()
    }
    var evaluator = SearchEvaluator(store: store, view: view, now: now)
    var found = Found(places: [], key: key)
    var candidates: [Int]?
    if isLimited, let limit = limits.messagesOfCommand {
      let all = SearchEvaluator.candidates(key, view)
      if all.count > limit {
        candidates = Array(all.suffix(limit))
        found.lowest = candidates?.first.map { view.announced.messages[$0].uid }
      }
    }
    found.places = try await evaluator.places(of: key, among: candidates, in: self)
    if key.mentionsFuzzy { found.scores = found.places.map { evaluator.scores[$0] ?? 100 } }
    return found
  }

  /// The answer to a SEARCH or SORT.
  private func answer(
    _ query: SearchQuery, _ found: Found, isSort: Bool, byUID: Bool, _ tag: [UInt8], _ enabled: EnabledExtensions,
    _ before: CommandOutput
  ) async throws(IMAPFailure) -> CommandOutput {
    let view = try selected()
    let uids = found.places.map { view.announced.messages[$0].uid }
    if query.returns?.save == true { save(query.returns, uids, isSort: isSort) }
    let numbers = byUID ? uids : found.places.map { UInt32(clamping: $0 + 1) }
    var response = SearchResponse(numbers: numbers, isUID: byUID, isSort: isSort)
    response.scores = found.scores
    if query.key.mentionsModSequence {
      response.modSequence = modSequence(query.returns, found.places, view)
    }
    var output = before
    output.write { bytes in
      if let returns = query.returns {
        if !(returns.save && returns.isSilent) { response.writeExtended(returns, tag: tag, to: &bytes) }
      } else if enabled.contains(.rev2), !isSort {
        // IMAP4rev2 knows the extended form alone.
        var returns = SearchReturn()
        returns.all = true
        response.writeExtended(returns, tag: tag, to: &bytes)
      } else {
        response.write(to: &bytes)
      }
    }
    await announce(&output, allowsExpunge: byUID, enabled)
    output.completion = .ok(
      "\(isSort ? "SORT" : "SEARCH") completed", found.lowest.map { messageLimit(reaching: $0) })
    return output
  }

  /// What `$` means from now on: with MIN or MAX alone, only those (RFC 5182 §2.4).
  private func save(_ returns: SearchReturn?, _ uids: [UInt32], isSort: Bool) {
    guard let returns else { return }
    var kept = uids
    if returns.minimum || returns.maximum, !returns.all, !returns.count {
      let first = isSort ? uids.first : uids.min()
      let last = isSort ? uids.last : uids.max()
      kept = [returns.minimum ? first : nil, returns.maximum ? last : nil].compactMap { $0 }
    } else if let page = returns.partial {
      kept = Array(uids[page.places(in: uids.count)])
    }
    conversation.view?.savedResult = NumberSet(UIDSet(kept).ranges)
  }

  private func modSequence(_ returns: SearchReturn?, _ places: [Int], _ view: MailboxView) -> UInt64? {
    var told = places
    if let returns, returns.minimum || returns.maximum, !returns.all, !returns.count, returns.partial == nil {
      told = [returns.minimum ? places.min() : nil, returns.maximum ? places.max() : nil].compactMap { $0 }
    }
    return told.map { view.message(at: $0).modSeq }.max()
  }

  // MARK: SORT

  func sort(
    _ query: SortQuery, byUID: Bool, _ tag: [UInt8], _ enabled: EnabledExtensions
  ) async throws(IMAPFailure) -> CommandOutput {
    var found = try await find(query.search, in: try selected(), refreshes: true)
    if found.lowest != nil { throw tooManyMessages() }
    let view = try selected()
    let messages = found.places.map { view.message(at: $0) }
    var digests: [MessageDigest?] = Array(repeating: nil, count: messages.count)
    if query.criteria.contains(where: \.field.needsDigest) { digests = try await self.digests(of: messages) }
    let keys = messages.indices.map { index in
      SortKeys(
        query.criteria, messages[index], digests[index], score: found.scores.isEmpty ? 100 : found.scores[index])
    }
    let order = messages.indices.sorted { left, right in
      keys[left].precedes(keys[right], query.criteria) || (keys[left] == keys[right] && left < right)
    }
    let places = found.places
    let scores = found.scores
    found.places = order.map { places[$0] }
    if !scores.isEmpty { found.scores = order.map { scores[$0] } }
    var output = CommandOutput()
    if let returns = query.search.returns, returns.update {
      // How well messages match changes with nothing that is told: such an order can't be kept.
      let isKept = !query.criteria.contains { $0.field == .relevancy }
      let count = isKept ? order.count : Int.max / 2
      if try mayFollow(tag, count: count, &output) {
        let sorted = order.map { (uid: messages[$0].uid, keys: keys[$0]) }
        conversation.contexts.append(
          SearchContext(
            tag: tag, key: found.key, byUID: byUID, items: returns.updateItems, criteria: query.criteria, sorted: sorted
          ))
      }
    }
    return try await answer(query.search, found, isSort: true, byUID: byUID, tag, enabled, output)
  }

  // MARK: THREAD

  func thread(
    _ query: ThreadQuery, byUID: Bool, _ enabled: EnabledExtensions
  ) async throws(IMAPFailure) -> CommandOutput {
    let found = try await find(query.search, in: try selected(), refreshes: true)
    if found.lowest != nil { throw tooManyMessages() }
    let view = try selected()
    let messages = found.places.map { view.message(at: $0) }
    let digests = try await digests(of: messages)
    let threads = Threading.threads(
      zip(messages, digests).map { Threading.Message($0, $1) }, by: query.algorithm)
    var output = CommandOutput()
    output.write { bytes in threads.write(to: &bytes) { uid in byUID ? uid : view.number(of: uid) ?? 0 } }
    await announce(&output, allowsExpunge: byUID, enabled)
    output.completion = .ok("THREAD completed")
    return output
  }
}

extension SortCriterion.Field {
  /// Whether it looks at what is kept beside the message.
  fileprivate var needsDigest: Bool {
    switch self {
    case .arrival, .size, .relevancy: false
    default: true
    }
  }
}

/// What a message is sorted by (RFC 5256 §3, RFC 5957).
struct SortKeys: Equatable {
  enum Value: Comparable {
    case number(Int64)
    case text([UInt8])

    static func < (left: Value, right: Value) -> Bool {
      switch (left, right) {
      case (.number(let left), .number(let right)): left < right
      case (.text(let left), .text(let right)): left.lexicographicallyPrecedes(right)
      case (.number, .text): true
      case (.text, .number): false
      }
    }
  }

  var values: [Value]

  /// Whether its message comes before another; false also where nothing decides.
  func precedes(_ other: SortKeys, _ criteria: [SortCriterion]) -> Bool {
    for (index, criterion) in criteria.enumerated() {
      let (one, two) = (values[index], other.values[index])
      if one == two { continue }
      return criterion.isReversed ? two < one : one < two
    }
    return false
  }

  init(_ criteria: [SortCriterion], _ message: MailMessage, _ digest: MessageDigest?, score: UInt8 = 100) {
    values = criteria.map { criterion in
      switch criterion.field {
      // The best first.
      case .relevancy: .number(-Int64(score))
      case .arrival: .number(message.internalSeconds)
      case .size: .number(message.size)
      case .date: .number(digest?.sent?.seconds ?? message.internalSeconds)
      case .subject: .text(Self.folded(digest?.baseSubject ?? ""))
      case .from: .text(Self.mailbox(digest?.envelope.from))
      case .to: .text(Self.mailbox(digest?.envelope.to))
      case .cc: .text(Self.mailbox(digest?.envelope.cc))
      case .displayFrom: .text(Self.display(digest?.envelope.from))
      case .displayTo: .text(Self.display(digest?.envelope.to))
      }
    }
  }

  private static func folded(_ text: String) -> [UInt8] { Array(text.lowercased().utf8) }

  /// The first address's local part.
  private static func mailbox(_ addresses: [Address]?) -> [UInt8] { folded(addresses?.first?.mailbox ?? "") }

  /// The first address's name, or the address where it has none.
  private static func display(_ addresses: [Address]?) -> [UInt8] {
    guard let first = addresses?.first else { return [] }
    if let name = first.displayName, !name.isEmpty { return folded(name) }
    return folded(first.addrSpec ?? first.mailbox ?? "")
  }
}
