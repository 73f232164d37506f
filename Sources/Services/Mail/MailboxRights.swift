/// What somebody may do with a mailbox (RFC 4314 §2.1).
public struct MailboxRights: OptionSet, Hashable, Sendable, Codable {
  public let rawValue: UInt16
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// `l`: it is visible.
  public static let lookup = MailboxRights(rawValue: 1)
  /// `r`: SELECT, FETCH, SEARCH.
  public static let read = MailboxRights(rawValue: 2)
  /// `s`: keep `\Seen`.
  public static let seen = MailboxRights(rawValue: 4)
  /// `w`: other flags and keywords.
  public static let write = MailboxRights(rawValue: 8)
  /// `i`: APPEND, COPY into it.
  public static let insert = MailboxRights(rawValue: 16)
  /// `p`: mail sent to it.
  public static let post = MailboxRights(rawValue: 32)
  /// `k`: mailboxes below it.
  public static let createMailboxes = MailboxRights(rawValue: 64)
  /// `x`: DELETE, RENAME.
  public static let deleteMailbox = MailboxRights(rawValue: 128)
  /// `t`: `\Deleted`.
  public static let deleteMessages = MailboxRights(rawValue: 256)
  /// `e`: EXPUNGE.
  public static let expunge = MailboxRights(rawValue: 512)
  /// `a`: the access list itself.
  public static let administer = MailboxRights(rawValue: 1024)

  public static let all = MailboxRights(rawValue: 2047)

  /// In RFC 4314's order.
  private static let letters: [(Character, MailboxRights)] = [
    ("l", .lookup), ("r", .read), ("s", .seen), ("w", .write), ("i", .insert), ("p", .post), ("k", .createMailboxes),
    ("x", .deleteMailbox), ("t", .deleteMessages), ("e", .expunge), ("a", .administer),
  ]

  /// From RFC 4314's letters. `c` and `d` of RFC 2086 stand for `kx` and `tex` (§2.1.1). `nil` for an unknown letter.
  public init?(letters: String) {
    var rights: MailboxRights = []
    for letter in letters {
      if letter == "c" {
        rights.formUnion([.createMailboxes, .deleteMailbox])
      } else if letter == "d" {
        rights.formUnion([.deleteMessages, .expunge, .deleteMailbox])
      } else if let right = Self.letters.first(where: { $0.0 == letter }) {
        rights.formUnion(right.1)
      } else {
        return nil
      }
    }
    self = rights
  }

  /// `lrswipkxtea`, as far as granted.
  public var letters: String { String(Self.letters.filter { contains($0.1) }.map(\.0)) }
}

extension Mailbox {
  /// What this account may do here: everything in its own, otherwise what the list grants to its name, its groups and
  /// `anyone`, less what it denies them.
  public func rights(of account: String, groups: [String] = []) -> MailboxRights {
    if account == owner { return .all }
    var (granted, denied): (MailboxRights, MailboxRights) = ([], [])
    for identifier in [account, "anyone"] + groups.map({ "group:\($0)" }) {
      granted.formUnion(accessList[identifier] ?? [])
      denied.formUnion(accessList["-" + identifier] ?? [])
    }
    return granted.subtracting(denied)
  }
}
