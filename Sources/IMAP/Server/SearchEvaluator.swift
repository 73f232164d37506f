import IMAPCore
import MessageCore
import Services

/// Judges messages by a search key whose message sets are resolved.
///
/// What the store's index and the message's own row can tell is asked first; headers and bodies are looked into only where those leave
/// a doubt.
struct SearchEvaluator {
  /// What is known of a condition so far.
  enum Judgement { case yes, no, unknown }

  let store: any MailStore
  let view: MailboxView
  let now: WallTime
  /// What the index knows of the texts that are asked for.
  private var texts: [SearchKey: MailTextMatches] = [:]

  init(store: any MailStore, view: MailboxView, now: WallTime) {
    self.store = store
    self.view = view
    self.now = now
  }

  /// The places of the messages that the key means, ascending.
  mutating func places(of key: SearchKey, in executor: CommandExecutor) async throws(IMAPFailure) -> [Int] {
    try await askIndex(key)
    var result: [Int] = []
    var doubtful: [(place: Int, message: MailMessage)] = []
    for place in Self.candidates(key, view) {
      let message = view.message(at: place)
      switch judge(key, message, place, nil) {
      case .yes: result.append(place)
      case .no: break
      case .unknown: doubtful.append((place, message))
      }
    }
    guard !doubtful.isEmpty else { return result }
    var start = 0
    while start < doubtful.count {
      let batch = doubtful[start..<min(start + 256, doubtful.count)]
      start += batch.count
      let digests = try await executor.digests(of: batch.map(\.message))
      for (entry, digest) in zip(batch, digests) {
        let detail = MessageDetail(message: entry.message, digest: digest, store: store)
        if judge(key, entry.message, entry.place, detail) == .yes { result.append(entry.place) }
      }
      if Task.isCancelled { throw IMAPFailure("The search was given up") }
    }
    return result.sorted()
  }

  /// All places, or those that a set at the key's top leaves.
  private static func candidates(_ key: SearchKey, _ view: MailboxView) -> [Int] {
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

  private mutating func askIndex(_ key: SearchKey) async throws(IMAPFailure) {
    var leaves: [SearchKey] = []
    Self.collect(key, into: &leaves)
    let id = view.id
    for leaf in leaves where texts[leaf] == nil {
      guard let query = Self.query(leaf) else { continue }
      texts[leaf] = try await failing { () async throws(StoreError) in try await store.matches(query, in: id) }
    }
  }

  private static func collect(_ key: SearchKey, into leaves: inout [SearchKey]) {
    switch key {
    case .not(let inner): collect(inner, into: &leaves)
    case .or(let left, let right):
      collect(left, into: &leaves)
      collect(right, into: &leaves)
    case .and(let keys): for key in keys { collect(key, into: &leaves) }
    case .header, .body, .text: leaves.append(key)
    default: break
    }
  }

  private static func query(_ leaf: SearchKey) -> MailTextQuery? {
    switch leaf {
    case .header(let name, let value):
      guard !value.isEmpty, let text = String(validating: value, as: UTF8.self) else { return nil }
      switch asciiLowercased(name) {
      case "from": return MailTextQuery(.from, text)
      case "to": return MailTextQuery(.to, text)
      case "cc": return MailTextQuery(.cc, text)
      case "bcc": return MailTextQuery(.bcc, text)
      case "subject": return MailTextQuery(.subject, text)
      default: return nil
      }
    case .body(let value): return text(value).map { MailTextQuery(.body, $0) }
    case .text(let value): return text(value).map { MailTextQuery(.text, $0) }
    default: return nil
    }
  }

  private static func text(_ value: [UInt8]) -> String? {
    value.isEmpty ? nil : String(validating: value, as: UTF8.self)
  }

  // MARK: One message

  private func judge(_ key: SearchKey, _ message: MailMessage, _ place: Int, _ detail: MessageDetail?) -> Judgement {
    switch key {
    case .not(let inner):
      switch judge(inner, message, place, detail) {
      case .yes: return .no
      case .no: return .yes
      case .unknown: return .unknown
      }
    case .or(let left, let right):
      let first = judge(left, message, place, detail)
      if first == .yes { return .yes }
      let second = judge(right, message, place, detail)
      return second == .yes ? .yes : first == .unknown || second == .unknown ? .unknown : .no
    case .and(let keys):
      var isDoubtful = false
      for key in keys {
        switch judge(key, message, place, detail) {
        case .yes: break
        case .no: return .no
        case .unknown: isDoubtful = true
        }
      }
      return isDoubtful ? .unknown : .yes
    case .header, .body, .text, .day(.sent, _, _): return judgeText(key, message, detail)
    default: return judgeRow(key, message) ? .yes : .no
    }
  }

  /// What the message's own row tells.
  private func judgeRow(_ key: SearchKey, _ message: MailMessage) -> Bool {
    switch key {
    case .all, .saveDateSupported: true
    case .messages(let set): set.contains(message.uid)
    case .flag(let flag, let isSet): has(flag, message) == isSet
    case .day(.stored, let relation, let day): Self.compare(message.internalSeconds, relation, day)
    case .day(.saved, let relation, let day): Self.compare(message.saveSeconds, relation, day)
    case .larger(let size): UInt64(clamping: message.size) > size
    case .smaller(let size): UInt64(clamping: message.size) < size
    case .younger(let seconds): message.internalSeconds >= now.seconds - Int64(seconds)
    case .older(let seconds): message.internalSeconds <= now.seconds - Int64(seconds)
    case .modSequence(let sequence): message.modSeq >= sequence
    case .emailID(let id): id == "E\(message.emailID)"
    case .threadID(let id): id == "T\(message.threadID)"
    default: false
    }
  }

  private func has(_ flag: Flag, _ message: MailMessage) -> Bool {
    switch flag {
    case .seen: return message.flags.contains(.seen)
    case .answered: return message.flags.contains(.answered)
    case .flagged: return message.flags.contains(.flagged)
    case .deleted: return message.flags.contains(.deleted)
    case .draft: return message.flags.contains(.draft)
    case .recent: return view.recent.contains(message.uid)
    default:
      guard let index = view.newest.mailbox.index(ofKeyword: flag.description) else { return false }
      return message.keywords.contains(index: index)
    }
  }

  static func compare(_ seconds: Int64, _ relation: SearchKey.DayRelation, _ day: CalendarDay) -> Bool {
    let number = Int(seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400)
    switch relation {
    case .before: return number < day.number
    case .on: return number == day.number
    case .since: return number >= day.number
    }
  }

  /// What needs more than the row.
  private func judgeText(_ key: SearchKey, _ message: MailMessage, _ detail: MessageDetail?) -> Judgement {
    if let matches = texts[key], !matches.unindexed.contains(message.emailID) {
      // The index knows of every message that may match, and of more: what it lacks, does not.
      guard matches.emailIDs.contains(message.emailID) else { return .no }
    }
    guard let detail else { return .unknown }
    switch key {
    case .header(let name, let value): return detail.headerContains(name, value) ? .yes : .no
    case .body(let value): return detail.bodyContains(value) ? .yes : .no
    case .text(let value): return detail.textContains(value) ? .yes : .no
    case .day(_, let relation, let day):
      // By the day where it was written, as RFC 9051 §6.4.4 says.
      guard let sent = detail.digest?.sent else { return .no }
      return Self.compare(sent.seconds + Int64(sent.zoneMinutes) * 60, relation, day) ? .yes : .no
    default: return .no
    }
  }
}

/// A message that is looked into.
struct MessageDetail {
  let message: MailMessage
  let digest: MessageDigest?
  let store: any MailStore

  /// Most octets of a part that are looked into.
  private static let partLimit = 4 * 1024 * 1024

  private var header: HeaderBlock {
    guard let digest, let body = try? store.body(of: message) else { return HeaderBlock() }
    return HeaderBlock(MessageReader.bytes(body, digest.root.header))
  }

  /// Whether a field holds a text, decoded; an empty text asks for the field alone.
  func headerContains(_ name: String, _ value: [UInt8]) -> Bool {
    let fields = header.all(name)
    if value.isEmpty { return !fields.isEmpty }
    let wanted = Self.folded(value)
    return fields.contains { Self.contains($0.decoded, wanted) }
  }

  func bodyContains(_ value: [UInt8]) -> Bool {
    if value.isEmpty { return true }
    let wanted = Self.folded(value)
    guard let digest, let body = try? store.body(of: message) else { return false }
    var isFound = false
    digest.root.forEachLeaf { part in
      guard !isFound, part.isText || part.contentType.isType("message") else { return }
      let end = min(part.body.upperBound, part.body.lowerBound + Self.partLimit)
      let bytes = MessageReader.bytes(body, part.body.lowerBound..<end)
      isFound = Self.contains(MessageText.text(of: part, bytes), wanted)
    }
    return isFound
  }

  /// TEXT: header and body.
  func textContains(_ value: [UInt8]) -> Bool {
    if value.isEmpty { return true }
    let wanted = Self.folded(value)
    let isInHeader = header.fields.contains { Self.contains("\($0.name): \($0.decoded)", wanted) }
    return isInHeader || bodyContains(value)
  }

  private static func folded(_ value: [UInt8]) -> [UInt8] {
    Array(String(decoding: value, as: UTF8.self).lowercased().utf8)
  }

  private static func contains(_ text: String, _ wanted: [UInt8]) -> Bool {
    Array(text.lowercased().utf8).firstRange(of: wanted) != nil
  }
}
