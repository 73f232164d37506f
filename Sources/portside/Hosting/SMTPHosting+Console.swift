import ConsoleCore
import Services
import Stores
import Transport

/// What the console shows of the mail that waits, and does with it; the verbs are the command line's.
extension SMTPHosting {
  private static let id = Command.Parameter("ID", .object(of: "show mail queue"))
  private static let columns = ["id", "from", "to", "size", "attempts", "next", "last answer"]

  static let commands = [
    Command("show mail queue", permission: "console:show", "what waits to be delivered, and why", columns: columns),
    Command("queue list", permission: "console:show", "what waits to be delivered, and why", columns: columns),
    Command(
      "queue retry", [.init("ID", .object(of: "show mail queue"), isOptional: true)], permission: "console:queue",
      "try a message, or all, now"),
    Command(
      "retry", [.init("ID", .object(of: "show mail queue"), isOptional: true)], permission: "console:queue",
      "try a message, or all, now"),
    Command("queue hold", [id], permission: "console:queue", "keep a message where it is"),
    Command("queue release", [id], permission: "console:queue", "let a held message go on"),
    Command("queue drop", [id], permission: "console:queue", "remove a message; nobody is told"),
  ]

  func answer(_ question: ConsoleQuestion) async -> ConsoleAnswer {
    do throws(StoreError) {
      let number = question.values.first.flatMap { Int64($0) }.map { QueueID($0) }
      if let text = question.values.first, number == nil { return .failure("'\(text)' is no number of a message") }
      switch (question.command, number) {
      case ("show mail queue", _), ("queue list", _): return try await page(question)
      case ("queue retry", let id), ("retry", let id):
        try await queue.retry(id, now: SystemClock().wallTime())
        return .done(id.map { "message \($0) is due now" } ?? "everything that waits is due now")
      case ("queue hold", let id?):
        try await queue.hold(id, true)
        return .done("message \(id) is held")
      case ("queue release", let id?):
        try await queue.hold(id, false)
        return .done("message \(id) goes on")
      case ("queue drop", let id?):
        try await queue.drop(id)
        return .done("message \(id) is gone")
      default: return .failure("'\(question.command)' is no command here")
      }
    } catch { return .failure(error.diagnosis) }
  }

  private func page(_ question: ConsoleQuestion) async throws(StoreError) -> ConsoleAnswer {
    // A message has a row for each recipient: fewer messages than rows to a page.
    let limit = ConsoleQuestion.pageLength / 5
    let after = question.after.flatMap { Int64($0) }.map { QueueID($0) }
    let messages = try await queue.messages(after: after, limit: limit)
    let rows = messages.flatMap { message in
      message.recipients.map { recipient in
        [
          message.id.description, message.sender.isEmpty ? "<>" : message.sender, recipient.address, "\(message.size)",
          "\(recipient.attempts)", message.isHeld ? "held" : CivilTime(recipient.nextAttempt).rfc3339,
          recipient.lastReply ?? "",
        ]
      }
    }
    let next = messages.count < limit ? nil : messages.last.map { "\($0.id)" }
    return .listing(Listing(columns: Self.columns, rows: rows, next: next))
  }
}
