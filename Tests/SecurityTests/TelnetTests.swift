import Foundation
import LaboratoryKit
import Testing

/// Telnet: the environment, endless sub-negotiations, option loops, START_TLS, and what a log-in gives away.
@Suite(.serialized, .timeLimit(.minutes(3))) struct TelnetSecurityTests {
  private func run(
    _ cases: [String], _ laboratory: Laboratory, _ more: [String: Any] = [:]
  ) async throws -> [String: [String: Any]] {
    let plain = try #require(laboratory.ready.services.first { $0.name == "telnet" && $0.tls == "starttls" })
    let ann = try #require(laboratory.ready.accounts.first { $0.name == "ann@lab.test" })
    return try await Prober.rows(
      "telnet.py", laboratory,
      ["cases": cases, "plain": plain.port, "password": ann.password].merging(more) { $1 })
  }

  @Test func whatClientsSayOfThemselvesLogsNobodyIn() async throws {
    let log = ("[metrics]", "[log]\nlevel = \"debug\"\n\n[metrics]")
    try await Laboratory.with(editing: [log]) { laboratory in
      let watch = try RunningCommand(
        Laboratory.program, ["watch", "--config", laboratory.configurationFile, "--protocol", "telnet"])
      try await Task.sleep(for: .milliseconds(700))
      let workers = laboratory.workers()
      let rows = try await run(["environment", "injection", "enumeration"], laboratory)
      let environment = try #require(rows["environment"])
      #expect(environment["asked"] as? Bool == true && environment["inside"] as? Bool == false, "\(environment)")
      #expect(environment["account"] as? Bool == true && environment["root"] as? Bool == false, "\(environment)")
      let injection = try #require(rows["injection"])
      #expect(injection["closed"] as? Bool == true && injection["answered"] as? Bool == false, "\(injection)")
      let enumeration = try #require(rows["enumeration"])
      #expect(enumeration["same"] as? Bool == true && enumeration["ratio"] as? Double ?? 99 < 3, "\(enumeration)")
      #expect(laboratory.workers() == workers)
      // Those who watch see the options by their names, and nobody's password.
      let isSeen = try await eventually(within: .seconds(10)) { watch.output.contains("NEW-ENVIRON") }
      #expect(isSeen, "\(watch.output)\(watch.errors)")
      for account in laboratory.ready.accounts {
        #expect(!watch.output.contains(account.password) && !laboratory.log.contains(account.password))
      }
      #expect(!watch.output.contains("zebra quagga") && !laboratory.log.contains("zebra quagga"))
      kill(watch.pid, SIGINT)
      _ = try await watch.end(within: .seconds(10))
    }
  }

  @Test func nobodyIsAnsweredForEver() async throws {
    try await Laboratory.with { laboratory in
      let workers = laboratory.workers()
      let access = try #require(workers["access"])
      let before = ProcessTable.memory(access).resident
      let rows = try await run(["endless", "loops", "crowd"], laboratory, ["bound": 100])
      #expect(rows["endless"]?["closed"] as? Bool == true, "\(rows)")
      let loops = try #require(rows["loops"] as? [String: [String: Any]])
      #expect(loops.count == 6)
      for (name, row) in loops {
        let bytes = row["bytes"] as? Int ?? .max
        // One answer to WILL NAWS, which is news; the rest is not.
        if name == "nothing new" {
          #expect(bytes < 100, "\(name): \(row)")
        } else {
          #expect(row["closed"] as? Bool == true && bytes < 100_000, "\(name): \(row)")
        }
      }
      #expect(rows["crowd"]?["away"] as? Int == 20 && rows["crowd"]?["after"] as? Bool == true, "\(rows)")
      #expect(laboratory.workers() == workers)
      #expect(ProcessTable.memory(access).resident - before < 60_000)
    }
  }

  @Test func plainTextIsRefusedWhereItIsNotAllowed() async throws {
    try await Laboratory.with(editing: [("plaintext = true", "plaintext = false")]) { laboratory in
      let row = try #require(try await run(["without_tls"], laboratory)["without_tls"])
      #expect(row["asked"] as? Bool == false && row["closed"] as? Bool == true, "\(row)")
      #expect(row["told"] as? Bool == true && row["inside"] as? Bool == true, "\(row)")
    }
  }
}
