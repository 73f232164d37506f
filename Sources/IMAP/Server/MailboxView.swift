import IMAPCore
import Services

/// A selected mailbox as its client knows it.
///
/// Two states of the mailbox make it: the one that the client has been told of, by which its sequence numbers count, and the newest that
/// was seen. Expunges wait until a command lets them be told (RFC 9051 §7.5.1); what has arrived waits behind them, so that numbers mean
/// the same at both ends. Flags are told as they come, up to `toldModSequence`.
struct MailboxView {
  let name: MailboxName
  let isReadOnly: Bool
  /// Whether it is looked at without being selected: by ESEARCH.
  var isForeign = false
  var rights: MailboxRights
  private(set) var announced: MailboxSnapshot
  private(set) var newest: MailboxSnapshot
  /// Changes of flags up to here have been told.
  private var toldModSequence: UInt64
  /// Whether expunges, and perhaps arrivals, wait to be told.
  private var isBehind = false
  /// Keywords that the last FLAGS response named.
  private var toldKeywords: Int
  /// `$` (RFC 5182), as UIDs.
  var savedResult = NumberSet()
  /// `\Recent` for this session.
  var recent = UIDSet()
  /// Changes that this session made itself, and has told of or need not: their UIDs and modification sequence.
  private var own: [(uids: UIDSet, modSequence: UInt64)] = []

  init(_ name: MailboxName, _ snapshot: MailboxSnapshot, isReadOnly: Bool, rights: MailboxRights) {
    self.name = name
    self.isReadOnly = isReadOnly
    self.rights = rights
    announced = snapshot
    newest = snapshot
    toldModSequence = snapshot.mailbox.highestModSeq
    toldKeywords = snapshot.mailbox.keywords.count
  }

  var id: MailboxID { announced.mailbox.id }
  var count: Int { announced.messages.count }

  /// A newer state was seen.
  mutating func observe(_ snapshot: MailboxSnapshot) {
    if snapshot.mailbox.highestModSeq >= newest.mailbox.highestModSeq { newest = snapshot }
  }

  /// Its mailbox is gone: what was in it is, too.
  mutating func observeRemoval() {
    newest = MailboxSnapshot(mailbox: newest.mailbox, messages: MessageList(), hold: .init(commit: 0))
  }

  /// These changes were made by this session and need no telling.
  mutating func ignore(_ uids: UIDSet, at modSequence: UInt64) { own.append((uids, modSequence)) }

  /// Whether there is a message that the client has not been told of.
  var hasArrivals: Bool { (newest.messages.last?.uid ?? 0) > (announced.messages.last?.uid ?? 0) }

  // MARK: Which messages

  /// The places, from 0, of the messages that a set means, ascending; `nil` for a sequence number that is none.
  func places(of set: SequenceSet, byUID: Bool) -> [Range<Int>]? {
    if set.isSavedResult { return places(ofUIDs: savedResult) }
    if byUID { return places(ofUIDs: set.numbers(largest: announced.messages.last?.uid)) }
    guard !set.exceeds(UInt32(clamping: count)) else { return nil }
    return set.numbers(largest: UInt32(clamping: count)).ranges.map {
      Int($0.lowerBound) - 1..<min(Int($0.upperBound), count)
    }
  }

  func places(ofUIDs uids: NumberSet) -> [Range<Int>] {
    let messages = announced.messages
    var result: [Range<Int>] = []
    for range in uids.ranges {
      let first = messages.firstIndex(atOrAfter: range.lowerBound)
      let end = range.upperBound == .max ? messages.count : messages.firstIndex(atOrAfter: range.upperBound + 1)
      if first < end { result.append(first..<end) }
    }
    return result
  }

  /// The UIDs of messages at places.
  func uids(at places: [Range<Int>]) -> UIDSet {
    var set = UIDSet()
    for range in places { for place in range { set.insert(announced.messages[place].uid) } }
    return set
  }

  /// As `uids(at:)`, as numbers.
  func numbers(at places: [Range<Int>]) -> NumberSet { NumberSet(uids(at: places).ranges) }

  /// A message with its newest flags; one that is gone, as it was.
  func message(at place: Int) -> MailMessage {
    let known = announced.messages[place]
    // Most of the time nothing has happened since the client was told last.
    if newest.mailbox.highestModSeq == announced.mailbox.highestModSeq { return known }
    return newest.messages.message(known.uid) ?? known
  }

  /// The sequence number of a UID.
  func number(of uid: UInt32) -> UInt32? { announced.messages.index(of: uid).map { UInt32(clamping: $0 + 1) } }

  /// Puts UIDs in the place of everything that only this session understands.
  func resolve(_ key: SearchKey) -> SearchKey? {
    switch key {
    case .sequence(let set):
      if let places = places(of: set, byUID: false) { return .messages(numbers(at: places)) }
      // In a mailbox that is not selected nobody can know how many there are (RFC 7377 §2).
      guard isForeign else { return nil }
      let known = set.numbers(largest: UInt32(clamping: count)).ranges.compactMap { range -> Range<Int>? in
        let (low, high) = (Int(range.lowerBound) - 1, min(Int(range.upperBound), count))
        return low < high ? low..<high : nil
      }
      return .messages(numbers(at: known))
    case .uid(let set):
      guard !set.isSavedResult else { return .messages(savedResult) }
      return .messages(set.numbers(open: announced.messages.last?.uid))
    case .uidAfter(let uid):
      return .messages(uid < .max ? NumberSet([uid + 1...UInt32.max]) : NumberSet())
    case .uidBefore(let uid): return .messages(uid > 1 ? NumberSet([1...uid - 1]) : NumberSet())
    case .not(let inner): return resolve(inner).map { .not($0) }
    case .fuzzy(let inner): return resolve(inner).map { .fuzzy($0) }
    case .or(let left, let right):
      guard let left = resolve(left), let right = resolve(right) else { return nil }
      return .or(left, right)
    case .and(let keys):
      var resolved: [SearchKey] = []
      for key in keys {
        guard let key = resolve(key) else { return nil }
        resolved.append(key)
      }
      return .and(resolved)
    default: return key
    }
  }

  // MARK: Flags

  func flags(of message: MailMessage, withRecent: Bool) -> [Flag] {
    var flags = Self.systemFlags(message.flags)
    if withRecent, recent.contains(message.uid) { flags.append(.recent) }
    return flags + newest.mailbox.names(of: message.keywords).map { Flag($0) }
  }

  static func systemFlags(_ flags: MessageFlags) -> [Flag] {
    var result: [Flag] = []
    if flags.contains(.answered) { result.append(.answered) }
    if flags.contains(.flagged) { result.append(.flagged) }
    if flags.contains(.deleted) { result.append(.deleted) }
    if flags.contains(.seen) { result.append(.seen) }
    if flags.contains(.draft) { result.append(.draft) }
    return result
  }

  // MARK: Telling

  /// `* FLAGS (…)` and what can be changed, where keywords came that the client does not know.
  mutating func writeNewKeywords(to output: inout [UInt8]) {
    guard newest.mailbox.keywords.count > toldKeywords else { return }
    writeFlags(to: &output)
  }

  mutating func writeFlags(to output: inout [UInt8]) {
    toldKeywords = newest.mailbox.keywords.count
    let all = Flag.system + newest.mailbox.keywords.map { Flag($0) }
    output.append(contentsOf: "* FLAGS ".utf8)
    output.append(flags: all)
    output.appendLineEnd()
    output.append(contentsOf: "* OK [PERMANENTFLAGS ".utf8)
    output.append(flags: isReadOnly ? [] : permanentFlags)
    output.append(contentsOf: "] What can be changed\r\n".utf8)
  }

  private var permanentFlags: [Flag] {
    var flags: [Flag] = []
    if rights.contains(.write) { flags += [.answered, .flagged, .draft] }
    if rights.contains(.deleteMessages) { flags.append(.deleted) }
    if rights.contains(.seen) { flags.append(.seen) }
    guard rights.contains(.write) else { return flags }
    flags += newest.mailbox.keywords.map { Flag($0) }
    if newest.mailbox.keywords.count < KeywordSet.maximumCount { flags.append(Flag("\\*")) }
    return flags
  }

  /// Tells what has happened, as far as the moment allows.
  /// - Parameters:
  ///   - allowsExpunge: False while FETCH, STORE or SEARCH by sequence numbers is answered.
  ///   - tellsFlags: False where NOTIFY asked for arrivals and expunges alone.
  ///   - beforeExpunge: Called with those that are about to be told as expunged, while their numbers still stand.
  /// - Returns: What was told; of changes also those that this session made itself.
  @discardableResult
  mutating func announce(
    allowsExpunge: Bool, tellsFlags: Bool = true, _ enabled: EnabledExtensions, to output: inout [UInt8],
    beforeExpunge: (UIDSet, inout [UInt8]) -> Void = { _, _ in }
  ) -> MailboxDifference {
    var told = MailboxDifference()
    let isGone = newest.messages.isEmpty && !announced.messages.isEmpty
    guard newest.mailbox.highestModSeq > toldModSequence || isBehind || isGone else {
      own.removeAll()
      return told
    }
    writeNewKeywords(to: &output)
    let difference = newest.difference(from: announced)
    let moves = difference.vanished.isEmpty || allowsExpunge
    isBehind = !moves
    if moves {
      if !difference.vanished.isEmpty {
        beforeExpunge(difference.vanished, &output)
        writeVanished(difference.vanished, enabled, to: &output)
      }
      (told.vanished, told.arrived) = (difference.vanished, difference.arrived)
      announced = newest
      let wasRecent = !recent.intersection(difference.vanished).isEmpty
      recent = recent.subtracting(difference.vanished)
      if !difference.arrived.isEmpty { output.append(untagged: UInt64(count), "EXISTS") }
      if !difference.arrived.isEmpty || wasRecent, !enabled.contains(.rev2) {
        output.append(untagged: UInt64(recent.count), "RECENT")
      }
    }
    newest.messages.forEach(in: difference.changed) { _, message in
      guard message.modSeq > toldModSequence else { return }
      told.changed.insert(message.uid)
      guard tellsFlags else { return }
      if own.contains(where: { $0.modSequence == message.modSeq && $0.uids.contains(message.uid) }) { return }
      guard let place = announced.messages.index(of: message.uid) else { return }
      writeFlags(of: message, at: place, enabled, to: &output)
    }
    own.removeAll()
    toldModSequence = newest.mailbox.highestModSeq
    return told
  }

  private func writeVanished(_ uids: UIDSet, _ enabled: EnabledExtensions, to output: inout [UInt8]) {
    if !enabled.isDisjoint(with: [.qresync, .uidOnly]) {
      output.append(contentsOf: "* VANISHED \(uids)\r\n".utf8)
      return
    }
    // From the last to the first, so that each number still means what it meant before.
    var places: [Int] = []
    announced.messages.forEach(in: uids) { place, _ in places.append(place) }
    for place in places.reversed() { output.append(untagged: UInt64(place + 1), "EXPUNGE") }
  }

  /// `* 3 FETCH (`, or `* 7 UIDFETCH (` where only UIDs are spoken.
  static func writeRowStart(
    _ message: MailMessage, at place: Int, _ enabled: EnabledExtensions, to output: inout [UInt8]
  ) {
    output.append(contentsOf: "* ".utf8)
    output.append(decimal: enabled.contains(.uidOnly) ? UInt64(message.uid) : UInt64(place + 1))
    output.append(contentsOf: (enabled.contains(.uidOnly) ? " UIDFETCH (" : " FETCH (").utf8)
  }

  /// `* 3 FETCH (UID 7 FLAGS (\Seen) MODSEQ (12))`
  func writeFlags(
    of message: MailMessage, at place: Int, _ enabled: EnabledExtensions, withUID: Bool = true, to output: inout [UInt8]
  ) {
    Self.writeRowStart(message, at: place, enabled, to: &output)
    if withUID || enabled.contains(.qresync), !enabled.contains(.uidOnly) {
      output.append(contentsOf: "UID ".utf8)
      output.append(decimal: UInt64(message.uid))
      output.appendSpace()
    }
    output.append(contentsOf: "FLAGS ".utf8)
    output.append(flags: flags(of: message, withRecent: !enabled.contains(.rev2)))
    if enabled.contains(.condstore) {
      output.append(contentsOf: " MODSEQ (".utf8)
      output.append(decimal: message.modSeq)
      output.append(UInt8(ascii: ")"))
    }
    output.append(contentsOf: ")\r\n".utf8)
  }
}
