import GRDB
import Glibc
import Services
import Testing

@testable import Stores

struct SQLiteStoreTests {
  @Test func commitsAreDurableInWAL() throws {
    let directory = try TemporaryDirectory()
    let store = try SQLiteStore(path: "\(directory.path)/portside.db")
    let (journal, synchronous, foreignKeys) = try store.pool.writeWithoutTransaction { database in
      (
        try String.fetchOne(database, sql: "PRAGMA journal_mode"),
        try Int.fetchOne(database, sql: "PRAGMA synchronous"),
        try Int.fetchOne(database, sql: "PRAGMA foreign_keys")
      )
    }
    #expect(journal == "wal")
    #expect(synchronous == 2)
    #expect(foreignKeys == 1)
  }

  @Test func onlyTheOwnerReadsTheFiles() async throws {
    let directory = try TemporaryDirectory()
    let path = "\(directory.path)/data/portside.db"
    let previous = umask(0)
    let store = try SQLiteStore(path: path)
    umask(previous)
    _ = try await SQLiteAccountStore(store).create(Account(name: "a@b", created: WallTime(seconds: 1)))
    #expect(mode(of: "\(directory.path)/data") == 0o700)
    for file in [path, path + "-wal", path + "-shm"] { #expect(mode(of: file) == 0o600, "\(file)") }
  }

  @Test func aLooseModeIsTightened() throws {
    let directory = try TemporaryDirectory()
    let path = "\(directory.path)/portside.db"
    try SQLiteStore(path: path).close()
    chmod(path, 0o644)
    try SQLiteStore(path: path).close()
    #expect(mode(of: path) == 0o600)
  }

  @Test func whatIsNoDatabaseIsNamedSo() throws {
    let directory = try TemporaryDirectory()
    let path = "\(directory.path)/portside.db"
    let file = try #require(fopen(path, "w"))
    fputs(String(repeating: "this is no database\n", count: 100), file)
    fclose(file)
    #expect(performing: { _ = try SQLiteStore(path: path) }, throws: { ($0 as? StoreError)?.code == .corrupt })
  }

  @Test func aPlaceThatCanNotBeWrittenIsUnavailable() {
    for path in ["/proc/portside.db", "/nonexistent/deeper/portside.db"] {
      #expect(performing: { _ = try SQLiteStore(path: path) }, throws: { ($0 as? StoreError)?.code == .unavailable })
    }
  }

  @Test func aLinkIsNotFollowed() throws {
    let directory = try TemporaryDirectory()
    symlink("/etc/hostname", "\(directory.path)/portside.db")
    #expect(
      performing: { _ = try SQLiteStore(path: "\(directory.path)/portside.db") },
      throws: { ($0 as? StoreError)?.code == .unavailable })
  }

  @Test func theAuditTableRefusesChanges() async throws {
    let directory = try TemporaryDirectory()
    let store = try SQLiteStore(path: "\(directory.path)/portside.db")
    let record = AuditRecord(
      sequence: 1, entry: AuditEntry(time: WallTime(seconds: 1), actor: "a", action: "b"),
      previousHash: AuditHead.empty.hash, hash: [1])
    try await SQLiteAuditStore(store).append([record])
    for sql in ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"] {
      await #expect(throws: StoreError.self) { try await store.write { try $0.execute(sql: sql) } }
    }
    #expect(try await SQLiteAuditStore(store).head().sequence == 1)
  }

  @Test func nonsenseInAColumnIsCorruptAndNoTrap() async throws {
    let directory = try TemporaryDirectory()
    let store = try SQLiteStore(path: "\(directory.path)/portside.db")
    let accounts = SQLiteAccountStore(store)
    let id = try await accounts.create(Account(name: "a@b", created: WallTime(seconds: 1))).id
    let password = AppPassword(label: "x", hash: Secret("h"), created: WallTime(seconds: 1))
    _ = try await accounts.addAppPassword(password, to: id)
    try await store.write { try $0.execute(sql: "UPDATE account_app_password SET services = 'gopher'") }
    await #expect(
      performing: { _ = try await accounts.appPasswords(of: id) },
      throws: {
        ($0 as? StoreError)?.code == .corrupt
      })
    try await store.write { try $0.execute(sql: "UPDATE account SET created = 'yesterday'") }
    await #expect(
      performing: { _ = try await accounts.account(id) },
      throws: {
        ($0 as? StoreError)?.code == .corrupt
      })
  }

  @Test func integrityCheckFindsADanglingReference() async throws {
    let directory = try TemporaryDirectory()
    let store = try SQLiteStore(path: "\(directory.path)/portside.db")
    #expect(try await store.integrityCheck() == [])
    try await store.pool.writeWithoutTransaction { database in
      try database.execute(sql: "PRAGMA foreign_keys = OFF")
      try database.execute(sql: "INSERT INTO account_role VALUES (77, 0, 'staff')")
    }
    #expect(try await store.integrityCheck().count == 1)
  }

  private func mode(of path: String) -> mode_t? {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & 0o777 : nil
  }
}
