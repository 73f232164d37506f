import GRDB
import Glibc
import Services

/// The database file of a single node: opened safely, brought up to date, shared by all SQLite repositories.
///
/// WAL with `synchronous = FULL`: what was committed survives a loss of power.
public final class SQLiteStore: Sendable {
  let pool: DatabasePool
  private let meter: Meter?

  /// Opens the file at `path` and brings its schema up to date; creates it, and its directory, where missing. The file
  /// gets mode 0600, a directory made here 0700. Blocks for the length of the migration.
  ///
  /// `.unavailable` when it can't be opened, `.corrupt` when it is no database, or was written by a later version.
  /// `meter`: what reads and commits are timed on.
  public convenience init(path: String, meter: Meter? = nil) throws(StoreError) {
    try self.init(path: path, throughMigration: SQLiteMigrations.steps.count, meter: meter)
  }

  /// As `init(path:)`, but only up to a migration, for the tests of later ones.
  convenience init(path: String, throughMigration last: Int, meter: Meter? = nil) throws(StoreError) {
    try self.init(
      path: path, migrator: SQLiteMigrations.migrator(through: last), whole: SQLiteMigrations.migrator(), meter: meter)
  }

  /// A file of another schema: `migrator` brings it up to date; what `whole` does not know of was written later.
  init(path: String, migrator: DatabaseMigrator, whole: DatabaseMigrator, meter: Meter? = nil) throws(StoreError) {
    self.meter = meter
    try Self.makeFile(at: path)
    do {
      var configuration = GRDB.Configuration()
      configuration.busyMode = .timeout(5)
      configuration.maximumReaderCount = 4
      configuration.label = "portside"
      pool = try DatabasePool(path: path, configuration: configuration)
      if try pool.read({ try whole.hasBeenSuperseded($0) }) {
        throw StoreError(.corrupt, "\(path) was written by a later version of Portside")
      }
      try Self.syncFully(pool)
      try migrator.migrate(pool)
    } catch {
      throw StoreError(wrapping: error)
    }
  }

  /// Closes the file; whatever is asked afterwards throws `.unavailable`.
  public func close() throws(StoreError) {
    do { try pool.close() } catch { throw StoreError(wrapping: error) }
  }

  /// What is wrong inside the file, by SQLite's own checks of structure and references; empty when it is sound.
  public func integrityCheck() async throws(StoreError) -> [String] {
    try await read { database in
      let structure = try String.fetchAll(database, sql: "PRAGMA integrity_check").filter { $0 != "ok" }
      let references = try Row.fetchAll(database, sql: "PRAGMA foreign_key_check").map { row in
        "a row of \(row[0] as String? ?? "a table") refers to a row of \(row[2] as String? ?? "another") that is gone"
      }
      return structure + references
    }
  }

  func read<Value: Sendable>(
    _ body: @escaping @Sendable (Database) throws -> Value
  ) async throws(StoreError) -> Value {
    let timer = StoreTimer(meter, .read)
    do {
      let value = try await pool.read(body)
      timer.end(.ok)
      return value
    } catch { throw Self.failure(error, timer) }
  }

  /// One transaction, immediate, durable when this returns.
  func write<Value: Sendable>(
    _ body: @escaping @Sendable (Database) throws -> Value
  ) async throws(StoreError) -> Value {
    let timer = StoreTimer(meter, .commit)
    do {
      let value = try await pool.write(body)
      timer.end(.ok)
      return value
    } catch { throw Self.failure(error, timer) }
  }

  /// A store that refuses (a name that is taken) has worked; one that can't has not.
  private static func failure(_ error: any Error, _ timer: StoreTimer) -> StoreError {
    let error = StoreError(wrapping: error)
    timer.end(error.code == .conflict ? .refused : .failed)
    return error
  }

  /// GRDB sets `synchronous = NORMAL` for WAL after its `prepareDatabase` hook has run, so it must be set after opening.
  private static func syncFully(_ pool: DatabasePool) throws {
    let mode = try pool.writeWithoutTransaction { database in
      try database.execute(sql: "PRAGMA synchronous = FULL")
      return try Int.fetchOne(database, sql: "PRAGMA synchronous")
    }
    guard mode == 2 else { throw StoreError(.unavailable, "the database refuses synchronous = FULL") }
  }

  /// SQLite gives the `-wal` and `-shm` files the mode of the database itself, so it must be right before it opens it.
  private static func makeFile(at path: String) throws(StoreError) {
    if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
      let directory = String(path[..<slash])
      if mkdir(directory, 0o700) != 0, errno != EEXIST {
        throw StoreError(.unavailable, "can't create \(directory): \(String(cString: strerror(errno)))")
      }
    }
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else {
      throw StoreError(.unavailable, "can't open \(path): \(String(cString: strerror(errno)))")
    }
    defer { Glibc.close(descriptor) }
    guard fchmod(descriptor, 0o600) == 0 else {
      throw StoreError(.unavailable, "can't set the mode of \(path): \(String(cString: strerror(errno)))")
    }
  }
}

extension StoreError {
  /// What SQLite and GRDB say, in the words of `Services`.
  init(wrapping error: any Error) {
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
      // Without the arguments of the statement: they hold secrets.
      self.init(code, error.message ?? "SQLite result \(error.resultCode.rawValue)")
    default:
      self.init(.unavailable, "\(type(of: error))")
    }
  }
}
