import SMTPCore
import Services
import SieveCore

/// Runs an account's script over a message that is about to be delivered, and turns what it wants into work.
struct SieveFilter: Sendable {
  /// Where copies go, what leaves because of it, or words of refusal.
  struct Verdict: Sendable {
    struct Place: Sendable {
      var mailbox: MailboxID
      var flags: MessageFlags
      var keywords: [String]
    }

    var places: [Place] = []
    var additions: [QueueAddition] = []
    var refusal: String?
  }

  let store: any MailStore
  let vacations: VacationMemory
  let hostname: String
  let queueTime: Duration
  let rewriting: SenderRewriting?
  /// Domains that are our own: their senders need no rewriting.
  let domains: Set<String>

  func judge(
    _ script: SieveScript, _ message: PreparedMessage, account: String, recipient: MailAddress, sender: String,
    tree: MailboxTree, now: WallTime
  ) async throws(StoreError) -> Verdict {
    let view = FilteredMessage(
      message, from: sender, to: recipient.description, mailboxes: tree.mailboxes.map(\.name), now: now.seconds)
    let outcome = SieveInterpreter.run(script, on: view)
    var verdict = Verdict()
    for action in outcome.actions {
      switch action {
      case .keep(let flags):
        if let inbox = tree.mailbox(named: Mailbox.inboxName) { place(inbox.id, flags, &verdict) }
      case .file(let name, let flags, let creates):
        let mailbox = try await mailbox(name, of: account, tree, creates: creates)
        if let mailbox { place(mailbox.id, flags, &verdict) }
      case .redirect(let target):
        if let addition = redirect(to: target, message, sender, recipient, view, now) {
          verdict.additions.append(addition)
        } else if let inbox = tree.mailbox(named: Mailbox.inboxName) {
          place(inbox.id, [], &verdict)
        }
      case .reject(let reason): verdict.refusal = reason
      case .vacation(let vacation):
        if let addition = answer(vacation, view, account, recipient, sender, now) { verdict.additions.append(addition) }
      }
    }
    return verdict
  }

  private func place(_ id: MailboxID, _ names: [String], _ verdict: inout Verdict) {
    guard !verdict.places.contains(where: { $0.mailbox == id }) else { return }
    var flags: MessageFlags = []
    var keywords: [String] = []
    for name in names {
      switch name.lowercased() {
      case "\\seen": flags.insert(.seen)
      case "\\answered": flags.insert(.answered)
      case "\\flagged": flags.insert(.flagged)
      case "\\deleted": flags.insert(.deleted)
      case "\\draft": flags.insert(.draft)
      default: if !name.hasPrefix("\\") { keywords.append(name) }
      }
    }
    verdict.places.append(.init(mailbox: id, flags: flags, keywords: keywords))
  }

  /// A mailbox that is not there: made where the script says so, else the inbox (RFC 5228 §4.1 leaves it to us).
  private func mailbox(
    _ name: String, of account: String, _ tree: MailboxTree, creates: Bool
  ) async throws(StoreError) -> Mailbox? {
    if let found = tree.mailbox(named: name) { return found }
    guard creates else { return tree.mailbox(named: Mailbox.inboxName) }
    do throws(StoreError) {
      return try await store.createMailbox(name, of: account)
    } catch {
      guard error.code == .conflict || error.code == .limitReached else { throw error }
      return try await store.mailboxes(of: account).mailbox(named: name) ?? tree.mailbox(named: Mailbox.inboxName)
    }
  }

  // MARK: Redirect

  private func redirect(
    to target: String, _ message: PreparedMessage, _ sender: String, _ recipient: MailAddress, _ view: FilteredMessage,
    _ now: WallTime
  ) -> QueueAddition? {
    // Two scripts that send to each other stop here.
    guard let address = MailAddress(target), address.normalised != recipient.normalised,
      view.header("received").count < 20,
      !view.header("x-sieve-redirected-from").contains(where: { $0.lowercased() == recipient.normalised })
    else { return nil }
    let from = MailAddress(sender).flatMap { sender in
      domains.contains(sender.domain.lowercased())
        ? nil : rewriting?.rewrite(sender, at: recipient.domain, now: now)
    }
    let mark = Array("X-Sieve-Redirected-From: \(recipient.normalised)\r\n".utf8)
    let queued = QueuedMessage(
      sender: sender.isEmpty ? "" : (from?.description ?? sender), created: now, expires: now + queueTime,
      isEightBit: message.isEightBit,
      recipients: [QueuedRecipient(address: address.description, domain: address.domain.lowercased(), nextAttempt: now)]
    )
    return QueueAddition(
      queued, head: mark + message.seal(for: recipient, now: now) + message.head, body: message.body,
      range: message.range)
  }

  // MARK: Vacation (RFC 5230)

  private func answer(
    _ vacation: SieveVacation, _ view: FilteredMessage, _ account: String, _ recipient: MailAddress, _ sender: String,
    _ now: WallTime
  ) -> QueueAddition? {
    guard let address = MailAddress(sender), isPersonal(view, vacation, account, recipient, address),
      vacations.isDue(account, address.normalised, vacation.handle, for: vacation.seconds, now: now.seconds)
    else { return nil }
    let from = vacation.from.flatMap { MailAddress($0) } ?? recipient
    let original = view.header("subject").first ?? ""
    let subject = Self.line(vacation.subject ?? "Auto: \(original)")
    var lines = [
      "From: <\(from)>", "To: <\(address)>", "Subject: \(subject)", "Date: \(MailDate.text(now))",
      "Message-ID: <\(MailToken.random())@\(hostname)>", "Auto-Submitted: auto-replied (vacation)",
    ]
    if let id = view.header("message-id").first {
      lines += ["In-Reply-To: \(Self.line(id))", "References: \(Self.line(id))"]
    }
    let reason = vacation.reason.replacing("\r\n", with: "\n").replacing("\n", with: "\r\n")
    if vacation.isMIME {
      lines.append("MIME-Version: 1.0")
    } else {
      lines += ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", ""]
    }
    let text = Array((lines.joined(separator: "\r\n") + "\r\n" + reason + "\r\n").utf8)
    // Sent from nobody: an answer must never cause another (RFC 5230 §5.1).
    let queued = QueuedMessage(
      sender: "", created: now, expires: now + queueTime, isEightBit: text.contains { $0 > 0x7F },
      recipients: [
        QueuedRecipient(
          address: address.description, domain: address.domain.lowercased(),
          notify: RecipientParameters.Notify.never.rawValue, nextAttempt: now)
      ])
    return QueueAddition(queued, head: text)
  }

  /// Whether a person wrote to this person (RFC 5230 §4.5, §4.6): no list, no program, and by one of the own addresses.
  private func isPersonal(
    _ view: FilteredMessage, _ vacation: SieveVacation, _ account: String, _ recipient: MailAddress,
    _ sender: MailAddress
  ) -> Bool {
    let local = sender.local.lowercased()
    if local == "mailer-daemon" || local == "postmaster" || local.hasPrefix("owner-") || local.hasSuffix("-request")
      || local.contains("noreply") || local.contains("no-reply")
    {
      return false
    }
    if let automatic = view.header("auto-submitted").first, !automatic.lowercased().hasPrefix("no") { return false }
    let names = ["list-id", "list-post", "list-unsubscribe", "list-help", "list-subscribe"]
    if names.contains(where: { !view.header($0).isEmpty }) { return false }
    if let precedence = view.header("precedence").first?.lowercased(), ["bulk", "list", "junk"].contains(precedence) {
      return false
    }
    let own = Set([account, recipient.normalised] + vacation.addresses.map { $0.lowercased() })
    let named = ["to", "cc", "bcc", "resent-to", "resent-cc"].flatMap { view.addresses($0) }.map { $0.lowercased() }
    return !own.isDisjoint(with: named) && !own.contains(sender.normalised)
  }

  private static func line(_ text: String) -> String {
    String(
      String.UnicodeScalarView(text.unicodeScalars.prefix(400).map { $0.value < 0x20 || $0.value == 0x7F ? " " : $0 }))
  }
}
