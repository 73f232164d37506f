import ArgumentParser
import Configuration
import Foundation

/// Which configuration a command is about.
struct ConfigurationOptions: ParsableArguments {
  /// The variable that names the file where `--config` does not.
  static let variable = "PORTSIDE_CONFIG"
  private static let candidates = ["/etc/portside/portside.toml", "./portside-data/portside.toml"]

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The configuration file.",
      discussion: "Without it: $PORTSIDE_CONFIG, /etc/portside/portside.toml, ./portside-data/portside.toml.",
      valueName: "file"))
  var config: String?

  /// The file's path; a usage error when there is none anywhere.
  func path() throws -> String {
    if let config { return config }
    if let named = ProcessInfo.processInfo.environment[Self.variable] { return named }
    guard let found = Self.candidates.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
      throw ValidationError(
        "there is no configuration: neither --config nor $\(Self.variable) is given, and "
          + "\(Self.candidates.joined(separator: " and ")) do not exist")
    }
    return found
  }

  /// The configuration, after its warnings were shown. Ends the command with code 1 when it has errors.
  func load() throws -> PortsideConfiguration {
    let file = ConfigurationFile(path: try path())
    let loaded = try file.read()
    file.show(loaded)
    guard let configuration = loaded.configuration else { throw ExitCode(1) }
    // What the console has set counts for the command line as for the server; whoever may not read it goes by the file.
    let folder = ConfigurationFolder(path: DataFolder(configuration).configuration)
    guard let overlay = try? folder.newest?.overlay, !overlay.isEmpty else { return configuration }
    return try file.read(overlay: overlay).configuration ?? configuration
  }
}
