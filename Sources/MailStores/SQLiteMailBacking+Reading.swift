import Dispatch
import Foundation
import GRDB
import GRDBSQLite
import MailEngine
import Services
import Synchronization

extension SQLiteMailBacking {
  public func load() throws(StoreError) -> LoadedMail {
    try read { database in
      var loaded = LoadedMail()
      for row in try Row.fetchAll(database, sql: "SELECT * FROM account") {
        loaded.accounts.append(
          AccountRow(
            id: row["id"], name: row["name"],
            quota: MailQuota(
              usedBytes: row["used_bytes"], usedMessages: row["used_messages"], limitBytes: row["limit_bytes"],
              limitMessages: row["limit_messages"])))
      }
      let owners = Dictionary(loaded.accounts.map { ($0.id, $0.name) }) { first, _ in first }
      for row in try Row.fetchAll(database, sql: "SELECT * FROM mailbox ORDER BY id") {
        guard let owner = owners[row["account_id"]] else { throw StoreError(.corrupt, "a mailbox without an account") }
        loaded.mailboxes.append(try Self.mailbox(row, owner: owner))
      }
      for row in try Row.fetchAll(database, sql: "SELECT account_id, name FROM subscription") {
        loaded.subscriptions[row[0], default: []].insert(row[1])
      }
      for row in try Row.fetchAll(database, sql: "SELECT name, value FROM counter") {
        loaded.counters.set(row[0], row[1])
      }
      return loaded
    }
  }

  static func mailbox(_ row: Row, owner: String) throws -> MailboxRow {
    let uidValidity: Int64 = row["uid_validity"]
    var mailbox = Mailbox(
      id: MailboxID(row["id"]), owner: owner, name: row["name"], uidValidity: UInt32(clamping: uidValidity),
      created: WallTime(seconds: row["created"]), specialUse: (row["special_use"] as String?).flatMap(SpecialUse.init))
    let uidNext: Int64 = row["uid_next"]
    let modSeq: Int64 = row["mod_seq"]
    let recentFrom: Int64 = row["recent_from"]
    mailbox.uidNext = UInt32(clamping: uidNext)
    mailbox.highestModSeq = UInt64(clamping: modSeq)
    mailbox.count = row["count"]
    mailbox.unseen = row["unseen"]
    mailbox.deleted = row["deleted"]
    mailbox.size = row["size"]
    mailbox.deletedSize = row["deleted_size"]
    mailbox.keywords = (row["keywords"] as String).split(separator: " ").map(String.init)
    for line in (row["access_list"] as String).split(separator: "\n") {
      let parts = line.split(separator: "\t", maxSplits: 1)
      guard parts.count == 2, let rights = MailboxRights(letters: String(parts[1])) else { continue }
      mailbox.accessList[String(parts[0])] = rights
    }
    return MailboxRow(account: row["account_id"], mailbox: mailbox, recentFrom: UInt32(clamping: recentFrom))
  }

  /// The columns of a message, in the order that `message(_:)` expects.
  static let columns =
    "uid, flags, keywords, mod_seq, internal_date, save_date, size, email_id, thread_id, blob"

  static func message(_ row: Row) -> MailMessage {
    let uid: Int64 = row[0]
    let flags: Int64 = row[1]
    let keywords: Int64 = row[2]
    let modSeq: Int64 = row[3]
    return MailMessage(
      uid: UInt32(clamping: uid), flags: MessageFlags(rawValue: UInt8(clamping: flags)),
      keywords: KeywordSet(rawValue: UInt64(bitPattern: keywords)), modSeq: UInt64(clamping: modSeq),
      internalSeconds: row[4], saveSeconds: row[5], size: row[6], emailID: row[7], threadID: row[8], blob: row[9])
  }

  /// Mailboxes with more messages than this are read by several connections at once.
  private static let parallelFrom: Int64 = 20_000
  private static let parallelParts = 4

  public func messages(of mailbox: MailboxID) throws(StoreError) -> (modSeq: UInt64, messages: MessageList) {
    let (count, next) = try read { database in
      let row = try Row.fetchOne(
        database, sql: "SELECT count, uid_next FROM mailbox WHERE id = ?", arguments: [mailbox.number])
      return row.map { row -> (Int64, Int64) in (row[0], row[1]) } ?? (0, 1)
    }
    if count >= Self.parallelFrom, let whole = try inParallel(mailbox, next) { return whole }
    return try messages(of: mailbox, 0...Int64(UInt32.max))
  }

  /// Reads runs of UIDs beside each other. `nil` when a commit came between: the mod-sequence, which every change of messages raises, is
  /// not the same in all of them.
  func inParallel(
    _ mailbox: MailboxID, _ next: Int64
  ) throws(StoreError) -> (modSeq: UInt64, messages: MessageList)? {
    let parts = Mutex(
      [Result<(modSeq: UInt64, messages: MessageList), StoreError>?](repeating: nil, count: Self.parallelParts))
    let width = next / Int64(Self.parallelParts) + 1
    DispatchQueue.concurrentPerform(iterations: Self.parallelParts) { part in
      let low = Int64(part) * width
      let high = part + 1 == Self.parallelParts ? Int64(UInt32.max) : low + width - 1
      let result: Result<(modSeq: UInt64, messages: MessageList), StoreError>
      do throws(StoreError) { result = .success(try self.messages(of: mailbox, low...high)) } catch {
        result = .failure(error)
      }
      parts.withLock { $0[part] = result }
    }
    var whole: (modSeq: UInt64, messages: MessageList)?
    for result in parts.withLock({ $0 }) {
      guard let part = try result?.get() else { return nil }
      guard let before = whole else {
        whole = part
        continue
      }
      guard before.modSeq == part.modSeq else { return nil }
      whole?.messages.append(part.messages)
    }
    return whole
  }

  private func messages(
    of mailbox: MailboxID, _ uids: ClosedRange<Int64>
  ) throws(StoreError) -> (modSeq: UInt64, messages: MessageList) {
    try read { database in
      let modSeq =
        try Int64.fetchOne(database, sql: "SELECT mod_seq FROM mailbox WHERE id = ?", arguments: [mailbox.number]) ?? 1
      let statement = try database.cachedStatement(
        sql: "SELECT \(Self.columns) FROM message WHERE mailbox_id = ? AND uid BETWEEN ? AND ? ORDER BY uid")
      try statement.setArguments([mailbox.number, uids.lowerBound, uids.upperBound])
      return (UInt64(clamping: modSeq), try Self.messages(statement.sqliteStatement))
    }
  }

  /// All rows of a statement with `columns`. Who opens a mailbox of 100,000 messages waits for this: SQLite is asked directly.
  private static func messages(_ statement: OpaquePointer) throws -> MessageList {
    defer { sqlite3_reset(statement) }
    var list = MessageList()
    // Run by run: one list that grows is copied again and again, into memory that the kernel must clear first.
    var run: [MailMessage] = []
    run.reserveCapacity(MessageList.chunkSize)
    while true {
      let code = sqlite3_step(statement)
      if code == SQLITE_DONE { break }
      guard code == SQLITE_ROW else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
      run.append(
        MailMessage(
          uid: UInt32(clamping: sqlite3_column_int64(statement, 0)),
          flags: MessageFlags(rawValue: UInt8(clamping: sqlite3_column_int64(statement, 1))),
          keywords: KeywordSet(rawValue: UInt64(bitPattern: sqlite3_column_int64(statement, 2))),
          modSeq: UInt64(clamping: sqlite3_column_int64(statement, 3)),
          internalSeconds: sqlite3_column_int64(statement, 4), saveSeconds: sqlite3_column_int64(statement, 5),
          size: sqlite3_column_int64(statement, 6), emailID: sqlite3_column_int64(statement, 7),
          threadID: sqlite3_column_int64(statement, 8), blob: sqlite3_column_int64(statement, 9)))
      guard run.count == MessageList.chunkSize else { continue }
      list.append(run: run)
      run = []
      run.reserveCapacity(MessageList.chunkSize)
    }
    list.append(run: run)
    return list
  }

  public func vanished(from mailbox: MailboxID, since modSeq: UInt64) throws(StoreError) -> UIDSet {
    try read { database in
      let rows = try Row.fetchAll(
        database, sql: "SELECT first_uid, last_uid FROM vanished WHERE mailbox_id = ? AND mod_seq > ?",
        arguments: [mailbox.number, Int64(clamping: modSeq)])
      return UIDSet(
        ranges: rows.map { row -> ClosedRange<UInt32> in
          let (first, last): (Int64, Int64) = (row[0], row[1])
          return UInt32(clamping: first)...UInt32(clamping: max(first, last))
        })
    }
  }

  private static func record(_ row: Row) -> ExpungedRecord {
    let commit: Int64 = row["commit_number"]
    return ExpungedRecord(
      account: row["account_id"], commit: UInt64(clamping: commit),
      expunged: ExpungedMessage(
        mailbox: MailboxID(row["mailbox_id"]), mailboxName: row["mailbox_name"], message: message(row),
        expunged: WallTime(seconds: row["time"])))
  }

  private static let expungedColumns = columns + ", account_id, mailbox_id, mailbox_name, time, commit_number"

  private func expungedRecords(_ condition: String, _ arguments: StatementArguments) throws(StoreError)
    -> [ExpungedRecord]
  {
    try read { database in
      try Row.fetchAll(
        database, sql: "SELECT \(Self.expungedColumns) FROM expunged WHERE \(condition)", arguments: arguments
      ).map(Self.record)
    }
  }

  public func expunged(account: Int64, limit: Int) throws(StoreError) -> [ExpungedMessage] {
    try expungedRecords("account_id = ? ORDER BY commit_number DESC, uid DESC LIMIT ?", [account, limit])
      .map(\.expunged)
  }

  public func expunged(_ uids: UIDSet, from mailbox: MailboxID) throws(StoreError) -> [ExpungedRecord] {
    var records: [ExpungedRecord] = []
    for range in uids.ranges {
      records += try expungedRecords(
        "mailbox_id = ? AND uid BETWEEN ? AND ? ORDER BY uid",
        [mailbox.number, Int64(range.lowerBound), Int64(range.upperBound)])
    }
    return records
  }

  public func expunged(before time: WallTime, limit: Int) throws(StoreError) -> [ExpungedRecord] {
    try expungedRecords("time < ? ORDER BY time LIMIT ?", [time.seconds, limit])
  }

  public func digests(of emailIDs: [Int64]) throws(StoreError) -> [[UInt8]] {
    try read { database in
      let statement = try database.cachedStatement(sql: "SELECT digest FROM email WHERE id = ?")
      return try emailIDs.map { id in
        [UInt8](try Data.fetchOne(statement, arguments: [id]) ?? Data())
      }
    }
  }

  public func threads(account: Int64, of hashes: [Int64]) throws(StoreError) -> [Int64: Int64] {
    do {
      return try pool.writeWithoutTransaction { database in
        let statement = try database.cachedStatement(
          sql: "SELECT thread_id FROM thread_reference WHERE account_id = ? AND hash = ?")
        var result: [Int64: Int64] = [:]
        for hash in hashes { result[hash] = try Int64.fetchOne(statement, arguments: [account, hash]) }
        return result
      }
    } catch {
      throw StoreError(mail: error)
    }
  }

  public func metadata(account: Int64, mailbox: Int64) throws(StoreError) -> [MetadataKey: [UInt8]] {
    try read { database in
      var result: [MetadataKey: [UInt8]] = [:]
      let rows = try Row.fetchAll(
        database, sql: "SELECT user, entry, value FROM metadata WHERE account_id = ? AND mailbox_id = ?",
        arguments: [account, mailbox])
      for row in rows {
        result[MetadataKey(user: row[0], entry: row[1])] = [UInt8](row[2] as Data)
      }
      return result
    }
  }
}

extension MailCounters {
  /// By the names that the table has.
  var named: [(String, Int64)] {
    [
      ("account", account), ("mailbox", mailbox), ("email", email), ("uid_validity", uidValidity), ("commit", commit),
    ]
  }

  mutating func set(_ name: String, _ value: Int64) {
    switch name {
    case "account": account = value
    case "mailbox": mailbox = value
    case "email": email = value
    case "uid_validity": uidValidity = value
    case "commit": commit = value
    default: break
    }
  }
}
