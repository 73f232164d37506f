import IMAPCore
import MessageCore
import Services

/// Judges messages by a search key whose message sets are resolved.
///
/// What the store's index and the message's own row can tell is asked first; headers and bodies are looked into only where those leave
/// a doubt.
struct SearchEvaluator {
  let store: any MailStore
  let view: MailboxView
  let now: WallTime
  /// What the index knows of the texts that are asked for.
  private var texts: [SearchKey: MailTextMatches] = [:]
  /// What is asked for loosely, and what the index says that may resemble it; `nil` where everything must be looked at.
  private var loose: [SearchKey: (text: LooseText, candidates: Set<Int64>?, through: Int64)] = [:]
  /// How well messages match that were found, by place; only where something was asked for loosely.
  private(set) var scores: [Int: UInt8] = [:]

  init(store: any MailStore, view: MailboxView, now: WallTime) {
    self.store = store
    self.view = view
    self.now = now
  }

  /// The places of the messages that the key means, ascending.
  /// - Parameter candidates: Those that are looked at; all that the key leaves where it is `nil`.
  mutating func places(
    of key: SearchKey, among candidates: [Int]? = nil, in executor: CommandExecutor
  ) async throws(IMAPFailure) -> [Int] {
    let candidates = candidates ?? Self.candidates(key, view)
    // A few messages are sooner looked into than asked about.
    if candidates.count > 16 { try await askIndex(key, isSmall: candidates.count <= 2_000) } else { noteLoose(key) }
    let program = program(key, isLoose: false)
    let judge = SearchJudge(view: view, now: now)
    var result: [Int] = []
    var doubtful: [(place: Int, message: MailMessage)] = []
    for place in candidates {
      let message = view.message(at: place)
      switch judge.judge(program, message, nil) {
      case .yes: result.append(place)
      case .no: break
      case .unknown: doubtful.append((place, message))
      }
    }
    var start = 0
    while start < doubtful.count {
      let batch = doubtful[start..<min(start + 256, doubtful.count)]
      start += batch.count
      let digests = try await executor.digests(of: batch.map(\.message))
      for (entry, digest) in zip(batch, digests) {
        let detail = MessageDetail(message: entry.message, digest: digest, store: store)
        guard judge.judge(program, entry.message, detail) == .yes else { continue }
        result.append(entry.place)
        if !loose.isEmpty { scores[entry.place] = score(detail) }
      }
      if Task.isCancelled { throw IMAPFailure("The search was given up") }
    }
    return doubtful.isEmpty ? result : result.sorted()
  }

  /// The mean of what the loosely matched texts are worth; 100 where none decided.
  private func score(_ detail: MessageDetail) -> UInt8 {
    let found = loose.values.compactMap { detail.score($0.text) }
    guard !found.isEmpty else { return 100 }
    return UInt8(clamping: found.reduce(0, +) / found.count)
  }

  /// All places, or those that a set at the key's top leaves.
  static func candidates(_ key: SearchKey, _ view: MailboxView) -> [Int] {
    var sets: [NumberSet] = []
    switch key {
    case .messages(let set): sets = [set]
    case .and(let keys): sets = keys.compactMap { if case .messages(let set) = $0 { set } else { nil } }
    default: break
    }
    guard let smallest = sets.min(by: { $0.count < $1.count }) else { return Array(0..<view.count) }
    return view.places(ofUIDs: smallest).flatMap { Array($0) }
  }

  // MARK: The index

  private mutating func askIndex(_ key: SearchKey, isSmall: Bool) async throws(IMAPFailure) {
    var leaves: [(key: SearchKey, isLoose: Bool)] = []
    Self.collect(key, isLoose: false, into: &leaves)
    for (leaf, isLoose) in leaves {
      if isLoose {
        guard loose[leaf] == nil, let text = Self.loose(leaf) else { continue }
        let found = isSmall ? nil : try await resembling(text, leaf)
        loose[leaf] = (text, found?.candidates, found?.through ?? 0)
      } else if texts[leaf] == nil, let query = Self.query(leaf) {
        texts[leaf] = try await ask(query)
      }
    }
  }

  private mutating func noteLoose(_ key: SearchKey) {
    var leaves: [(key: SearchKey, isLoose: Bool)] = []
    Self.collect(key, isLoose: false, into: &leaves)
    for (leaf, isLoose) in leaves where isLoose {
      if let text = Self.loose(leaf) { loose[leaf] = (text, nil, 0) }
    }
  }

  private func ask(_ query: MailTextQuery) async throws(IMAPFailure) -> MailTextMatches {
    let id = view.id
    return try await failing { () async throws(StoreError) in try await store.matches(query, in: id) }
  }

  /// What shares enough of each word with it that it may be meant.
  private func resembling(
    _ text: LooseText, _ leaf: SearchKey
  ) async throws(IMAPFailure) -> (candidates: Set<Int64>?, through: Int64) {
    guard let field = Self.field(leaf) else { return (nil, 0) }
    var candidates: Set<Int64>?
    var through = Int64.max
    for word in text.words {
      let trigrams = LooseText.trigrams(word)
      if trigrams.isEmpty { continue }
      var shared: [Int64: Int] = [:]
      for trigram in trigrams {
        let matches = try await ask(MailTextQuery(field, trigram))
        through = min(through, matches.indexedThrough)
        for email in (matches.emailIDs ?? []).union(matches.cut) { shared[email, default: 0] += 1 }
      }
      // One wrong letter spoils three of them.
      let least = max(1, trigrams.count - (word.count >= 8 ? 6 : 3))
      let found = Set(shared.filter { $0.value >= least }.keys)
      candidates = candidates.map { $0.intersection(found) } ?? found
    }
    return (candidates, candidates == nil ? 0 : through)
  }

  private static func collect(_ key: SearchKey, isLoose: Bool, into leaves: inout [(key: SearchKey, isLoose: Bool)]) {
    switch key {
    case .not(let inner): collect(inner, isLoose: isLoose, into: &leaves)
    case .fuzzy(let inner): collect(inner, isLoose: true, into: &leaves)
    case .or(let left, let right):
      collect(left, isLoose: isLoose, into: &leaves)
      collect(right, isLoose: isLoose, into: &leaves)
    case .and(let keys): for key in keys { collect(key, isLoose: isLoose, into: &leaves) }
    case .header, .body, .text: leaves.append((key, isLoose))
    default: break
    }
  }

  private static func loose(_ leaf: SearchKey) -> LooseText? {
    switch leaf {
    case .header(let name, let value): LooseText(.field(name), value)
    case .body(let value): LooseText(.body, value)
    case .text(let value): LooseText(.text, value)
    default: nil
    }
  }

  private static func field(_ leaf: SearchKey) -> MailTextQuery.Field? {
    switch leaf {
    case .header(let name, _): field(name)
    case .body: .body
    case .text: .text
    default: nil
    }
  }

  private static func field(_ name: String) -> MailTextQuery.Field {
    switch asciiLowercased(name) {
    case "from": .from
    case "to": .to
    case "cc": .cc
    case "bcc": .bcc
    case "subject": .subject
    default: .header
    }
  }

  private static func query(_ leaf: SearchKey) -> MailTextQuery? {
    switch leaf {
    case .header(let name, let value):
      guard !value.isEmpty, let text = String(validating: value, as: UTF8.self) else { return nil }
      return MailTextQuery(field(name), text)
    case .body(let value): return text(value).map { MailTextQuery(.body, $0) }
    case .text(let value): return text(value).map { MailTextQuery(.text, $0) }
    default: return nil
    }
  }

  private static func text(_ value: [UInt8]) -> String? {
    value.isEmpty ? nil : String(validating: value, as: UTF8.self)
  }

  // MARK: The program

  /// The key as messages are judged by it: what is the same for all of them is worked out once.
  private func program(_ key: SearchKey, isLoose: Bool) -> SearchProgram {
    switch key {
    case .not(let inner): return .not(program(inner, isLoose: isLoose))
    case .fuzzy(let inner): return program(inner, isLoose: true)
    case .or(let left, let right):
      return .or(program(left, isLoose: isLoose), program(right, isLoose: isLoose))
    // What costs nothing is asked first.
    case .and(let keys):
      return .and(keys.map { program($0, isLoose: isLoose) }.sorted { !$0.isCostly && $1.isCostly })
    case .flag(let flag, let isSet): return program(flag, isSet)
    case .header, .body, .text:
      if isLoose {
        guard let asked = loose[key] else { return .always(true) }
        return .loose(asked.text, candidates: asked.candidates, through: asked.through)
      }
      if let matches = texts[key] { return .indexed(key, matches, isExact: Self.isExact(key)) }
      return .text(key)
    case .day(.sent, _, _): return .text(key)
    case .all, .saveDateSupported: return .always(true)
    case .sequence, .uid, .filter: return .always(false)
    default: return .row(key)
    }
  }

  private func program(_ flag: Flag, _ isSet: Bool) -> SearchProgram {
    let systemFlags: [(Flag, MessageFlags)] = [
      (.seen, .seen), (.answered, .answered), (.flagged, .flagged), (.deleted, .deleted), (.draft, .draft),
    ]
    if let found = systemFlags.first(where: { $0.0 == flag }) { return .flags(found.1, isSet) }
    if flag == .recent { return .recent(isSet) }
    guard let index = view.newest.mailbox.index(ofKeyword: flag.description) else { return .always(!isSet) }
    return .keyword(index, isSet)
  }

  private static func isExact(_ key: SearchKey) -> Bool {
    if case .header(let name, _) = key { return field(name) != .header }
    return true
  }
}
