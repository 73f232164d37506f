import Foundation
import GRDB
import MailEngine
import Services

/// Proves the invariants of a store on the disk: `portside mailbox check`, and after tests. It only reads.
public struct MailStoreCheck: Sendable {
  /// One thing that is not as it must be.
  public struct Finding: Sendable, Hashable, CustomStringConvertible {
    public let description: String
  }

  /// What was looked at.
  public struct Report: Sendable {
    public var accounts = 0
    public var mailboxes = 0
    public var messages = 0
    public var blobs = 0
    public var findings: [Finding] = []
  }

  /// - Parameter deep: Whether the bytes of every message are read and compared with their hash.
  /// - Parameter folder: Of the store; it may be open meanwhile.
  public static func run(folder: String, deep: Bool) throws(StoreError) -> Report {
    do {
      var configuration = Configuration()
      configuration.readonly = true
      configuration.busyMode = .timeout(5)
      let database = try DatabaseQueue(path: "\(folder)/mail.sqlite", configuration: configuration)
      defer { try? database.close() }
      let blobs = try BlobStore(reading: "\(folder)/blobs")
      return try database.read { try Self.check($0, blobs, deep: deep) }
    } catch {
      throw StoreError(mail: error)
    }
  }

  static func check(_ database: Database, _ blobs: BlobStore, deep: Bool) throws -> Report {
    var report = Report()
    func note(_ text: String) { report.findings.append(Finding(description: text)) }
    for line in try String.fetchAll(database, sql: "PRAGMA integrity_check") where line != "ok" { note(line) }
    func count(_ table: String) throws -> Int { try Int.fetchOne(database, sql: "SELECT COUNT(*) FROM \(table)") ?? 0 }
    report.accounts = try count("account")
    report.mailboxes = try count("mailbox")
    report.messages = try count("message")
    report.blobs = try count("blob")
    for (sql, text) in rules {
      for name in try String.fetchAll(database, sql: sql) { note("\(text): \(name)") }
    }
    let rows = try Row.fetchCursor(database, sql: "SELECT id, size, hash FROM blob")
    while let row = try rows.next() {
      let (id, size): (Int64, Int64) = (row[0], row[1])
      let isSound =
        deep ? blobs.verify(id, size: size, hash: [UInt8](row[2] as Data)) : blobs.isThere(id, size: size)
      if !isSound { note("the bytes of blob \(id) are missing or damaged") }
    }
    return report
  }

  /// Each finds the names of what breaks an invariant.
  private static let rules: [(sql: String, text: String)] = [
    (
      """
      SELECT name || ' of account ' || account_id FROM mailbox AS m WHERE (count, unseen, deleted, size, deleted_size) <>
        (SELECT COUNT(*), COALESCE(SUM(flags & 1 = 0), 0), COALESCE(SUM(flags & 8 <> 0), 0), COALESCE(SUM(size), 0),
          COALESCE(SUM(CASE WHEN flags & 8 <> 0 THEN size ELSE 0 END), 0) FROM message WHERE mailbox_id = m.id)
      """, "a mailbox's counts differ from its messages"
    ),
    (
      """
      SELECT name || ' of account ' || account_id FROM mailbox AS m WHERE EXISTS
        (SELECT 1 FROM message WHERE mailbox_id = m.id AND (uid >= m.uid_next OR mod_seq > m.mod_seq))
      """, "a UID or mod-sequence is beyond its mailbox's"
    ),
    (
      "SELECT account_id || ' ' || name FROM mailbox GROUP BY account_id, name HAVING COUNT(*) > 1",
      "two mailboxes have one name"
    ),
    (
      "SELECT id FROM mailbox WHERE account_id NOT IN (SELECT id FROM account)", "a mailbox has no account"
    ),
    (
      "SELECT mailbox_id || '.' || uid FROM message WHERE mailbox_id NOT IN (SELECT id FROM mailbox)",
      "a message has no mailbox"
    ),
    (
      """
      SELECT mailbox_id || '.' || uid FROM message AS m WHERE NOT EXISTS
        (SELECT 1 FROM email WHERE email.id = m.email_id AND email.blob = m.blob)
      """, "a message has no content"
    ),
    (
      """
      SELECT mailbox_id || '.' || first_uid FROM vanished AS v WHERE EXISTS (SELECT 1 FROM message AS m
        WHERE m.mailbox_id = v.mailbox_id AND m.uid BETWEEN v.first_uid AND v.last_uid)
      """, "a message that is there has vanished"
    ),
    (
      """
      SELECT id FROM email LEFT JOIN (SELECT email_id, COUNT(*) AS number FROM (SELECT email_id FROM message UNION ALL
        SELECT email_id FROM expunged) GROUP BY email_id) ON email_id = id WHERE refs <> COALESCE(number, 0)
      """, "a content is counted wrongly"
    ),
    (
      """
      SELECT id FROM blob LEFT JOIN (SELECT blob AS place, COUNT(*) AS number FROM email GROUP BY blob) ON place = id
        WHERE refs <> COALESCE(number, 0)
      """,
      "a blob is counted wrongly"
    ),
    (
      "SELECT id FROM email WHERE blob NOT IN (SELECT id FROM blob)", "a content has no blob"
    ),
    (
      """
      SELECT m.mailbox_id || '.' || m.uid FROM message AS m JOIN blob AS b ON b.id = m.blob WHERE b.size <> m.size
      """, "a message's size differs from its bytes'"
    ),
    (
      """
      SELECT name FROM account AS a WHERE (used_bytes, used_messages) <>
        (SELECT COALESCE(SUM(size), 0), COALESCE(SUM(count), 0) FROM mailbox WHERE account_id = a.id)
      """, "an account's use differs from its mailboxes'"
    ),
  ]
}
