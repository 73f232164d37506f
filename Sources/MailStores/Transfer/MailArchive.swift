import GRDB
import Glibc
import MailEngine
import MessageCore
import Services

/// A store on the disk for reading only, also while a server has it open: for lists and exports.
public struct MailArchive: Sendable {
  private let database: DatabaseQueue
  private let blobs: BlobStore

  public init(folder: String) throws(StoreError) {
    do {
      var configuration = Configuration()
      configuration.readonly = true
      configuration.busyMode = .timeout(5)
      database = try DatabaseQueue(path: "\(folder)/mail.sqlite", configuration: configuration)
      blobs = try BlobStore(reading: "\(folder)/blobs")
    } catch {
      throw StoreError(mail: error)
    }
  }

  /// The mailboxes of one account, or of all.
  public func mailboxes(of account: String?) throws(StoreError) -> [Mailbox] {
    do {
      return try database.read { database in
        let rows = try Row.fetchAll(
          database,
          sql: """
            SELECT mailbox.*, account.name AS owner FROM mailbox JOIN account ON account.id = account_id
            WHERE ?1 IS NULL OR account.name = ?1 ORDER BY owner, mailbox.name
            """, arguments: [account])
        return try rows.map { try SQLiteMailBacking.mailbox($0, owner: $0["owner"]).mailbox }
      }
    } catch {
      throw StoreError(mail: error)
    }
  }

  /// The messages of a mailbox behind a UID, in order, at most so many.
  public func messages(of mailbox: MailboxID, after uid: UInt32, limit: Int) throws(StoreError) -> [MailMessage] {
    do {
      return try database.read { database in
        try Row.fetchAll(
          database,
          sql: """
            SELECT \(SQLiteMailBacking.columns) FROM message WHERE mailbox_id = ? AND uid > ? ORDER BY uid LIMIT ?
            """, arguments: [mailbox.number, Int64(uid), limit]
        ).map(SQLiteMailBacking.message)
      }
    } catch {
      throw StoreError(mail: error)
    }
  }

  /// The bytes of a message, in pieces.
  func copy(_ message: MailMessage, _ write: ([UInt8]) throws(StoreError) -> Void) throws(StoreError) {
    try Self.copy(try blobs.body(message.blob, size: message.size), write)
  }

  /// The files, relative to the store's folder, that hold the bytes of these mailboxes.
  public func files(of mailboxes: [Mailbox]) throws(StoreError) -> Set<String> {
    do {
      return try database.read { database in
        var files: Set<String> = []
        for mailbox in mailboxes {
          let numbers = try Int64.fetchAll(
            database,
            sql: """
              SELECT DISTINCT CASE WHEN blob >= ?1 THEN blob ELSE blob >> 32 END FROM message WHERE mailbox_id = ?2
              """, arguments: [BlobStore.ownFile, mailbox.id.number])
          files.formUnion(numbers.map(BlobStore.relativePath))
        }
        return files
      }
    } catch {
      throw StoreError(mail: error)
    }
  }

  /// Every message of a mailbox with its bytes.
  private func forEach(
    in mailbox: Mailbox, _ body: (MailMessage, any MessageBody) throws(StoreError) -> Void
  ) throws(StoreError) {
    var last: UInt32 = 0
    while true {
      let messages = try messages(of: mailbox.id, after: last, limit: 500)
      guard let end = messages.last?.uid else { return }
      for message in messages { try body(message, try blobs.body(message.blob, size: message.size)) }
      last = end
    }
  }

  /// Writes a mailbox as an mbox file, mboxrd; returns how many messages. `.conflict` when the file is there.
  public func exportMbox(_ mailbox: Mailbox, to path: String, progress: (Int) -> Void = { _ in }) throws(StoreError)
    -> Int
  {
    let output = try OutputFile(path)
    var count = 0
    try forEach(in: mailbox) { (message, body) throws(StoreError) in
      let date = CivilTime(message.internalDate)
      let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
      let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
      let day = date.day < 10 ? " \(date.day)" : "\(date.day)"
      try output.write(
        "From MAILER-DAEMON \(days[date.weekday]) \(months[date.month - 1]) \(day) \(date.clock) \(date.year)\n")
      try output.write("Status: \(message.flags.contains(.seen) ? "RO" : "O")\n")
      var extra = ""
      if message.flags.contains(.answered) { extra += "A" }
      if message.flags.contains(.flagged) { extra += "F" }
      if message.flags.contains(.draft) { extra += "T" }
      if message.flags.contains(.deleted) { extra += "D" }
      if !extra.isEmpty { try output.write("X-Status: \(extra)\n") }
      var escaper = FromEscaper()
      try Self.copy(body) { (piece) throws(StoreError) in try output.write(escaper.take(piece)) }
      try output.write(escaper.finish() + [0x0A])
      count += 1
      if count % 1_000 == 0 { progress(count) }
    }
    try output.finish()
    return count
  }

  /// Writes a mailbox as a folder of a Maildir; what an earlier run wrote is left as it is. Returns how many were written.
  public func exportMaildir(
    _ mailbox: Mailbox, to path: String, progress: (Int) -> Void = { _ in }
  ) throws(StoreError) -> Int {
    for folder in ["", "/cur", "/new", "/tmp"] { try MailDisk.makeDirectory(path + folder) }
    let present = Set(MailDisk.names(in: "\(path)/cur").map { String($0.prefix { $0 != ":" }) })
    var count = 0
    try forEach(in: mailbox) { (message, body) throws(StoreError) in
      let base = "\(message.internalSeconds).\(mailbox.uidValidity)_\(message.uid).portside"
      if present.contains(base) { return }
      let output = try OutputFile("\(path)/tmp/\(base)", replacing: true)
      try Self.copy(body) { (piece) throws(StoreError) in try output.write(piece) }
      try output.finish()
      guard rename("\(path)/tmp/\(base)", "\(path)/cur/\(base):2,\(MaildirSource.letters(message.flags))") == 0 else {
        throw MailDisk.failure("can't write \(path)/cur/\(base)")
      }
      count += 1
      if count % 1_000 == 0 { progress(count) }
    }
    return count
  }

  private static func copy(
    _ body: any MessageBody, _ write: ([UInt8]) throws(StoreError) -> Void
  ) throws(StoreError) {
    var offset: Int64 = 0
    while offset < body.size {
      let piece = try body.bytes(offset..<(offset + 65_536))
      if piece.isEmpty { throw StoreError(.corrupt, "a body ends before its size") }
      try write(piece)
      offset += Int64(piece.count)
    }
  }
}

/// LF line ends, and one `>` more before every `From ` at a line's beginning that has none or some.
private struct FromEscaper {
  private var start: [UInt8] = []
  private var isAtStart = true
  private static let word = Array("From ".utf8)

  mutating func take(_ bytes: [UInt8]) -> [UInt8] {
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count)
    for byte in bytes where byte != 0x0D {
      if isAtStart {
        start.append(byte)
        let rest = start.drop { $0 == 0x3E }
        if Self.word.starts(with: rest), start.count < 128 {
          if rest.count == Self.word.count { flush(&output, isEscaped: true) }
          continue
        }
        flush(&output, isEscaped: false)
      } else {
        output.append(byte)
      }
      if byte == 0x0A { isAtStart = true }
    }
    return output
  }

  private mutating func flush(_ output: inout [UInt8], isEscaped: Bool) {
    if isEscaped { output.append(0x3E) }
    output += start
    start.removeAll(keepingCapacity: true)
    isAtStart = false
  }

  mutating func finish() -> [UInt8] {
    var output: [UInt8] = []
    let endsLine = isAtStart && start.isEmpty
    flush(&output, isEscaped: false)
    if !endsLine { output.append(0x0A) }
    return output
  }
}

/// A file that is written from front to end, through a buffer.
private final class OutputFile {
  private let file: MailFile
  private var buffer: [UInt8] = []
  private var offset: Int64 = 0

  init(_ path: String, replacing: Bool = false) throws(StoreError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (replacing ? O_TRUNC : O_EXCL), 0o600)
    guard descriptor >= 0 else {
      throw errno == EEXIST ? StoreError(.conflict, "\(path) is there already") : MailDisk.failure("can't make \(path)")
    }
    file = MailFile(owning: descriptor)
  }

  func write(_ text: String) throws(StoreError) { try write(Array(text.utf8)) }

  func write(_ bytes: [UInt8]) throws(StoreError) {
    buffer += bytes
    if buffer.count >= 262_144 { try flush() }
  }

  private func flush() throws(StoreError) {
    var failure: StoreError?
    buffer.withUnsafeBytes { bytes in
      do throws(StoreError) { try MailDisk.write(bytes, to: file.descriptor, at: offset) } catch { failure = error }
    }
    if let failure { throw failure }
    offset += Int64(buffer.count)
    buffer.removeAll(keepingCapacity: true)
  }

  func finish() throws(StoreError) { try flush() }
}
