import GRDB
import Services

extension SQLiteStore {
  /// The tables that hold what belongs to an account, besides its own.
  private static let accountTables = [
    "account_address", "account_role", "account_group", "account_password", "account_key", "account_app_password",
    "account_totp", "account_recovery_code", "account_desktop",
  ]

  /// Takes an account with all that proves who it is from another database, as out of a backup. `.conflict` when there is an
  /// account or address of this name already, `.notFound` when the other has none.
  public func adoptAccount(named name: String, from path: String) async throws(StoreError) {
    // Opening it brings it up to the schema of today.
    try SQLiteStore(path: path).close()
    do {
      try await pool.writeWithoutTransaction { database in
        try database.execute(sql: "ATTACH DATABASE ? AS backup", arguments: [path])
        defer { try? database.execute(sql: "DETACH DATABASE backup") }
        try database.inTransaction(.immediate) {
          try Self.adopt(name, database)
          return .commit
        }
      }
    } catch {
      throw StoreError(wrapping: error)
    }
  }

  private static func adopt(_ name: String, _ database: Database) throws {
    guard let old = try Int64.fetchOne(database, sql: "SELECT id FROM backup.account WHERE name = ?", arguments: [name])
    else { throw StoreError(.notFound, "the backup has no account \(name)") }
    let columns = try ownColumns("account", database)
    try database.execute(
      sql: "INSERT INTO main.account (\(columns)) SELECT \(columns) FROM backup.account WHERE id = ?", arguments: [old])
    let new = database.lastInsertedRowID
    for table in accountTables {
      let columns = try ownColumns(table, database)
      try database.execute(
        sql: """
          INSERT INTO main.\(table) (account_id, \(columns)) SELECT ?, \(columns) FROM backup.\(table) WHERE account_id = ?
          """, arguments: [new, old])
    }
  }

  /// The columns that go over as they are.
  private static func ownColumns(_ table: String, _ database: Database) throws -> String {
    try database.columns(in: table).map(\.name).filter { $0 != "id" && $0 != "account_id" }.joined(separator: ", ")
  }
}
