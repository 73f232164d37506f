import GRDB

/// The steps from an empty file to the schema of today.
///
/// A step that was ever released is never edited: a change is a further step. `Tests/StoresTests` keeps the schema after
/// each step as frozen text and brings each of them up to date.
enum SQLiteMigrations {
  /// One step: its number, and what it does.
  struct Step: Sendable {
    let number: Int
    let sql: String
  }

  static let steps: [Step] = [
    Step(number: 1, sql: accounts), Step(number: 2, sql: proofs), Step(number: 3, sql: audit),
    Step(number: 4, sql: leases), Step(number: 5, sql: desktops), Step(number: 6, sql: leaseOrder),
  ]

  /// A migrator up to and including step `last`.
  static func migrator(through last: Int = steps.count) -> DatabaseMigrator {
    var migrator = DatabaseMigrator()
    for step in steps where step.number <= last {
      migrator.registerMigration(String(step.number)) { database in
        try database.execute(sql: step.sql)
      }
    }
    return migrator
  }

  private static let accounts = """
    CREATE TABLE account (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      revision INTEGER NOT NULL,
      name TEXT NOT NULL UNIQUE,
      display_name TEXT NOT NULL,
      quota_bytes INTEGER,
      is_disabled INTEGER NOT NULL CHECK (is_disabled IN (0, 1)),
      expires INTEGER,
      created INTEGER NOT NULL,
      last_log_in INTEGER
    );
    -- The name itself stands here too: names and addresses share one uniqueness.
    CREATE TABLE account_address (
      address TEXT PRIMARY KEY,
      account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
      position INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX account_address_of ON account_address (account_id, position);
    CREATE TABLE account_role (
      account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
      position INTEGER NOT NULL,
      role TEXT NOT NULL,
      PRIMARY KEY (account_id, position)
    ) WITHOUT ROWID;
    CREATE TABLE account_group (
      account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
      position INTEGER NOT NULL,
      name TEXT NOT NULL,
      PRIMARY KEY (account_id, position)
    ) WITHOUT ROWID;
    """

  private static let proofs = """
    CREATE TABLE account_password (
      account_id INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
      argon2id BLOB NOT NULL,
      scram BLOB,
      changed INTEGER NOT NULL
    );
    CREATE TABLE account_key (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
      blob BLOB NOT NULL,
      options TEXT NOT NULL,
      comment TEXT NOT NULL,
      created INTEGER NOT NULL,
      last_used INTEGER,
      UNIQUE (account_id, blob)
    );
    CREATE TABLE account_app_password (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
      label TEXT NOT NULL,
      hash BLOB NOT NULL,
      services TEXT NOT NULL,
      networks TEXT NOT NULL,
      expires INTEGER,
      created INTEGER NOT NULL,
      last_used INTEGER,
      UNIQUE (account_id, label)
    );
    CREATE TABLE account_totp (
      account_id INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
      sealed_secret BLOB NOT NULL,
      is_confirmed INTEGER NOT NULL CHECK (is_confirmed IN (0, 1)),
      last_step INTEGER NOT NULL
    );
    CREATE TABLE account_recovery_code (
      account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
      hash BLOB NOT NULL,
      PRIMARY KEY (account_id, hash)
    ) WITHOUT ROWID;
    """

  private static let audit = """
    CREATE TABLE audit (
      sequence INTEGER PRIMARY KEY,
      seconds INTEGER NOT NULL,
      nanoseconds INTEGER NOT NULL,
      actor TEXT NOT NULL,
      action TEXT NOT NULL,
      subject TEXT,
      before TEXT,
      after TEXT,
      session TEXT,
      service TEXT,
      peer_address TEXT,
      peer_port INTEGER,
      previous_hash BLOB NOT NULL,
      hash BLOB NOT NULL
    );
    CREATE INDEX audit_actor ON audit (actor, sequence);
    CREATE INDEX audit_subject ON audit (subject, sequence);
    -- A slip of the program must not rewrite history; who edits the file itself is found by the chain of hashes.
    CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
      BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
    CREATE TRIGGER audit_is_never_removed BEFORE DELETE ON audit
      BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
    """

  private static let leases = """
    CREATE TABLE lease (
      subnet TEXT NOT NULL,
      address TEXT NOT NULL,
      client BLOB NOT NULL,
      state INTEGER NOT NULL,
      starts INTEGER NOT NULL,
      expires INTEGER NOT NULL,
      hardware_type INTEGER NOT NULL,
      hardware_address BLOB NOT NULL,
      host_name TEXT,
      place BLOB NOT NULL,
      PRIMARY KEY (subnet, address),
      UNIQUE (subnet, client)
    ) WITHOUT ROWID;
    """

  /// Leases in the order of their addresses, for pages: `SQLiteLeaseStore.order` is the same expression.
  private static let leaseOrder = """
    CREATE INDEX lease_order ON lease (
      CASE WHEN instr(address, ':') THEN 4294967296 ELSE
        (CAST(address AS INTEGER) << 24) + (CAST(substr(address, instr(address, '.') + 1) AS INTEGER) << 16)
        + (CAST(replace(rtrim(rtrim(address, '0123456789'), '.'),
            rtrim(rtrim(rtrim(address, '0123456789'), '.'), '0123456789'), '') AS INTEGER) << 8)
        + CAST(replace(address, rtrim(address, '0123456789'), '') AS INTEGER) END, address, subnet);
    """

  private static let desktops = """
    CREATE TABLE account_desktop (
      account_id INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
      sealed_secret BLOB NOT NULL
    );
    """
}
