import SMTPCore
import Services
import SieveCore

/// Puts messages into the mailboxes of accounts here, as their scripts want it.
struct LocalDelivery: Sendable {
  /// Who gets it: the account, and the address by which it was meant.
  struct Recipient: Sendable, Hashable {
    var account: String
    var address: MailAddress
  }

  /// What came of one account.
  enum Outcome: Sendable {
    case delivered
    case refused(SMTPReply)
  }

  let store: any MailStore
  let queue: any QueueStore
  let scripts: SieveFolder?
  let vacations: VacationMemory
  let rewriting: SenderRewriting?
  let clock: any Clock
  /// Called when something went into the queue.
  let queued: @Sendable () -> Void

  /// One recipient's share of the commit.
  private struct Share {
    var appends: [MessageAppend] = []
    var additions: [QueueAddition] = []
    var refusal: SMTPReply?
  }

  /// Delivers to all of the recipients in one commit; positive only once it is on disk. Outcomes in the order of
  /// `recipients`.
  ///
  /// - Parameter isSuspicious: Whether it goes to the folder for junk, where there is one and no script says otherwise.
  func deliver(
    _ message: PreparedMessage, returnPath: String, to recipients: [Recipient], isSuspicious: Bool,
    _ configuration: SMTPServerConfiguration
  ) async -> [Outcome] {
    do throws(StoreError) {
      let staged = try await store.stage(expecting: message.size + 256)
      try staged.write("Return-Path: <\(returnPath)>\r\n")
      try staged.write(message.head)
      try staged.write(message.body, message.range)
      var shares: [Share] = []
      for recipient in recipients {
        do throws(StoreError) {
          shares.append(try await share(message, staged, returnPath, recipient, isSuspicious, configuration))
        } catch { shares.append(Share(refusal: Self.reply(to: error))) }
      }
      // What leaves because of a script is in the queue before the delivery counts: neither is ever lost.
      for addition in shares.flatMap(\.additions) {
        _ = try await queue.add(addition)
        queued()
      }
      let appends = shares.flatMap(\.appends)
      var results = appends.isEmpty ? [][...] : try await store.deliver(appends)[...]
      return shares.map { share in
        if let refusal = share.refusal { return .refused(refusal) }
        var failure: StoreError?
        for _ in share.appends {
          if case .failure(let error) = results.popFirst() { failure = error }
        }
        return failure.map { .refused(Self.reply(to: $0)) } ?? .delivered
      }
    } catch {
      let reply = Self.reply(to: error)
      return recipients.map { _ in .refused(reply) }
    }
  }

  private func share(
    _ message: PreparedMessage, _ staged: any StagedMessage, _ sender: String, _ recipient: Recipient,
    _ isSuspicious: Bool, _ configuration: SMTPServerConfiguration
  ) async throws(StoreError) -> Share {
    let tree: MailboxTree
    if let current = store.currentMailboxes(of: recipient.account) {
      tree = current
    } else {
      tree = try await store.mailboxes(of: recipient.account)
    }
    if let script = scripts?.script(of: recipient.account) {
      let filter = SieveFilter(
        store: store, vacations: vacations, hostname: configuration.hostname, queueTime: configuration.queueTime,
        rewriting: rewriting, domains: configuration.domains)
      let verdict = try await filter.judge(
        script, message, account: recipient.account, recipient: recipient.address, sender: sender, tree: tree,
        now: clock.wallTime())
      if let reason = verdict.refusal {
        return Share(
          refusal: SMTPReply(550, "5.7.1", lines: reason.split(whereSeparator: \.isNewline).map(String.init)))
      }
      return Share(
        appends: verdict.places.map { MessageAppend(staged, to: $0.mailbox, flags: $0.flags, keywords: $0.keywords) },
        additions: verdict.additions)
    }
    if isSuspicious, let junk = tree.mailbox(for: .junk) { return Share(appends: [MessageAppend(staged, to: junk.id)]) }
    guard let inbox = tree.mailbox(named: Mailbox.inboxName) else {
      throw StoreError(.corrupt, "an account has no inbox")
    }
    return Share(appends: [MessageAppend(staged, to: inbox.id)])
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
