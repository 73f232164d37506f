import MailEngine
import Services
import TestKit
import Testing
import WireKit

struct EngineTests {
  private func engine(_ backing: MemoryMailBacking, keptFor: Duration = .seconds(1_000)) throws -> (
    MailEngine, ManualClock
  ) {
    let clock = ManualClock()
    var options = MailEngineOptions()
    options.keptFor = keptFor
    return (try MailEngine(backing: backing, clock: clock, options: options), clock)
  }

  @Test(arguments: MailStoreBattery.checks)
  func battery(_ check: StoreCheck<any MailStore>) async throws {
    let backing = MemoryMailBacking()
    let engine = try engine(backing).0
    try await check.run(engine) { backing.setFault(StoreError($0, "injected")) }
  }

  private func append(_ engine: MailEngine, _ text: String, to inbox: Mailbox) async throws {
    let staged = try await engine.stage()
    try staged.write(text)
    _ = try await engine.append([MessageAppend(staged, to: inbox.id)])
  }

  @Test func bytesGoOnlyWhenTheirTimeIsOverAndNobodyHoldsThem() async throws {
    let backing = MemoryMailBacking()
    let (engine, clock) = try engine(backing, keptFor: .seconds(100))
    let inbox = try await engine.inbox(of: "ann@lab.test")
    try await append(engine, "Subject: a\r\n\r\nx", to: inbox)
    try await append(engine, "Subject: b\r\n\r\ny", to: inbox)
    var held: MailboxSnapshot? = try await engine.snapshot(of: inbox.id)
    _ = try await engine.expunge(UIDSet(1...1), of: inbox.id, onlyDeleted: false)
    try await engine.purge()
    #expect(backing.blobCount == 2)
    clock.advance(by: .seconds(101))
    try await engine.purge()
    #expect(backing.blobCount == 2, "a session still has it")
    let message = try #require(held?.messages[0])
    _ = try engine.body(of: message)
    held = nil
    try await engine.purge()
    #expect(backing.blobCount == 1)
    #expect(throws: StoreError.self) { _ = try engine.body(of: message) }
    #expect(try await engine.expungedMessages(of: "ann@lab.test", limit: 9).isEmpty)
  }

  @Test func manyShareACommit() async throws {
    let backing = MemoryMailBacking()
    let engine = try engine(backing).0
    let inbox = try await engine.inbox(of: "ann@lab.test")
    let before = backing.commitCount
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<200 {
        group.addTask { try await append(engine, "Subject: \(number)\r\n\r\nx", to: inbox) }
      }
      try await group.waitForAll()
    }
    #expect(try await engine.snapshot(of: inbox.id).messages.count == 200)
    #expect(backing.commitCount - before <= 200)
  }

  @Test func setsOfUIDsBehaveAsSets() {
    var generator = SeededGenerator(seed: 3)
    for _ in 0..<300 {
      func random() -> Set<UInt32> {
        Set((0..<Int.random(in: 0..<30, using: &generator)).map { _ in UInt32.random(in: 1...40, using: &generator) })
      }
      let (left, right) = (random(), random())
      let (one, two) = (UIDSet(left.shuffled(using: &generator)), UIDSet(right.sorted()))
      #expect(Set(one) == left && one.count == left.count)
      #expect(Set(one.union(two)) == left.union(right))
      #expect(Set(one.intersection(two)) == left.intersection(right))
      #expect(Set(one.subtracting(two)) == left.subtracting(right))
      var inserted = UIDSet()
      for uid in left { inserted.insert(uid) }
      #expect(inserted == one)
    }
    #expect(UIDSet.all.subtracting(UIDSet(5...5)).description == "1:4,6:4294967295")
    #expect(UIDSet.all.contains(.max))
  }

  @Test func listsBehaveAsArrays() {
    func message(_ uid: UInt32, _ modSeq: UInt64 = 1) -> MailMessage {
      MailMessage(
        uid: uid, modSeq: modSeq, internalSeconds: 0, saveSeconds: 0, size: 1, emailID: Int64(uid), threadID: 1, blob: 1
      )
    }
    var generator = SeededGenerator(seed: 5)
    var (list, model, next): (MessageList, [MailMessage], UInt32) = (MessageList(), [], 1)
    for step in 0..<200 {
      let before = (list, model)
      switch Int.random(in: 0..<3, using: &generator) {
      case 0:
        let count = Int.random(in: 1...300, using: &generator)
        let new = (0..<count).map { message(next + UInt32($0) * 2) }
        next += UInt32(count) * 2
        list.append(contentsOf: new)
        model += new
      case 1:
        let low = UInt32.random(in: 1...max(1, next), using: &generator)
        let uids = UIDSet(low...(low + 50))
        list.remove(uids)
        model.removeAll { uids.contains($0.uid) }
      default:
        let low = UInt32.random(in: 1...max(1, next), using: &generator)
        let uids = UIDSet(low...(low + 300))
        list.update(uids) { message($0.uid, UInt64(step)) }
        model = model.map { uids.contains($0.uid) ? message($0.uid, UInt64(step)) : $0 }
      }
      #expect(list == MessageList(model))
      #expect((0..<list.count).allSatisfy { list[$0] == model[$0] })
      let difference = list.difference(from: before.0)
      let (old, new) = (Set(before.1.map(\.uid)), Set(model.map(\.uid)))
      #expect(Set(difference.vanished) == old.subtracting(new))
      #expect(Set(difference.arrived) == new.subtracting(old))
      #expect(before.0 == MessageList(before.1))
    }
  }
}
