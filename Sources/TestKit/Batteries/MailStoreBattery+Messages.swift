import Services
import Synchronization

extension MailStoreBattery {
  static let messageChecks: [StoreCheck<any MailStore>] = [
    StoreCheck("a message comes back as it was appended") { store in
      let inbox = try await store.inbox(of: ann)
      let staged = try await staged(store, text("one"))
      let date = WallTime(seconds: 1_000_000_000)
      let appended = try await store.append([
        MessageAppend(staged, to: inbox.id, flags: [.seen, .flagged], keywords: ["$Label1"], internalDate: date)
      ])
      let snapshot = try await store.snapshot(of: inbox.id)
      try expectSound(snapshot)
      guard let message = snapshot.messages.last else { throw BatteryFailure(description: "no message") }
      try expectEqual(appended.first?.uid, message.uid)
      try expectEqual(appended.first?.uidValidity, snapshot.mailbox.uidValidity)
      try expectEqual(appended.first?.modSeq, message.modSeq)
      try expectEqual(message.flags, [.seen, .flagged])
      try expectEqual(snapshot.mailbox.names(of: message.keywords), ["$Label1"])
      try expectEqual(message.internalDate, date)
      try expectEqual(try content(store, message), text("one"))
      try expectEqual(message.size, Int64(text("one").utf8.count))
      let body = try store.body(of: message)
      try expectEqual(String(decoding: try body.bytes(6..<9), as: UTF8.self), "Ann")
      try expectEqual(try body.bytes(body.size..<(body.size + 10)), [])
      let digests = try await store.digests(of: [message])
      try expect(digests.count == 1 && !(digests.first ?? []).isEmpty, "a digest")
    },
    StoreCheck("several are appended all or none") { store in
      let inbox = try await store.inbox(of: ann)
      let other = try await store.inbox(of: bob)
      let one = try await staged(store, text("1"))
      let gone = MailboxID(9_999)
      try await expectFailure(.notFound) { () throws(StoreError) in
        _ = try await store.append([MessageAppend(one, to: inbox.id), MessageAppend(one, to: gone)])
      }
      try expectEqual(try await store.snapshot(of: inbox.id).messages.count, 0)
      let before = try await store.inbox(of: ann)
      let all = try await store.append([
        MessageAppend(one, to: inbox.id), MessageAppend(one, to: other.id), MessageAppend(one, to: inbox.id),
      ])
      try expectEqual(all.map(\.mailbox), [inbox.id, other.id, inbox.id])
      try expect(all[0].uid < all[2].uid, "UIDs rise")
      try expectEqual(try await store.inbox(of: ann).highestModSeq, before.highestModSeq + 1)
      let results = try await store.deliver([MessageAppend(one, to: gone), MessageAppend(one, to: other.id)])
      guard case .failure(let error) = results[0], error.code == .notFound, case .success = results[1] else {
        throw BatteryFailure(description: "each on its own: \(results)")
      }
      try expectSound(try await store.snapshot(of: other.id))
    },
    StoreCheck("large messages go by stream") { store in
      let inbox = try await store.inbox(of: ann)
      let staged = try await store.stage(expecting: nil)
      try staged.write(text("large"))
      let piece: [UInt8] = (0..<65_536).map { index in index % 61 == 60 ? 10 : 65 + UInt8(index % 26) }
      for _ in 0..<64 { try staged.write(piece) }
      _ = try await store.append([MessageAppend(staged, to: inbox.id)])
      guard let message = try await store.snapshot(of: inbox.id).messages.last else {
        throw BatteryFailure(description: "no message")
      }
      let start = Int64(text("large").utf8.count)
      try expectEqual(message.size, start + 64 * 65_536)
      let body = try store.body(of: message)
      try expectEqual(try body.bytes((start + 63 * 65_536)..<body.size), piece)
      let copy = try await store.stage(expecting: nil)
      try copy.write("Subject: parts\r\n\r\n")
      try copy.write(body, start..<(start + 200_000))
      _ = try await store.append([MessageAppend(copy, to: inbox.id)])
      let second = try await store.snapshot(of: inbox.id).messages.last
      try expectEqual(second?.size, 200_018)
    },
    StoreCheck("a message is replaced in one commit") { store in
      let drafts = try await store.mailboxes(of: ann).mailbox(for: .drafts)
      guard let drafts else { throw BatteryFailure(description: "no drafts") }
      let first = try await append(store, to: drafts)
      let staged = try await staged(store, text("second"))
      let second = try await store.append([
        MessageAppend(staged, to: drafts.id, replacing: .init(mailbox: drafts.id, uid: first.uid))
      ])
      let snapshot = try await store.snapshot(of: drafts.id)
      try expectEqual(snapshot.messages.uids, UIDSet(second.map(\.uid)))
      try expectSound(snapshot)
    },
    StoreCheck("conversations go by what messages refer to") { store in
      let inbox = try await store.inbox(of: ann)
      try await append(store, text("a", id: "<1@x>"), to: inbox)
      try await append(store, text("Re: a", id: "<2@x>", references: "<1@x>"), to: inbox)
      try await append(store, text("Re: b", id: "<4@x>", references: "<3@x>"), to: inbox)
      try await append(store, text("b", id: "<3@x>"), to: inbox)
      try await append(store, text("a"), to: inbox)
      let messages = try await store.snapshot(of: inbox.id).messages
      let threads = (0..<5).map { messages[$0].threadID }
      try expect(threads[0] == threads[1] && threads[2] == threads[3], "\(threads)")
      try expectEqual(Set(threads).count, 3)
      try expectEqual(Set((0..<5).map { messages[$0].emailID }).count, 5)
    },
    StoreCheck("copies keep flags and content and have new UIDs") { store in
      let inbox = try await store.inbox(of: ann)
      let target = try await store.createMailbox("target", of: ann)
      try await append(store, text("other"), to: target, keywords: ["$B"])
      for number in 0..<3 {
        try await append(store, text("\(number)"), to: inbox, flags: .answered, keywords: ["$A"])
      }
      let result = try await store.copy(UIDSet(2...9), from: inbox.id, to: target.id)
      try expectEqual(result.sources, [2, 3])
      try expectEqual(result.copies, [2, 3])
      try expectEqual(result.uidValidity, target.uidValidity)
      let (source, copied) = (try await store.snapshot(of: inbox.id), try await store.snapshot(of: target.id))
      try expectSound(source)
      try expectSound(copied)
      try expectEqual(source.messages.count, 3)
      guard let original = source.messages.message(2), let copy = copied.messages.message(2) else {
        throw BatteryFailure(description: "not there")
      }
      try expectEqual(copy.flags, .answered)
      try expectEqual(copied.mailbox.names(of: copy.keywords), ["$A"])
      try expect(copy.emailID == original.emailID && copy.threadID == original.threadID, "the same email")
      try expectEqual(try content(store, copy), text("1"))
      try expectEqual(try await store.copy(UIDSet(50...60), from: inbox.id, to: target.id).copies, [])
    },
    StoreCheck("moves are one step and can go within a mailbox") { store in
      let inbox = try await store.inbox(of: ann)
      let target = try await store.createMailbox("target", of: ann)
      for number in 0..<3 { try await append(store, text("\(number)"), to: inbox) }
      let before = try await store.inbox(of: ann).highestModSeq
      let result = try await store.move(UIDSet(1...2), from: inbox.id, to: target.id)
      try expectEqual(result.sources, [1, 2])
      try expect(result.sourceModSeq > before, "the source's mod-sequence rises")
      try expectEqual(try await store.vanished(from: inbox.id, since: before), UIDSet(1...2))
      let again = try await store.move(UIDSet(3...3), from: inbox.id, to: inbox.id)
      try expectEqual(again.copies, [4])
      let snapshot = try await store.snapshot(of: inbox.id)
      try expectSound(snapshot)
      try expectEqual(snapshot.messages.uids, UIDSet(4...4))
      try expectSound(try await store.snapshot(of: target.id))
      try expectEqual(try await store.expungedMessages(of: ann, limit: 10).count, 0)
    },
    StoreCheck("the index finds words in the right fields") { store in
      let inbox = try await store.inbox(of: ann)
      try await append(store, text("Quarterly REPORT", body: "the grüne wiese"), to: inbox)
      try await append(store, text("lunch", body: "a quarterly report"), to: inbox)
      let encoded =
        "Subject: =?utf-8?q?=C3=9Cbung?=\r\nContent-Transfer-Encoding: base64\r\n\r\naGlkZGVuIHRyZWFzdXJl\r\n"
      try await append(store, encoded, to: inbox)
      let messages = try await store.snapshot(of: inbox.id).messages
      let ids = (0..<3).map { messages[$0].emailID }
      func find(_ field: MailTextQuery.Field, _ text: String) async throws -> Set<Int64> {
        // An index may need a moment.
        for _ in 0..<200 {
          let matches = try await store.matches(MailTextQuery(field, text), in: inbox.id)
          if matches.indexedThrough >= ids[2] { return matches.emailIDs ?? [] }
          try await Task.sleep(for: .milliseconds(10))
        }
        throw BatteryFailure(description: "the index never comes")
      }
      try expectEqual(try await find(.subject, "report"), [ids[0]])
      try expectEqual(try await find(.text, "REPORT"), [ids[0], ids[1]])
      try expectEqual(try await find(.body, "GRÜNE wie"), [ids[0]])
      try expectEqual(try await find(.from, "ann@lab"), [ids[0], ids[1]])
      try expectEqual(try await find(.body, "den treas"), [ids[2]])
      try expectEqual(try await find(.subject, "übung"), [ids[2]])
      try expectEqual(try await find(.body, "100% \"no\" such *"), [])
    },
    StoreCheck("recent messages are one session's") { store in
      let inbox = try await store.inbox(of: ann)
      try expectEqual(try await store.takeRecent(inbox.id), UIDSet())
      try await append(store, to: inbox)
      try await append(store, to: inbox)
      try expectEqual(try await store.takeRecent(inbox.id), UIDSet(1...2))
      try expectEqual(try await store.takeRecent(inbox.id), UIDSet())
    },
  ]
}
