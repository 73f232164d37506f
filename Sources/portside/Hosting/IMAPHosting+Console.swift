import ConsoleCore
import Services

/// What the console shows of mailboxes: how many messages and how large, nothing of their content.
extension IMAPHosting {
  static let commands = [
    Command(
      "show mailboxes", [.init("ACCOUNT", .object(of: "show accounts"), isOptional: true)], permission: "console:show",
      "mailboxes of all accounts, or of one: messages, unseen ones, bytes",
      columns: ["account", "mailbox", "messages", "unseen", "bytes", "of quota"])
  ]

  func answer(_ question: ConsoleQuestion) async -> ConsoleAnswer {
    do throws(StoreError) {
      let known = try await store.accounts().sorted()
      let accounts = question.values.first.map { wanted in known.filter { $0 == wanted || $0.hasPrefix("\(wanted)@") } }
      // A page is some accounts, each with all its mailboxes.
      var rows: [[String]] = []
      var last: String?
      for account in accounts ?? known where question.after.map({ account > $0 }) ?? true {
        if rows.count >= ConsoleQuestion.pageLength {
          return .listing(Listing(columns: Self.commands[0].columns, rows: rows, next: last))
        }
        rows += try await self.rows(of: account)
        last = account
      }
      return .listing(Listing(columns: Self.commands[0].columns, rows: rows))
    } catch { return .failure("the mailboxes can't be read: \(error.diagnosis)") }
  }

  private func rows(of account: String) async throws(StoreError) -> [[String]] {
    let quota = try await store.quota(of: account)
    return try await store.mailboxes(of: account).mailboxes.map { mailbox in
      let share = quota.limitBytes.map { "\(mailbox.size * 100 / max(1, $0)) %" } ?? ""
      return [account, mailbox.name, "\(mailbox.count)", "\(mailbox.unseen)", "\(mailbox.size)", share]
    }
  }
}
