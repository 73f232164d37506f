import Services

/// Takes messages from a source into a mailbox: in commits of many, in bounded memory, going on where an earlier run ended.
public struct MailImport: Sendable {
  private let store: any MailStore
  private let account: String
  private let mailbox: Mailbox

  /// Messages of one commit, and bytes.
  static let batchMessages = 500
  static let batchBytes: Int64 = 16 * 1024 * 1024

  public init(into mailbox: Mailbox, of account: String, store: any MailStore) {
    self.mailbox = mailbox
    self.account = account
    self.store = store
  }

  /// - Parameter name: Of the source, for going on after an interruption: kept with the mailbox until the source is done. Messages
  ///   of one commit can come twice when the interruption falls between it and its mark.
  /// - Returns: How many messages were taken in this run.
  public func run(
    _ source: inout some MessageSource, name: String, progress: (Int) -> Void = { _ in }
  ) async throws(StoreError) -> Int {
    let entry = "/private/vendor/portside/import/\(Self.key(name))"
    let marks = try await store.metadata(of: mailbox.id, account: account, user: account)
    if let mark = marks[entry] { try source.resume(after: String(decoding: mark, as: UTF8.self)) }
    var total = 0
    while true {
      var batch: [MessageAppend] = []
      var bytes: Int64 = 0
      while batch.count < Self.batchMessages, bytes < Self.batchBytes {
        let staged = try await store.stage(expecting: nil)
        let message = try source.next { (piece) throws(StoreError) in try staged.write(piece) }
        guard let message else { break }
        bytes += staged.size
        batch.append(
          MessageAppend(
            staged, to: mailbox.id, flags: message.flags, internalDate: message.date.map { WallTime(seconds: $0) }))
      }
      if batch.isEmpty { break }
      _ = try await store.append(batch)
      total += batch.count
      try await store.setMetadata([entry: Array(source.mark.utf8)], of: mailbox.id, account: account, user: account)
      progress(total)
    }
    try await store.setMetadata([entry: nil], of: mailbox.id, account: account, user: account)
    return total
  }

  /// A short name for a path.
  private static func key(_ text: String) -> String {
    var value: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in text.utf8 { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return String(value, radix: 16)
  }
}
