import Foundation
import GRDB

/// The state of several SQLite databases at one moment, while a server goes on writing to them: a read transaction is begun in each
/// before any is copied.
final class DatabaseStates {
  private var open: [(name: String, path: String, queue: DatabaseQueue)] = []
  private(set) var findings: [BackupFinding] = []

  /// Fixes the states. Databases that do not exist are left out.
  init(_ source: BackupSource) {
    for name in source.databases {
      let path = "\(source.data)/\(name)"
      guard FileManager.default.fileExists(atPath: path) else { continue }
      do {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(30)
        // It stays open between the moment that is fixed and the copy.
        configuration.allowsUnsafeTransactions = true
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.inDatabase { database in
          try database.execute(sql: "BEGIN")
          // A deferred transaction begins with its first read.
          _ = try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM sqlite_master")
        }
        open.append((name, path, queue))
      } catch {
        findings.append(BackupFinding(path: path, reason: "\(error)"))
      }
    }
  }

  /// Copies each into a file of `folder`, and hands it over; the file is gone afterwards.
  func forEach(in folder: String, _ body: (_ path: String, _ copy: String) throws(BackupError) -> Void)
    throws(BackupError)
  {
    for (number, state) in open.enumerated() {
      let copy = "\(folder)/database-\(getpid())-\(number)"
      defer { for ending in ["", "-wal", "-shm", "-journal"] { unlink(copy + ending) } }
      do {
        let target = try DatabaseQueue(path: copy)
        try state.queue.inDatabase { source in
          try target.inDatabase { try source.backup(to: $0) }
          try source.execute(sql: "COMMIT")
        }
        try target.close()
      } catch {
        throw BackupError("\(state.path) can't be copied to \(folder): \(error)")
      }
      try body(state.path, copy)
    }
    open.removeAll()
  }
}
