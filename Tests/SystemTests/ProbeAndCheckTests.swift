import Foundation
import LaboratoryKit
import Testing

/// `portside probe` and `portside check` look at the running program through its own clients.
@Suite(.serialized, .timeLimit(.minutes(3))) struct ProbeAndCheckTests {
  @Test func everyURLThatTryTellsCanBeProbed() async throws {
    try await Laboratory.with { laboratory in
      for service in laboratory.ready.services {
        let result = try await run(
          Laboratory.program, ["probe", service.url, "--ca", laboratory.ready.ca, "--json"])
        #expect(result.code == 0, "\(service.url): \(result.all)")
        #expect(try result.json() is [String: Any], "\(result.all)")
      }
      // Without our root the system's are asked, and they don't know it.
      let https = try #require(laboratory.ready.services.first { $0.name == "https" })
      #expect(try await run(Laboratory.program, ["probe", https.url]).code == 1)
      let closed = try Occupier().port
      #expect(try await run(Laboratory.program, ["probe", "http://127.0.0.1:\(closed)/"]).code == 1)
      #expect(try await run(Laboratory.program, ["probe", "gopher://127.0.0.1/"]).code == 2)
    }
  }

  @Test func checkPassesARunningServerAndNamesWhatIsWrong() async throws {
    try await TemporaryFolder.with { folder in
      let first = try await Laboratory(in: "\(folder)/lab")
      try await first.stop()
      try first.fixPorts()
      let laboratory = try await Laboratory(in: "\(folder)/lab", arguments: ["--ports", "10000"])
      let result = try await laboratory.portside("check", "--json")
      let rows = try #require(try result.json() as? [[String: Any]])
      #expect(result.code == 0 && rows.allSatisfy { $0["result"] as? String != "FAIL" }, "\(result.all)")
      #expect(rows.contains { ($0["subject"] as? String)?.hasPrefix("https tcp") == true }, "\(result.all)")

      try laboratory.edit("default_site", "default_sight")
      let faulty = try await laboratory.portside("check")
      #expect(
        faulty.code == 1 && faulty.output.contains("FAIL") && faulty.output.contains("default_site"), "\(faulty.all)")
      try laboratory.edit("default_sight", "default_site")
      #expect(try await laboratory.stop() == 0)

      // Stopped, with a port that somebody else has.
      let occupier = try Occupier(port: laboratory.port("http"))
      let taken = try await laboratory.portside("check")
      #expect(taken.code == 1 && taken.output.contains("pid \(getpid())"), "\(taken.all)")
      withExtendedLifetime(occupier) {}
    }
  }
}
