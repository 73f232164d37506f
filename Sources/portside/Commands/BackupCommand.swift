import ArgumentParser
import Backup
import Configuration
import Foundation
import Services
import Transport

/// `portside backup`: everything that the server keeps, somewhere else, and back.
struct BackupCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup", abstract: "Backups: create, list, verify, restore, prune.",
    discussion: """
      A repository is a folder, here or by SFTP on another machine (OpenSSH's client and its keys open it); each content is in it once, so a further backup takes only what is new. The server goes on
      meanwhile. With --key it is encrypted; without, it is as secret as the server itself.

      Examples:
        portside backup create /mnt/disk/portside
        portside backup create sftp://backup@nas.lan/portside --key file:/root/backup.key
        portside backup verify /mnt/disk/portside --key file:/root/backup.key
        portside backup restore /mnt/disk/portside --into /var/lib/portside
        portside backup restore /mnt/disk/portside --account ann@lab.test
        portside backup restore /mnt/disk/portside --mailbox ann@lab.test/Archive
        portside backup prune /mnt/disk/portside --last 7 --daily 30 --monthly 12
      """, subcommands: [Create.self, List.self, Verify.self, Restore.self, Prune.self])

  /// The repository, and how it is opened.
  struct RepositoryOptions: ParsableArguments {
    @Argument(help: "The repository: a folder, or sftp://[user@]host[:port]/path.") var repository: String
    @Option(
      help: ArgumentHelp(
        "Where the pass phrase is: file:/path, env:NAME or credential:NAME.", valueName: "reference"))
    var key: String?

    @Option(help: "For sftp: the configuration of OpenSSH's client, instead of the user's own.") var sshConfig: String?

    /// The folder; `nil` when it lies on another machine.
    var path: String? {
      SFTPPlace.parse(repository) == nil ? URL(fileURLWithPath: repository).standardizedFileURL.path : nil
    }

    func place() throws(BackupError) -> any BackupPlace {
      if let (command, root) = SFTPPlace.parse(repository, configuration: sshConfig) {
        return try SFTPPlace(command, root: root, shown: repository)
      }
      guard !repository.hasPrefix("sftp:") else {
        throw BackupError("\(repository): expected sftp://[user@]host[:port]/path, without a password: keys open it")
      }
      return FolderPlace(URL(fileURLWithPath: repository).standardizedFileURL.path)
    }

    /// 12 bytes at least: what protects everything must not be guessed.
    func passPhrase() throws -> Secret? {
      guard let key else { return nil }
      let secret: Secret
      do {
        secret = try SecretReference(configuration: key).resolve(using: SystemSecretReader())
      } catch {
        throw ValidationError("--key: \(error)")
      }
      guard secret.count >= 12 else { throw ValidationError("--key: a pass phrase has 12 bytes at least") }
      return secret
    }

    func open() throws -> Repository {
      do { return try Repository.open(try place(), passPhrase: try passPhrase()) } catch let error as BackupError {
        throw CommandFailure("\(repository): \(error)")
      }
    }
  }

  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "create", abstract: "Takes a backup, while the server runs or not.",
      discussion: "Exit code 1 when something could not be read; everything else is in the backup nevertheless.")
    @OptionGroup var options: ConfigurationOptions
    @OptionGroup var target: RepositoryOptions
    @Option(help: "Words to find it by.") var label: String?
    @Flag(help: "As JSON.") var json = false

    func run() async throws {
      let configuration = try options.load()
      let folder = DataFolder(configuration)
      guard FileManager.default.fileExists(atPath: folder.root) else {
        throw CommandFailure("there is nothing to take: \(folder.root) does not exist")
      }
      let file = URL(fileURLWithPath: try options.path()).standardizedFileURL.path
      let passPhrase = try target.passPhrase()
      do {
        let repository = try Repository.openOrMake(try target.place(), passPhrase: passPhrase)
        // The databases are copied there first; nobody else may enter it.
        let staging = try target.path ?? Self.makeStaging()
        defer { if target.path == nil { try? FileManager.default.removeItem(atPath: staging) } }
        var writer = BackupWriter(
          BackupSource(configuration, file: file), to: repository, staging: staging)
        let report = try writer.run(
          label: label, version: Version.text, now: SystemClock().wallTime(), besides: [staging],
          asOwner: { body throws(BackupError) in try folder.asOwner(body) }, progress: Progress.shown)
        if !report.findings.isEmpty { report.findings.forEach { Terminal.note("\($0)") } }
        try show(report)
        if !report.findings.isEmpty { throw ExitCode(1) }
      } catch let error as BackupError {
        throw CommandFailure("\(error)")
      }
    }

    /// A folder for copies of databases, for a repository that lies elsewhere.
    private static func makeStaging() throws -> String {
      var template = Array("\(NSTemporaryDirectory())/portside-backup.XXXXXX".utf8CString)
      guard let made = mkdtemp(&template) else {
        throw CommandFailure("no folder for copies of databases: \(String(cString: strerror(errno)))")
      }
      return String(cString: made)
    }

    private func show(_ report: BackupWriter.Report) throws {
      if json { return try Terminal.print(json: BackupCommand.Row(report.snapshot)) }
      let snapshot = report.snapshot
      Terminal.print(
        "\(snapshot.id): \(snapshot.files) files, \(ByteCount.text(snapshot.bytes)); "
          + "\(report.filesRead) of them new or changed, \(ByteCount.text(snapshot.added)) added")
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "The backups, or one's files.")
    @OptionGroup var target: RepositoryOptions
    @Argument(help: "A backup, or `latest`: lists its files.") var snapshot: String?
    @Flag(help: "As JSON.") var json = false

    func run() async throws {
      do {
        let repository = try target.open()
        if let snapshot { return try files(of: try repository.snapshot(snapshot), repository) }
        let rows = try repository.snapshots().map(BackupCommand.Row.init)
        if json { return try Terminal.print(json: rows) }
        var table = Table("backup", "host", "data", "files", "bytes", "added", "label")
        for row in rows {
          table.add(
            row.id, row.host, row.data, String(row.files), ByteCount.text(row.bytes), ByteCount.text(row.added),
            row.label ?? "-")
        }
        Terminal.print(table.text)
      } catch let error as BackupError {
        throw CommandFailure("\(error)")
      }
    }

    private func files(of snapshot: Snapshot, _ repository: Repository) throws {
      let entries = try BackupReader(repository).entries(of: snapshot).filter { $0.kind == .file }
      if json {
        return try Terminal.print(json: entries.map { FileRow(path: $0.path, bytes: $0.size) })
      }
      for entry in entries { Terminal.print("\(entry.size)\t\(entry.path)") }
    }

    private struct FileRow: Encodable {
      var path: String
      var bytes: Int64
    }
  }

  struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "verify", abstract: "Reads backups and compares every byte with what was written.")
    @OptionGroup var target: RepositoryOptions
    @Argument(help: "A backup, or `latest`; absent: all.") var snapshot: String?
    @Flag(help: "Only whether everything is there, without reading it.") var quick = false
    @Flag(help: "As JSON.") var json = false

    private struct Result: Encodable {
      var snapshots: Int
      var chunks: Int
      var bytes: Int64
      var findings: [String]
    }

    func run() async throws {
      do {
        let repository = try target.open()
        let chosen = try snapshot.map { [try repository.snapshot($0)] } ?? repository.snapshots()
        let result = try BackupReader(repository).verify(chosen, namesOnly: quick)
        if json {
          try Terminal.print(
            json: Result(
              snapshots: result.snapshots, chunks: result.chunks, bytes: result.bytes, findings: result.findings))
        } else {
          result.findings.forEach { Terminal.print($0) }
          Terminal.print(
            "\(result.snapshots) backups, \(result.chunks) chunks, \(ByteCount.text(result.bytes)): "
              + (result.findings.isEmpty ? "sound" : "\(result.findings.count) findings"))
        }
        if !result.findings.isEmpty { throw ExitCode(1) }
      } catch let error as BackupError {
        throw CommandFailure("\(error)")
      }
    }
  }

  struct Prune: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "prune", abstract: "Removes old backups, and the content that only they had.",
      discussion: "Whatever one of the rules keeps stays, and the newest in any case.")
    @OptionGroup var target: RepositoryOptions
    @Option(help: "Keep the newest ones.") var last = 7
    @Option(help: "Keep the newest of each of so many days.") var daily = 0
    @Option(help: "Keep the newest of each of so many months.") var monthly = 0

    func validate() throws {
      guard min(last, daily, monthly) >= 0 else { throw ValidationError("a number of backups is not negative") }
    }

    func run() async throws {
      do {
        let pruned = try target.open().prune(KeepRule(last: last, daily: daily, monthly: monthly))
        for name in pruned.removed { Terminal.print("removed \(name)") }
        Terminal.print("\(pruned.removed.count) backups removed, \(ByteCount.text(pruned.freed)) given back")
      } catch let error as BackupError {
        throw CommandFailure("\(error)")
      }
    }
  }

  /// A backup as it is listed.
  struct Row: Encodable {
    var id: String
    var time: String
    var host: String
    var data: String
    var label: String?
    var files: Int
    var bytes: Int64
    var added: Int64

    init(_ snapshot: Snapshot) {
      id = snapshot.id
      time = WallTime(seconds: snapshot.milliseconds / 1000).rfc3339
      host = snapshot.host
      data = snapshot.data
      label = snapshot.label
      (files, bytes, added) = (snapshot.files, snapshot.bytes, snapshot.added)
    }
  }

  /// How far it is, for a person at a terminal.
  enum Progress {
    static func shown(_ done: Int64, _ total: Int64) {
      guard isatty(STDERR_FILENO) == 1, total > 0 else { return }
      FileHandle.standardError.write(Data("\r\(done * 100 / max(1, total)) % of \(ByteCount.text(total)) ".utf8))
      if done >= total { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
    }
  }
}

/// Bytes for people.
enum ByteCount {
  static func text(_ bytes: Int64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"]
    var (value, unit) = (Double(bytes), 0)
    while value >= 1000, unit < units.count - 1 { (value, unit) = (value / 1000, unit + 1) }
    return unit == 0 ? "\(bytes) B" : String(format: "%.1f %@", value, units[unit])
  }
}
