import Foundation
import LaboratoryKit
import Testing

/// Real clients in an X server of their own, against a laboratory; `clients.py` has the cases. A client that is missing is a
/// failure: `Scripts/setup-test-peers` installs them.
@Suite(.serialized, .timeLimit(.minutes(5))) struct RDPInteropTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

  private static var python: String {
    let own = folder.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent(".venv/bin/python").path
    return FileManager.default.isExecutableFile(atPath: own) ? own : "/usr/bin/python3"
  }

  @Test(arguments: [
    "nla", "depths", "pipeline", "screen", "editor", "resize", "clipboard", "rdesktop", "aardwolf",
  ])
  func client(_ name: String) async throws {
    try await Laboratory.with { laboratory in
      let ann = try #require(laboratory.ready.accounts.first)
      let port = try #require(laboratory.ready.services.first { $0.name == "rdp" }?.port)
      let result = try await LaboratoryKit.run(
        Self.python, [Self.folder.appendingPathComponent("clients.py").path, "\(port)", ann.name, ann.password, name],
        environment: ["PYTHONDONTWRITEBYTECODE": "1"], within: .seconds(200))
      #expect(result.code == 0, "\(result.all.suffix(4_000))")
    }
  }

  /// The probe names each rung, and the one that is missing.
  @Test func theProbeClimbsTheLadder() async throws {
    try await Laboratory.with { laboratory in
      let port = try #require(laboratory.ready.services.first { $0.name == "rdp" }?.port)
      let url = "rdp://127.0.0.1:\(port)"
      let result = try await run(Laboratory.program, ["probe", url, "--ca", laboratory.ready.ca])
      #expect(result.code == 0 && result.output.contains("first picture"), "\(result.all)")
      let stranger = try await run(Laboratory.program, ["probe", url])
      #expect(stranger.code == 1 && stranger.output.contains("FAIL: TLS"), "\(stranger.all)")
    }
  }
}
