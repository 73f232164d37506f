import Services

/// An account's mail as it is after some commit: a value.
struct AccountState: Sendable {
  var row: AccountRow
  var mailboxes: [MailboxID: MailboxState] = [:]
  var subscriptions: Set<String> = []

  func mailbox(named name: String) -> MailboxState? {
    mailboxes.values.first { $0.mailbox.name == name }
  }

  func mailbox(for use: SpecialUse) -> MailboxState? {
    mailboxes.values.first { $0.mailbox.specialUse == use }
  }

  var tree: MailboxTree {
    let sorted = mailboxes.values.map(\.mailbox).sorted { left, right in
      if left.isInbox != right.isInbox { return left.isInbox }
      return left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
    }
    return MailboxTree(mailboxes: sorted, subscriptions: subscriptions)
  }
}

/// A mailbox as it is after some commit.
struct MailboxState: Sendable {
  var mailbox: Mailbox
  var recentFrom: UInt32
  /// `nil` when it is not in memory.
  var messages: MessageList?
  var hold: MailboxHold

  var snapshot: MailboxSnapshot? {
    messages.map { MailboxSnapshot(mailbox: mailbox, messages: $0, hold: hold) }
  }

  /// Counts a message in, or out.
  mutating func count(_ message: MailMessage, _ sign: Int) {
    mailbox.count += sign
    mailbox.size += Int64(sign) * message.size
    if !message.flags.contains(.seen) { mailbox.unseen += sign }
    if message.flags.contains(.deleted) {
      mailbox.deleted += sign
      mailbox.deletedSize += Int64(sign) * message.size
    }
  }

  /// The bits of these keywords; new names are added.
  mutating func keywords(_ names: [String]) throws(StoreError) -> KeywordSet {
    var set: KeywordSet = []
    for name in names {
      if let index = mailbox.index(ofKeyword: name) {
        set.insert(KeywordSet(index: index))
        continue
      }
      guard mailbox.keywords.count < KeywordSet.maximumCount else {
        throw StoreError(.limitReached, "a mailbox has \(KeywordSet.maximumCount) keywords at most")
      }
      guard !name.isEmpty, name.utf8.count <= 128, name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
        throw StoreError(.limitReached, "no keyword")
      }
      set.insert(KeywordSet(index: mailbox.keywords.count))
      mailbox.keywords.append(name)
    }
    return set
  }
}
