/// A client's command without its tag, as far as its meaning goes (RFC 9051 §6).
///
/// Whether it came with `UID` before it stands in `byUID` of those that have both forms. APPEND and REPLACE are not among them: their
/// messages stream (`AppendArguments`).
public enum Command: Hashable, Sendable {
  case capability, noop, logout, startTLS, compress
  /// `nil` for `NIL`.
  case id([IDField]?)
  case authenticate(mechanism: String, initial: [UInt8]?)
  case logIn(name: [UInt8], password: [UInt8])
  case enable([String])
  case select(SelectArguments)
  case create(MailboxName, specialUse: [String])
  case delete(MailboxName)
  case rename(MailboxName, MailboxName)
  case subscribe(MailboxName, Bool)
  case list(ListArguments)
  case namespace
  case status(MailboxName, [StatusItem])
  case idle, check, close, unselect
  case expunge(SequenceSet?)
  case search(SearchQuery, byUID: Bool)
  case sort(SortQuery, byUID: Bool)
  case thread(ThreadQuery, byUID: Bool)
  case fetch(SequenceSet, [FetchItem], FetchModifiers, byUID: Bool)
  case store(SequenceSet, StoreArguments, byUID: Bool)
  case copy(SequenceSet, MailboxName, byUID: Bool)
  case move(SequenceSet, MailboxName, byUID: Bool)
  case cancelUpdate([[UInt8]])
  case uidBatches(UIDBatches)
  case multiSearch(MultiSearchQuery)
  /// `nil` for NONE.
  case notify(NotifyArguments?)
  case makeURLs([URLRequest])
  /// The mailbox is `nil` for all of them.
  case resetURLKeys(MailboxName?, mechanisms: [String])
  case fetchURLs([[UInt8]])
  case getQuota(String)
  case getQuotaRoot(MailboxName)
  case setQuota(String)
  case getACL(MailboxName)
  case setACL(MailboxName, identifier: String, rights: String)
  case deleteACL(MailboxName, identifier: String)
  case listRights(MailboxName, identifier: String)
  case myRights(MailboxName)
  /// The mailbox is `nil` for the server's own annotations.
  case getMetadata(MailboxName?, [String], MetadataOptions)
  case setMetadata(MailboxName?, [MetadataEntry])
}

/// A pair of ID (RFC 2971).
public struct IDField: Hashable, Sendable {
  public var name: String
  public var value: String?
}

/// SELECT or EXAMINE, with CONDSTORE and QRESYNC (RFC 7162 §3.2.5).
public struct SelectArguments: Hashable, Sendable {
  public var mailbox: MailboxName
  public var isReadOnly: Bool
  public var resynchronise: Resynchronisation?
  public var condstore = false

  public init(mailbox: MailboxName, isReadOnly: Bool) {
    self.mailbox = mailbox
    self.isReadOnly = isReadOnly
  }

  /// What the client remembers.
  public struct Resynchronisation: Hashable, Sendable {
    public var uidValidity: UInt32
    public var modSequence: ModSequence
    public var knownUIDs: SequenceSet?
    /// Sequence numbers and the UIDs that they were, to narrow what has vanished.
    public var match: Match?

    public struct Match: Hashable, Sendable {
      public var numbers: SequenceSet
      public var uids: SequenceSet
    }
  }
}

/// What STATUS asks of a mailbox (RFC 9051 §6.3.11 and extensions).
public enum StatusItem: String, Hashable, Sendable, CaseIterable {
  case messages = "MESSAGES"
  case recent = "RECENT"
  case uidNext = "UIDNEXT"
  case uidValidity = "UIDVALIDITY"
  case unseen = "UNSEEN"
  case deleted = "DELETED"
  case size = "SIZE"
  case highestModSequence = "HIGHESTMODSEQ"
  case mailboxID = "MAILBOXID"
  case appendLimit = "APPENDLIMIT"
  case deletedStorage = "DELETED-STORAGE"
}

/// LIST in all its forms, and LSUB (RFC 9051 §6.3.9, RFC 3501 §6.3.9).
public struct ListArguments: Hashable, Sendable {
  public var reference: [UInt8] = []
  public var patterns: [[UInt8]] = []
  public var isLSUB = false
  /// Whether one of the extended forms was used: RECURSIVEMATCH and CHILDINFO apply then.
  public var isExtended = false

  public var selectSubscribed = false
  public var selectRemote = false
  public var selectSpecialUse = false
  public var recursiveMatch = false

  public var returnSubscribed = false
  public var returnChildren = false
  public var returnSpecialUse = false
  public var returnStatus: [StatusItem] = []
  public var returnMyRights = false
  public var returnMetadata: [String] = []

  public init() {}
}

/// SORT (RFC 5256 §3, RFC 5267 for its RETURN).
public struct SortQuery: Hashable, Sendable {
  public var criteria: [SortCriterion]
  public var search: SearchQuery
}

/// THREAD (RFC 5256 §3).
public struct ThreadQuery: Hashable, Sendable {
  public var algorithm: ThreadAlgorithm
  public var search: SearchQuery
}

/// STORE (RFC 9051 §6.4.6, RFC 7162 §3.1.3).
public struct StoreArguments: Hashable, Sendable {
  public enum Mode: Hashable, Sendable { case replace, add, remove }
  public var mode: Mode
  public var flags: [Flag]
  public var isSilent: Bool
  public var unchangedSince: ModSequence?

  public init(mode: Mode, flags: [Flag], isSilent: Bool, unchangedSince: ModSequence?) {
    self.mode = mode
    self.flags = flags
    self.isSilent = isSilent
    self.unchangedSince = unchangedSince
  }
}

/// A URL to which GENURLAUTH adds what lets others read it (RFC 4467 §7).
public struct URLRequest: Hashable, Sendable {
  public var url: [UInt8]
  public var mechanism: String
}

/// An annotation and its value; `nil` takes it away (RFC 5464).
public struct MetadataEntry: Hashable, Sendable {
  public var name: String
  public var value: [UInt8]?
}

/// How GETMETADATA answers.
public struct MetadataOptions: Hashable, Sendable {
  public enum Depth: Hashable, Sendable { case zero, one, infinity }
  public var maximumSize: UInt64?
  public var depth = Depth.zero
}

/// What stands before each message of an APPEND or REPLACE.
public struct AppendedMessageArguments: Hashable, Sendable {
  public var flags: [Flag] = []
  public var date: DateTime?
}

extension Command {
  /// Whether it names messages by sequence numbers, or is answered by them (RFC 9586 §3).
  var usesSequenceNumbers: Bool {
    switch self {
    case .search(let query, let byUID): !byUID || query.key.mentionsSequenceNumbers
    case .multiSearch(let query): query.search.key.mentionsSequenceNumbers
    case .sort(let query, let byUID): !byUID || query.search.key.mentionsSequenceNumbers
    case .thread(let query, let byUID): !byUID || query.search.key.mentionsSequenceNumbers
    case .fetch(_, _, _, let byUID), .store(_, _, let byUID), .copy(_, _, let byUID), .move(_, _, let byUID): !byUID
    default: false
    }
  }
}

extension SearchKey {
  /// Whether a set of sequence numbers is among the keys. `$` is none: it keeps UIDs.
  var mentionsSequenceNumbers: Bool {
    switch self {
    case .sequence(let set): !set.isSavedResult
    case .not(let key), .fuzzy(let key): key.mentionsSequenceNumbers
    case .or(let left, let right): left.mentionsSequenceNumbers || right.mentionsSequenceNumbers
    case .and(let keys): keys.contains(where: \.mentionsSequenceNumbers)
    default: false
    }
  }
}
