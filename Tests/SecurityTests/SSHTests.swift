import Foundation
import LaboratoryKit
import Testing

/// The SSH and SFTP rows of the table of attacks, over sockets against the running program.
@Suite(.serialized, .timeLimit(.minutes(3))) struct SSHTests {
  /// Terrapin (CVE-2023-48795); messages before log-in (CVE-2018-10933, CVE-2025-32433); confusion of keys
  /// (CVE-2024-45337, CVE-2020-9283); enumeration of names; escape from a home.
  @Test(arguments: ["terrapin", "before", "keys", "names", "escape"]) func holds(_ row: String) async throws {
    try await Laboratory.with { laboratory in
      let workers = laboratory.workers()
      try Self.check(try await Prober.run("ssh.py", laboratory, ["rows": [row]], python: Prober.ownPython))
      // Nobody had to be started again.
      #expect(laboratory.workers() == workers)
    }
  }

  /// regreSSHion (CVE-2024-6387): all slots come back after the grace time, and others log in meanwhile.
  @Test func halfOpenConnectionsEnd() async throws {
    let shorter = ("shell      = \"os\"", "shell = \"os\"\ngrace_time = \"5s\"")
    let more = ("[tls]", "[limits]\nconnections_per_source = 3000\nconnection_rate = 5000\n\n[tls]")
    try await Laboratory.with(editing: [shorter, more]) { laboratory in
      let workers = laboratory.workers()
      try Self.check(
        try await Prober.run("ssh.py", laboratory, ["rows": ["half-open"], "grace": 5], python: Prober.ownPython))
      #expect(laboratory.workers() == workers)
    }
  }

  private static func check(_ answer: [String: Any]) throws {
    #expect(answer.count > 2)
    for (name, value) in answer where !name.hasSuffix("seconds") {
      #expect(value as? Bool == true, "\(name): \(value) (\(answer))")
    }
  }
}
