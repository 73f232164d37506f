import Foundation
import Testing

/// Real clients over loopback, against the `SSHFixture` program; `peers.py` has the cases. A client that is missing is a
/// failure: `Scripts/setup-test-peers` installs them.
@Suite(.serialized, .timeLimit(.minutes(5))) struct SSHInteropTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

  /// The program stands beside the bundle of tests.
  private static var fixture: String? {
    let places = CommandLine.arguments.map { URL(fileURLWithPath: $0) } + [Bundle.main.bundleURL]
    for place in places {
      var directory = place
      for _ in 0..<4 {
        directory = directory.deletingLastPathComponent()
        let path = directory.appendingPathComponent("SSHFixture").path
        if FileManager.default.isExecutableFile(atPath: path) { return path }
      }
    }
    return nil
  }

  private static var python: String {
    let own = folder.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent(".venv/bin/python").path
    return FileManager.default.isExecutableFile(atPath: own) ? own : "/usr/bin/python3"
  }

  @Test(arguments: [
    "openssh-ciphers", "openssh-exchanges", "openssh-rekeys", "openssh-sessions", "openssh-multiplexing",
    "openssh-log-in", "openssh-forwarding", "openssh-sftp", "putty", "dropbear", "paramiko", "asyncssh", "lftp",
    "second-factors", "sftp-escapes", "rsync-git", "sshfs", "audit", "half-open",
  ])
  func peer(_ name: String) async throws {
    let fixture = try #require(Self.fixture, "the SSHFixture program was not built")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Self.python)
    process.arguments = [Self.folder.appendingPathComponent("peers.py").path, fixture, name]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(text.suffix(4_000))")
  }
}
