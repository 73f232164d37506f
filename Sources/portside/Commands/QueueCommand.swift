import ArgumentParser
import Configuration
import Foundation
import MailSetup
import Services
import Stores
import Transport

/// `portside queue`: mail on its way out, read and changed in its own database, whether the server runs or not.
struct QueueCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "queue", abstract: "Mail on its way out: list, why it waits, retry, hold, drop.",
    discussion: """
      Examples:
        portside queue list
        portside queue show 12              each recipient's last answer, word for word, and the header
        portside queue retry                everything that waits, now
        portside queue hold 12; portside queue release 12; portside queue drop 12
      """, subcommands: [List.self, Show.self, Retry.self, Hold.self, Release.self, Drop.self, Records.self, Roll.self])

  /// Opens the queue for the body; whoever owns its files is who works on them.
  fileprivate static func with<Value>(
    _ options: ConfigurationOptions, _ body: (SQLiteQueueStore) async throws -> Value
  ) async throws -> Value {
    let folder = DataFolder(try options.load())
    guard FileManager.default.fileExists(atPath: folder.queueDatabase) else {
      throw CommandFailure("there is no queue at \(folder.queueDatabase): the mail server has not run yet")
    }
    try folder.becomeOwner()
    let queue = try SQLiteQueueStore(path: folder.queueDatabase)
    defer { try? queue.close() }
    do { return try await body(queue) } catch let error as StoreError where error.code == .notFound {
      throw CommandFailure(error.diagnosis)
    }
  }

  fileprivate static func id(_ text: String) throws -> QueueID {
    guard let number = Int64(text), number > 0 else { throw ValidationError("'\(text)' is no number of a message") }
    return QueueID(number)
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "What waits, and why.")
    @OptionGroup var options: ConfigurationOptions
    @Flag(help: "As JSON.") var json = false
    @Option(help: "Begin behind this message.") var after: String?
    @Option(help: "Messages at most.") var limit = 100

    func run() async throws {
      let start = try after.map { try QueueCommand.id($0) }
      let messages = try await QueueCommand.with(options) { try await $0.messages(after: start, limit: limit) }
      if json { return try Terminal.print(json: messages) }
      var table = Table("id", "from", "to", "size", "attempts", "next", "last answer")
      for message in messages {
        for recipient in message.recipients {
          table.add(
            message.id.description, message.sender.isEmpty ? "<>" : message.sender, recipient.address,
            String(message.size), String(recipient.attempts),
            message.isHeld ? "held" : CivilTime(recipient.nextAttempt).rfc3339, recipient.lastReply ?? "-")
        }
      }
      Terminal.print(table.isEmpty ? "the queue is empty" : table.text)
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "One message, with its header.")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "Its number.") var id: String
    @Flag(help: "As JSON.") var json = false
    @Flag(help: "The whole message, and nothing else.") var content = false

    func run() async throws {
      let id = try QueueCommand.id(id)
      try await QueueCommand.with(options) { queue in
        guard let message = try await queue.message(id) else { throw StoreError(.notFound, "no message \(id)") }
        if json { return try Terminal.print(json: message) }
        let body = try await queue.content(of: id)
        if content { return Terminal.print(String(decoding: try body.bytes(0..<body.size), as: UTF8.self)) }
        Terminal.print(Self.text(message))
        let front = String(decoding: try body.bytes(0..<min(body.size, 16_384)), as: UTF8.self)
        Terminal.print(Self.harmless(front.components(separatedBy: "\r\n\r\n")[0]))
      }
    }

    private static func text(_ message: QueuedMessage) -> String {
      var table = Table("property", "value")
      table.add("id", message.id.description)
      table.add("from", message.sender.isEmpty ? "<>" : message.sender)
      if let account = message.account { table.add("account", account) }
      table.add("taken", CivilTime(message.created).rfc3339)
      table.add("given up", CivilTime(message.expires).rfc3339)
      table.add("size", String(message.size))
      table.add("state", message.isHeld ? "held" : "waits")
      for recipient in message.recipients {
        table.add("to", recipient.address)
        table.add("  attempts", String(recipient.attempts))
        table.add("  next", CivilTime(recipient.nextAttempt).rfc3339)
        if let host = recipient.lastHost { table.add("  last host", host) }
        if let reply = recipient.lastReply { table.add("  last answer", reply) }
      }
      return table.text
    }

    /// Strangers' headers reach a terminal without control characters.
    private static func harmless(_ text: String) -> String {
      String(
        text.unicodeScalars.map {
          $0.properties.generalCategory == .control && $0 != "\n" && $0 != "\t" && $0 != "\r"
            ? Character("\u{FFFD}") : Character($0)
        })
    }
  }

  struct Retry: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "retry", abstract: "Tries a message, or all, now.")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "Its number; absent: all.") var id: String?

    func run() async throws {
      let id = try id.map { try QueueCommand.id($0) }
      try await QueueCommand.with(options) { try await $0.retry(id, now: SystemClock().wallTime()) }
      Terminal.print(id.map { "message \($0) is due now" } ?? "everything that waits is due now")
    }
  }

  struct Hold: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "hold", abstract: "Keeps a message where it is.")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "Its number.") var id: String

    func run() async throws {
      let id = try QueueCommand.id(id)
      try await QueueCommand.with(options) { try await $0.hold(id, true) }
      Terminal.print("message \(id) is held")
    }
  }

  struct Release: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "release", abstract: "Lets a held message go on.")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "Its number.") var id: String

    func run() async throws {
      let id = try QueueCommand.id(id)
      try await QueueCommand.with(options) { try await $0.hold(id, false) }
      Terminal.print("message \(id) goes on")
    }
  }

  struct Drop: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "drop", abstract: "Removes a message; nobody is told.")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "Its number.") var id: String

    func run() async throws {
      let id = try QueueCommand.id(id)
      try await QueueCommand.with(options) { try await $0.drop(id) }
      Terminal.print("message \(id) is gone")
    }
  }

  struct Records: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "records", abstract: "The DNS records that a mail domain needs, to paste into its zone.")
    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
      let folder = DataFolder(try options.load())
      guard let publication = MailPublicationFile(folder.mailPublication).current else {
        throw CommandFailure("the mail server has not run yet: it makes the keys that the records tell of")
      }
      for domain in publication.domains {
        Terminal.print(publication.records(of: domain).map { "\($0.line)  ; \($0.purpose)" }.joined(separator: "\n"))
      }
    }
  }

  struct Roll: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "roll-keys", abstract: "Makes new signing keys for a domain.",
      discussion: """
        The new keys are published within a minute, in our own zones; `portside queue records` prints them for others. They sign
        once they have stood in DNS for two days, and the old ones stay published for a week after that.
        """)
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "The domain.") var domain: String
    @Flag(help: "Sign by the new keys from now on: for keys that somebody else has got hold of.") var atOnce = false

    func run() async throws {
      let configuration = try options.load()
      let name = domain.lowercased()
      guard configuration.smtp.domains.contains(where: { $0.description.lowercased() == name }) else {
        throw CommandFailure("'\(domain)' is none of smtp.domains")
      }
      let folder = DataFolder(configuration)
      let secret = SigningKeys.secret(from: try MasterKey.load(configuration))
      try folder.becomeOwner()
      let made = try SigningKeys(folder, secret).roll(name, now: SystemClock().wallTime().seconds, atOnce: atOnce)
      guard !made.isEmpty else { throw CommandFailure("new keys wait already; --at-once has them sign now") }
      for key in made { Terminal.print("\(key.selector)._domainkey.\(name) \(atOnce ? "signs" : "is published")") }
    }
  }
}
