import Foundation
import NamesKit
import Testing

/// Zones that the running program and real servers transfer to one another; `replication.py` has the cases. Needs knotd, named
/// and their tools: a peer that is missing is a failure (`Scripts/setup-test-peers`).
@Suite(.serialized, .timeLimit(.minutes(10))) struct ReplicationTests {
  @Test(arguments: [
    "out", "secondaries", "updates", "knot-primary", "named-primary", "catalogs", "digests", "views", "tls",
  ])
  func zonesAreTheSameEverywhere(name: String) throws {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("replication.py")
    let program = NamesServer.products.appendingPathComponent("portside").path
    let result = try Command.run(
      ["/usr/bin/env", "PYTHONDONTWRITEBYTECODE=1", "/usr/bin/python3", script.path, program, name], seconds: 240)
    #expect(result.status == 0, "\(name): \(result.output.suffix(8000))")
  }

  /// `authority.py`: who may change a zone and how that is signed, names with the addresses of others, cookies, a full disk.
  @Test(arguments: ["sig0", "handed-on", "aliases", "opt-out", "cookies", "full-disk", "explained"])
  func zonesAreKeptAsTheyShould(name: String) throws {
    let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("authority.py")
    let program = NamesServer.products.appendingPathComponent("portside").path
    let result = try Command.run(
      ["/usr/bin/env", "PYTHONDONTWRITEBYTECODE=1", "/usr/bin/python3", script.path, program, name], seconds: 240)
    #expect(result.status == 0, "\(name): \(result.output.suffix(8000))")
  }
}
