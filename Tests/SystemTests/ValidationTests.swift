import Foundation
import LaboratoryKit
import Testing

/// `portside serve` as a validating resolver beside Unbound, on a small Internet by Knot, NSD and BIND
/// (`Tests/InteropTests/DNS/validation.py`). In a network namespace, which only root can make.
@Suite(.serialized, .timeLimit(.minutes(6))) struct ValidationTests {
  @Test(.enabled(if: geteuid() == 0, "only root can make a network namespace"))
  func judgesTheSmallInternetAsUnboundDoes() async throws {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("InteropTests/DNS/validation.py").path
    let result = try await run(
      "unshare", ["-n", "/usr/bin/python3", script, Laboratory.program], within: .seconds(330))
    print(result.output)
    #expect(result.code == 0, "\(result.all)")
  }
}
