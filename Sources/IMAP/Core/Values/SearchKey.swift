/// What messages a SEARCH, SORT or THREAD is about (RFC 9051 §6.4.4, with the keys of the extensions).
public indirect enum SearchKey: Hashable, Sendable {
  case all
  /// A flag or keyword is set, or is not.
  case flag(Flag, Bool)
  case header(String, [UInt8])
  case body([UInt8])
  case text([UInt8])
  /// By the day in the store (INTERNALDATE), in the message (`Date:`), or of saving (RFC 8514).
  case day(DayKind, DayRelation, CalendarDay)
  case larger(UInt64)
  case smaller(UInt64)
  /// Saved in the store at most, or at least, so many seconds ago (RFC 5032).
  case younger(UInt32)
  case older(UInt32)
  /// As the client wrote them; a session puts `.messages` in their place.
  case sequence(SequenceSet)
  case uid(SequenceSet)
  /// Above, or below, a UID (RFC 9738 §3.2): exact, where `9:*` always means the last message as well.
  case uidAfter(UInt32)
  case uidBefore(UInt32)
  /// Resolved: exactly these.
  case messages(NumberSet)
  /// Changed at or after (RFC 7162 §3.1.5).
  case modSequence(ModSequence)
  case emailID(String)
  case threadID(String)
  /// Whether the mailbox keeps save dates (RFC 8514 §4.3).
  case saveDateSupported
  /// What is kept under a name (RFC 5466); the server puts its keys in the place.
  case filter(String)
  /// Texts in it need only be much like what is asked for (RFC 6203).
  case fuzzy(SearchKey)
  case not(SearchKey)
  case or(SearchKey, SearchKey)
  case and([SearchKey])

  public enum DayKind: Hashable, Sendable { case stored, sent, saved }
  public enum DayRelation: Hashable, Sendable { case before, on, since }

  /// Whether the answer tells modification sequences as well.
  public var mentionsModSequence: Bool {
    switch self {
    case .modSequence: true
    case .not(let key), .fuzzy(let key): key.mentionsModSequence
    case .or(let left, let right): left.mentionsModSequence || right.mentionsModSequence
    case .and(let keys): keys.contains(where: \.mentionsModSequence)
    default: false
    }
  }

  /// The keys of a stored filter; `nil` for what is none (RFC 5466 §3.2).
  public init?(stored text: [UInt8]) {
    guard text.count <= 64 * 1024, let key = try? CommandReader.filter(text) else { return nil }
    self = key
  }

  /// Whether a stored filter is among the keys.
  public var mentionsFilter: Bool {
    switch self {
    case .filter: true
    case .not(let key), .fuzzy(let key): key.mentionsFilter
    case .or(let left, let right): left.mentionsFilter || right.mentionsFilter
    case .and(let keys): keys.contains(where: \.mentionsFilter)
    default: false
    }
  }

  /// Whether something in it is to be matched loosely: without that there is no relevancy.
  public var mentionsFuzzy: Bool {
    switch self {
    case .fuzzy: true
    case .not(let key): key.mentionsFuzzy
    case .or(let left, let right): left.mentionsFuzzy || right.mentionsFuzzy
    case .and(let keys): keys.contains(where: \.mentionsFuzzy)
    default: false
    }
  }
}

/// What a search tells (RFC 4731, 5182, 9394).
public struct SearchReturn: Hashable, Sendable {
  public var minimum = false
  public var maximum = false
  public var all = false
  public var count = false
  /// Keep the result as `$`.
  public var save = false
  /// A page of the result, from either end: `1:100`, `-1:-100`.
  public var partial: PageRange?
  /// How well each message matches, from 1 to 100 (RFC 6203 §4).
  public var relevancy = false
  /// Tell of what comes into the result, and what leaves it, until the mailbox is closed (RFC 5267 §4.3).
  public var update = false
  /// What is told of messages that come into the result by coming into the mailbox (RFC 5465 §7).
  public var updateItems: [FetchItem] = []
  /// The client will ask again: a hint that this server needs none of.
  public var context = false

  public init() {}

  /// Whether nothing but saving is asked for.
  public var isSilent: Bool { !minimum && !maximum && !all && !count && partial == nil && !relevancy }
}

/// A page of a result: positions from 1, or from the end where `isFromEnd` (RFC 9394 §3.1).
public struct PageRange: Hashable, Sendable {
  public var first: UInt32
  public var last: UInt32
  public var isFromEnd: Bool

  public init(first: UInt32, last: UInt32, isFromEnd: Bool) {
    self.first = first
    self.last = last
    self.isFromEnd = isFromEnd
  }

  /// How many it may hold.
  public var count: Int { Int(max(first, last)) - Int(min(first, last)) + 1 }

  /// The places in a list of so many entries, from 0.
  public func places(in count: Int) -> Range<Int> {
    let low = Int(min(first, last)) - 1
    let high = min(Int(max(first, last)), count)
    guard low < high else { return 0..<0 }
    return isFromEnd ? count - high..<count - low : low..<high
  }
}

/// A SEARCH as a client wrote it.
public struct SearchQuery: Hashable, Sendable {
  /// `nil` for the plain form, which `* SEARCH` answers in IMAP4rev1.
  public var returns: SearchReturn?
  public var key: SearchKey
  /// The name of a charset that this server lacks: the answer is `NO [BADCHARSET]`.
  public var unknownCharset: String?
}

/// What SORT orders by (RFC 5256 §3, RFC 5957).
public struct SortCriterion: Hashable, Sendable {
  public enum Field: String, Hashable, Sendable, CaseIterable {
    case arrival = "ARRIVAL"
    case cc = "CC"
    case date = "DATE"
    case from = "FROM"
    case size = "SIZE"
    case subject = "SUBJECT"
    case to = "TO"
    case displayFrom = "DISPLAYFROM"
    case displayTo = "DISPLAYTO"
    /// The best match first (RFC 6203 §6).
    case relevancy = "RELEVANCY"
  }
  public var field: Field
  public var isReversed: Bool
}

/// How THREAD groups (RFC 5256 §3; REFS is REFERENCES without the merging by subject).
public enum ThreadAlgorithm: String, Hashable, Sendable, CaseIterable {
  case orderedSubject = "ORDEREDSUBJECT"
  case references = "REFERENCES"
  case refs = "REFS"
}

/// A message and what answers it. A node without a message holds siblings together.
public struct MessageThread: Hashable, Sendable {
  public var uid: UID?
  public var children: [MessageThread]
  public init(uid: UID?, children: [MessageThread] = []) {
    self.uid = uid
    self.children = children
  }
}
