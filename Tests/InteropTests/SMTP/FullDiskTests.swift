import Foundation
import LaboratoryKit
import Testing

/// What was taken is kept, what can't be kept is not taken, and nothing breaks for good.
@Suite(.serialized, .timeLimit(.minutes(4))) struct FullDiskTests {
  @Test(.enabled(if: geteuid() == 0)) func aFullDiskAndAFlood() async throws {
    try await TemporaryFolder.with { folder in
      let script = SMTPClientsTests.scripts.appendingPathComponent("full.py").path
      let result = try await run(
        "unshare", ["-m", "python3", script, Laboratory.program, folder], within: .seconds(200))
      let found = try #require(try? result.json() as? [String: Any], "\(result.all)")
      let taken = try #require(found["taken"] as? Int)
      #expect(taken > 0 && taken < 20 && found["kept"] as? Int == taken, "\(found)")
      let refused = try #require(found["refused"] as? [String])
      #expect(!refused.isEmpty && refused.allSatisfy { $0.hasPrefix("452 ") || $0.hasPrefix("451 ") }, "\(refused)")
      #expect(found["after"] as? String == "250" && found["laterKept"] as? Bool == true, "\(found)")
      #expect(found["flood"] as? Int == 0 && found["alive"] as? Bool == true, "\(found)")
      #expect(found["check"] as? Int == 0, "\(found["checkText"] ?? "")")
    }
  }
}
