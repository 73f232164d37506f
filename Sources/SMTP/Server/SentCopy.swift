import Services

/// The copy of a submitted message in its sender's mailbox for sent mail, for accounts that want the server to keep it.
///
/// An account says so by an annotation of its own (RFC 5464), which any IMAP program can set:
///
/// ```
/// C: a SETMETADATA "" (/private/vendor/portside-mail/save-sent "yes")
/// ```
extension LocalDelivery {
  static let savesSentEntry = "/private/vendor/portside-mail/save-sent"

  /// Keeps the message as it leaves, with the Message-ID that answers refer to, read already, where the account wants it. The message is accepted by then: what fails here
  /// is told and changes nothing.
  /// - Returns: Why a copy that was wanted is not there.
  func saveSent(_ message: PreparedMessage, of account: String) async -> StoreError? {
    do throws(StoreError) {
      let wish = try await store.metadata(of: nil, account: account, user: account)[Self.savesSentEntry]
      guard wish.map({ String(decoding: $0, as: UTF8.self).lowercased() }) == "yes" else { return nil }
      guard let sent = try await store.mailboxes(of: account).mailbox(for: .sent) else { return nil }
      let staged = try await store.stage(expecting: message.size)
      try staged.write(message.head)
      try staged.write(message.body, message.range)
      _ = try await store.append([MessageAppend(staged, to: sent.id, flags: [.seen])])
      return nil
    } catch { return error }
  }
}
