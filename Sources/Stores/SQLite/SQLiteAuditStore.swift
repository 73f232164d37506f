import GRDB
import Services
import WireKit

/// The audit trail in SQLite.
public struct SQLiteAuditStore: AuditStore {
  let store: SQLiteStore

  public init(_ store: SQLiteStore) { self.store = store }

  public func append(_ records: [AuditRecord]) async throws(StoreError) {
    try await store.write { database in
      var head = try Self.head(database)
      for record in records {
        guard record.sequence == head.sequence &+ 1, record.previousHash == head.hash else {
          throw StoreError(.conflict, "record \(record.sequence) does not follow record \(head.sequence)")
        }
        try Self.insert(record, database)
        head = AuditHead(sequence: record.sequence, hash: record.hash)
      }
    }
  }

  public func head() async throws(StoreError) -> AuditHead {
    try await store.read { try Self.head($0) }
  }

  public func page(
    _ filter: AuditFilter, from position: AuditPosition, limit: Int
  ) async throws(StoreError) -> [AuditRecord] {
    try await store.read { database in
      let (bound, order): (String, String)
      let start: Int64
      switch position {
      case .after(let sequence): (bound, order, start) = ("sequence > ?1", "ASC", sequence)
      case .before(let sequence): (bound, order, start) = ("sequence < ?1", "DESC", sequence ?? .max)
      }
      return try Row.fetchAll(
        database,
        sql: """
          SELECT * FROM audit
          WHERE \(bound) AND (?2 IS NULL OR actor = ?2 OR subject = ?2) AND (?3 IS NULL OR service = ?3)
            AND (?4 IS NULL OR peer_address = ?4)
            AND (?5 IS NULL OR (seconds, nanoseconds) >= (?5, ?6))
            AND (?7 IS NULL OR (seconds, nanoseconds) < (?7, ?8))
          ORDER BY sequence \(order) LIMIT ?9
          """,
        arguments: [
          start, filter.account, filter.service?.rawValue, filter.peer?.description, filter.since?.seconds,
          filter.since?.nanoseconds, filter.until?.seconds, filter.until?.nanoseconds, max(0, limit),
        ]
      ).map { try Self.record($0) }
    }
  }

  private static func head(_ database: Database) throws -> AuditHead {
    let row = try Row.fetchOne(database, sql: "SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1")
    guard let row else { return .empty }
    let hash: DatabaseBytes = try row.value("hash")
    return AuditHead(sequence: try row.value("sequence"), hash: hash.bytes)
  }

  private static func insert(_ record: AuditRecord, _ database: Database) throws {
    let entry = record.entry
    try database.execute(
      sql: """
        INSERT INTO audit (sequence, seconds, nanoseconds, actor, action, subject, before, after, session, service,
          peer_address, peer_port, previous_hash, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        record.sequence, entry.time.seconds, entry.time.nanoseconds, entry.actor, entry.action, entry.subject,
        entry.before, entry.after, entry.session?.description, entry.service?.rawValue,
        entry.peer?.address.description, entry.peer?.port, DatabaseBytes(record.previousHash),
        DatabaseBytes(record.hash),
      ])
  }

  private static func record(_ row: Row) throws -> AuditRecord {
    let sequence: Int64 = try row.value("sequence")
    /// Text that is there must be readable; a record with a hole would pass for one that never had the field.
    func parsed<Value>(_ column: String, _ read: (String) -> Value?) throws -> Value? {
      let text: String? = try row.optional(column)
      guard let text else { return nil }
      guard let value = read(text) else {
        throw StoreError(.corrupt, "audit record \(sequence): \(column) makes no sense")
      }
      return value
    }
    let address = try parsed("peer_address") { IPAddress($0) }
    let port: UInt16? = try row.optional("peer_port")
    let previousHash: DatabaseBytes = try row.value("previous_hash")
    let hash: DatabaseBytes = try row.value("hash")
    let entry = AuditEntry(
      time: WallTime(
        seconds: try row.value("seconds"), nanoseconds: try row.value("nanoseconds")),
      actor: try row.value("actor"), action: try row.value("action"),
      subject: try row.optional("subject"), before: try row.optional("before"),
      after: try row.optional("after"), session: try parsed("session") { SessionID($0) },
      service: try parsed("service") { ServiceName(rawValue: $0) },
      peer: address.map { Endpoint($0, port ?? 0) })
    return AuditRecord(sequence: sequence, entry: entry, previousHash: previousHash.bytes, hash: hash.bytes)
  }
}
