import GRDB
import Services
import WireKit

/// What proves accounts: passwords, keys, second factors.
extension SQLiteAccountStore {
  public func passwordVerifiers(of id: AccountID) async throws(StoreError) -> PasswordVerifiers? {
    try await store.read { database in
      try Row.fetchOne(database, sql: "SELECT * FROM account_password WHERE account_id = ?", arguments: [id.number])
        .map { row in
          let scram: DatabaseBytes? = try row.optional("scram")
          return PasswordVerifiers(
            hash: try row.secret("argon2id"), scram: scram.map { Secret($0.bytes) },
            changed: try row.time("changed") ?? WallTime(seconds: 0))
        }
    }
  }

  public func setPasswordVerifiers(
    _ verifiers: PasswordVerifiers?, of id: AccountID
  ) async throws(StoreError) {
    try await store.write { database in
      try Self.require(id, database)
      try database.execute(sql: "DELETE FROM account_password WHERE account_id = ?", arguments: [id.number])
      guard let verifiers else { return }
      try database.execute(
        sql: "INSERT INTO account_password (account_id, argon2id, scram, changed) VALUES (?, ?, ?, ?)",
        arguments: [
          id.number, DatabaseBytes(verifiers.hash), verifiers.scram.map { DatabaseBytes($0) },
          verifiers.changed.seconds,
        ])
    }
  }

  public func desktopSecret(of id: AccountID) async throws(StoreError) -> Secret? {
    try await store.read { database in
      try Row.fetchOne(
        database, sql: "SELECT sealed_secret FROM account_desktop WHERE account_id = ?", arguments: [id.number]
      ).map { try $0.secret("sealed_secret") }
    }
  }

  public func setDesktopSecret(_ sealed: Secret?, of id: AccountID) async throws(StoreError) {
    try await store.write { database in
      try Self.require(id, database)
      try database.execute(sql: "DELETE FROM account_desktop WHERE account_id = ?", arguments: [id.number])
      guard let sealed else { return }
      try database.execute(
        sql: "INSERT INTO account_desktop (account_id, sealed_secret) VALUES (?, ?)",
        arguments: [id.number, DatabaseBytes(sealed)])
    }
  }

  public func keys(of id: AccountID) async throws(StoreError) -> [AuthorizedKey] {
    try await store.read { database in
      try Row.fetchAll(
        database, sql: "SELECT * FROM account_key WHERE account_id = ? ORDER BY id", arguments: [id.number]
      ).map { row in
        let blob: DatabaseBytes = try row.value("blob")
        return AuthorizedKey(
          id: try row.value("id"), blob: blob.bytes, options: try row.value("options"),
          comment: try row.value("comment"), created: try row.time("created") ?? WallTime(seconds: 0),
          lastUsed: try row.time("last_used"))
      }
    }
  }

  public func addKey(_ key: AuthorizedKey, to id: AccountID) async throws(StoreError) -> AuthorizedKey {
    try await store.write { database in
      try Self.require(id, database)
      try database.execute(
        sql: """
          INSERT INTO account_key (account_id, blob, options, comment, created, last_used) VALUES (?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          id.number, DatabaseBytes(key.blob), key.options, key.comment, key.created.seconds, key.lastUsed?.seconds,
        ])
      var added = key
      added.id = database.lastInsertedRowID
      return added
    }
  }

  public func removeKey(_ key: Int64, from id: AccountID) async throws(StoreError) {
    try await remove(key, "account_key", of: id)
  }

  public func noteKeyUse(_ key: Int64, at time: WallTime) async throws(StoreError) {
    try await store.write { database in
      try database.execute(sql: "UPDATE account_key SET last_used = ? WHERE id = ?", arguments: [time.seconds, key])
    }
  }

  public func appPasswords(of id: AccountID) async throws(StoreError) -> [AppPassword] {
    try await store.read { database in
      try Row.fetchAll(
        database, sql: "SELECT * FROM account_app_password WHERE account_id = ? ORDER BY id", arguments: [id.number]
      ).map { row in
        AppPassword(
          id: try row.value("id"), label: try row.value("label"), hash: try row.secret("hash"),
          services: Set(try Self.words(row, "services").map { try Self.parse($0, ServiceName.init(rawValue:)) }),
          networks: try Self.words(row, "networks").map { try Self.parse($0) { IPNetwork($0) } },
          expires: try row.time("expires"), created: try row.time("created") ?? WallTime(seconds: 0),
          lastUsed: try row.time("last_used"))
      }
    }
  }

  public func addAppPassword(_ password: AppPassword, to id: AccountID) async throws(StoreError) -> AppPassword {
    try await store.write { database in
      try Self.require(id, database)
      try database.execute(
        sql: """
          INSERT INTO account_app_password
          (account_id, label, hash, services, networks, expires, created, last_used) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
          """,
        arguments: [
          id.number, password.label, DatabaseBytes(password.hash),
          password.services.map(\.rawValue).sorted().joined(separator: " "),
          password.networks.map(\.description).joined(separator: " "), password.expires?.seconds,
          password.created.seconds, password.lastUsed?.seconds,
        ])
      var added = password
      added.id = database.lastInsertedRowID
      return added
    }
  }

  public func removeAppPassword(_ password: Int64, from id: AccountID) async throws(StoreError) {
    try await remove(password, "account_app_password", of: id)
  }

  public func noteAppPasswordUse(_ password: Int64, at time: WallTime) async throws(StoreError) {
    try await store.write { database in
      try database.execute(
        sql: "UPDATE account_app_password SET last_used = ? WHERE id = ?", arguments: [time.seconds, password])
    }
  }

  public func totp(of id: AccountID) async throws(StoreError) -> TOTPState? {
    try await store.read { database in
      try Row.fetchOne(database, sql: "SELECT * FROM account_totp WHERE account_id = ?", arguments: [id.number])
        .map { row in
          TOTPState(
            sealedSecret: try row.secret("sealed_secret"), isConfirmed: try row.value("is_confirmed"),
            lastStep: try row.value("last_step"))
        }
    }
  }

  public func setTOTP(_ state: TOTPState?, of id: AccountID) async throws(StoreError) {
    try await store.write { database in
      try Self.require(id, database)
      try database.execute(sql: "DELETE FROM account_totp WHERE account_id = ?", arguments: [id.number])
      guard let state else {
        try database.execute(sql: "DELETE FROM account_recovery_code WHERE account_id = ?", arguments: [id.number])
        return
      }
      try database.execute(
        sql: "INSERT INTO account_totp (account_id, sealed_secret, is_confirmed, last_step) VALUES (?, ?, ?, ?)",
        arguments: [id.number, DatabaseBytes(state.sealedSecret), state.isConfirmed, state.lastStep])
    }
  }

  public func useTOTPStep(_ step: Int64, of id: AccountID) async throws(StoreError) -> Bool {
    try await store.write { database in
      try database.execute(
        sql: "UPDATE account_totp SET last_step = ?1 WHERE account_id = ?2 AND last_step < ?1",
        arguments: [step, id.number])
      return database.changesCount > 0
    }
  }

  public func setRecoveryCodes(_ hashes: [Secret], of id: AccountID) async throws(StoreError) {
    try await store.write { database in
      try Self.require(id, database)
      try database.execute(sql: "DELETE FROM account_recovery_code WHERE account_id = ?", arguments: [id.number])
      for hash in hashes {
        try database.execute(
          sql: "INSERT INTO account_recovery_code (account_id, hash) VALUES (?, ?)",
          arguments: [id.number, DatabaseBytes(hash)])
      }
    }
  }

  public func recoveryCodeCount(of id: AccountID) async throws(StoreError) -> Int {
    try await store.read { database in
      try Int.fetchOne(
        database, sql: "SELECT count(*) FROM account_recovery_code WHERE account_id = ?", arguments: [id.number]) ?? 0
    }
  }

  public func useRecoveryCode(_ hash: Secret, of id: AccountID) async throws(StoreError) -> Bool {
    try await store.write { database in
      try database.execute(
        sql: "DELETE FROM account_recovery_code WHERE account_id = ? AND hash = ?",
        arguments: [id.number, DatabaseBytes(hash)])
      return database.changesCount > 0
    }
  }

  private func remove(_ row: Int64, _ table: String, of id: AccountID) async throws(StoreError) {
    try await store.write { database in
      try database.execute(
        sql: "DELETE FROM \(table) WHERE id = ? AND account_id = ?", arguments: [row, id.number])
      guard database.changesCount > 0 else {
        throw StoreError(.notFound, "the account has no such entry: \(row)")
      }
    }
  }

  private static func words(_ row: Row, _ column: String) throws -> [String] {
    let text: String = try row.value(column)
    return text.split(separator: " ").map(String.init)
  }

  /// A stored word in its type; what can't be read is damage, not something to pass over.
  private static func parse<Value>(_ word: String, _ read: (String) -> Value?) throws -> Value {
    guard let value = read(word) else { throw StoreError(.corrupt, "'\(word)' is stored, and makes no sense") }
    return value
  }
}
