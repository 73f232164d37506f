import Foundation
import LaboratoryKit
import Testing

/// BlueKeep, and lengths that lie, on remote desktops; a log-in by CredSSP that is led to another server.
@Suite(.serialized, .timeLimit(.minutes(3))) struct RDPSecurityTests {
  @Test func hostileClientsAreDisconnectedAndOthersServed() async throws {
    try await Laboratory.with { laboratory in
      let workers = laboratory.workers()
      let ann = try #require(laboratory.ready.accounts.first { $0.name.hasPrefix("ann@") })
      let rows = try await Prober.rows("rdp.py", laboratory, ["password": ann.password])
      #expect(rows.count == 26)
      for (name, row) in rows {
        #expect(row["serves"] as? Bool == true, "\(name): \(row)")
        if name.hasPrefix("nla right") {
          // The control: the same exchange, with the right key and password, is bound.
          #expect(row["bound"] as? Bool == true, "\(name): \(row)")
          continue
        }
        #expect(row["closed"] as? Bool == true, "\(name): \(row)")
        #expect(row["bound"] as? Bool != true, "\(name): \(row)")
        if name.hasPrefix("t120") { #expect(row["answered"] as? Int == 0, "\(name): \(row)") }
      }
      #expect(laboratory.workers() == workers, "a worker has ended")
      #expect(!laboratory.log.contains(ann.password))
    }
  }

  /// Slow clients: nobody holds a connection before the log-in for longer than the handshake may take.
  @Test func slowClientsAreLetGo() async throws {
    try await Laboratory.with { laboratory in
      let answer = try await Prober.run("rdp_slow.py", laboratory, ["limit": 45])
      let held = try #require(answer["held"] as? [String: [String: Any]])
      #expect(held.count == 7 && answer["served"] as? Bool == true)
      for (name, row) in held { #expect(row["closed"] as? Bool == true, "\(name): \(row)") }
    }
  }
}
