import Foundation
import GRDB
import MailEngine
import Services
import TestKit
import Testing
import WireKit

@testable import MailStores

/// A folder that goes with the test.
final class MailFolder: Sendable {
  let path: String

  /// - Parameter inMemory: For tests that open many, and to which the disk's own speed says nothing.
  init(inMemory: Bool = false) throws {
    let usesMemory = inMemory && FileManager.default.isWritableFile(atPath: "/dev/shm")
    let parent = usesMemory ? URL(fileURLWithPath: "/dev/shm") : FileManager.default.temporaryDirectory
    let url = parent.appendingPathComponent("mailstore-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = url.path
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// What is wrong in the store in it.
  func findings() throws -> [String] {
    try MailStoreCheck.run(folder: "\(path)/mail", deep: true).findings.map(\.description)
  }
}

struct DiskBatteryTests {
  static func open(_ folder: MailFolder, clock: ManualClock = ManualClock(), keptFor: Duration = .seconds(1_000)) throws
    -> (MailEngine, SQLiteMailBacking)
  {
    var options = MailEngineOptions()
    options.keptFor = keptFor
    let backing = try SQLiteMailBacking(folder: "\(folder.path)/mail")
    return (try MailEngine(backing: backing, clock: clock, options: options), backing)
  }

  static func append(_ engine: MailEngine, _ text: String, to inbox: Mailbox) async throws {
    let staged = try await engine.stage()
    try staged.write(text)
    _ = try await engine.append([MessageAppend(staged, to: inbox.id)])
  }

  @Test(arguments: MailStoreBattery.checks)
  func battery(_ check: StoreCheck<any MailStore>) async throws {
    let folder = try MailFolder()
    let (engine, backing) = try Self.open(folder)
    try await check.run(engine) { code in
      if code == .full { try backing.limitToPresentSize() } else { engine.close() }
    }
    engine.close()
    #expect(try folder.findings() == [])
  }

  @Test func commitsAreDurable() throws {
    let folder = try MailFolder()
    let (engine, backing) = try Self.open(folder)
    let (journal, synchronous) = try backing.pool.writeWithoutTransaction { database in
      (
        try String.fetchOne(database, sql: "PRAGMA journal_mode"),
        try Int.fetchOne(database, sql: "PRAGMA synchronous")
      )
    }
    #expect(journal == "wal" && synchronous == 2)
    engine.close()
  }

  @Test func whatIsStoredIsThereAfterwards() async throws {
    let folder = try MailFolder()
    var tree: MailboxTree?
    var list: MessageList?
    do {
      let engine = try Self.open(folder).0
      let inbox = try await engine.inbox(of: "ann@lab.test")
      try await Self.append(engine, "Subject: one\r\n\r\nfirst\r\n", to: inbox)
      try await Self.append(engine, "Subject: big\r\n\r\n" + String(repeating: "x", count: 300_000), to: inbox)
      _ = try await engine.store(FlagChange(.add, .seen, keywords: ["$K"]), to: UIDSet(1...1), of: inbox.id)
      try await engine.setRights([.lookup, .read], of: "bob@lab.test", on: inbox.id)
      tree = try await engine.mailboxes(of: "ann@lab.test")
      list = try await engine.snapshot(of: inbox.id).messages
      engine.close()
    }
    let engine = try Self.open(folder).0
    let again = try await engine.mailboxes(of: "ann@lab.test")
    #expect(again.mailboxes == tree?.mailboxes)
    #expect(again.subscriptions == tree?.subscriptions)
    let inbox = try await engine.inbox(of: "ann@lab.test")
    #expect(engine.current(inbox.id) == nil)
    let snapshot = try await engine.snapshot(of: inbox.id)
    #expect(snapshot.messages == list)
    let body = try engine.body(of: snapshot.messages[1])
    #expect(body.size == 300_016)
    #expect(body.place != nil)
    try await Self.append(engine, "Subject: two\r\n\r\nsecond\r\n", to: inbox)
    #expect(try await engine.snapshot(of: inbox.id).messages.last?.uid == 3)
    engine.close()
    #expect(try folder.findings() == [])
  }

  @Test func sameBytesAreKeptOnceAndGoWithTheLast() async throws {
    let folder = try MailFolder()
    let clock = ManualClock()
    let (engine, backing) = try Self.open(folder, clock: clock)
    let inbox = try await engine.inbox(of: "ann@lab.test")
    func blobs() throws -> Int {
      try backing.pool.read { try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM blob") ?? 0 }
    }
    for _ in 0..<3 { try await Self.append(engine, "Subject: same\r\n\r\nbytes\r\n", to: inbox) }
    #expect(try blobs() == 1)
    _ = try await engine.expunge(UIDSet(1...2), of: inbox.id, onlyDeleted: false)
    clock.advance(by: .seconds(2_000))
    try await engine.purge()
    #expect(try blobs() == 1)
    let message = try #require(try await engine.snapshot(of: inbox.id).messages.last)
    #expect(try engine.body(of: message).bytes(0..<13) == Array("Subject: same".utf8))
    _ = try await engine.expunge(.all, of: inbox.id, onlyDeleted: false)
    clock.advance(by: .seconds(2_000))
    try await engine.purge()
    #expect(try blobs() == 0)
    engine.close()
    #expect(try folder.findings() == [])
  }

  @Test func damageIsFound() async throws {
    let folder = try MailFolder()
    let engine = try Self.open(folder).0
    let inbox = try await engine.inbox(of: "ann@lab.test")
    try await Self.append(engine, "Subject: x\r\n\r\nbytes\r\n", to: inbox)
    engine.close()
    let segment = "\(folder.path)/mail/blobs/segments/00000001"
    var bytes = try #require(FileManager.default.contents(atPath: segment))
    bytes[bytes.count - 3] ^= 1
    try bytes.write(to: URL(fileURLWithPath: segment))
    #expect(try folder.findings().count == 1)
    let database = try DatabaseQueue(path: "\(folder.path)/mail/mail.sqlite")
    try await database.write {
      try $0.execute(sql: "UPDATE mailbox SET unseen = 7, uid_next = 1; UPDATE email SET refs = 5; DELETE FROM blob")
    }
    #expect(try folder.findings().count >= 5)
  }

  @Test func onlyOneProcessHasIt() throws {
    let folder = try MailFolder()
    let engine = try Self.open(folder).0
    #expect(
      performing: { _ = try SQLiteMailBacking(folder: "\(folder.path)/mail") },
      throws: {
        ($0 as? StoreError)?.code == .unavailable
      })
    engine.close()
  }

  @Test func aDamagedSearchIndexIsMadeAnew() async throws {
    let folder = try MailFolder()
    var engine = try Self.open(folder).0
    let inbox = try await engine.inbox(of: "ann@lab.test")
    try await Self.append(engine, "Subject: needle\r\n\r\nhay\r\n", to: inbox)
    engine.close()
    for suffix in ["-wal", "-shm"] {
      try? FileManager.default.removeItem(atPath: "\(folder.path)/mail/search.sqlite\(suffix)")
    }
    try Data(repeating: 7, count: 4_096).write(to: URL(fileURLWithPath: "\(folder.path)/mail/search.sqlite"))
    engine = try Self.open(folder).0
    var matches = try await engine.matches(MailTextQuery(.subject, "need"), in: inbox.id)
    for _ in 0..<200 where matches.indexedThrough < 1 {
      try await Task.sleep(for: .milliseconds(10))
      matches = try await engine.matches(MailTextQuery(.subject, "need"), in: inbox.id)
    }
    #expect(matches.emailIDs?.count == 1)
    engine.close()
  }

  /// A large mailbox is read in parts beside each other: together they are the whole, in order.
  @Test func partsMakeTheWhole() async throws {
    let folder = try MailFolder()
    let (engine, backing) = try Self.open(folder)
    let inbox = try await engine.inbox(of: "ann@lab.test")
    for number in 0..<23 { try await Self.append(engine, "Subject: \(number)\r\n\r\nx\r\n", to: inbox) }
    _ = try await engine.expunge(UIDSet([1, 7, 8, 9, 10, 11, 12, 22]), of: inbox.id, onlyDeleted: false)
    let snapshot = try await engine.snapshot(of: inbox.id)
    for next: Int64 in [0, 1, 24, 4_000_000_000] {
      let whole = try #require(try backing.inParallel(inbox.id, next))
      #expect(whole.modSeq == snapshot.mailbox.highestModSeq)
      #expect(whole.messages == snapshot.messages)
    }
    engine.close()
  }

  @Test func theSchemaIsThatOfTheFrozenText() throws {
    // The step that is released: this text is never edited; another step gets another text.
    let folder = try MailFolder()
    let (engine, backing) = try Self.open(folder)
    let tables = try backing.pool.read {
      try String.fetchAll(
        $0, sql: "SELECT name FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL ORDER BY name")
    }
    #expect(
      tables == [
        "account", "blob", "blob_hash", "counter", "email", "expunged", "expunged_of", "expunged_time",
        "grdb_migrations", "mailbox", "mailbox_of", "message", "metadata", "subscription", "thread_reference",
        "vanished",
      ])
    try backing.pool.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('999')") }
    engine.close()
    #expect(
      performing: { _ = try SQLiteMailBacking(folder: "\(folder.path)/mail") },
      throws: {
        ($0 as? StoreError)?.code == .corrupt
      })
  }
}
