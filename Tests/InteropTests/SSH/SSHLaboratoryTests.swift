import Foundation
import Testing

/// Real clients over loopback, against `portside try`: the whole composition. `laboratory.py` has the cases.
@Suite(.serialized, .timeLimit(.minutes(5))) struct SSHLaboratoryTests {
  @Test(arguments: [
    "shells", "files", "more-clients", "libraries", "forwarding", "sockets-and-agent", "certificates", "ansible",
    "quotas", "log-in", "host-keys", "audit", "probes",
  ])
  func peer(_ name: String) async throws {
    let program = try #require(PeerScript.program("portside"), "the portside program was not built")
    let (status, text) = try PeerScript.run("laboratory.py", [program, name])
    #expect(status == 0, "\(text.suffix(4_000))")
  }
}

/// What came later: `extras.py` has the cases.
@Suite(.serialized, .timeLimit(.minutes(5))) struct SSHExtrasTests {
  @Test(arguments: [
    "sftp-extras", "versions", "host-certificates", "rekey-under-load", "display", "published", "known-hosts",
  ])
  func peer(_ name: String) async throws { try check(name) }

  @Test(.enabled(if: geteuid() == 0, "only root can make a network of its own"))
  func aBadLine() throws { try check("bad-line") }

  private func check(_ name: String) throws {
    let program = try #require(PeerScript.program("portside"), "the portside program was not built")
    let (status, text) = try PeerScript.run("extras.py", [program, name])
    #expect(status == 0, "\(text.suffix(4_000))")
  }
}

/// Accounts of the operating system, made and removed by the test: `system.py` has the cases.
@Suite(.serialized, .timeLimit(.minutes(5))) struct SystemAccountsTests {
  @Test(.enabled(if: geteuid() == 0, "only root can make accounts, and become them"))
  func sessionsOfTheSystemsAccounts() throws {
    let program = try #require(PeerScript.program("portside"), "the portside program was not built")
    let (status, text) = try PeerScript.run("system.py", [program])
    #expect(status == 0, "\(text.suffix(6_000))")
  }
}

/// The scripts beside this file.
enum PeerScript {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

  /// A program that stands beside the bundle of tests.
  static func program(_ name: String) -> String? {
    let places = CommandLine.arguments.map { URL(fileURLWithPath: $0) } + [Bundle.main.bundleURL]
    for place in places {
      var directory = place
      for _ in 0..<4 {
        directory = directory.deletingLastPathComponent()
        let path = directory.appendingPathComponent(name).path
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

  /// Runs a script to its end: its status, and what it said.
  static func run(_ script: String, _ arguments: [String]) throws -> (Int32, String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = [folder.appendingPathComponent(script).path] + arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text)
  }
}
