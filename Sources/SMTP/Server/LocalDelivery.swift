import SMTPCore
import Services

/// Puts messages into the mailboxes of accounts here.
struct LocalDelivery: Sendable {
  let store: any MailStore

  /// What came of one account.
  enum Outcome: Sendable {
    case delivered
    case refused(SMTPReply)
  }

  /// Delivers to all of the accounts in one commit; positive only once it is on disk. Outcomes in the order of `accounts`.
  ///
  /// - Parameter isSuspicious: Whether it goes to the folder for junk, where there is one.
  func deliver(
    _ message: PreparedMessage, returnPath: String, to accounts: [String], isSuspicious: Bool
  ) async -> [Outcome] {
    do throws(StoreError) {
      let staged = try await store.stage(expecting: message.size + 256)
      try staged.write("Return-Path: <\(returnPath)>\r\n")
      try staged.write(message.head)
      try staged.write(message.body, message.range)
      var appends: [MessageAppend] = []
      var outcomes: [Outcome?] = []
      for account in accounts {
        do throws(StoreError) {
          let mailbox = try await mailbox(of: account, isSuspicious: isSuspicious)
          appends.append(MessageAppend(staged, to: mailbox.id))
          outcomes.append(nil)
        } catch { outcomes.append(.refused(Self.reply(to: error))) }
      }
      guard !appends.isEmpty else { return outcomes.map { $0 ?? .refused(.trouble) } }
      var results = try await store.deliver(appends)[...]
      return outcomes.map { outcome in
        if let outcome { return outcome }
        switch results.popFirst() {
        case .success: return .delivered
        case .failure(let error): return .refused(Self.reply(to: error))
        case nil: return .refused(.trouble)
        }
      }
    } catch {
      let reply = Self.reply(to: error)
      return accounts.map { _ in .refused(reply) }
    }
  }

  private func mailbox(of account: String, isSuspicious: Bool) async throws(StoreError) -> Mailbox {
    let tree: MailboxTree
    if let current = store.currentMailboxes(of: account) {
      tree = current
    } else {
      tree = try await store.mailboxes(of: account)
    }
    if isSuspicious, let junk = tree.mailbox(for: .junk) { return junk }
    guard let inbox = tree.mailbox(named: Mailbox.inboxName) else {
      throw StoreError(.corrupt, "an account has no inbox")
    }
    return inbox
  }

  static func reply(to error: StoreError) -> SMTPReply {
    switch error.code {
    case .overQuota: SMTPReply(452, "4.2.2", "The mailbox is full")
    case .full: SMTPReply(452, "4.3.1", "No room on this server")
    default: .trouble
    }
  }
}

extension SMTPReply {
  static let trouble = SMTPReply(451, "4.3.0", "Temporary trouble here, try again")
}
