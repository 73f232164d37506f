import Services
import Synchronization

/// What every store of mail must do.
public enum MailStoreBattery {
  public static let checks = mailboxChecks + messageChecks + changeChecks + faultChecks

  static let ann = "ann@lab.test"
  static let bob = "bob@lab.test"

  /// A message of these lines.
  static func text(_ subject: String, id: String? = nil, references: String? = nil, body: String = "Hello.") -> String {
    var header = "From: Ann <ann@lab.test>\r\nTo: bob@lab.test\r\nSubject: \(subject)\r\n"
    if let id { header += "Message-ID: \(id)\r\n" }
    if let references { header += "References: \(references)\r\n" }
    return header + "\r\n\(body)\r\n"
  }

  static func staged(_ store: any MailStore, _ text: String) async throws -> any StagedMessage {
    let staged = try await store.stage(expecting: Int64(text.utf8.count))
    try staged.write(text)
    return staged
  }

  @discardableResult
  static func append(
    _ store: any MailStore, _ text: String = text("hello"), to mailbox: Mailbox, flags: MessageFlags = [],
    keywords: [String] = []
  ) async throws -> AppendedMessage {
    let appended = try await store.append([
      MessageAppend(try await staged(store, text), to: mailbox.id, flags: flags, keywords: keywords)
    ])
    guard let first = appended.first, appended.count == 1 else {
      throw BatteryFailure(description: "one message, \(appended.count) answers")
    }
    return first
  }

  static func content(_ store: any MailStore, _ message: MailMessage) throws -> String {
    let body = try store.body(of: message)
    return String(decoding: try body.bytes(0..<body.size), as: UTF8.self)
  }

  /// Counts and messages agree, UIDs rise, mod-sequences are within the mailbox's.
  static func expectSound(_ snapshot: MailboxSnapshot, line: Int = #line) throws {
    let mailbox = snapshot.mailbox
    var (unseen, deleted, size, last): (Int, Int, Int64, UInt32) = (0, 0, 0, 0)
    try snapshot.messages.forEach { index, message in
      try expect(message.uid > last, "UIDs rise", line: line)
      try expect(snapshot.messages.index(of: message.uid) == index, "a UID is found", line: line)
      try expect(message.modSeq <= mailbox.highestModSeq, "mod-sequences are within", line: line)
      last = message.uid
      size += message.size
      if !message.flags.contains(.seen) { unseen += 1 }
      if message.flags.contains(.deleted) { deleted += 1 }
      return true
    }
    try expect(last < mailbox.uidNext, "UIDNEXT is above", line: line)
    try expectEqual(
      [mailbox.count, mailbox.unseen, mailbox.deleted, Int(mailbox.size)],
      [snapshot.messages.count, unseen, deleted, Int(size)], line: line)
  }

  // MARK: Mailboxes

  static let mailboxChecks: [StoreCheck<any MailStore>] = [
    StoreCheck("a new account has an inbox and folders") { store in
      try expect(store.currentMailboxes(of: ann) == nil, "nobody has asked yet")
      let tree = try await store.mailboxes(of: ann)
      try expectEqual(tree.mailboxes.first?.name, "INBOX")
      try expect(tree.mailbox(for: .sent) != nil && tree.mailbox(for: .trash) != nil, "folders by use")
      try expect(tree.subscriptions.contains("INBOX"), "the inbox is subscribed to")
      try expectEqual(tree.mailbox(named: "inbox")?.id, tree.mailboxes.first?.id)
      try expectEqual(try await store.mailboxes(of: ann).mailboxes, tree.mailboxes)
      try expectEqual(try await store.accounts(), [ann])
      try expect(store.currentMailboxes(of: ann) != nil, "it is in memory now")
      let validities = tree.mailboxes.map(\.uidValidity)
      try expectEqual(Set(validities).count, validities.count)
    },
    StoreCheck("mailboxes are made with those above them, and names are unique") { store in
      let deep = try await store.createMailbox("a/b/ü", of: ann)
      let tree = try await store.mailboxes(of: ann)
      try expectEqual(tree.mailbox(named: "a/b/ü"), deep)
      try expect(tree.mailbox(named: "a") != nil && tree.mailbox(named: "a/b") != nil, "parents")
      try await expectFailure(.conflict) { () throws(StoreError) in try await store.createMailbox("a/b", of: ann) }
      try await expectFailure(.conflict) { () throws(StoreError) in try await store.createMailbox("InBox", of: ann) }
      for name in ["", "/a", "a/", "a//b", "a\u{1}", String(repeating: "x", count: 2_000)] {
        try await expectFailure(.limitReached) { () throws(StoreError) in
          try await store.createMailbox(name, of: ann)
        }
      }
      try await expectFailure(.conflict) { () throws(StoreError) in
        try await store.createMailbox("second", of: ann, specialUse: .sent, uidValidity: nil)
      }
      try await store.setSpecialUse(.important, of: deep.id)
      try expectEqual(try await store.mailboxes(of: ann).mailbox(for: .important)?.id, deep.id)
      try await expectFailure(.conflict) { () throws(StoreError) in try await store.setSpecialUse(.sent, of: deep.id) }
      try expectEqual(
        try await store.createMailbox("kept", of: ann, specialUse: nil, uidValidity: 77).uidValidity, 77)
    },
    StoreCheck("a name used again has another identity and a higher UIDVALIDITY") { store in
      let first = try await store.createMailbox("x", of: ann)
      try await append(store, to: first)
      try await store.deleteMailbox(first.id)
      try await expectFailure(.notFound) { () throws(StoreError) in _ = try await store.snapshot(of: first.id) }
      let second = try await store.createMailbox("x", of: ann)
      try expect(second.id != first.id && second.uidValidity > first.uidValidity, "another mailbox")
      try expectEqual(try await store.snapshot(of: second.id).messages.count, 0)
      try expectEqual(try await store.quota(of: ann).usedMessages, 0)
      let inbox = try await store.inbox(of: ann)
      try await expectFailure(.conflict) { () throws(StoreError) in try await store.deleteMailbox(inbox.id) }
    },
    StoreCheck("renaming takes what is below along, and empties the inbox") { store in
      let top = try await store.createMailbox("t", of: ann)
      let below = try await store.createMailbox("t/u", of: ann)
      try await append(store, to: below)
      let renamed = try await store.renameMailbox(top.id, to: "p/q")
      try expectEqual(renamed.id, top.id)
      let tree = try await store.mailboxes(of: ann)
      try expectEqual(tree.mailbox(named: "p/q/u")?.id, below.id)
      try expect(tree.mailbox(named: "p") != nil && tree.mailbox(named: "t") == nil, "the new parent, no old name")
      try expectEqual(try await store.snapshot(of: below.id).messages.count, 1)
      try await expectFailure(.conflict) { () throws(StoreError) in
        _ = try await store.renameMailbox(top.id, to: "p/q/r")
      }
      try await expectFailure(.conflict) { () throws(StoreError) in
        _ = try await store.renameMailbox(top.id, to: "Sent")
      }
      let inbox = try await store.inbox(of: ann)
      try await append(store, to: inbox, flags: .seen)
      let moved = try await store.renameMailbox(inbox.id, to: "old")
      try expect(moved.id != inbox.id, "the inbox stays")
      try expectEqual(try await store.snapshot(of: inbox.id).messages.count, 0)
      let messages = try await store.snapshot(of: moved.id).messages
      try expectEqual(messages.last?.flags, .seen)
    },
    StoreCheck("subscriptions are names") { store in
      try await store.subscribe(ann, adding: ["gone", "#user/bob/x"], removing: ["Junk"])
      let names = try await store.mailboxes(of: ann).subscriptions
      try expect(names.contains("gone") && names.contains("#user/bob/x") && !names.contains("Junk"), "\(names)")
    },
    StoreCheck("rights are granted, denied and found") { store in
      let box = try await store.createMailbox("team", of: ann)
      let shared = try await store.createMailbox("all", of: Mailbox.publicOwner)
      try await store.setRights([.lookup, .read, .write], of: bob, on: box.id)
      try await store.setRights(.write, of: "-group:interns", on: box.id)
      try await store.setRights(.lookup, of: "anyone", on: shared.id)
      let seen = try await store.mailboxes(sharedWith: [bob, "anyone"])
      try expectEqual(Set(seen.map(\.id)), [box.id, shared.id])
      guard let found = seen.first(where: { $0.id == box.id }) else { throw BatteryFailure(description: "not found") }
      try expectEqual(found.rights(of: bob).letters, "lrw")
      try expectEqual(found.rights(of: bob, groups: ["interns"]).letters, "lr")
      try expectEqual(found.rights(of: ann), .all)
      try expectEqual(found.rights(of: "eve@lab.test"), [])
      try await store.setRights([], of: bob, on: box.id)
      try expectEqual(try await store.mailboxes(sharedWith: [bob]).count, 0)
      try expectEqual(MailboxRights(letters: "lrswipkxtea"), .all)
      try expect(MailboxRights(letters: "lz") == nil, "an unknown letter")
    },
    StoreCheck("annotations, shared and private") { store in
      let box = try await store.createMailbox("m", of: ann)
      try await store.setMetadata(
        ["/shared/comment": [1], "/private/comment": [2]], of: box.id, account: ann, user: ann)
      try expectEqual(
        try await store.metadata(of: box.id, account: ann, user: ann),
        ["/shared/comment": [1], "/private/comment": [2]])
      try expectEqual(try await store.metadata(of: box.id, account: ann, user: bob), ["/shared/comment": [1]])
      try await store.setMetadata(["/shared/comment": nil], of: box.id, account: ann, user: ann)
      try expectEqual(try await store.metadata(of: box.id, account: ann, user: bob), [:])
      try await store.setMetadata(["/private/x": [3]], of: nil, account: ann, user: ann)
      try expectEqual(try await store.metadata(of: nil, account: ann, user: ann), ["/private/x": [3]])
      try await expectFailure(.limitReached) { () throws(StoreError) in
        try await store.setMetadata(
          ["/private/x": [UInt8](repeating: 0, count: 1_000_000)], of: nil, account: ann, user: ann)
      }
    },
    StoreCheck("an account goes with everything") { store in
      let inbox = try await store.inbox(of: ann)
      try await append(store, to: inbox)
      try await store.removeAccount(ann)
      try expectEqual(try await store.accounts(), [])
      try await expectFailure(.notFound) { () throws(StoreError) in _ = try await store.snapshot(of: inbox.id) }
      try expect(try await store.inbox(of: ann).id != inbox.id, "a new one")
    },
  ]
}
