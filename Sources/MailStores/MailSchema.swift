import GRDB

/// The steps from an empty file to the schema of today. A step that was ever released is never edited.
enum MailSchema {
  struct Step: Sendable {
    let number: Int
    let sql: String
  }

  static let steps: [Step] = [Step(number: 1, sql: first)]

  /// A migrator up to and including step `last`.
  static func migrator(through last: Int = steps.count) -> DatabaseMigrator {
    var migrator = DatabaseMigrator()
    for step in steps where step.number <= last {
      migrator.registerMigration(String(step.number)) { database in try database.execute(sql: step.sql) }
    }
    return migrator
  }

  private static let first = """
    CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE account (
      id INTEGER PRIMARY KEY,
      name TEXT NOT NULL UNIQUE,
      used_bytes INTEGER NOT NULL,
      used_messages INTEGER NOT NULL,
      limit_bytes INTEGER,
      limit_messages INTEGER
    );
    CREATE TABLE mailbox (
      id INTEGER PRIMARY KEY,
      account_id INTEGER NOT NULL,
      name TEXT NOT NULL,
      uid_validity INTEGER NOT NULL,
      uid_next INTEGER NOT NULL,
      mod_seq INTEGER NOT NULL,
      count INTEGER NOT NULL,
      unseen INTEGER NOT NULL,
      deleted INTEGER NOT NULL,
      size INTEGER NOT NULL,
      deleted_size INTEGER NOT NULL,
      special_use TEXT,
      keywords TEXT NOT NULL,
      access_list TEXT NOT NULL,
      created INTEGER NOT NULL,
      recent_from INTEGER NOT NULL
    );
    CREATE INDEX mailbox_of ON mailbox (account_id, name);
    CREATE TABLE message (
      mailbox_id INTEGER NOT NULL,
      uid INTEGER NOT NULL,
      flags INTEGER NOT NULL,
      keywords INTEGER NOT NULL,
      mod_seq INTEGER NOT NULL,
      internal_date INTEGER NOT NULL,
      save_date INTEGER NOT NULL,
      size INTEGER NOT NULL,
      email_id INTEGER NOT NULL,
      thread_id INTEGER NOT NULL,
      blob INTEGER NOT NULL,
      PRIMARY KEY (mailbox_id, uid)
    ) WITHOUT ROWID;
    CREATE TABLE expunged (
      mailbox_id INTEGER NOT NULL,
      uid INTEGER NOT NULL,
      flags INTEGER NOT NULL,
      keywords INTEGER NOT NULL,
      mod_seq INTEGER NOT NULL,
      internal_date INTEGER NOT NULL,
      save_date INTEGER NOT NULL,
      size INTEGER NOT NULL,
      email_id INTEGER NOT NULL,
      thread_id INTEGER NOT NULL,
      blob INTEGER NOT NULL,
      account_id INTEGER NOT NULL,
      mailbox_name TEXT NOT NULL,
      time INTEGER NOT NULL,
      commit_number INTEGER NOT NULL,
      PRIMARY KEY (mailbox_id, uid)
    ) WITHOUT ROWID;
    CREATE INDEX expunged_of ON expunged (account_id, commit_number);
    CREATE INDEX expunged_time ON expunged (time);
    -- Every UID that ever went, as ranges: QRESYNC is exact from the first day.
    CREATE TABLE vanished (
      mailbox_id INTEGER NOT NULL,
      mod_seq INTEGER NOT NULL,
      first_uid INTEGER NOT NULL,
      last_uid INTEGER NOT NULL,
      PRIMARY KEY (mailbox_id, mod_seq, first_uid)
    ) WITHOUT ROWID;
    -- A blob's number says where it is: see BlobStore.
    CREATE TABLE blob (
      id INTEGER PRIMARY KEY,
      hash BLOB NOT NULL,
      size INTEGER NOT NULL,
      refs INTEGER NOT NULL
    );
    CREATE INDEX blob_hash ON blob (hash);
    CREATE TABLE email (
      id INTEGER PRIMARY KEY,
      blob INTEGER NOT NULL,
      refs INTEGER NOT NULL,
      digest BLOB NOT NULL
    );
    CREATE TABLE thread_reference (
      account_id INTEGER NOT NULL,
      hash INTEGER NOT NULL,
      thread_id INTEGER NOT NULL,
      PRIMARY KEY (account_id, hash)
    ) WITHOUT ROWID;
    CREATE TABLE subscription (
      account_id INTEGER NOT NULL,
      name TEXT NOT NULL,
      PRIMARY KEY (account_id, name)
    ) WITHOUT ROWID;
    CREATE TABLE metadata (
      account_id INTEGER NOT NULL,
      mailbox_id INTEGER NOT NULL,
      user TEXT NOT NULL,
      entry TEXT NOT NULL,
      value BLOB NOT NULL,
      PRIMARY KEY (account_id, mailbox_id, user, entry)
    ) WITHOUT ROWID;
    """
}
