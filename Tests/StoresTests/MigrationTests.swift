import GRDB
import Services
import Testing

@testable import Stores

struct MigrationTests {
  @Test(arguments: FrozenSchemas.all.map(\.version))
  func everyOlderFileIsBroughtUpToDate(_ version: Int) async throws {
    let directory = try TemporaryDirectory()
    let frozen = try #require(FrozenSchemas.all.first { $0.version == version })
    let path = "\(directory.path)/old.db"
    let old = try DatabaseQueue(path: path)
    try await old.write { try $0.execute(sql: frozen.sql) }
    try old.close()

    let store = try SQLiteStore(path: path)
    let fresh = try SQLiteStore(path: "\(directory.path)/fresh.db")
    #expect(try await schema(store) == schema(fresh))
    #expect(try await store.integrityCheck() == [])

    let accounts = SQLiteAccountStore(store)
    let ann = try await accounts.account(withAddress: "info@lab.test")
    guard version >= 1 else { return #expect(ann == nil) }
    let wanted = Account(
      id: AccountID(7), revision: 3, name: "ann@lab.test", displayName: "Ann", addresses: ["info@lab.test"],
      roles: ["staff"], groups: ["office"], quotaBytes: 1000, created: WallTime(seconds: 1_700_000_000),
      lastLogIn: WallTime(seconds: 1_700_000_100))
    #expect(ann == wanted)
    let verifiers = try await accounts.passwordVerifiers(of: AccountID(7))
    #expect(verifiers?.hash == (version >= 2 ? Secret("$a") : nil))
    #expect(try await SQLiteAuditStore(store).head().sequence == (version >= 3 ? 1 : 0))
  }

  /// Each step must lead to the very schema that was frozen for it, or the frozen texts test nothing.
  @Test(arguments: FrozenSchemas.all.filter { $0.version > 0 }.map(\.version))
  func theFrozenTextsAreWhatTheStepsMake(_ version: Int) async throws {
    let directory = try TemporaryDirectory()
    let frozen = try #require(FrozenSchemas.all.first { $0.version == version })
    let path = "\(directory.path)/frozen.db"
    let queue = try DatabaseQueue(path: path)
    try await queue.write { try $0.execute(sql: frozen.sql) }
    let made = try SQLiteStore(path: "\(directory.path)/made.db", throughMigration: version)
    let frozenSchema = try await queue.read { try Self.schema($0) }
    #expect(try await schema(made) == frozenSchema)
  }

  @Test func theNewestFrozenTextIsThatOfToday() {
    #expect(FrozenSchemas.all.last?.version == SQLiteMigrations.steps.count)
    #expect(SQLiteMigrations.steps.map(\.number) == Array(1...SQLiteMigrations.steps.count))
  }

  @Test func aFileOfALaterVersionIsRefusedAndLeftAlone() async throws {
    let directory = try TemporaryDirectory()
    let path = "\(directory.path)/late.db"
    let store = try SQLiteStore(path: path)
    try await store.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('999')") }
    try store.close()
    #expect(performing: { _ = try SQLiteStore(path: path) }, throws: { ($0 as? StoreError)?.code == .corrupt })
  }

  @Test func openingTwiceKeepsWhatIsThere() async throws {
    let directory = try TemporaryDirectory()
    let path = "\(directory.path)/portside.db"
    let first = try SQLiteStore(path: path)
    let created = try await SQLiteAccountStore(first).create(Account(name: "a@b", created: WallTime(seconds: 1)))
    try first.close()
    let second = try SQLiteStore(path: path)
    #expect(try await SQLiteAccountStore(second).account(named: "a@b") == created)
  }

  private func schema(_ store: SQLiteStore) async throws -> [String] {
    try await store.read { try Self.schema($0) }
  }

  /// The statements that made the tables, without the white space and comments of their text.
  private static func schema(_ database: Database) throws -> [String] {
    try String.fetchAll(
      database, sql: "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> 'grdb_migrations' ORDER BY name"
    ).map { $0.split(whereSeparator: \.isWhitespace).joined(separator: " ") }
  }
}
