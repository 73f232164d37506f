/// The number of a mailbox in its store: never changes, also when it is renamed, and is never used again
/// (RFC 8474, MAILBOXID).
public struct MailboxID: Hashable, Sendable, Codable, Comparable {
  public let number: Int64
  public init(_ number: Int64) { self.number = number }
  public static func < (left: MailboxID, right: MailboxID) -> Bool { left.number < right.number }
}

/// A mailbox as it is after some commit, without its messages.
public struct Mailbox: Sendable, Hashable {
  public let id: MailboxID
  /// The account it belongs to, `ann@lab.test`; `Mailbox.publicOwner` for those that belong to nobody.
  public var owner: String
  /// The whole name in UTF-8, its levels divided by `/`. The inbox is `INBOX`.
  public var name: String
  public var uidValidity: UInt32
  public var uidNext: UInt32
  /// At least 1 (RFC 7162 §3.1.2.1).
  public var highestModSeq: UInt64
  /// How many messages it holds.
  public var count: Int
  /// How many of them lack `\Seen`.
  public var unseen: Int
  /// How many of them have `\Deleted`.
  public var deleted: Int
  /// Bytes of all its messages (RFC 8438, STATUS SIZE).
  public var size: Int64
  /// Bytes of those with `\Deleted` (RFC 9208, STATUS DELETED-STORAGE).
  public var deletedSize: Int64
  public var specialUse: SpecialUse?
  /// The keywords that its messages have or had, in the order of `KeywordSet`'s bits; names are never removed.
  public var keywords: [String]
  /// By identifier (RFC 4314): an account's name, `group:` and a group's name, `anyone`; with a `-` before it, what it
  /// is denied. The owner has all rights and does not stand here.
  public var accessList: [String: MailboxRights]
  public var created: WallTime

  /// The owner of public mailboxes (`#shared`).
  public static let publicOwner = "#shared"
  public static let inboxName = "INBOX"
  public static let separator: Character = "/"

  public init(
    id: MailboxID, owner: String, name: String, uidValidity: UInt32, created: WallTime, specialUse: SpecialUse? = nil
  ) {
    self.id = id
    self.owner = owner
    self.name = name
    self.uidValidity = uidValidity
    self.created = created
    self.specialUse = specialUse
    uidNext = 1
    highestModSeq = 1
    (count, unseen, deleted) = (0, 0, 0)
    (size, deletedSize) = (0, 0)
    keywords = []
    accessList = [:]
  }

  public var isInbox: Bool { name == Self.inboxName }

  /// The index of a keyword in `keywords`, whatever the case of its ASCII letters.
  public func index(ofKeyword keyword: String) -> Int? {
    keywords.firstIndex { MailText.equalsIgnoringCase($0, keyword) }
  }

  /// The names of a message's keywords.
  public func names(of set: KeywordSet) -> [String] {
    if set.isEmpty { return [] }
    return keywords.indices.filter { set.contains(index: $0) }.map { keywords[$0] }
  }
}

/// What a mailbox is for (RFC 6154 §2, RFC 8457 §3): an attribute of LIST.
public enum SpecialUse: String, Sendable, Hashable, Codable, CaseIterable {
  case all = "\\All"
  case archive = "\\Archive"
  case drafts = "\\Drafts"
  case flagged = "\\Flagged"
  case junk = "\\Junk"
  case sent = "\\Sent"
  case trash = "\\Trash"
  case important = "\\Important"
}

/// Comparison as mail does it.
public enum MailText {
  /// Whether two texts are the same but for the case of ASCII letters.
  public static func equalsIgnoringCase(_ left: String, _ right: String) -> Bool {
    left.utf8.count == right.utf8.count && zip(left.utf8, right.utf8).allSatisfy { lower($0) == lower($1) }
  }

  private static func lower(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }
}
