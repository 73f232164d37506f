import Dispatch
import Foundation
import GRDB
import Glibc
import MailEngine
import Services
import Synchronization

/// The index for searching text: an FTS5 table of trigrams in a file of its own, which finds any part of a word. It follows the
/// store behind commits, in the order of EMAILIDs, and is made anew when its file is gone, damaged or of another version.
final class SearchIndex: Sendable {
  static let version = 2
  private static let chunk = 50
  /// How long news waits for more news: a transaction for each message would cost as much as the message itself. Until then who searches
  /// looks into the message.
  private static let delayMilliseconds = 300

  private let queue: DatabasePool
  private let mail: DatabasePool
  private let blobs: BlobStore
  private let worker = DispatchQueue(label: "portside-mail-search", qos: .utility)

  private struct State {
    /// All EMAILIDs up to this one are in.
    var highest: Int64 = 0
    var isScheduled = false
    var isClosed = false
  }

  private let state = Mutex(State())

  init(path: String, mail: DatabasePool, blobs: BlobStore) throws {
    self.mail = mail
    self.blobs = blobs
    let queue: DatabasePool
    do {
      queue = try Self.open(path)
    } catch {
      for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) }
      queue = try Self.open(path)
    }
    self.queue = queue
    let highest = try queue.read { try Int64.fetchOne($0, sql: "SELECT highest FROM state") } ?? 0
    state.withLock { $0.highest = highest }
    wake()
  }

  private static func open(_ path: String) throws -> DatabasePool {
    Glibc.close(try MailDisk.open(path, O_RDWR | O_CREAT))
    var configuration = Configuration()
    configuration.label = "portside-mail-search"
    configuration.busyMode = .timeout(5)
    configuration.maximumReaderCount = 2
    let queue = try DatabasePool(path: path, configuration: configuration)
    try queue.writeWithoutTransaction { database in
      // It can be made again, so it need not be synchronised at every step.
      try database.execute(sql: "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")
    }
    try queue.write { database in
      let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
      if version == Self.version { return }
      try database.execute(
        sql: """
          DROP TABLE IF EXISTS state;
          DROP TABLE IF EXISTS text;
          DROP TABLE IF EXISTS cut;
          CREATE TABLE state (highest INTEGER NOT NULL);
          INSERT INTO state VALUES (0);
          CREATE VIRTUAL TABLE text USING fts5 (
            sender, recipient, cc, bcc, subject, header, body, content = '', tokenize = 'trigram');
          CREATE TABLE cut (email INTEGER PRIMARY KEY);
          PRAGMA user_version = \(Self.version);
          """)
    }
    return queue
  }

  func close() {
    state.withLock { $0.isClosed = true }
    worker.sync {}
    try? queue.close()
  }

  // MARK: Following

  /// There may be something new.
  func wake() {
    let starts = state.withLock { state in
      if state.isScheduled || state.isClosed { return false }
      state.isScheduled = true
      return true
    }
    if starts { worker.asyncAfter(deadline: .now() + .milliseconds(Self.delayMilliseconds)) { self.follow() } }
  }

  private func follow() {
    state.withLock { $0.isScheduled = false }
    while true {
      let (highest, isClosed) = state.withLock { ($0.highest, $0.isClosed) }
      if isClosed { return }
      do {
        let next = try mail.read { database in
          try Row.fetchAll(
            database,
            sql: """
              SELECT email.id, blob.id, blob.size FROM email JOIN blob ON blob.id = email.blob
              WHERE email.id > ? ORDER BY email.id LIMIT \(Self.chunk)
              """, arguments: [highest]
          ).map { row -> (Int64, Int64, Int64) in (row[0], row[1], row[2]) }
        }
        guard let last = next.last?.0 else { return }
        let texts = next.map { ($0.0, (try? blobs.body($0.1, size: $0.2)).map { SearchableText($0) }) }
        try queue.write { database in
          let insert = try database.cachedStatement(
            sql: """
              INSERT INTO text (rowid, sender, recipient, cc, bcc, subject, header, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
              """)
          for case (let email, let text?) in texts {
            try insert.execute(
              arguments: [email, text.from, text.to, text.cc, text.bcc, text.subject, text.header, text.body])
            if text.isCut { try database.execute(sql: "INSERT OR IGNORE INTO cut VALUES (?)", arguments: [email]) }
          }
          try database.execute(sql: "UPDATE state SET highest = ?", arguments: [last])
        }
        state.withLock { $0.highest = last }
      } catch {
        // It stays behind, says so in every answer, and tries again with the next message.
        return
      }
    }
  }

  // MARK: Asking

  func matches(_ query: MailTextQuery, in emailIDs: ClosedRange<Int64>) throws(StoreError) -> MailTextMatches {
    let highest = state.withLock { $0.highest }
    let text = query.text.lowercased()
    // Shorter than a trigram: the index can't tell.
    guard text.unicodeScalars.count >= 3 else { return MailTextMatches(emailIDs: nil, indexedThrough: highest) }
    let phrase = "\"\(text.replacingOccurrences(of: "\"", with: "\"\""))\""
    let column: String =
      switch query.field {
      case .from: "sender"
      case .to: "recipient"
      case .cc: "cc"
      case .bcc: "bcc"
      case .subject: "subject"
      case .header: "header"
      case .body: "body"
      case .text: "header body"
      }
    let expression = "{\(column)} : \(phrase)"
    do {
      // One statement needs no transaction of its own.
      let (found, cut) = try queue.unsafeRead { database in
        let statement = try database.cachedStatement(
          sql: "SELECT rowid FROM text WHERE text MATCH ? AND rowid BETWEEN ? AND ?")
        let cut = try database.cachedStatement(sql: "SELECT email FROM cut WHERE email BETWEEN ? AND ?")
        return (
          try Int64.fetchSet(statement, arguments: [expression, emailIDs.lowerBound, emailIDs.upperBound]),
          try Int64.fetchSet(cut, arguments: [emailIDs.lowerBound, emailIDs.upperBound])
        )
      }
      return MailTextMatches(emailIDs: found, indexedThrough: highest, cut: cut)
    } catch {
      throw StoreError(mail: error)
    }
  }
}
