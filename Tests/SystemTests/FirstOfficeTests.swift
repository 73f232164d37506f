import Foundation
import LaboratoryKit
import Testing

/// `docs/first-office.md`: its configurations pass as they stand there.
struct FirstOfficeTests {
  @Test func everyConfigurationPasses() async throws {
    let page = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("docs/first-office.md")
    let parts = try String(contentsOf: page, encoding: .utf8).components(separatedBy: "```toml\n").dropFirst()
    #expect(parts.count == 3)
    for part in parts {
      let configuration = part.components(separatedBy: "```")[0]
      let file = FileManager.default.temporaryDirectory.appendingPathComponent("office-\(UUID().uuidString).toml")
      try configuration.write(to: file, atomically: true, encoding: .utf8)
      defer { try? FileManager.default.removeItem(at: file) }
      let check = try await run(Laboratory.program, ["config", "check", file.path])
      #expect(check.code == 0 && check.output.contains("no findings"), "\(check.all)")
    }
  }
}
