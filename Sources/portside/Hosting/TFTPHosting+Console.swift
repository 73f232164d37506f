import Configuration
import ConsoleCore

/// What the console shows of files that devices have saved.
extension TFTPHosting {
  static let commands = [
    Command(
      "show files", [.init("DEVICE", .object(of: "show files"), isOptional: true)], permission: "console:show",
      "configurations that devices have saved, with their versions", columns: ["device", "file", "version", "bytes"])
  ]

  func answer(_ question: ConsoleQuestion) async -> ConsoleAnswer {
    var configuration = PortsideConfiguration()
    configuration.tftp = section
    do {
      let device = question.values.first
      let rows = try BackupFolder(configuration).versions().filter { device == nil || $0.device == device }
        .map { [$0.device, $0.file, $0.version, "\($0.bytes)"] }
      return question.page(Self.commands[0].columns, rows)
    } catch { return .failure("\(error)") }
  }
}
