import Foundation
import GRDB
import Glibc
import Services
import Synchronization
import Testing

@testable import Backup

/// Databases are taken as they were at one moment, while they are written to.
@Suite(.timeLimit(.minutes(3))) struct DatabaseTests {
  private static func open(_ path: String) throws -> DatabasePool {
    let pool = try DatabasePool(path: path)
    try pool.write { database in
      try database.execute(sql: "CREATE TABLE IF NOT EXISTS entry (number INTEGER PRIMARY KEY, text BLOB)")
    }
    return pool
  }

  @Test func aDatabaseThatIsWrittenToIsWhole() throws {
    let folder = try BackupFolder()
    let pool = try Self.open("\(folder.data)/busy.sqlite")
    let isDone = Mutex(false)
    let finished = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      var number: Int64 = 0
      // Two rows in one transaction: never one without the other.
      while !isDone.withLock({ $0 }) {
        number += 2
        let (first, second) = (number, number + 1)
        try? pool.write { database in
          try database.execute(
            sql: "INSERT INTO entry VALUES (?, randomblob(2000)), (?, 'x')", arguments: [first, second])
        }
      }
      finished.signal()
    }
    var source = folder.source
    source.databases = ["busy.sqlite", "missing.sqlite"]
    var counts: [Int] = []
    for _ in 0..<4 {
      let report = try folder.take(source)
      #expect(report.findings.isEmpty)
      let restored = try folder.restore(report.snapshot)
      #expect(!FileManager.default.fileExists(atPath: "\(restored)/busy.sqlite-wal"))
      let queue = try DatabaseQueue(path: "\(restored)/busy.sqlite")
      try queue.read { database in
        let count = try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM entry") ?? -1
        #expect(count.isMultiple(of: 2))
        #expect(try String.fetchOne(database, sql: "PRAGMA integrity_check") == "ok")
        counts.append(count)
      }
    }
    isDone.withLock { $0 = true }
    finished.wait()
    #expect(counts == counts.sorted())
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.place).allSatisfy { !$0.hasPrefix("database-") })
  }

  @Test func statesAreOfOneMoment() throws {
    let folder = try BackupFolder()
    let (first, second) = (try Self.open("\(folder.data)/a.sqlite"), try Self.open("\(folder.data)/b.sqlite"))
    var source = folder.source
    source.databases = ["a.sqlite", "b.sqlite"]
    let states = DatabaseStates(source)
    for pool in [first, second] { try pool.write { try $0.execute(sql: "INSERT INTO entry VALUES (1, 'later')") } }
    try FileManager.default.createDirectory(atPath: folder.place, withIntermediateDirectories: true)
    var counts: [Int] = []
    try states.forEach(in: folder.place) { (_, copy) throws(BackupError) in
      let queue = try? DatabaseQueue(path: copy)
      counts.append((try? queue?.read { try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM entry") }) ?? -1)
    }
    #expect(counts == [0, 0])
  }

  @Test func theHoldIsTakenWhileFilesAreRead() throws {
    let folder = try BackupFolder()
    try folder.write("hold", [])
    try folder.write("a", [1])
    var source = folder.source
    source.hold = "hold"
    let descriptor = Glibc.open("\(folder.data)/hold", O_RDWR)
    defer { close(descriptor) }
    let repository = try Repository.openOrMake(FolderPlace(folder.place), passPhrase: nil)
    var writer = BackupWriter(source, to: repository, staging: folder.place)
    var refusals = 0
    _ = try writer.run(
      label: nil, version: "test", now: WallTime(seconds: 1_764_090_000), besides: [folder.place],
      progress: { _, _ in if flock(descriptor, LOCK_EX | LOCK_NB) != 0 { refusals += 1 } })
    #expect(refusals > 0)
    #expect(flock(descriptor, LOCK_EX | LOCK_NB) == 0)
  }
}
