import Foundation
import LaboratoryKit
import Testing

/// Filters of others: rspamd judges, opendkim signs, one behind the other.
@Suite(.serialized, .timeLimit(.minutes(3))) struct MilterTests {
  private static let script = SMTPClientsTests.scripts.appendingPathComponent("milters.py").path

  @Test func rspamdRefusesAndOpendkimSigns() async throws {
    try await TemporaryFolder.with { folder in
      let (rspamd, opendkim) = (try Occupier().port, try Occupier().port)
      let mark = "\(folder)/run"
      FileManager.default.createFile(atPath: mark, contents: nil)
      let peers = try RunningCommand("python3", [Self.script, "start", folder, "\(rspamd)", "\(opendkim)"])
      let isReady = try await eventually(within: .seconds(90)) { peers.output.contains("\n") }
      #expect(isReady && peers.output.hasPrefix("ready"), "\(peers.output)")
      let line = "submissions_port = 10465"
      let milters = "milters = [\"inet:127.0.0.1:\(rspamd)\", \"inet:127.0.0.1:\(opendkim)\"]"
      try await Laboratory.with(editing: [(line, "\(line)\n\(milters)")]) { laboratory in
        let result = try await run(
          "python3", [Self.script, "send", try SMTPClientsTests.told(laboratory)], within: .seconds(90))
        let found = try result.texts()
        #expect(found["good"] == "250", "\(result.all)\n\(laboratory.log)")
        #expect(found["spam"]?.hasPrefix("5") == true, "\(result.all)\n\(laboratory.log)")
        let box = found["box"] ?? ""
        #expect(box.contains("X-Spamd-Bar") || box.contains("X-Spam"), "\(box)")
        #expect(box.contains("s=milter") && !box.contains("GTUBE"), "\(box)")
      }
      try FileManager.default.removeItem(atPath: mark)
      _ = try await peers.end(within: .seconds(20))
    }
  }

  @Test func aMilterThatIsAwayHasMailWait() async throws {
    let line = "submissions_port = 10465"
    let port = try Occupier().port
    for (word, wanted) in [("tempfail", "451"), ("accept", "250")] {
      let more = "milters = [\"inet:127.0.0.1:\(port)\"]\nmilter_failure = \"\(word)\""
      try await Laboratory.with(editing: [(line, "\(line)\n\(more)")]) { laboratory in
        let ann = try #require(laboratory.ready.accounts.first { $0.name.hasPrefix("ann@") })
        let sent = try await run(
          "swaks",
          [
            "--server", "127.0.0.1", "--port", "\(try laboratory.port("submission"))", "--tls", "--auth", "PLAIN",
            "--auth-user", "ann", "--auth-password", ann.password, "--from", "ann@lab.test", "--to", "bob@lab.test",
          ])
        #expect(sent.output.contains(" \(wanted) "), "\(sent.all)")
        #expect(laboratory.log.contains("a milter failed"))
      }
    }
  }
}
