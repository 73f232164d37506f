import IMAPCore
import MessageCore
import Services

/// SEARCH, SORT and THREAD (RFC 9051 §6.4.4, RFC 5256).
extension CommandExecutor {
  func search(
    _ query: SearchQuery, byUID: Bool, _ tag: [UInt8], _ enabled: EnabledExtensions
  ) async throws(IMAPFailure) -> CommandOutput {
    let places: [Int]
    do throws(IMAPFailure) {
      places = try await find(query)
    } catch {
      // A search that fails leaves nothing saved (RFC 5182 §2.1).
      if query.returns?.save == true { conversation.view?.savedResult = NumberSet() }
      throw error
    }
    return try await answer(query, places, isSort: false, byUID: byUID, tag, enabled)
  }

  /// The places of what a query means.
  private func find(_ query: SearchQuery) async throws(IMAPFailure) -> [Int] {
    let view = try selected()
    guard view.rights.contains(.read) else { throw .notPermitted }
    guard query.unknownCharset == nil else { throw IMAPFailure("That charset is unknown here", .badCharset) }
    guard let key = view.resolve(query.key) else { throw .badSet }
    await refresh()
    var evaluator = SearchEvaluator(store: store, view: try selected(), now: now)
    return try await evaluator.places(of: key, in: self)
  }

  /// The answer to a SEARCH or SORT; `places` in the order of the answer.
  private func answer(
    _ query: SearchQuery, _ places: [Int], isSort: Bool, byUID: Bool, _ tag: [UInt8], _ enabled: EnabledExtensions
  ) async throws(IMAPFailure) -> CommandOutput {
    let view = try selected()
    let uids = places.map { view.announced.messages[$0].uid }
    if query.returns?.save == true { save(query.returns, uids, isSort: isSort) }
    let numbers = byUID ? uids : places.map { UInt32(clamping: $0 + 1) }
    var response = SearchResponse(numbers: numbers, isUID: byUID, isSort: isSort)
    if query.key.mentionsModSequence {
      response.modSequence = modSequence(query.returns, places, view)
    }
    var output = CommandOutput()
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
    output.completion = .ok("\(isSort ? "SORT" : "SEARCH") completed")
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
    let places = try await find(query.search)
    let view = try selected()
    let messages = places.map { view.message(at: $0) }
    var digests: [MessageDigest?] = Array(repeating: nil, count: messages.count)
    if query.criteria.contains(where: { $0.field != .arrival && $0.field != .size }) {
      digests = try await self.digests(of: messages)
    }
    let keys = zip(messages, digests).map { SortKeys(query.criteria, $0, $1) }
    let order = places.indices.sorted { left, right in
      for (index, criterion) in query.criteria.enumerated() {
        let (one, two) = (keys[left].values[index], keys[right].values[index])
        if one == two { continue }
        return criterion.isReversed ? two < one : one < two
      }
      return left < right
    }
    return try await answer(query.search, order.map { places[$0] }, isSort: true, byUID: byUID, tag, enabled)
  }

  // MARK: THREAD

  func thread(
    _ query: ThreadQuery, byUID: Bool, _ enabled: EnabledExtensions
  ) async throws(IMAPFailure) -> CommandOutput {
    let places = try await find(query.search)
    let view = try selected()
    let messages = places.map { view.message(at: $0) }
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

/// What a message is sorted by (RFC 5256 §3, RFC 5957).
struct SortKeys {
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

  init(_ criteria: [SortCriterion], _ message: MailMessage, _ digest: MessageDigest?) {
    values = criteria.map { criterion in
      switch criterion.field {
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
