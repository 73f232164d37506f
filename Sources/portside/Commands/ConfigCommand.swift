import ArgumentParser
import Configuration
import Foundation

/// `portside config`: checks and explains the configuration file.
struct ConfigCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Check, explain, compare and export the configuration.",
    subcommands: [Check.self, Explain.self, Diff.self, Export.self])

  struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "check", abstract: "Whether a file is right: every finding with line and column.")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "The file, instead of --config.") var file: String?
    @Flag(help: "As JSON.") var json = false

    func run() async throws {
      let loaded = try ConfigurationFile(path: try file ?? options.path()).read()
      if json {
        try Terminal.print(
          json: loaded.findings.map { finding in
            JSONFinding(
              severity: finding.severity.rawValue, line: finding.position.line, column: finding.position.column,
              key: finding.path?.description, message: finding.message, hint: finding.hint)
          })
      } else {
        loaded.findings.forEach { Terminal.print(loaded.describeWithExcerpt($0)) }
        if loaded.findings.isEmpty { Terminal.print("\(loaded.name): no findings") }
      }
      if loaded.hasErrors { throw ExitCode(1) }
    }

    struct JSONFinding: Encodable {
      var severity: String
      var line: Int
      var column: Int
      var key: String?
      var message: String
      var hint: String?
    }
  }

  struct Explain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "explain", abstract: "What a key means, and what it is set to.",
      discussion: "Example: portside config explain smtp.max_size")
    @OptionGroup var options: ConfigurationOptions
    @Argument(help: "The key.") var key: String

    func run() async throws {
      let file = (try? options.path()).map { ConfigurationFile(path: $0) }
      let loaded = try file?.read() ?? ConfigurationLoader().load("", name: "(none)")
      switch loaded.explain(key) {
      case .success(let explanation): Terminal.print(explanation.description)
      case .failure(let error):
        Terminal.note("portside: \(error.message)" + (error.hint.map { "; \($0)" } ?? ""))
        throw ExitCode(1)
      }
    }
  }

  struct Diff: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "diff", abstract: "What differs between two files, and whom it concerns.",
      discussion: "Exit code 1 when they differ.")
    @Argument(help: "The file as it was.") var old: String
    @Argument(help: "The file as it would be.") var new: String

    func run() async throws {
      let difference = ConfigurationDifference(
        from: try ConfigurationFile(path: old).load(), to: try ConfigurationFile(path: new).load())
      if difference.isEmpty { return Terminal.print("no difference") }
      Terminal.print(difference.description)
      throw ExitCode(1)
    }
  }

  struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "export", abstract: "The whole effective configuration, defaults included.")
    @OptionGroup var options: ConfigurationOptions
    @Flag(help: "As JSON instead of TOML.") var json = false

    func run() async throws {
      let configuration = try options.load()
      Terminal.print(json ? configuration.exportJSON() : configuration.exportTOML())
    }
  }
}
