import ArgumentParser
import Configuration
import Foundation
import Gate
import Services

/// `portside account import`: people move in with the passwords that they have.
struct AccountImportCommand: AsyncParsableCommand {
  static let usage =
    "account import FILE [--shadow FILE] [--role ROLE,…] [--group GROUP,…] [--lowest UID] [--highest UID] [--dry-run]"
  static let summary = "takes in people from another system, with their passwords"
  static let configuration = CommandConfiguration(
    commandName: "portside account import", abstract: "Takes in people from another system, with their passwords.",
    discussion: """
      Known: /etc/passwd with --shadow, Dovecot's passwd-file, Apache's htpasswd, and CSV with a header
      (name, display-name, addresses, roles, groups, quota, hash or password; several values parted by blanks).

      Hashes are taken as they are (crypt of every Linux, bcrypt, yescrypt, Argon2, {SSHA…}); at a person's first
      log-in by password our own takes its place. Until then SCRAM can't be used. Who is here already stays as is.

      Example: portside account import /etc/passwd --shadow /etc/shadow --role staff --dry-run
      """)
  @OptionGroup var options: ConfigurationOptions
  @Argument(help: "The file.") var file: String
  @Option(help: "The shadow file that belongs to a passwd file.") var shadow: String?
  @Option(help: "Roles for all of them, parted by commas.") var role: String?
  @Option(help: "Groups for all of them, parted by commas.") var group: String?
  @Option(help: "Of a passwd file: the lowest user number of a person.") var lowest: Int = 1_000
  @Option(help: "Of a passwd file: the highest user number of a person.") var highest: Int = 59_999
  @Flag(name: .customLong("dry-run"), help: "Only show what would happen.") var isDryRun = false
  @Flag(help: "As JSON.") var json = false

  private struct Report: Encodable {
    var added: [String] = []
    var present: [String] = []
    var refused: [String: String] = [:]
    var withoutPassword: [String] = []
    var passedOver: [String]
    var unread: [String]
  }

  func validate() throws {
    guard lowest <= highest else { throw ValidationError("--lowest is above --highest") }
  }

  func run() async throws {
    let found = try AccountImport(
      try Self.text(file), shadow: try shadow.map(Self.text), users: lowest...highest)
    var report = Report(passedOver: found.passedOver, unread: found.unread)
    let (roles, groups) = (Self.list(role), Self.list(group))
    try await AdministrationSession.with(try options.load()) { administration in
      for person in found.people {
        var specification = person.specification
        specification.roles += roles.filter { !specification.roles.contains($0) }
        specification.groups += groups.filter { !specification.groups.contains($0) }
        let hasPassword = ForeignHash(person.hash) != ForeignHash.none
        if !hasPassword { report.withoutPassword.append(specification.name) }
        if case .rows = await administration.perform(.accountShow(specification.name)) {
          report.present.append(specification.name)
          continue
        }
        guard !isDryRun else {
          report.added.append(specification.name)
          continue
        }
        let choice: PasswordChoice = hasPassword ? .hashed(Secret(person.hash)) : .none
        switch await administration.perform(.accountAdd(specification, choice, force: true)) {
        case .failure(let failure): report.refused[specification.name] = failure.message
        default: report.added.append(specification.name)
        }
      }
    }
    try show(report)
    if !report.refused.isEmpty || !report.unread.isEmpty { throw ExitCode(1) }
  }

  private func show(_ report: Report) throws {
    if json { return try Terminal.print(json: report) }
    let verb = isDryRun ? "would be added" : "added"
    Terminal.print("\(report.added.count) \(verb): \(report.added.joined(separator: " "))")
    let rest = [
      ("here already, unchanged", report.present), ("without a password", report.withoutPassword),
      ("no people by their number", report.passedOver), ("not understood", report.unread),
    ]
    for (label, names) in rest where !names.isEmpty { Terminal.print("\(label): \(names.joined(separator: " "))") }
    for (name, reason) in report.refused.sorted(by: { $0.key < $1.key }) { Terminal.note("\(name): \(reason)") }
  }

  private static func list(_ text: String?) -> [String] {
    (text ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
  }

  private static func text(_ path: String) throws -> String {
    guard let content = FileManager.default.contents(atPath: path) else {
      throw CommandFailure("can't read \(path)")
    }
    return String(decoding: content, as: UTF8.self)
  }
}
