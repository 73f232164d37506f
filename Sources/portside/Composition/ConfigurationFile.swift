import Configuration
import Foundation

/// A configuration file on disk, with the environment laid over it.
struct ConfigurationFile: Sendable {
  let path: String

  /// Reads and checks it. Throws when the file can't be read; what is wrong inside stands among the findings.
  func read(overlay: ConfigurationOverlay = ConfigurationOverlay()) throws -> LoadedConfiguration {
    guard let content = FileManager.default.contents(atPath: path) else {
      throw CommandFailure("\(path): \(String(cString: strerror(errno == 0 ? ENOENT : errno)))")
    }
    return ConfigurationLoader(ignoredVariables: [ConfigurationOptions.variable])
      .load([UInt8](content), name: path, environment: ProcessInfo.processInfo.environment, overlay: overlay)
  }

  /// Shows all findings on standard error.
  func show(_ loaded: LoadedConfiguration) {
    for finding in loaded.findings { Terminal.note(loaded.describe(finding)) }
  }

  /// The configuration, or an error whose text has every finding: for those who can't show them one by one.
  func load(overlay: ConfigurationOverlay = ConfigurationOverlay()) throws -> PortsideConfiguration {
    let loaded = try read(overlay: overlay)
    guard let configuration = loaded.configuration else {
      throw CommandFailure(
        loaded.findings.filter { $0.severity == .error }.map(loaded.describe).joined(separator: "\n"))
    }
    return configuration
  }
}

/// A failure with words for the person who called the command: exit code 1.
struct CommandFailure: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
