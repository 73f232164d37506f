import ArgumentParser
import Configuration
import Foundation
import Gate
import Services
import Stores
import Transport

/// A command whose verbs stand in the gate's own table (`AdminVerb`): the words go there as they are.
protocol AdministrationCommand: AsyncParsableCommand {
  static var noun: String { get }
  var options: ConfigurationOptions { get }
  var words: [String] { get }
}

extension AdministrationCommand {
  static func makeConfiguration(
    _ noun: String, _ abstract: String, beside: String = ""
  ) -> CommandConfiguration {
    let usages = AdminVerb.all.filter { $0.words.first == noun }.map { "  \($0.usage)\n      \($0.summary)" }
    return CommandConfiguration(
      commandName: noun, abstract: abstract,
      discussion: usages.joined(separator: "\n") + beside + "\n\n  --json works with all of them.")
  }

  func run() async throws { try await perform(words) }

  /// Performs a verb of the gate's table.
  func perform(_ words: [String]) async throws {
    var words = words
    let wantsJSON = words.contains("--json")
    words.removeAll { $0 == "--json" }
    if words.isEmpty || words.contains("--help") || words.contains("-h") {
      throw CleanExit.helpRequest(Self.self)
    }
    let request: AdminRequest
    do {
      request = try AdminVerb.parse([Self.noun] + words, now: SystemClock().wallTime())
    } catch {
      Terminal.note("portside: \(error.message)")
      throw ExitCode(2)
    }
    let configuration = try options.load()
    try await AdministrationSession.with(configuration) { administration in
      let reply = await administration.perform(try Self.answered(request))
      try Self.show(reply, json: wantsJSON)
    }
  }

  /// The request with the password that it asks for: from the terminal, twice, or one line of standard input.
  private static func answered(_ request: AdminRequest) throws -> AdminRequest {
    guard request.asksForPassword else { return request }
    guard isatty(STDIN_FILENO) == 1 else {
      guard let line = readLine(strippingNewline: true), !line.isEmpty else {
        throw CommandFailure("no password on standard input")
      }
      return request.answering(Secret(line))
    }
    guard let first = Terminal.askSecret("New password: "), let second = Terminal.askSecret("Once more: ") else {
      throw CommandFailure("no password was given")
    }
    guard first == second else { throw CommandFailure("the two are not the same") }
    return request.answering(Secret(first))
  }

  private static func show(_ reply: AdminReply, json: Bool) throws {
    switch reply {
    case .failure(let failure):
      Terminal.note("portside: \(failure.message)")
      throw ExitCode(failure.code == .usage ? 2 : 1)
    case .done(let text):
      json ? try Terminal.print(json: ["done": text]) : Terminal.print(text)
    case .secrets(let text, let secrets):
      if json {
        try Terminal.print(
          json: Dictionary(secrets.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first }))
      } else {
        Terminal.note(text)
        secrets.forEach { Terminal.print("\($0.name): \($0.value)") }
      }
    case .rows(let rows):
      if json {
        try Terminal.print(
          json: rows.rows.map { Dictionary(zip(rows.columns, $0), uniquingKeysWith: { first, _ in first }) })
      } else {
        Terminal.print(Table(rows.columns, rows.rows).text)
        if let next = rows.next { Terminal.note("more follows: --after \(next)") }
      }
    }
  }
}

/// Administration of the running server, or, when none runs, of its stores directly.
enum AdministrationSession {
  static func with(
    _ configuration: PortsideConfiguration, _ body: (any Administration) async throws -> Void
  ) async throws {
    let folder = DataFolder(configuration)
    let clock = SystemClock()
    if FileManager.default.fileExists(atPath: folder.adminSocket) {
      do {
        let remote = try await RemoteAdministration(path: folder.adminSocket, clock: clock)
        try await body(remote)
        await remote.close()
        return
      } catch let failure as AdminFailure where failure.code == .notRunning {
        // The socket of a server that is gone: the stores are free.
      }
    }
    guard FileManager.default.fileExists(atPath: folder.root) else {
      throw CommandFailure("there is no server at \(folder.root) yet: start it once (portside serve, or portside try)")
    }
    let key = try MasterKey.load(configuration)
    try folder.becomeOwner()
    let store = try SQLiteStore(path: folder.database)
    defer { try? store.close() }
    let directory = try GateDirectory.make(configuration, masterKey: key, store: store, clock: clock)
    let trail = AuditTrail(store: SQLiteAuditStore(store))
    try await body(
      GateAdministration(directory: directory, trail: trail, clock: clock, live: nil, actor: "uid \(getuid())"))
  }
}

struct AccountCommand: AdministrationCommand {
  static let noun = "account"
  static let configuration = makeConfiguration(
    noun, "Who may log in, and how.", beside: "\n  \(AccountImportCommand.usage)\n      \(AccountImportCommand.summary)"
  )
  @OptionGroup var options: ConfigurationOptions
  @Argument(parsing: .allUnrecognized, help: .hidden) var words: [String] = []

  /// What reads files is no verb of the gate's.
  func run() async throws {
    guard words.first == "import" else { return try await perform(words) }
    let file = options.config.map { ["--config", $0] } ?? []
    try await AccountImportCommand.parse(file + words.dropFirst()).run()
  }
}

struct SessionCommand: AdministrationCommand {
  static let noun = "session"
  static let configuration = makeConfiguration(noun, "Who is connected.")
  @OptionGroup var options: ConfigurationOptions
  @Argument(parsing: .allUnrecognized, help: .hidden) var words: [String] = []
}

struct PenaltyCommand: AdministrationCommand {
  static let noun = "penalty"
  static let configuration = makeConfiguration(noun, "Sources that are kept away for a while.")
  @OptionGroup var options: ConfigurationOptions
  @Argument(parsing: .allUnrecognized, help: .hidden) var words: [String] = []
}

struct AuditCommand: AdministrationCommand {
  static let noun = "audit"
  static let configuration = makeConfiguration(noun, "Who did what, and whether that record is sound.")
  @OptionGroup var options: ConfigurationOptions
  @Argument(parsing: .allUnrecognized, help: .hidden) var words: [String] = []
}
