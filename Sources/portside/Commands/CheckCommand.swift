import ArgumentParser
import Certificates
import Configuration
import Foundation
import Services
import Supervision
import Transport

/// `portside check`: everything that can be wrong, and how to mend it.
struct CheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Is everything as it should be? The file, the machine, then each service.",
    discussion: """
      The configuration with line and column; folders and keys; the ports, and who has them; certificates; zones; the running
      workers; then every running service through its own client.

      Exit code 1 when something failed.
      """)
  @OptionGroup var options: ConfigurationOptions
  @Flag(help: "As JSON.") var json = false

  func run() async throws {
    var report = CheckReport()
    let file = ConfigurationFile(path: try options.path())
    let loaded = try file.read()
    for finding in loaded.findings {
      report.add(finding.severity == .error ? .fail : .warning, "configuration", loaded.describe(finding), finding.hint)
    }
    if let configuration = loaded.configuration {
      report.add(.pass, "configuration", file.path, nil)
      await ServerCheck(configuration).run(into: &report)
    }
    if json { try Terminal.print(json: report.rows) } else { Terminal.print(report.text) }
    if report.hasFailures { throw ExitCode(1) }
  }
}

/// What a check has found.
struct CheckReport {
  enum Result: String, Encodable {
    case pass = "PASS"
    case warning = "WARN"
    case fail = "FAIL"
  }

  struct Row: Encodable {
    var result: Result
    var subject: String
    var finding: String
    /// The command or change that mends it.
    var remedy: String?
  }

  private(set) var rows: [Row] = []

  mutating func add(_ result: Result, _ subject: String, _ finding: String, _ remedy: String?) {
    rows.append(Row(result: result, subject: subject, finding: finding, remedy: remedy))
  }

  var hasFailures: Bool { rows.contains { $0.result == .fail } }

  var text: String {
    rows.reduce(into: "") { text, row in
      text += "\(row.result.rawValue)  \(row.subject): \(row.finding)\n"
      if let remedy = row.remedy, row.result != .pass { text += "      \(remedy)\n" }
    }
  }
}
