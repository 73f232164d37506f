import Foundation
import NamesKit
import Testing

/// Zones that the running program and real servers transfer to one another; `replication.py` has the cases. Needs knotd, named
/// and their tools: a peer that is missing is a failure (`Scripts/setup-test-peers`).
@Suite(.serialized, .timeLimit(.minutes(6))) struct ReplicationTests {
  @Test(arguments: ["out", "secondaries", "updates", "knot-primary", "named-primary"])
  func zonesAreTheSameEverywhere(name: String) throws {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("replication.py")
    let program = NamesServer.products.appendingPathComponent("portside").path
    let result = try Command.run(
      ["/usr/bin/env", "PYTHONDONTWRITEBYTECODE=1", "/usr/bin/python3", script.path, program, name], seconds: 240)
    #expect(result.status == 0, "\(name): \(result.output.suffix(8000))")
  }
}
