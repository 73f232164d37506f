/// The schema as it was after each released step, with some rows in it. Never edited: these are what files in the field
/// look like. A further step adds a further text.
enum FrozenSchemas {
  static let all: [(version: Int, sql: String)] = [
    (0, ""), (1, one), (2, one + two), (3, one + two + three),
    (4, one + two + three + four), (5, one + two + three + four + five),
    (6, one + two + three + four + five + six),
  ]

  private static let one = """
    CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
    INSERT INTO grdb_migrations VALUES ('1');
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
    INSERT INTO account VALUES (7, 3, 'ann@lab.test', 'Ann', 1000, 0, NULL, 1700000000, 1700000100);
    INSERT INTO account_address VALUES ('ann@lab.test', 7, 0), ('info@lab.test', 7, 1);
    INSERT INTO account_role VALUES (7, 0, 'staff');
    INSERT INTO account_group VALUES (7, 0, 'office');

    """

  private static let two = """
    INSERT INTO grdb_migrations VALUES ('2');
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
    INSERT INTO account_password VALUES (7, x'2461', NULL, 1700000200);
    INSERT INTO account_recovery_code VALUES (7, x'01');

    """

  private static let three = """
    INSERT INTO grdb_migrations VALUES ('3');
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
    INSERT INTO audit VALUES (1, 1700000300, 5, 'uid 0', 'account add', 'ann@lab.test', NULL, NULL, NULL, 'imaps',
      '192.0.2.1', 4711, zeroblob(32), x'0102');

    """

  private static let four = """
    INSERT INTO grdb_migrations VALUES ('4');
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
    INSERT INTO lease VALUES ('192.0.2.0/24', '192.0.2.7', x'00010203', 1, 1700000000, 1700003600, 1, x'0203', 'host', x'');

    """

  private static let five = """
    INSERT INTO grdb_migrations VALUES ('5');
    CREATE TABLE account_desktop (
      account_id INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
      sealed_secret BLOB NOT NULL
    );
    INSERT INTO account_desktop VALUES (7, x'0102');

    """

  private static let six = """
    INSERT INTO grdb_migrations VALUES ('6');
    CREATE INDEX lease_order ON lease (
      CASE WHEN instr(address, ':') THEN 4294967296 ELSE
        (CAST(address AS INTEGER) << 24) + (CAST(substr(address, instr(address, '.') + 1) AS INTEGER) << 16)
        + (CAST(replace(rtrim(rtrim(address, '0123456789'), '.'),
            rtrim(rtrim(rtrim(address, '0123456789'), '.'), '0123456789'), '') AS INTEGER) << 8)
        + CAST(replace(address, rtrim(address, '0123456789'), '') AS INTEGER) END, address, subnet);
    """
}
