import ArgumentParser
import Configuration
import Foundation

/// `portside documentation`: writes the pages that are made from the program itself. For its developers.
struct DocumentationCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "documentation", abstract: "Write the generated pages.", shouldDisplay: false)
  @Option(help: "The folder; paths below it are the repository's.") var into: String

  func run() async throws {
    for (path, text) in ConfigurationDocumentation.files() {
      let file = URL(fileURLWithPath: into).appendingPathComponent(path)
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try text.write(to: file, atomically: true, encoding: .utf8)
    }
  }
}
