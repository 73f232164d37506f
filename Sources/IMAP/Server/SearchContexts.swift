import IMAPCore
import MessageCore
import Services

/// A search whose result is kept up to date (RFC 5267 §4.3).
///
/// What it found is kept, so that what leaves it can be told even when the message itself is gone; of a sorted one, also what each
/// message is sorted by.
struct SearchContext {
  let tag: [UInt8]
  /// With sets of UIDs in the place of whatever only the session understands.
  let key: SearchKey
  let byUID: Bool
  let criteria: [SortCriterion]?
  /// What is told of messages that come.
  let items: [FetchItem]
  /// Of a search.
  private(set) var members = UIDSet()
  /// Of a sort: in its order.
  private(set) var order: [UInt32] = []
  private var keys: [UInt32: SortKeys] = [:]

  init(tag: [UInt8], key: SearchKey, byUID: Bool, items: [FetchItem], members: [UInt32]) {
    (self.tag, self.key, self.byUID, self.items) = (tag, key, byUID, items)
    criteria = nil
    self.members = UIDSet(members)
  }

  init(
    tag: [UInt8], key: SearchKey, byUID: Bool, items: [FetchItem], criteria: [SortCriterion],
    sorted: [(uid: UInt32, keys: SortKeys)]
  ) {
    (self.tag, self.key, self.byUID, self.items, self.criteria) = (tag, key, byUID, items, criteria)
    order = sorted.map(\.uid)
    keys = Dictionary(sorted.map { ($0.uid, $0.keys) }) { first, _ in first }
  }

  /// How many messages it keeps.
  var count: Int { criteria == nil ? members.count : order.count }

  /// These are gone.
  mutating func remove(_ uids: UIDSet) -> [ContextUpdate.Step] {
    guard criteria != nil else {
      let gone = members.intersection(uids)
      guard !gone.isEmpty else { return [] }
      members = members.subtracting(gone)
      return [.init(isAddition: false, position: 0, numbers: Array(gone))]
    }
    var steps: [ContextUpdate.Step] = []
    for uid in order where uids.contains(uid) {
      if let step = removeSorted(uid) { steps.append(step) }
    }
    return steps
  }

  /// These were looked at again, and these of them match.
  mutating func update(_ looked: UIDSet, matching: UIDSet) -> [ContextUpdate.Step] {
    let before = members.intersection(looked)
    let gone = before.subtracting(matching)
    let new = matching.subtracting(before)
    members = members.subtracting(gone).union(new)
    var steps: [ContextUpdate.Step] = []
    if !gone.isEmpty { steps.append(.init(isAddition: false, position: 0, numbers: Array(gone))) }
    if !new.isEmpty { steps.append(.init(isAddition: true, position: 0, numbers: Array(new))) }
    return steps
  }

  /// As `update(_:matching:)`, of a sorted one: those that match, with what they are sorted by now.
  mutating func update(_ looked: UIDSet, sorted: [UInt32: SortKeys]) -> [ContextUpdate.Step] {
    guard let criteria else { return [] }
    var steps: [ContextUpdate.Step] = []
    for uid in looked {
      let new = sorted[uid]
      if let old = keys[uid] {
        if let new, new == old { continue }
        if let step = removeSorted(uid) { steps.append(step) }
      }
      guard let new else { continue }
      var (low, high) = (0, order.count)
      while low < high {
        let middle = (low + high) / 2
        let other = keys[order[middle]] ?? new
        if other.precedes(new, criteria) || (other == new && order[middle] < uid) {
          low = middle + 1
        } else {
          high = middle
        }
      }
      order.insert(uid, at: low)
      keys[uid] = new
      steps.append(.init(isAddition: true, position: low + 1, numbers: [uid]))
    }
    return steps
  }

  private mutating func removeSorted(_ uid: UInt32) -> ContextUpdate.Step? {
    guard keys.removeValue(forKey: uid) != nil, let index = order.firstIndex(of: uid) else { return nil }
    order.remove(at: index)
    return .init(isAddition: false, position: index + 1, numbers: [uid])
  }
}

extension CommandExecutor {
  /// Whether a search may be followed; `NO [NOUPDATE]` tells why not, and the search goes on.
  func mayFollow(_ tag: [UInt8], count: Int, _ output: inout CommandOutput) throws(IMAPFailure) -> Bool {
    let contexts = conversation.contexts
    guard !contexts.contains(where: { $0.tag == tag }) else { throw IMAPFailure(bad: "That tag has been used") }
    let total = contexts.reduce(count) { $0 + $1.count }
    if contexts.count < limits.contexts, total <= limits.messagesOfContexts { return true }
    output.write { bytes in
      bytes.append(contentsOf: "* NO [NOUPDATE ".utf8)
      bytes.append(string: tag)
      bytes.append(contentsOf: "] Too many searches are followed, or too many messages\r\n".utf8)
    }
    return false
  }

  func cancelUpdates(_ tags: [[UInt8]]) -> CommandOutput {
    conversation.contexts.removeAll { tags.contains($0.tag) }
    return CommandOutput(.ok("No further updates"))
  }

  /// Messages that are about to be told as expunged leave their results first: their numbers still mean something.
  func tellGone(_ uids: UIDSet, to output: inout [UInt8]) {
    guard let view = conversation.view else { return }
    for index in conversation.contexts.indices {
      let steps = conversation.contexts[index].remove(uids)
      write(steps, of: conversation.contexts[index], view, to: &output)
    }
  }

  private func write(
    _ steps: [ContextUpdate.Step], of context: SearchContext, _ view: MailboxView, to output: inout [UInt8]
  ) {
    var steps = steps
    if !context.byUID {
      for index in steps.indices { steps[index].numbers = steps[index].numbers.compactMap { view.number(of: $0) } }
      steps.removeAll { $0.numbers.isEmpty }
    }
    ContextUpdate(tag: context.tag, isUID: context.byUID, steps: steps).write(to: &output)
  }

  /// Looks at messages that came or changed. Returns what is told of each message that came, beside what NOTIFY asked for, and the lines
  /// that follow it.
  func updateContexts(
    _ looked: UIDSet, arrived: UIDSet
  ) async throws(IMAPFailure) -> (items: [UInt32: [FetchItem]], lines: [UInt8]) {
    var items: [UInt32: [FetchItem]] = [:]
    var lines: [UInt8] = []
    for index in conversation.contexts.indices {
      let view = try selected()
      let context = conversation.contexts[index]
      var evaluator = SearchEvaluator(store: store, view: view, now: now)
      let key = SearchKey.and([.messages(NumberSet(looked.ranges)), context.key])
      let places = try await evaluator.places(of: key, in: self)
      let steps: [ContextUpdate.Step]
      if let criteria = context.criteria {
        let messages = places.map { view.message(at: $0) }
        let digests = try await digests(of: messages)
        let sorted = Dictionary(
          zip(messages, digests).map { ($0.uid, SortKeys(criteria, $0, $1)) }
        ) { first, _ in first }
        steps = conversation.contexts[index].update(looked, sorted: sorted)
      } else {
        let matching = UIDSet(places.map { view.announced.messages[$0].uid })
        steps = conversation.contexts[index].update(looked, matching: matching)
      }
      if !context.items.isEmpty {
        for step in steps where step.isAddition {
          for uid in step.numbers where arrived.contains(uid) {
            items[uid, default: []] += context.items.filter { !(items[uid] ?? []).contains($0) }
          }
        }
      }
      write(steps, of: context, view, to: &lines)
    }
    return (items, lines)
  }
}
