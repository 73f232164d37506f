import Foundation
import GRDB
import MailEngine
import Services
import Synchronization

/// Mail on a disk: an SQLite database for everything but the bytes, which are in a `BlobStore`, and an index for searching
/// text, which can be thrown away and made again.
///
/// A commit writes and synchronises the bytes first, then commits the rows with `synchronous = FULL`: a row never stands for bytes
/// that a loss of power could take.
public final class SQLiteMailBacking: MailBacking {
  let pool: DatabasePool
  let blobs: BlobStore
  private let search: SearchIndex
  private let folder: String
  private let lock: MailFile
  /// Shared by backups while they read bytes; taken for itself alone by a commit that gives bytes back.
  private let hold: MailFile
  let meter: Meter?

  /// Opens the folder, or makes it. `.unavailable` when another process has it open, `.corrupt` when it was written by a later
  /// version.
  ///
  /// `meter`: what reads and commits are timed on.
  public convenience init(folder: String, meter: Meter? = nil) throws(StoreError) {
    try self.init(folder: folder, throughMigration: MailSchema.steps.count, meter: meter)
  }

  init(folder: String, throughMigration last: Int, meter: Meter? = nil) throws(StoreError) {
    self.folder = folder
    self.meter = meter
    try MailDisk.makeDirectory(folder)
    lock = MailFile(owning: try MailDisk.open("\(folder)/lock", O_RDWR | O_CREAT))
    if flock(lock.descriptor, LOCK_EX | LOCK_NB) != 0 {
      throw StoreError(.unavailable, "\(folder) is in use by another process")
    }
    hold = MailFile(owning: try MailDisk.open("\(folder)/hold", O_RDWR | O_CREAT))
    pool = try Self.open("\(folder)/mail.sqlite", throughMigration: last)
    do {
      let (lastSegment, lastFile) = try pool.read { database in try Self.places(database) }
      blobs = try BlobStore(folder: "\(folder)/blobs", lastSegment: lastSegment, lastFile: lastFile)
      search = try SearchIndex(path: "\(folder)/search.sqlite", mail: pool, blobs: blobs)
    } catch {
      throw StoreError(mail: error)
    }
  }

  static func open(_ path: String, throughMigration last: Int) throws(StoreError) -> DatabasePool {
    let descriptor = try MailDisk.open(path, O_RDWR | O_CREAT)
    Glibc.close(descriptor)
    do {
      var configuration = Configuration()
      configuration.busyMode = .timeout(5)
      configuration.maximumReaderCount = 4
      configuration.label = "portside-mail"
      let pool = try DatabasePool(path: path, configuration: configuration)
      if try pool.read({ try MailSchema.migrator().hasBeenSuperseded($0) }) {
        throw StoreError(.corrupt, "\(path) was written by a later version of Portside")
      }
      // GRDB sets NORMAL behind WAL after its own preparation, so it must be set here, and looked at.
      let mode = try pool.writeWithoutTransaction { database in
        try database.execute(sql: "PRAGMA synchronous = FULL")
        return try Int.fetchOne(database, sql: "PRAGMA synchronous")
      }
      guard mode == 2 else { throw StoreError(.unavailable, "the database refuses synchronous = FULL") }
      try MailSchema.migrator(through: last).migrate(pool)
      return pool
    } catch {
      throw StoreError(mail: error)
    }
  }

  /// Where the last blob of the last segment ends, and the last own file.
  private static func places(_ database: Database) throws -> ((segment: Int64, end: Int64)?, Int64) {
    let file = try Int64.fetchOne(
      database, sql: "SELECT MAX(id) FROM blob WHERE id >= ?", arguments: [BlobStore.ownFile])
    let row = try Row.fetchOne(
      database, sql: "SELECT id, size FROM blob WHERE id < ? ORDER BY id DESC LIMIT 1", arguments: [BlobStore.ownFile])
    let last = row.map { row -> (segment: Int64, end: Int64) in
      let id: Int64 = row[0]
      let size: Int64 = row[1]
      return (id >> 32, (id & 0xFFFF_FFFF) + size)
    }
    return (last, file.map { $0 & ~BlobStore.ownFile } ?? 0)
  }

  func read<Value>(_ body: (Database) throws -> Value) throws(StoreError) -> Value {
    let timer = StoreTimer(meter, .read)
    do {
      let value = try pool.read(body)
      timer.end(.ok)
      return value
    } catch {
      timer.end(.failed)
      throw StoreError(mail: error)
    }
  }

  public func close() {
    search.close()
    try? pool.close()
    flock(lock.descriptor, LOCK_UN)
  }

  /// SQLite then refuses to grow, as on a full disk; for tests.
  func limitToPresentSize() throws {
    try pool.writeWithoutTransaction { database in
      let pages = try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0
      try database.execute(sql: "PRAGMA max_page_count = \(pages)")
    }
  }

  // MARK: Bytes

  public func mayForget() -> Bool { flock(hold.descriptor, LOCK_EX | LOCK_NB) == 0 }

  /// The end of what `mayForget` began.
  func endForgetting() { flock(hold.descriptor, LOCK_UN) }

  public func stage(expecting size: Int64?) throws(StoreError) -> any StagedBlob { try blobs.stage(expecting: size) }

  public func blob(like staged: any StagedBlob) throws(StoreError) -> Int64? {
    let sealed = try Self.own(staged).sealed()
    // On the writer's connection: what the last commit wrote counts.
    do {
      return try pool.writeWithoutTransaction { database in
        let statement = try database.cachedStatement(sql: "SELECT id FROM blob WHERE hash = ? AND size = ? LIMIT 1")
        return try Int64.fetchOne(statement, arguments: [Data(sealed.hash), sealed.size])
      }
    } catch {
      throw StoreError(mail: error)
    }
  }

  public func reserve(_ staged: any StagedBlob) throws(StoreError) -> Int64 { blobs.reserve(try Self.own(staged)) }

  public func body(ofBlob blob: Int64, size: Int64) throws(StoreError) -> any MessageBody {
    try blobs.body(blob, size: size)
  }

  static func own(_ staged: any StagedBlob) throws(StoreError) -> StagedFile {
    guard let staged = staged as? StagedFile else { throw StoreError(.conflict, "a blob of another store") }
    return staged
  }

  public func matches(_ query: MailTextQuery, in emailIDs: ClosedRange<Int64>) throws(StoreError) -> MailTextMatches {
    try search.matches(query, in: emailIDs)
  }

  /// The index learns of what has come.
  func wakeSearch() { search.wake() }
}

extension StoreError {
  /// What SQLite and GRDB say, in the words of `Services`.
  init(mail error: any Error) {
    switch error {
    case let error as StoreError:
      self = error
    case let error as DatabaseError:
      let code: Code =
        switch error.resultCode {
        case .SQLITE_FULL: .full
        case .SQLITE_CONSTRAINT: .conflict
        case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_MISMATCH: .corrupt
        default: .unavailable
        }
      self.init(code, error.message ?? "SQLite result \(error.resultCode.rawValue)")
    default:
      self.init(.unavailable, "\(type(of: error))")
    }
  }
}
