import ArgumentParser
import Configuration
import Foundation
import MailEngine
import MailStores
import Services
import Transport

/// `portside mailbox`: what is in the store of mail.
struct MailboxCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mailbox", abstract: "Mailboxes: list, check, import, export, expunged messages back.",
    discussion: """
      Examples:
        portside mailbox list ann@lab.test
        portside mailbox import ann@lab.test old.mbox --into Archive/2020
        portside mailbox import ann@lab.test ~/Maildir
        portside mailbox export ann@lab.test INBOX inbox.mbox
        portside mailbox check --deep
      """,
    subcommands: [List.self, Check.self, Import.self, Export.self, Restore.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Mailboxes with their counts.")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "The account; absent: all.") var account: String?
    @Flag(help: "As JSON.") var json = false

    struct Row: Encodable {
      var account: String
      var mailbox: String
      var messages: Int
      var unseen: Int
      var bytes: Int64
      var use: String?
    }

    func run() async throws {
      let rows = try MailboxCommand.archive(options).mailboxes(of: account).map {
        Row(
          account: $0.owner, mailbox: $0.name, messages: $0.count, unseen: $0.unseen, bytes: $0.size,
          use: $0.specialUse?.rawValue)
      }
      if json { return try Terminal.print(json: rows) }
      var table = Table("account", "mailbox", "messages", "unseen", "bytes", "use")
      for row in rows {
        table.add(
          row.account, row.mailbox, String(row.messages), String(row.unseen), String(row.bytes), row.use ?? "-")
      }
      Terminal.print(table.text)
    }
  }

  struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "check", abstract: "Whether everything in the store is as it must be.")
    @OptionGroup var options: ConfigurationOptions
    @Flag(help: "Read every message's bytes as well.") var deep = false

    func run() async throws {
      let folder = try MailboxCommand.folder(options)
      let report = try MailStoreCheck.run(folder: folder.mail, deep: deep)
      for finding in report.findings { Terminal.print(finding.description) }
      Terminal.print(
        "\(report.accounts) accounts, \(report.mailboxes) mailboxes, \(report.messages) messages, "
          + "\(report.blobs) bodies: \(report.findings.isEmpty ? "sound" : "\(report.findings.count) findings")")
      if !report.findings.isEmpty { throw ExitCode(1) }
    }
  }

  struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "import", abstract: "Takes in an mbox file, or a Maildir with all its folders.",
      discussion: """
        The server must not run meanwhile: it has the store for itself. An import that was interrupted goes on where it
        was when it is called again in the same way.
        """)
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "The account.") var account: String
    @Argument(help: "An mbox file, or a Maildir.") var source: String
    @Option(help: "The mailbox that takes it; of a Maildir the one that takes its inbox.") var into = "INBOX"

    func run() async throws {
      let folder = try MailboxCommand.folder(options)
      let engine = try MailboxCommand.engine(folder)
      defer { engine.close() }
      let path = URL(fileURLWithPath: source).standardizedFileURL.path
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
        throw CommandFailure("there is no \(source)")
      }
      if isFolder.boolValue {
        for (name, path) in MaildirSource.folders(in: path) {
          let target = name.isEmpty ? into : name
          var maildir = try MaildirSource(path: path)
          let total = maildir.count
          try await take(&maildir, from: path, into: target, engine) { "\($0) of \(total)" }
        }
      } else {
        var mbox = try MboxSource(path: path)
        try await take(&mbox, from: path, into: into, engine) { "\($0)" }
      }
    }

    private func take(
      _ source: inout some MessageSource, from path: String, into name: String, _ engine: MailEngine,
      _ text: (Int) -> String
    ) async throws {
      let tree = try await engine.mailboxes(of: account.lowercased())
      let mailbox =
        if let there = tree.mailbox(named: name) {
          there
        } else {
          try await engine.createMailbox(name, of: account.lowercased())
        }
      let taken = try await MailImport(into: mailbox, of: account.lowercased(), store: engine).run(
        &source, name: path, progress: { Terminal.note("\(name): \(text($0)) messages") })
      Terminal.print("\(name): \(taken) messages")
    }
  }

  struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "export",
      abstract: "Writes a mailbox as an mbox file, or as a Maildir. The server may run meanwhile.")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "The account.") var account: String
    @Argument(help: "The mailbox.") var mailbox: String
    @Argument(help: "The file or folder to write.") var target: String
    @Flag(help: "As a Maildir.") var maildir = false

    func run() async throws {
      let archive = try MailboxCommand.archive(options)
      let found = try archive.mailboxes(of: account.lowercased()).first {
        $0.name == mailbox || $0.isInbox && mailbox.uppercased() == Mailbox.inboxName
      }
      guard let found else { throw CommandFailure("\(account) has no mailbox \(mailbox)") }
      let progress: (Int) -> Void = { Terminal.note("\($0) of \(found.count) messages") }
      let count =
        try maildir
        ? archive.exportMaildir(found, to: target, progress: progress)
        : archive.exportMbox(found, to: target, progress: progress)
      Terminal.print("\(count) messages")
    }
  }

  struct Restore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "restore", abstract: "Brings expunged messages back, as long as they are kept.",
      discussion: "Without --from it lists what can be had back. The server must not run meanwhile.")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "The account.") var account: String
    @Option(help: "The mailbox that they were in.") var from: String?
    @Option(help: "The mailbox that takes them.") var into = "INBOX"

    func run() async throws {
      let engine = try MailboxCommand.engine(try MailboxCommand.folder(options))
      defer { engine.close() }
      let name = account.lowercased()
      let expunged = try await engine.expungedMessages(of: name, limit: 100_000)
      guard let from else {
        var table = Table("mailbox", "uid", "bytes", "expunged")
        for entry in expunged {
          table.add(
            entry.mailboxName, String(entry.message.uid), String(entry.message.size), entry.expunged.rfc3339)
        }
        return Terminal.print(table.text)
      }
      let chosen = expunged.filter { $0.mailboxName == from }
      guard !chosen.isEmpty else { throw CommandFailure("nothing that was expunged from \(from) is kept") }
      guard let target = try await engine.mailboxes(of: name).mailbox(named: into) else {
        throw CommandFailure("\(account) has no mailbox \(into)")
      }
      var count = 0
      for id in Set(chosen.map(\.mailbox)) {
        let uids = UIDSet(chosen.filter { $0.mailbox == id }.map(\.message.uid))
        count += try await engine.restore(uids, expungedFrom: id, to: target.id).copies.count
      }
      Terminal.print("\(count) messages are back in \(into)")
    }
  }

  // MARK: The store

  private static func folder(_ options: ConfigurationOptions) throws -> DataFolder {
    let folder = DataFolder(try options.load())
    try folder.becomeOwner()
    guard FileManager.default.fileExists(atPath: folder.mail) else {
      throw CommandFailure("there is no store of mail in \(folder.mail)")
    }
    return folder
  }

  private static func archive(_ options: ConfigurationOptions) throws -> MailArchive {
    try MailArchive(folder: try folder(options).mail)
  }

  private static func engine(_ folder: DataFolder) throws -> MailEngine {
    do throws(StoreError) {
      return try MailEngine(backing: SQLiteMailBacking(folder: folder.mail), clock: SystemClock())
    } catch {
      guard error.code == .unavailable else { throw CommandFailure("\(error)") }
      throw CommandFailure("the store of mail is in use: stop the server first (portside stop)")
    }
  }
}
