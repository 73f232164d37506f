import Foundation
import MailEngine
import MailStores
import MessageCore
import Services
import Transport

/// Some mail for the accounts of `portside try`, so that a client has something to show.
enum SampleMail {
  /// Fills the inboxes of those accounts that have none yet.
  static func fill(_ folder: DataFolder, people: [String], domain: String) async throws {
    let clock = SystemClock()
    let engine = try MailEngine(backing: try SQLiteMailBacking(folder: folder.mail), clock: clock)
    defer { engine.close() }
    for person in people {
      let inbox = try await engine.inbox(of: person)
      if inbox.uidNext > 1 { continue }
      let now = clock.wallTime()
      var appends: [MessageAppend] = []
      for (index, bytes) in messages(to: person, domain: domain, now: now).enumerated() {
        let staged = try await engine.stage(expecting: Int64(bytes.count))
        try staged.write(bytes)
        appends.append(
          MessageAppend(
            staged, to: inbox.id, flags: index == 0 ? .seen : [],
            internalDate: WallTime(seconds: now.seconds - 3_600 * Int64(3 - index))))
      }
      _ = try await engine.append(appends)
    }
  }

  private static func messages(to person: String, domain: String, now: WallTime) -> [[UInt8]] {
    let name = person.split(separator: "@").first.map(String.init) ?? person
    func begin(_ number: Int, _ subject: String) -> MessageBuilder {
      var builder = MessageBuilder()
      builder.date(MessageDate(seconds: now.seconds - 3_600 * Int64(4 - number)))
      builder.addresses("From", [Address(name: "Portside", mailbox: "postmaster", host: domain)])
      builder.addresses("To", [Address(mailbox: name, host: domain)])
      builder.field("Subject", subject)
      builder.structuredField("Message-ID", "<sample-\(number).\(name)@\(domain)>")
      return builder
    }
    var welcome = begin(1, "Welcome to your laboratory")
    welcome.text(
      """
      Hello \(name),

      this mailbox was made by `portside try`. Everything in it is on this machine alone.

      """)
    var reply = begin(2, "Re: Welcome to your laboratory – grüße")
    reply.structuredField("In-Reply-To", "<sample-1.\(name)@\(domain)>")
    reply.structuredField("References", "<sample-1.\(name)@\(domain)>")
    reply.text("Umlauts work as well: äöüß, and so does a conversation of two messages.\n")
    var attachment = begin(3, "With an attachment")
    attachment.multipart(
      "mixed",
      [
        .text("The attachment has all 256 bytes.\n"),
        .attachment("bytes.bin", type: "application/octet-stream", Array(0...255)),
      ])
    return [welcome.bytes, reply.bytes, attachment.bytes]
  }
}
