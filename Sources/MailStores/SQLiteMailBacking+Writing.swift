import Foundation
import GRDB
import MailEngine
import Services

extension SQLiteMailBacking {
  public func commit(_ batch: MailBatch) throws(StoreError) {
    let timer = StoreTimer(meter, .commit)
    do throws(StoreError) { try write(batch) } catch {
      timer.end(.failed)
      throw error
    }
    timer.end(.ok)
  }

  private func write(_ batch: MailBatch) throws(StoreError) {
    var staged: [(number: Int64, staged: StagedFile)] = []
    for blob in batch.blobs { staged.append((blob.number, try Self.own(blob.staged))) }
    defer { endForgetting() }
    if !staged.isEmpty { try blobs.write(staged) }
    var dead: [(number: Int64, size: Int64)] = []
    do {
      try pool.write { database in
        for (number, blob) in staged {
          let sealed = blob.sealed()
          try Self.run(
            database, "INSERT INTO blob (id, hash, size, refs) VALUES (?, ?, ?, 0)",
            [number, Data(sealed.hash), sealed.size])
        }
        for write in batch.writes { try Self.apply(write, commit: batch.counters.commit, to: database, &dead) }
        for (name, value) in batch.counters.named {
          try Self.run(
            database,
            "INSERT INTO counter VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", [name, value])
        }
      }
    } catch {
      throw StoreError(mail: error)
    }
    if !dead.isEmpty { blobs.remove(dead) }
    if !staged.isEmpty { wakeSearch() }
  }

  private static func run(_ database: Database, _ sql: String, _ arguments: StatementArguments) throws {
    try database.cachedStatement(sql: sql).execute(arguments: arguments)
  }

  private static func apply(
    _ write: MailWrite, commit: Int64, to database: Database, _ dead: inout [(number: Int64, size: Int64)]
  ) throws {
    switch write {
    case .account(let row): try put(row, database)
    case .removeAccount(let account):
      for table in ["thread_reference", "subscription", "metadata"] {
        try run(database, "DELETE FROM \(table) WHERE account_id = ?", [account])
      }
      try run(database, "DELETE FROM account WHERE id = ?", [account])
    case .mailbox(let row): try put(row, database)
    case .removeMailbox(_, let id):
      try run(database, "DELETE FROM mailbox WHERE id = ?", [id.number])
      try run(database, "DELETE FROM vanished WHERE mailbox_id = ?", [id.number])
      try run(database, "DELETE FROM metadata WHERE mailbox_id = ?", [id.number])
    case .insert(let id, let messages):
      for message in messages { try insert(message, into: id, database) }
    case .update(let id, let messages):
      for message in messages {
        try run(
          database, "UPDATE message SET flags = ?, keywords = ?, mod_seq = ? WHERE mailbox_id = ? AND uid = ?",
          [
            Int64(message.flags.rawValue), Int64(bitPattern: message.keywords.rawValue),
            Int64(clamping: message.modSeq),
            id.number, Int64(message.uid),
          ])
      }
    case .expunge(let id, let messages, let modSeq, let account, let name, let time):
      try expunge(messages, from: id, modSeq, [account, name, time.seconds, commit], database)
    case .forget(let id, let uids):
      for uid in uids {
        try run(database, "DELETE FROM expunged WHERE mailbox_id = ? AND uid = ?", [id.number, Int64(uid)])
      }
    case .email(let email, let blob, let digest):
      try run(database, "INSERT INTO email (id, blob, refs, digest) VALUES (?, ?, 1, ?)", [email, blob, Data(digest)])
      try run(database, "UPDATE blob SET refs = refs + 1 WHERE id = ?", [blob])
    case .references(let email, let change): try count(email, change, database, &dead)
    case .thread(let account, let hash, let thread):
      try run(
        database, "INSERT OR REPLACE INTO thread_reference (account_id, hash, thread_id) VALUES (?, ?, ?)",
        [account, hash, thread])
    case .subscription(let account, let name, let isOn):
      try run(
        database,
        isOn
          ? "INSERT OR IGNORE INTO subscription VALUES (?, ?)"
          : "DELETE FROM subscription WHERE account_id = ? AND name = ?", [account, name])
    case .metadata(let account, let mailbox, let key, let value):
      if let value {
        try run(
          database, "INSERT OR REPLACE INTO metadata VALUES (?, ?, ?, ?, ?)",
          [account, mailbox, key.user, key.entry, Data(value)])
      } else {
        try run(
          database, "DELETE FROM metadata WHERE account_id = ? AND mailbox_id = ? AND user = ? AND entry = ?",
          [account, mailbox, key.user, key.entry])
      }
    }
  }

  private static func put(_ row: AccountRow, _ database: Database) throws {
    try run(
      database,
      """
      INSERT INTO account (id, name, used_bytes, used_messages, limit_bytes, limit_messages) VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET used_bytes = excluded.used_bytes, used_messages = excluded.used_messages,
        limit_bytes = excluded.limit_bytes, limit_messages = excluded.limit_messages
      """,
      [
        row.id, row.name, row.quota.usedBytes, row.quota.usedMessages, row.quota.limitBytes, row.quota.limitMessages,
      ])
  }

  private static func put(_ row: MailboxRow, _ database: Database) throws {
    let mailbox = row.mailbox
    let accessList = mailbox.accessList.sorted { $0.key < $1.key }.map { "\($0.key)\t\($0.value.letters)" }
    try run(
      database,
      """
      INSERT INTO mailbox (id, account_id, name, uid_validity, uid_next, mod_seq, count, unseen, deleted, size,
        deleted_size, special_use, keywords, access_list, created, recent_from)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET name = excluded.name, uid_next = excluded.uid_next, mod_seq = excluded.mod_seq,
        count = excluded.count, unseen = excluded.unseen, deleted = excluded.deleted, size = excluded.size,
        deleted_size = excluded.deleted_size, special_use = excluded.special_use, keywords = excluded.keywords,
        access_list = excluded.access_list, recent_from = excluded.recent_from
      """,
      [
        mailbox.id.number, row.account, mailbox.name, Int64(mailbox.uidValidity), Int64(mailbox.uidNext),
        Int64(clamping: mailbox.highestModSeq), mailbox.count, mailbox.unseen, mailbox.deleted, mailbox.size,
        mailbox.deletedSize, mailbox.specialUse?.rawValue, mailbox.keywords.joined(separator: " "),
        accessList.joined(separator: "\n"), mailbox.created.seconds, Int64(row.recentFrom),
      ])
  }

  private static func insert(_ message: MailMessage, into id: MailboxID, _ database: Database) throws {
    try run(
      database, "INSERT INTO message (mailbox_id, \(columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      [
        id.number, Int64(message.uid), Int64(message.flags.rawValue), Int64(bitPattern: message.keywords.rawValue),
        Int64(clamping: message.modSeq), message.internalSeconds, message.saveSeconds, message.size, message.emailID,
        message.threadID, message.blob,
      ])
  }

  private static func expunge(
    _ messages: [MailMessage], from id: MailboxID, _ modSeq: UInt64?, _ rest: StatementArguments, _ database: Database
  ) throws {
    for message in messages {
      try run(
        database,
        """
        INSERT INTO expunged (mailbox_id, \(columns), account_id, mailbox_name, time, commit_number)
        SELECT mailbox_id, \(columns), ?, ?, ?, ? FROM message WHERE mailbox_id = ? AND uid = ?
        """, rest + [id.number, Int64(message.uid)])
      try run(database, "DELETE FROM message WHERE mailbox_id = ? AND uid = ?", [id.number, Int64(message.uid)])
    }
    guard let modSeq else { return }
    for range in UIDSet(messages.map(\.uid)).ranges {
      try run(
        database, "INSERT INTO vanished VALUES (?, ?, ?, ?)",
        [id.number, Int64(clamping: modSeq), Int64(range.lowerBound), Int64(range.upperBound)])
    }
  }

  private static func count(
    _ email: Int64, _ change: Int, _ database: Database, _ dead: inout [(number: Int64, size: Int64)]
  ) throws {
    try run(database, "UPDATE email SET refs = refs + ? WHERE id = ?", [change, email])
    if change >= 0 { return }
    let row = try Row.fetchOne(database, sql: "SELECT blob FROM email WHERE id = ? AND refs <= 0", arguments: [email])
    guard let blob: Int64 = row?[0] else { return }
    try run(database, "DELETE FROM email WHERE id = ?", [email])
    try run(database, "UPDATE blob SET refs = refs - 1 WHERE id = ?", [blob])
    let size = try Int64.fetchOne(
      database, sql: "SELECT size FROM blob WHERE id = ? AND refs <= 0", arguments: [blob])
    guard let size else { return }
    try run(database, "DELETE FROM blob WHERE id = ?", [blob])
    dead.append((blob, size))
  }
}
