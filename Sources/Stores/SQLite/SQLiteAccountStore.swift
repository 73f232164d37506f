import GRDB
import Services

/// Accounts in SQLite.
public struct SQLiteAccountStore: AccountStore {
  let store: SQLiteStore

  public init(_ store: SQLiteStore) { self.store = store }

  public func create(_ account: Account) async throws(StoreError) -> Account {
    try await store.write { database in
      try database.execute(
        sql: """
          INSERT INTO account
          (revision, name, display_name, quota_bytes, is_disabled, expires, created, last_log_in)
          VALUES (1, ?, ?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          account.name, account.displayName, account.quotaBytes, account.isDisabled, account.expires?.seconds,
          account.created.seconds, account.lastLogIn?.seconds,
        ])
      var created = account
      created.id = AccountID(database.lastInsertedRowID)
      created.revision = 1
      try Self.insertLists(of: created, database)
      return created
    }
  }

  public func account(_ id: AccountID) async throws(StoreError) -> Account? {
    try await store.read { try Self.fetch(id, $0) }
  }

  public func account(named name: String) async throws(StoreError) -> Account? {
    try await store.read { database in
      let id = try Int64.fetchOne(database, sql: "SELECT id FROM account WHERE name = ?", arguments: [name])
      return try id.flatMap { try Self.fetch(AccountID($0), database) }
    }
  }

  public func account(withAddress address: String) async throws(StoreError) -> Account? {
    try await store.read { database in
      let id = try Int64.fetchOne(
        database, sql: "SELECT account_id FROM account_address WHERE address = ?", arguments: [address])
      return try id.flatMap { try Self.fetch(AccountID($0), database) }
    }
  }

  public func accounts(
    matching filter: AccountFilter, after: String?, limit: Int
  ) async throws(StoreError) -> [Account] {
    try await store.read { database in
      let ids = try Int64.fetchAll(
        database,
        sql: """
          SELECT id FROM account
          WHERE (?1 IS NULL OR name > ?1)
            AND (?2 IS NULL OR instr(lower(name), lower(?2)) > 0 OR instr(lower(display_name), lower(?2)) > 0)
            AND (?3 IS NULL OR EXISTS (SELECT 1 FROM account_role WHERE account_id = id AND role = ?3))
            AND (?4 IS NULL OR EXISTS (SELECT 1 FROM account_group g WHERE account_id = id AND g.name = ?4))
            AND (?5 IS NULL OR is_disabled = ?5)
          ORDER BY name LIMIT ?6
          """,
        arguments: [after, filter.text, filter.role, filter.group, filter.isDisabled, max(0, limit)])
      return try ids.compactMap { try Self.fetch(AccountID($0), database) }
    }
  }

  public func update(_ account: Account) async throws(StoreError) -> Account {
    try await store.write { database in
      let stored = try Int64.fetchOne(
        database, sql: "SELECT revision FROM account WHERE id = ?", arguments: [account.id.number])
      guard let stored else { throw Self.missing(account.id) }
      guard stored == account.revision else {
        throw StoreError(.conflict, "account \(account.name) was changed by somebody else meanwhile")
      }
      try database.execute(
        sql: """
          UPDATE account SET revision = ?, name = ?, display_name = ?, quota_bytes = ?, is_disabled = ?, expires = ?
          WHERE id = ?
          """,
        arguments: [
          account.revision &+ 1, account.name, account.displayName, account.quotaBytes, account.isDisabled,
          account.expires?.seconds, account.id.number,
        ])
      for table in ["account_address", "account_role", "account_group"] {
        try database.execute(sql: "DELETE FROM \(table) WHERE account_id = ?", arguments: [account.id.number])
      }
      try Self.insertLists(of: account, database)
      guard let updated = try Self.fetch(account.id, database) else { throw Self.missing(account.id) }
      return updated
    }
  }

  public func delete(_ id: AccountID) async throws(StoreError) {
    try await store.write { database in
      try database.execute(sql: "DELETE FROM account WHERE id = ?", arguments: [id.number])
      guard database.changesCount > 0 else { throw Self.missing(id) }
    }
  }

  public func noteLogIn(of id: AccountID, at time: WallTime) async throws(StoreError) {
    try await store.write { database in
      try database.execute(
        sql: "UPDATE account SET last_log_in = ? WHERE id = ?", arguments: [time.seconds, id.number])
    }
  }

  static func missing(_ id: AccountID) -> StoreError { StoreError(.notFound, "no account has the id \(id.number)") }

  /// Throws `.notFound` unless the account is there; inside the transaction that is about to write for it.
  static func require(_ id: AccountID, _ database: Database) throws {
    guard try Int.fetchOne(database, sql: "SELECT 1 FROM account WHERE id = ?", arguments: [id.number]) != nil else {
      throw missing(id)
    }
  }

  private static func insertLists(of account: Account, _ database: Database) throws {
    for (position, address) in ([account.name] + account.addresses).enumerated() {
      try database.execute(
        sql: "INSERT INTO account_address (address, account_id, position) VALUES (?, ?, ?)",
        arguments: [address, account.id.number, position])
    }
    for (position, role) in account.roles.enumerated() {
      try database.execute(
        sql: "INSERT INTO account_role (account_id, position, role) VALUES (?, ?, ?)",
        arguments: [account.id.number, position, role])
    }
    for (position, group) in account.groups.enumerated() {
      try database.execute(
        sql: "INSERT INTO account_group (account_id, position, name) VALUES (?, ?, ?)",
        arguments: [account.id.number, position, group])
    }
  }

  private static func fetch(_ id: AccountID, _ database: Database) throws -> Account? {
    guard let row = try Row.fetchOne(database, sql: "SELECT * FROM account WHERE id = ?", arguments: [id.number]) else {
      return nil
    }
    let list = { (sql: String) in try String.fetchAll(database, sql: sql, arguments: [id.number]) }
    return Account(
      id: id, revision: try row.value("revision"), name: try row.value("name"),
      displayName: try row.value("display_name"),
      addresses: try list(
        "SELECT address FROM account_address WHERE account_id = ? AND position > 0 ORDER BY position"),
      roles: try list("SELECT role FROM account_role WHERE account_id = ? ORDER BY position"),
      groups: try list("SELECT name FROM account_group WHERE account_id = ? ORDER BY position"),
      quotaBytes: try row.optional("quota_bytes"), isDisabled: try row.value("is_disabled"),
      expires: try row.time("expires"), created: try row.time("created") ?? WallTime(seconds: 0),
      lastLogIn: try row.time("last_log_in"))
  }
}
