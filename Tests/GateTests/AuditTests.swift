import Services
import TestKit
import Testing
import WireKit

@testable import Gate

struct AuditTests {
  private func entry(_ number: Int) -> AuditEntry {
    AuditEntry(time: WallTime(seconds: Int64(number)), actor: "a", action: "b", subject: "\(number)")
  }

  private func trail(_ count: Int) async throws -> (AuditTrail, MemoryAuditStore) {
    let store = MemoryAuditStore()
    let trail = AuditTrail(store: store)
    for number in 0..<count { try await trail.append([entry(number)]) }
    return (trail, store)
  }

  @Test func aSoundChainIsFoundSound() async throws {
    let (trail, store) = try await trail(1203)
    #expect(try await trail.verify() == .sound(try await store.head()))
    #expect(try await AuditTrail(store: MemoryAuditStore()).verify() == .sound(.empty))
  }

  @Test(
    arguments: [
      { $0[4].entry.actor = "x" }, { $0[4].entry.after = "" }, { $0[4].entry.time.nanoseconds = 1 },
      { $0[4].entry.peer = Endpoint(IPAddress(1, 1, 1, 1), 1) }, { $0.remove(at: 4) }, { $0[4].hash[0] ^= 1 },
      { $0[4].previousHash[31] ^= 1 },
      { records in
        // Two records change places, and take each other's numbers.
        records.swapAt(4, 5)
        (records[4].sequence, records[5].sequence) = (5, 6)
      },
    ] as [@Sendable (inout [AuditRecord]) -> Void])
  func tamperingIsFound(_ change: @escaping @Sendable (inout [AuditRecord]) -> Void) async throws {
    let (trail, store) = try await trail(10)
    await store.tamper(change)
    guard case .broken(let sequence, _) = try await trail.verify() else {
      Issue.record("found sound")
      return
    }
    #expect(sequence == 5)
  }

  /// A chain that was computed anew from a changed record on is sound in itself; only a head noted elsewhere tells.
  @Test func aNotedHeadFindsACutAndARewrite() async throws {
    let (trail, store) = try await trail(10)
    let noted = try await store.head()
    try await trail.append([entry(11)])
    #expect(try await trail.verify(expecting: noted) == .sound(try await store.head()))
    await store.tamper { $0.removeLast(3) }
    guard case .sound = try await trail.verify() else { Issue.record("the cut chain is sound in itself"); return }
    guard case .broken = try await trail.verify(expecting: noted) else { Issue.record("the cut was not found"); return }
    await store.tamper { records in
      let old = records
      records = []
      var head = AuditHead.empty
      for record in old + old.prefix(3) {
        var entry = record.entry
        entry.actor = "innocent"
        records.append(AuditChain.record(entry, after: head))
        head = AuditHead(sequence: records[records.count - 1].sequence, hash: records[records.count - 1].hash)
      }
    }
    guard case .sound = try await trail.verify() else { Issue.record("the new chain is sound in itself"); return }
    #expect(try await trail.verify(expecting: noted) == .broken(at: 10, "the hash is not the one noted earlier"))
  }

  /// No two records have the same canonical bytes: a border between fields can't be moved.
  @Test func fieldsDoNotRunIntoEachOther() {
    var first = entry(1)
    (first.actor, first.action, first.subject) = ("ab", "c", nil)
    var second = first
    (second.actor, second.action) = ("a", "bc")
    var third = first
    third.subject = ""
    var fourth = first
    (fourth.subject, fourth.before) = (nil, "x")
    var fifth = first
    (fifth.subject, fifth.before) = ("x", nil)
    let hashes = [first, second, third, fourth, fifth].map { AuditChain.record($0, after: .empty).hash }
    #expect(Set(hashes).count == 5)
  }

  @Test func whatComesTogetherIsOneCommit() async throws {
    let (trail, store) = try await trail(0)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<500 { group.addTask { try await trail.append([self.entry(number)]) } }
      try await group.waitForAll()
    }
    #expect(try await store.head().sequence == 500)
    #expect(await store.commits < 250)
    guard case .sound = try await trail.verify() else { Issue.record("broken"); return }
  }

  @Test func anotherWriterIsFollowed() async throws {
    let (first, store) = try await trail(3)
    let second = AuditTrail(store: store)
    try await second.append([entry(4)])
    try await first.append([entry(5)])
    try await second.append([entry(6)])
    guard case .sound(let head) = try await first.verify() else { Issue.record("broken"); return }
    #expect(head.sequence == 6)
  }

  @Test func aFailureIsToldAndLeavesNoGap() async throws {
    let (trail, store) = try await trail(2)
    await store.setFault(StoreError(.full, "injected"))
    await #expect(throws: StoreError.self) { try await trail.append([self.entry(3)]) }
    await store.setFault(nil)
    try await trail.append([entry(4)])
    guard case .sound(let head) = try await trail.verify() else { Issue.record("broken"); return }
    #expect(head.sequence == 3)
  }

  @Test func longTextsAreCut() async throws {
    let (trail, store) = try await trail(0)
    var long = entry(1)
    long.after = String(repeating: "é", count: 100_000)
    try await trail.append([long])
    let stored = try await store.page(AuditFilter(), from: .after(0), limit: 1)
    #expect((stored.first?.entry.after?.utf8.count ?? .max) < 4200)
  }

  @Test func eventsThatCannotBeWrittenAreToldToTheLog() async throws {
    let gate = try await TestGate()
    await gate.auditStore.setFault(StoreError(.full, "injected"))
    gate.events.emit(Event(time: WallTime(seconds: 1), severity: .info, kind: .audit, message: "something"))
    await gate.events.flush()
    for _ in 0..<200 where !gate.sink.events.contains(where: { $0.severity == .critical }) {
      try await Task.sleep(for: .milliseconds(10))
    }
    #expect(gate.sink.events.contains { $0.message == "audit records could not be written" })
  }

  @Test func watchersSeeWhatTheyFilterFor() throws {
    let board = WatchBoard()
    #expect(!board.isWatched(.imap))
    let watcher = board.add(WatchFilter(services: [.imap])) { _ in }
    #expect(board.isWatched(.imap) && !board.isWatched(.ssh))
    board.remove(watcher)
    #expect(!board.isWatched(.imap))
    var event = Event(
      time: WallTime(seconds: 1), severity: .info, message: "x", service: .imap,
      peer: Endpoint(IPAddress(10, 0, 0, 1), 1), account: "ann@lab.test")
    let network = try #require(IPNetwork("10.0.0.0/8"))
    #expect(WatchFilter().matches(event))
    #expect(WatchFilter(services: [.imap], account: "ann@lab.test", network: network).matches(event))
    #expect(!WatchFilter(services: [.ssh]).matches(event))
    #expect(!WatchFilter(account: "bob@lab.test").matches(event))
    #expect(!WatchFilter(network: IPNetwork("192.0.2.0/24")).matches(event))
    event.kind = .operation(name: "x", result: "ok", nanoseconds: 1)
    #expect(!WatchFilter().matches(event))
    event.kind = .log
    event.peer = nil
    #expect(!WatchFilter(network: network).matches(event))
  }
}
