import Foundation
import LaboratoryKit
import Testing

/// Real Telnet clients, and the scripts of those who manage networks, against the running program; `clients.py` has the
/// cases. A client that is missing is a failure: `Scripts/setup-test-peers` installs them.
@Suite(.serialized, .timeLimit(.minutes(5))) struct TelnetClientsTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

  private static var python: String {
    let own = folder.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent(".venv/bin/python").path
    return FileManager.default.isExecutableFile(atPath: own) ? own : "/usr/bin/python3"
  }

  @Test func everyClientGetsThrough() async throws {
    try await Laboratory.with { laboratory in
      let plain = try #require(laboratory.ready.services.first { $0.name == "telnet" && $0.tls == "starttls" })
      let secure = try #require(laboratory.ready.services.first { $0.name == "telnet" && $0.tls == "implicit" })
      let ann = try #require(laboratory.ready.accounts.first { $0.name == "ann@lab.test" })
      for name in [
        "inetutils", "busybox", "plink", "line-mode", "expect", "telnetlib3", "fingerprint", "netmiko", "openssl",
        "tmux", "console", "configure", "com-port", "crowd",
      ] {
        let result = try await run(
          Self.python,
          [
            Self.folder.appendingPathComponent("clients.py").path, name, "\(plain.port)", "\(secure.port)",
            ann.password,
            laboratory.ready.ca, Laboratory.program, laboratory.configurationFile,
          ], environment: ["PYTHONDONTWRITEBYTECODE": "1"], within: .seconds(90))
        #expect(result.code == 0, "\(name): \(result.all.suffix(3000))")
      }
    }
  }

  /// A second factor is asked for where an account has one.
  @Test func codesAreAskedFor() async throws {
    try await Laboratory.with { laboratory in
      let plain = try #require(laboratory.ready.services.first { $0.name == "telnet" && $0.tls == "starttls" })
      let ann = try #require(laboratory.ready.accounts.first { $0.name == "ann@lab.test" })
      let result = try await run(
        Self.python,
        [
          Self.folder.appendingPathComponent("clients.py").path, "second-factor", "\(plain.port)", "0", ann.password,
          laboratory.ready.ca, Laboratory.program, laboratory.configurationFile,
        ], environment: ["PYTHONDONTWRITEBYTECODE": "1"], within: .seconds(60))
      #expect(result.code == 0, "\(result.all.suffix(3000))")
    }
  }
}
