import Services
import Synchronization

extension MailStoreBattery {
  static let faultChecks: [StoreCheck<any MailStore>] = [
    StoreCheck("many at once: nothing is lost, nothing is twice") { store in
      let inbox = try await store.inbox(of: ann)
      let target = try await store.createMailbox("t", of: ann)
      for _ in 0..<40 { try await append(store, to: inbox) }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for worker in 0..<8 {
          group.addTask {
            var generator = SeededGenerator(seed: UInt64(worker))
            for step in 0..<25 {
              let uid = UInt32.random(in: 1...60, using: &generator)
              let uids = UIDSet(uid...uid)
              switch Int.random(in: 0..<6, using: &generator) {
              case 0: try await append(store, text("\(worker).\(step)"), to: inbox, keywords: ["k\(step % 5)"])
              case 1: _ = try await store.store(FlagChange(.add, .seen), to: uids, of: inbox.id)
              case 2: _ = try await store.store(FlagChange(.replace, .deleted), to: uids, of: inbox.id)
              case 3: _ = try await store.move(uids, from: inbox.id, to: target.id)
              case 4: _ = try await store.copy(uids, from: target.id, to: inbox.id)
              default: _ = try await store.expunge(.all, of: target.id, onlyDeleted: true)
              }
            }
          }
        }
        try await group.waitForAll()
      }
      let (one, two) = (try await store.snapshot(of: inbox.id), try await store.snapshot(of: target.id))
      try expectSound(one)
      try expectSound(two)
      let quota = try await store.quota(of: ann)
      try expectEqual(quota.usedMessages, Int64(one.messages.count + two.messages.count))
      try expectEqual(quota.usedBytes, one.mailbox.size + two.mailbox.size)
      let gone = try await store.vanished(from: inbox.id, since: 0)
      try expect(gone.intersection(one.messages.uids).isEmpty, "what is there has not vanished")
      try expectEqual(gone.count + one.messages.count, Int(one.mailbox.uidNext) - 1)
    },
    StoreCheck(breaking: "a full store refuses whole, and what it had stays") { store, breaking in
      let inbox = try await store.inbox(of: ann)
      try await append(store, text("first"), to: inbox)
      let one = try await staged(store, text("second", body: String(repeating: "x", count: 100_000)))
      try await breaking(.full)
      var failed = false
      for _ in 0..<50 where !failed {
        do throws(StoreError) { _ = try await store.append([MessageAppend(one, to: inbox.id)]) } catch {
          try expectEqual(error.code, .full)
          failed = true
        }
        if !failed {
          // Room was left in what the store has already.
          do { try await append(store, text("more", body: String(repeating: "y", count: 50_000)), to: inbox) } catch {
            failed = true
          }
        }
      }
      try expect(failed, "it is full at last")
      let snapshot = try await store.snapshot(of: inbox.id)
      try expectSound(snapshot)
      try expectEqual(try content(store, snapshot.messages[0]), text("first"))
      try expectEqual(try await store.quota(of: ann).usedMessages, Int64(snapshot.messages.count))
    },
    StoreCheck(breaking: "a store that is gone says so") { store, breaking in
      let inbox = try await store.inbox(of: ann)
      let one = try await staged(store, text("x"))
      try await breaking(.unavailable)
      try await expectFailure(.unavailable) { () throws(StoreError) in
        _ = try await store.append([MessageAppend(one, to: inbox.id)])
      }
      try await expectFailure(.unavailable) { () throws(StoreError) in _ = try await store.mailboxes(of: bob) }
    },
  ]
}
