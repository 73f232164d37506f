import GRDB
import Services

/// The queue in a SQLite file of its own: the mail worker writes it, and touches no other.
///
/// A message's content stands beside it in pieces, so that accepting one is a single commit with a single sync.
public struct SQLiteQueueStore: QueueStore {
  static let pieceSize: Int64 = 256 * 1024

  private let store: SQLiteStore

  /// Opens the file, or makes it. As `SQLiteStore.init(path:)`.
  public init(path: String, meter: Meter? = nil) throws(StoreError) {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("queue 1") { try $0.execute(sql: Self.schema) }
    migrator.registerMigration("queue 2") { try $0.execute(sql: Self.demands) }
    store = try SQLiteStore(path: path, migrator: migrator, whole: migrator, meter: meter)
  }

  public func close() throws(StoreError) { try store.close() }

  private static let schema = """
    CREATE TABLE queue_message (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      sender TEXT NOT NULL,
      created INTEGER NOT NULL,
      expires INTEGER NOT NULL,
      size INTEGER NOT NULL,
      is_eight_bit INTEGER NOT NULL,
      is_utf8 INTEGER NOT NULL,
      returns TEXT,
      envelope_id TEXT,
      account TEXT,
      is_held INTEGER NOT NULL
    );
    CREATE TABLE queue_recipient (
      message INTEGER NOT NULL REFERENCES queue_message (id) ON DELETE CASCADE,
      number INTEGER NOT NULL,
      address TEXT NOT NULL,
      domain TEXT NOT NULL,
      original TEXT,
      notify INTEGER,
      attempts INTEGER NOT NULL,
      next_attempt INTEGER NOT NULL,
      last_reply TEXT,
      last_host TEXT,
      is_delay_told INTEGER NOT NULL,
      owner TEXT,
      claimed_until INTEGER NOT NULL,
      epoch INTEGER NOT NULL,
      PRIMARY KEY (message, number)
    ) WITHOUT ROWID;
    CREATE INDEX queue_due ON queue_recipient (next_attempt, message);
    CREATE TABLE queue_piece (
      message INTEGER NOT NULL REFERENCES queue_message (id) ON DELETE CASCADE,
      number INTEGER NOT NULL,
      bytes BLOB NOT NULL,
      PRIMARY KEY (message, number)
    );
    """

  /// What a sender may demand of the delivery.
  private static let demands = """
    ALTER TABLE queue_message ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE queue_message ADD COLUMN requires_tls INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE queue_message ADD COLUMN deliver_by INTEGER;
    ALTER TABLE queue_message ADD COLUMN deliver_by_mode TEXT;
    """

  /// Rows that are looked at for a claim: a long queue must not be sorted anew for each.
  private static let candidates = 1_000

  public func add(_ addition: QueueAddition) async throws(StoreError) -> QueueID {
    try await store.write { try Self.insert(addition, $0) }
  }

  public func claim(
    by owner: String, now: WallTime, until: WallTime, limit: Int, busy: Set<String>
  ) async throws(StoreError) -> [QueueClaim] {
    try await store.write { database in
      let busy = busy.sorted()
      let marks = Array(repeating: "?", count: busy.count).joined(separator: ",")
      let groups = try Row.fetchAll(
        database,
        sql: """
          SELECT message, domain, MIN(next_attempt) AS due, MAX(epoch) AS epoch FROM (
            SELECT message, domain, next_attempt, epoch, priority FROM queue_recipient
            JOIN queue_message ON queue_message.id = message
            WHERE next_attempt <= ? AND claimed_until <= ? AND is_held = 0 AND domain NOT IN (\(marks))
            ORDER BY next_attempt LIMIT ?
          ) GROUP BY message, domain ORDER BY MAX(priority) DESC, due LIMIT ?
          """, arguments: [now.seconds, now.seconds] + StatementArguments(busy) + [Self.candidates, limit])
      return try groups.map { group in
        let (message, domain): (Int64, String) = (try group.value("message"), try group.value("domain"))
        let epoch: Int64 = try group.value("epoch") + 1
        try database.execute(
          sql: """
            UPDATE queue_recipient SET owner = ?, claimed_until = ?, epoch = ?
            WHERE message = ? AND domain = ? AND next_attempt <= ? AND claimed_until <= ?
            """, arguments: [owner, until.seconds, epoch, message, domain, now.seconds, now.seconds])
        guard
          let found = try Self.fetch(
            QueueID(message), database, condition: "owner = ? AND epoch = ? AND domain = ?", [owner, epoch, domain])
        else { throw StoreError(.corrupt, "a recipient of the queue has no message") }
        return QueueClaim(
          message: found, recipients: found.recipients, domain: domain, owner: owner, epoch: epoch)
      }
    }
  }

  public func settle(
    _ claim: QueueClaim, _ results: [QueueResult], notices: [QueueAddition]
  ) async throws(StoreError) {
    try await store.write { database in
      for result in results {
        let key: StatementArguments = [claim.message.id.number, result.number, claim.owner, claim.epoch]
        switch result.state {
        case .done:
          try database.execute(
            sql: "DELETE FROM queue_recipient WHERE message = ? AND number = ? AND owner = ? AND epoch = ?",
            arguments: key)
        case .untried(let time):
          try database.execute(
            sql: """
              UPDATE queue_recipient SET next_attempt = ?, owner = NULL, claimed_until = 0
              WHERE message = ? AND number = ? AND owner = ? AND epoch = ?
              """, arguments: [time.seconds] + key)
        case .retry(let time, let isDelayTold):
          let values: StatementArguments = [time.seconds, result.reply, result.host, isDelayTold]
          try database.execute(
            sql: """
              UPDATE queue_recipient SET next_attempt = ?, last_reply = ?, last_host = ?, is_delay_told = ?,
                attempts = attempts + 1, owner = NULL, claimed_until = 0
              WHERE message = ? AND number = ? AND owner = ? AND epoch = ?
              """, arguments: values + key)
        }
        guard database.changesCount == 1 else { throw StoreError(.conflict, "the claim is no longer ours") }
      }
      for notice in notices { _ = try Self.insert(notice, database) }
      try Self.removeIfDone(claim.message.id, database)
    }
  }

  public func content(of id: QueueID) async throws(StoreError) -> any MessageBody {
    guard let message = try await message(id) else { throw StoreError(.notFound, "no message \(id) in the queue") }
    return QueueBody(store: store, id: id, size: message.size)
  }

  public func messages(after: QueueID?, limit: Int) async throws(StoreError) -> [QueuedMessage] {
    try await store.read { database in
      try Int64.fetchAll(
        database, sql: "SELECT id FROM queue_message WHERE id > ? ORDER BY id LIMIT ?",
        arguments: [after?.number ?? 0, limit]
      ).compactMap { try Self.fetch(QueueID($0), database) }
    }
  }

  public func message(_ id: QueueID) async throws(StoreError) -> QueuedMessage? {
    try await store.read { try Self.fetch(id, $0) }
  }

  public func hold(_ id: QueueID, _ isHeld: Bool) async throws(StoreError) {
    try await change("UPDATE queue_message SET is_held = ? WHERE id = ?", [isHeld, id.number], id)
  }

  public func retry(_ id: QueueID?, now: WallTime) async throws(StoreError) {
    guard let id else {
      return try await store.write { database in
        try database.execute(
          sql: "UPDATE queue_recipient SET next_attempt = ? WHERE next_attempt > ?",
          arguments: [now.seconds, now.seconds])
      }
    }
    guard try await message(id) != nil else { throw StoreError(.notFound, "no message \(id) in the queue") }
    try await store.write { database in
      try database.execute(
        sql: "UPDATE queue_recipient SET next_attempt = ? WHERE message = ? AND next_attempt > ?",
        arguments: [now.seconds, id.number, now.seconds])
    }
  }

  public func drop(_ id: QueueID) async throws(StoreError) {
    try await change("DELETE FROM queue_message WHERE id = ?", [id.number], id)
  }

  public func nextDue() async throws(StoreError) -> WallTime? {
    try await store.read { database in
      try Int64.fetchOne(
        database,
        sql: """
          SELECT MIN(MAX(next_attempt, claimed_until)) FROM queue_recipient
          JOIN queue_message ON queue_message.id = message WHERE is_held = 0
          """
      ).map { WallTime(seconds: $0) }
    }
  }

  public func count() async throws(StoreError) -> Int {
    try await store.read { try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM queue_message") ?? 0 }
  }

  private func change(_ sql: String, _ arguments: StatementArguments, _ id: QueueID) async throws(StoreError) {
    try await store.write { database in
      try database.execute(sql: sql, arguments: arguments)
      guard database.changesCount == 1 else { throw StoreError(.notFound, "no message \(id) in the queue") }
    }
  }
}

// MARK: Rows

extension SQLiteQueueStore {
  private static func insert(_ addition: QueueAddition, _ database: Database) throws -> QueueID {
    let message = addition.message
    try database.execute(
      sql: """
        INSERT INTO queue_message
          (sender, created, expires, size, is_eight_bit, is_utf8, returns, envelope_id, account, is_held,
           priority, requires_tls, deliver_by, deliver_by_mode)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        message.sender, message.created.seconds, message.expires.seconds, addition.size, message.isEightBit,
        message.isUTF8, message.returns, message.envelopeID, message.account, message.isHeld, message.priority,
        message.requiresTLS, message.deliverBy?.seconds, message.deliverByMode,
      ])
    let id = database.lastInsertedRowID
    for (number, recipient) in message.recipients.enumerated() {
      try database.execute(
        sql: """
          INSERT INTO queue_recipient (message, number, address, domain, original, notify, attempts, next_attempt,
            last_reply, last_host, is_delay_told, claimed_until, epoch)
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)
          """,
        arguments: [
          id, number, recipient.address, recipient.domain, recipient.original, recipient.notify.map { Int($0) },
          recipient.attempts, recipient.nextAttempt.seconds, recipient.lastReply, recipient.lastHost,
          recipient.isDelayTold,
        ])
    }
    try insertPieces(addition, id, database)
    return QueueID(id)
  }

  /// Pieces of one size, so that the piece of an offset is known.
  private static func insertPieces(_ addition: QueueAddition, _ id: Int64, _ database: Database) throws {
    var pending = addition.head
    var offset = addition.range.lowerBound
    var number = 0
    while true {
      if let body = addition.body, pending.count < pieceSize, offset < addition.range.upperBound {
        let end = min(addition.range.upperBound, offset + pieceSize)
        let bytes = try body.bytes(offset..<end)
        if bytes.isEmpty { throw StoreError(.corrupt, "a body ends before its size") }
        pending += bytes
        offset += Int64(bytes.count)
        continue
      }
      if pending.isEmpty { return }
      let piece = Array(pending.prefix(Int(pieceSize)))
      try database.execute(
        sql: "INSERT INTO queue_piece (message, number, bytes) VALUES (?, ?, ?)",
        arguments: [id, number, DatabaseBytes(piece)])
      pending.removeFirst(piece.count)
      number += 1
    }
  }

  private static func removeIfDone(_ id: QueueID, _ database: Database) throws {
    try database.execute(
      sql: """
        DELETE FROM queue_message WHERE id = ?
          AND NOT EXISTS (SELECT 1 FROM queue_recipient WHERE message = queue_message.id)
        """, arguments: [id.number])
  }

  private static func fetch(
    _ id: QueueID, _ database: Database, condition: String = "1", _ arguments: StatementArguments = []
  ) throws -> QueuedMessage? {
    guard
      let row = try Row.fetchOne(database, sql: "SELECT * FROM queue_message WHERE id = ?", arguments: [id.number])
    else { return nil }
    let recipients = try Row.fetchAll(
      database, sql: "SELECT * FROM queue_recipient WHERE message = ? AND \(condition) ORDER BY number",
      arguments: [id.number] + arguments
    ).map { row in
      QueuedRecipient(
        number: try row.value("number"), address: try row.value("address"), domain: try row.value("domain"),
        original: try row.optional("original"),
        notify: (try row.optional("notify") as Int?).flatMap { UInt8(exactly: $0) },
        attempts: try row.value("attempts"), nextAttempt: WallTime(seconds: try row.value("next_attempt")),
        lastReply: try row.optional("last_reply"), lastHost: try row.optional("last_host"),
        isDelayTold: try row.value("is_delay_told"))
    }
    return QueuedMessage(
      id: id, sender: try row.value("sender"), created: WallTime(seconds: try row.value("created")),
      expires: WallTime(seconds: try row.value("expires")), size: try row.value("size"),
      isEightBit: try row.value("is_eight_bit"), isUTF8: try row.value("is_utf8"),
      returns: try row.optional("returns"), envelopeID: try row.optional("envelope_id"),
      account: try row.optional("account"), priority: try row.value("priority"),
      requiresTLS: try row.value("requires_tls"),
      deliverBy: (try row.optional("deliver_by") as Int64?).map { WallTime(seconds: $0) },
      deliverByMode: try row.optional("deliver_by_mode"), isHeld: try row.value("is_held"), recipients: recipients)
  }
}

/// A message's content, read piece by piece.
private final class QueueBody: MessageBody {
  let size: Int64
  private let store: SQLiteStore
  private let id: QueueID

  init(store: SQLiteStore, id: QueueID, size: Int64) {
    self.store = store
    self.id = id
    self.size = size
  }

  var place: MessagePlace? { nil }

  func read(into memory: UnsafeMutableRawBufferPointer, at offset: Int64) throws(StoreError) -> Int {
    guard offset >= 0, offset < size, !memory.isEmpty else { return 0 }
    let number = offset / SQLiteQueueStore.pieceSize
    let bytes: [UInt8]
    do {
      bytes = try store.pool.read { database in
        let row = try Row.fetchOne(
          database, sql: "SELECT bytes FROM queue_piece WHERE message = ? AND number = ?",
          arguments: [id.number, number])
        guard let row else { throw StoreError(.notFound, "a message of the queue is gone") }
        let piece: DatabaseBytes = try row.value("bytes")
        return piece.bytes
      }
    } catch { throw StoreError(wrapping: error) }
    let part = bytes.dropFirst(Int(offset % SQLiteQueueStore.pieceSize)).prefix(memory.count)
    memory.copyBytes(from: part)
    return part.count
  }
}
