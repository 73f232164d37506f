import Services
import Synchronization

extension MailStoreBattery {
  /// Values that come on other threads.
  private final class Gathered<Element: Sendable>: Sendable {
    let elements = Mutex<[Element]>([])
    func add(_ element: Element) { elements.withLock { $0.append(element) } }
    var all: [Element] { elements.withLock { $0 } }
  }

  static let changeChecks: [StoreCheck<any MailStore>] = [
    StoreCheck("flags are replaced, added and taken away") { store in
      let inbox = try await store.inbox(of: ann)
      for _ in 0..<3 { try await append(store, to: inbox) }
      let added = try await store.store(FlagChange(.add, .seen, keywords: ["$X"]), to: UIDSet(1...2), of: inbox.id)
      try expectEqual(added.changed, UIDSet(1...2))
      try expectSound(added.snapshot)
      try expectEqual(added.snapshot.mailbox.unseen, 1)
      let modSeq = added.snapshot.mailbox.highestModSeq
      try expectEqual(added.snapshot.messages.message(1)?.modSeq, modSeq)
      // What changes nothing has no new mod-sequence (RFC 7162 §3.1.2.1 lets us choose; ours is quiet).
      let same = try await store.store(FlagChange(.add, .seen), to: UIDSet(1...2), of: inbox.id)
      try expect(same.changed.isEmpty && same.snapshot.mailbox.highestModSeq == modSeq, "nothing happened")
      let replaced = try await store.store(FlagChange(.replace, .deleted), to: .all, of: inbox.id)
      try expectEqual(replaced.changed, UIDSet(1...3))
      try expectEqual(replaced.snapshot.mailbox.deleted, 3)
      let removed = try await store.store(
        FlagChange(.remove, .deleted, keywords: ["never"]), to: UIDSet(2...2), of: inbox.id)
      try expectEqual(removed.snapshot.messages.message(2)?.flags, [])
      try expect(!removed.snapshot.mailbox.keywords.contains("never"), "taking away makes no keyword")
      try expectSound(removed.snapshot)
    },
    StoreCheck("UNCHANGEDSINCE leaves alone what changed later") { store in
      let inbox = try await store.inbox(of: ann)
      for _ in 0..<2 { try await append(store, to: inbox) }
      let first = try await store.store(FlagChange(.add, .seen), to: UIDSet(1...1), of: inbox.id)
      let before = first.snapshot.mailbox.highestModSeq - 1
      let result = try await store.store(
        FlagChange(.add, .flagged), to: UIDSet(1...2), of: inbox.id, unchangedSince: before)
      try expectEqual(result.modified, UIDSet(1...1))
      try expectEqual(result.changed, UIDSet(2...2))
      try expectEqual(result.snapshot.messages.message(1)?.flags, .seen)
    },
    StoreCheck("keywords have a limit") { store in
      let inbox = try await store.inbox(of: ann)
      try await append(store, to: inbox, keywords: (0..<KeywordSet.maximumCount).map { "k\($0)" })
      try await append(store, to: inbox, keywords: ["K63"])
      try await expectFailure(.limitReached) { () throws(StoreError) in
        _ = try await store.store(FlagChange(.add, [], keywords: ["one more"]), to: .all, of: inbox.id)
      }
      let staged = try await staged(store, text("x"))
      try await expectFailure(.limitReached) { () throws(StoreError) in
        _ = try await store.append([MessageAppend(staged, to: inbox.id, keywords: ["k64"])])
      }
      try expectSound(try await store.snapshot(of: inbox.id))
    },
    StoreCheck("expunged is what is chosen, and a snapshot keeps it readable") { store in
      let inbox = try await store.inbox(of: ann)
      for number in 0..<4 {
        try await append(store, text("\(number)"), to: inbox, flags: number % 2 == 0 ? .deleted : [])
      }
      let before = try await store.snapshot(of: inbox.id)
      let result = try await store.expunge(UIDSet(1...2), of: inbox.id, onlyDeleted: true)
      try expectEqual(result.expunged, UIDSet(1...1))
      let second = try await store.expunge(UIDSet(2...3), of: inbox.id, onlyDeleted: false)
      try expectEqual(second.expunged, UIDSet(2...3))
      try expectSound(second.snapshot)
      try expectEqual(try await store.vanished(from: inbox.id, since: before.mailbox.highestModSeq), UIDSet(1...3))
      try expectEqual(
        try await store.vanished(from: inbox.id, since: result.snapshot.mailbox.highestModSeq), UIDSet(2...3))
      try expectEqual(before.messages.count, 4)
      try expectEqual(try content(store, before.messages[0]), text("0"))
      try expectEqual(second.snapshot.difference(from: before).vanished, UIDSet(1...3))
      try await append(store, to: inbox)
      try expectEqual(try await store.snapshot(of: inbox.id).messages.last?.uid, 5)
    },
    StoreCheck("expunged messages can be had back") { store in
      let inbox = try await store.inbox(of: ann)
      let box = try await store.createMailbox("x", of: ann)
      try await append(store, text("lost"), to: inbox, flags: [.deleted, .seen])
      try await append(store, text("box"), to: box)
      _ = try await store.expunge(.all, of: inbox.id, onlyDeleted: true)
      try await store.deleteMailbox(box.id)
      let gone = try await store.expungedMessages(of: ann, limit: 10)
      try expectEqual(gone.map(\.mailboxName), ["x", "INBOX"])
      let result = try await store.restore(UIDSet(1...1), expungedFrom: inbox.id, to: inbox.id)
      try expectEqual(result.copies, [2])
      let snapshot = try await store.snapshot(of: inbox.id)
      try expectSound(snapshot)
      try expectEqual(snapshot.messages.last?.flags, .seen)
      guard let message = snapshot.messages.last else { throw BatteryFailure(description: "nothing") }
      try expectEqual(try content(store, message), text("lost"))
      try expectEqual(try await store.expungedMessages(of: ann, limit: 10).map(\.mailboxName), ["x"])
      try expectEqual(try await store.restore(.all, expungedFrom: inbox.id, to: inbox.id).copies, [])
    },
    StoreCheck("quotas are exact, also when many come at once") { store in
      let inbox = try await store.inbox(of: ann)
      let size = Int64(text("q").utf8.count)
      try await store.setQuota(of: ann, bytes: size * 5, messages: nil)
      let results = await withTaskGroup(of: Bool.self) { group in
        for _ in 0..<20 {
          group.addTask { (try? await append(store, text("q"), to: inbox)) != nil }
        }
        return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
      }
      try expectEqual(results, 5)
      try expectEqual(
        try await store.quota(of: ann), MailQuota(usedBytes: size * 5, usedMessages: 5, limitBytes: size * 5))
      try await expectFailure(.overQuota) { () throws(StoreError) in
        _ = try await store.copy(UIDSet(1...1), from: inbox.id, to: inbox.id)
      }
      _ = try await store.move(UIDSet(1...1), from: inbox.id, to: inbox.id)
      _ = try await store.expunge(UIDSet(2...2), of: inbox.id, onlyDeleted: false)
      try await append(store, text("q"), to: inbox)
      try await store.setQuota(of: ann, bytes: nil, messages: 5)
      try await expectFailure(.overQuota) { () throws(StoreError) in
        _ = try await store.restore(UIDSet(2...2), expungedFrom: inbox.id, to: inbox.id)
      }
    },
    StoreCheck("every commit is told of, in order, to those who follow the account") { store in
      let inbox = try await store.inbox(of: ann)
      let other = try await store.inbox(of: bob)
      let told = Gathered<MailChange>()
      let observation = store.observe([ann]) { told.add($0) }
      try await append(store, to: inbox)
      try await append(store, to: other)
      let made = try await store.createMailbox("new", of: ann)
      _ = try await store.renameMailbox(made.id, to: "newer")
      try await store.setMetadata(["/shared/a": [1]], of: made.id, account: ann, user: ann)
      try await store.subscribe(ann, adding: ["newer"], removing: [])
      try await store.deleteMailbox(made.id)
      observation.cancel()
      try await append(store, to: inbox)
      let changes = told.all
      try expect(changes.allSatisfy { $0.account == ann }, "only hers")
      try expectEqual(changes.map(\.commit), changes.map(\.commit).sorted())
      try expectEqual(changes.flatMap(\.mailboxes).map(\.id), [inbox.id])
      try expectEqual(changes.flatMap(\.mailboxes).map(\.count), [1])
      try expectEqual(changes.flatMap(\.created), [made.id])
      try expectEqual(changes.flatMap { $0.renamed.values }, ["new"])
      try expectEqual(changes.flatMap { $0.metadata[made.id] ?? [] }, ["/shared/a"])
      try expectEqual(changes.flatMap(\.subscriptions), ["newer"])
      try expectEqual(changes.flatMap(\.deleted), [made.id])
    },
    StoreCheck("a feed that nobody reads says that it overflowed") { store in
      let inbox = try await store.inbox(of: ann)
      let feed = store.changes(of: [ann], limit: 3)
      for _ in 0..<10 { try await append(store, to: inbox) }
      var iterator = feed.makeAsyncIterator()
      var overflowed = false
      for _ in 0..<3 { if case .overflow = await iterator.next() { overflowed = true } }
      try expect(overflowed, "the mark")
    },
    StoreCheck("differences say what happened between two states") { store in
      let inbox = try await store.inbox(of: ann)
      for _ in 0..<600 { try await append(store, to: inbox) }
      let before = try await store.snapshot(of: inbox.id)
      _ = try await store.store(FlagChange(.add, .seen), to: UIDSet(300...301), of: inbox.id)
      _ = try await store.expunge(UIDSet(10...20), of: inbox.id, onlyDeleted: false)
      try await append(store, to: inbox)
      let after = try await store.snapshot(of: inbox.id)
      let difference = after.difference(from: before)
      try expectEqual(difference.vanished, UIDSet(10...20))
      try expectEqual(difference.changed, UIDSet(300...301))
      try expectEqual(difference.arrived, UIDSet(601...601))
      try expect(after.difference(from: after).isEmpty, "none")
      try expectSound(before)
      try expectSound(after)
    },
  ]
}
