import MailEngine
import Services

/// The messages of a mailbox in another store, as out of a backup: with flags and dates.
public struct ArchivedMailboxSource: MessageSource {
  private let archive: MailArchive
  private let mailbox: Mailbox
  private var waiting: ArraySlice<MailMessage> = []
  private var last: UInt32 = 0

  public init(_ mailbox: Mailbox, in archive: MailArchive) {
    self.archive = archive
    self.mailbox = mailbox
  }

  public var mark: String { String(last) }

  public mutating func resume(after mark: String) throws(StoreError) {
    guard let uid = UInt32(mark) else { throw StoreError(.corrupt, "'\(mark)' is no mark of a mailbox") }
    last = uid
  }

  public mutating func next(
    _ write: (UnsafeRawBufferPointer) throws(StoreError) -> Void
  ) throws(StoreError) -> SourceMessage? {
    if waiting.isEmpty { waiting = try archive.messages(of: mailbox.id, after: last, limit: 500)[...] }
    guard let message = waiting.popFirst() else { return nil }
    last = message.uid
    try archive.copy(message) { (piece) throws(StoreError) in
      var failure: StoreError?
      piece.withUnsafeBytes { bytes in
        do throws(StoreError) { try write(bytes) } catch { failure = error }
      }
      if let failure { throw failure }
    }
    return SourceMessage(flags: message.flags, date: message.internalSeconds)
  }
}
