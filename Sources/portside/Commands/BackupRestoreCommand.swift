import ArgumentParser
import Backup
import Configuration
import Foundation
import MailEngine
import MailStores
import Services
import Stores
import Transport

extension BackupCommand {
  struct Restore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "restore", abstract: "Brings a backup back: all of it, or an account, a mailbox, a zone, a folder.",
      discussion: """
        All: the folder of data is written to --into, or, without it, to where it was; it must be empty or not exist. What
        lay elsewhere (the configuration, sites, homes) goes to `elsewhere` below it, for you to put where you want it.

        An account, mailbox or zone goes into the server of the configuration. The server must not run for accounts and
        mailboxes. Nothing that is there is overwritten: a mailbox whose account has mail comes back as `Restored/…`, a
        zone file that differs is kept beside the restored one.
        """)
    @OptionGroup var options: ConfigurationOptions
    @OptionGroup var source: RepositoryOptions
    @Argument(help: "The backup.") var snapshot = "latest"
    @Option(help: "The folder to write.") var into: String?
    @Option(help: "Only the files at or below this path, as `backup list REPOSITORY latest` shows it.") var path:
      String?
    @Option(help: "An account with its proofs, mailboxes, filter and home.") var account: String?
    @Option(help: "One mailbox: ann@lab.test/Archive.") var mailbox: String?
    @Option(help: "The file of one zone.") var zone: String?

    func validate() throws {
      guard [path, account, mailbox, zone].count(where: { $0 != nil }) <= 1 else {
        throw ValidationError("only one of --path, --account, --mailbox and --zone")
      }
      guard into == nil || [account, mailbox, zone].allSatisfy({ $0 == nil }) else {
        throw ValidationError("--into goes with everything, or with --path")
      }
      guard path == nil || into != nil else { throw ValidationError("--path needs --into") }
    }

    func run() async throws {
      do {
        let repository = try source.open()
        let chosen = try repository.snapshot(snapshot)
        let reader = try BackupReader(repository)
        if account == nil, mailbox == nil, zone == nil { return try files(of: chosen, reader) }
        let restoration = Restoration(chosen, reader, DataFolder(try options.load()))
        if let account { try await restoration.account(account.lowercased()) }
        if let mailbox { try await restoration.mailbox(mailbox) }
        if let zone { try restoration.zone(zone.lowercased()) }
      } catch let error as BackupError {
        throw CommandFailure("\(error)")
      }
    }

    private func files(of snapshot: Snapshot, _ reader: BackupReader) throws {
      let target = URL(fileURLWithPath: into ?? snapshot.data).standardizedFileURL.path
      let wanted = path.map { URL(fileURLWithPath: $0).standardizedFileURL.path }
      let count = try reader.restore(
        try reader.entries(of: snapshot), to: target, ownerships: geteuid() == 0,
        place: { entry in
          if let wanted {
            guard entry.path == wanted || entry.path.hasPrefix(wanted + "/") else { return nil }
            let rest = entry.path.dropFirst(wanted.count).drop { $0 == "/" }
            return rest.isEmpty && entry.kind != .folder
              ? String(wanted.split(separator: "/").last ?? "") : String(rest)
          }
          if entry.path == snapshot.data { return "" }
          if entry.path.hasPrefix(snapshot.data + "/") { return String(entry.path.dropFirst(snapshot.data.count + 1)) }
          return "elsewhere" + entry.path
        })
      guard count > 0 else { throw CommandFailure("\(snapshot.id) has no file there") }
      Terminal.print("\(count) files are in \(target)")
    }
  }
}

/// Parts of a backup, brought back into a server that does not run.
private struct Restoration {
  private let snapshot: Snapshot
  private let reader: BackupReader
  private let folder: DataFolder

  init(_ snapshot: Snapshot, _ reader: BackupReader, _ folder: DataFolder) {
    self.snapshot = snapshot
    self.reader = reader
    self.folder = folder
  }

  /// Below the folder of data, as it was then.
  private func relative(_ path: String) -> String { String(path.dropFirst(folder.root.count + 1)) }

  private func withScratch<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    var template = Array("\(folder.root)/.restore-XXXXXX".utf8CString)
    guard let made = mkdtemp(&template) else {
      throw CommandFailure("can't make a folder in \(folder.root): \(String(cString: strerror(errno)))")
    }
    let scratch = String(cString: made)
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    return try await body(scratch)
  }

  /// Writes some files of the folder of data, by their relative paths, below `target`.
  private func extract(_ target: String, _ isWanted: (String) -> Bool) throws {
    let prefix = snapshot.data + "/"
    try reader.restore(
      try reader.entries(of: snapshot), to: target, ownerships: false,
      place: { entry in
        guard entry.kind == .file, entry.path.hasPrefix(prefix) else { return nil }
        let relative = String(entry.path.dropFirst(prefix.count))
        return isWanted(relative) ? relative : nil
      })
  }

  // MARK: Mail

  /// The mailboxes of the backup, of one account, for the body: their bytes as far as they are wanted.
  private func withMail(
    of account: String, _ isWanted: (Mailbox) -> Bool, _ body: (MailArchive, [Mailbox]) async throws -> Void
  ) async throws {
    try await withScratch { scratch in
      let (database, mail) = (relative(folder.mailDatabase), relative(folder.mail))
      try extract("\(scratch)/index") { $0 == database }
      let mailboxes = try MailArchive(folder: "\(scratch)/index/\(mail)").mailboxes(of: account).filter(isWanted)
      let files = try MailArchive(folder: "\(scratch)/index/\(mail)").files(of: mailboxes)
      try extract("\(scratch)/store") {
        $0 == database || $0.hasPrefix("\(mail)/") && files.contains(String($0.dropFirst(mail.count + 1)))
      }
      try await body(try MailArchive(folder: "\(scratch)/store/\(mail)"), mailboxes)
    }
  }

  private func engine() throws -> MailEngine {
    do throws(StoreError) {
      return try MailEngine(backing: SQLiteMailBacking(folder: folder.mail), clock: SystemClock())
    } catch {
      throw CommandFailure(
        error.code == .unavailable ? "the store of mail is in use: stop the server first (portside stop)" : "\(error)")
    }
  }

  func mailbox(_ text: String) async throws {
    guard let slash = text.firstIndex(of: "/") else { throw ValidationError("--mailbox is ACCOUNT/MAILBOX") }
    let (account, name) = (text[..<slash].lowercased(), String(text[text.index(after: slash)...]))
    try folder.becomeOwner()
    let isWanted = { (mailbox: Mailbox) in
      mailbox.name == name || mailbox.isInbox && name.uppercased() == Mailbox.inboxName
    }
    try await withMail(of: account, isWanted) { archive, mailboxes in
      guard let mailbox = mailboxes.first else { throw CommandFailure("the backup has no mailbox \(text)") }
      let engine = try engine()
      defer { engine.close() }
      let tree = try await engine.mailboxes(of: account)
      try await copy(mailbox, of: account, in: archive, as: free("Restored/\(mailbox.name)", tree), engine)
    }
  }

  /// The name, or the next one with a number behind that no mailbox has.
  private func free(_ name: String, _ tree: MailboxTree) -> String {
    var (candidate, number) = (name, 2)
    while tree.mailbox(named: candidate) != nil { (candidate, number) = ("\(name) \(number)", number + 1) }
    return candidate
  }

  private func copy(
    _ mailbox: Mailbox, of account: String, in archive: MailArchive, as name: String, _ engine: MailEngine
  ) async throws {
    let tree = try await engine.mailboxes(of: account)
    let target =
      if let there = tree.mailbox(named: name) { there } else { try await engine.createMailbox(name, of: account) }
    var source = ArchivedMailboxSource(mailbox, in: archive)
    let count = try await MailImport(into: target, of: account, store: engine).run(
      &source, name: "\(snapshot.id) \(mailbox.name)")
    Terminal.print("\(name): \(count) messages")
  }

  // MARK: An account

  func account(_ name: String) async throws {
    let home = homeEntries(of: name)
    try folder.becomeOwner()
    // Taken first: it is the lock that shows that no server runs.
    let engine = try engine()
    defer { engine.close() }
    try await adopt(name)
    let tree = try await engine.mailboxes(of: name)
    let isFresh = tree.mailboxes.allSatisfy { $0.count == 0 }
    try await withMail(of: name, { _ in true }) { archive, mailboxes in
      for mailbox in mailboxes where mailbox.count > 0 {
        let target = isFresh ? mailbox.name : free("Restored/\(mailbox.name)", tree)
        try await copy(mailbox, of: name, in: archive, as: target, engine)
      }
    }
    try filter(of: name)
    try write(home, named: name)
  }

  private func adopt(_ name: String) async throws {
    try await withScratch { scratch in
      let database = relative(folder.database)
      try extract("\(scratch)/accounts") { $0 == database }
      let store = try SQLiteStore(path: folder.database)
      defer { try? store.close() }
      do {
        try await store.adoptAccount(named: name, from: "\(scratch)/accounts/\(database)")
        Terminal.print("account \(name): with its password, keys, app passwords and second factor")
      } catch let error as StoreError where error.code == .conflict {
        Terminal.print("account \(name) is there, and stays as it is")
      } catch let error as StoreError where error.code == .notFound {
        throw CommandFailure(error.diagnosis)
      }
    }
  }

  private func filter(of name: String) throws {
    let path = "\(relative(folder.sieve))/\(name).sieve"
    guard let entry = try reader.entries(of: snapshot).first(where: { $0.path == "\(snapshot.data)/\(path)" }) else {
      return
    }
    let target = "\(folder.root)/\(path)"
    guard !FileManager.default.fileExists(atPath: target) else { return Terminal.print("\(target) stays as it is") }
    try Self.write(try reader.content(of: entry), to: target)
    Terminal.print(target)
  }

  /// What lay in a folder of the account's name below the homes.
  private func homeEntries(of name: String) -> (root: String, entries: [SnapshotEntry])? {
    guard let entries = try? reader.entries(of: snapshot),
      let home = entries.first(where: { $0.kind == .folder && $0.path.hasSuffix("/\(name)") })
    else { return nil }
    return (home.path, entries.filter { $0.path == home.path || $0.path.hasPrefix(home.path + "/") })
  }

  private func write(_ home: (root: String, entries: [SnapshotEntry])?, named name: String) throws {
    guard let home else { return }
    var target =
      home.root.hasPrefix(snapshot.data + "/") ? folder.root + home.root.dropFirst(snapshot.data.count) : home.root
    if FileManager.default.fileExists(atPath: target) { target += ".restored-\(snapshot.id)" }
    let count = try reader.restore(
      home.entries, to: target, ownerships: false,
      place: { String($0.path.dropFirst(home.root.count).drop { $0 == "/" }) })
    Terminal.print("\(target): \(count) files")
  }

  // MARK: A zone

  func zone(_ name: String) throws {
    let entries = try reader.entries(of: snapshot)
    let endings = ["/\(name).zone", "/\(name)"]
    guard
      let entry = entries.first(where: { entry in entry.kind == .file && endings.contains(where: entry.path.hasSuffix) }
      )
    else { throw CommandFailure("the backup has no file of the zone \(name)") }
    let target =
      entry.path.hasPrefix(snapshot.data + "/") ? folder.root + entry.path.dropFirst(snapshot.data.count) : entry.path
    let content = try reader.content(of: entry)
    if let present = FileManager.default.contents(atPath: target) {
      guard [UInt8](present) != content else { return Terminal.print("\(target) is as it was then") }
      let kept = "\(target).before-\(snapshot.id)"
      try Self.write([UInt8](present), to: kept)
      Terminal.print("\(kept) is what was there")
    }
    try Self.write(content, to: target)
    Terminal.print("\(target) is back; `portside reload` puts it into force")
  }

  private static func write(_ content: [UInt8], to path: String) throws {
    do { try Data(content).write(to: URL(fileURLWithPath: path), options: .atomic) } catch {
      throw CommandFailure("can't write \(path): \(error.localizedDescription)")
    }
  }
}
