import Foundation
import LaboratoryKit
import Testing

/// Clients of this world against `portside try`: swaks, msmtp, curl, smtp-source, Python's smtplib.
@Suite(.serialized, .timeLimit(.minutes(3))) struct SMTPClientsTests {
  static let scripts = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Scripts")

  static func told(_ laboratory: Laboratory, _ more: [String: Any] = [:]) throws -> String {
    var told: [String: Any] = ["ca": laboratory.ready.ca, "data": laboratory.data]
    for service in laboratory.ready.services { told[service.name] = service.port }
    for account in laboratory.ready.accounts {
      told[String(account.name.prefix { $0 != "@" })] = account.password
    }
    told.merge(more) { $1 }
    return String(decoding: try JSONSerialization.data(withJSONObject: told), as: UTF8.self)
  }

  @Test func everyClientGetsItsMailIn() async throws {
    try await Laboratory.with { laboratory in
      let result = try await run(
        "python3", [Self.scripts.appendingPathComponent("clients.py").path, try Self.told(laboratory)],
        within: .seconds(120))
      let rows = try #require(try? result.json() as? [String: [String: Any]], "\(result.all)")
      #expect(rows.count == 16)
      for (name, row) in rows { #expect(row["code"] as? Int == 0, "\(name): \(row["out"] ?? "")") }
      // Nothing of a password is in the log.
      for account in laboratory.ready.accounts { #expect(!laboratory.log.contains(account.password)) }
    }
  }

  @Test func theQueueCanBeReadAndChanged() async throws {
    try await Laboratory.with { laboratory in
      let ann = try #require(laboratory.ready.accounts.first { $0.name.hasPrefix("ann@") })
      let sent = try await run(
        "swaks",
        [
          "--server", "127.0.0.1", "--port", "\(try laboratory.port("submission"))", "--tls", "--auth", "PLAIN",
          "--auth-user", "ann", "--auth-password", ann.password, "--from", "ann@lab.test", "--to",
          "far@elsewhere.test,x@elsewhere.test",
        ])
      #expect(sent.code == 0, "\(sent.all)")
      let isTried = try await eventually(within: .seconds(10)) { laboratory.log.contains("never sends mail to other") }
      #expect(isTried, "\(laboratory.log)")
      let list = try await laboratory.portside("queue", "list", "--json")
      let messages = try #require(try list.json() as? [[String: Any]], "\(list.all)")
      #expect(messages.count == 1 && (messages[0]["recipients"] as? [Any])?.count == 2, "\(list.all)")
      let show = try await laboratory.portside("queue", "show", "1")
      #expect(
        show.output.contains("never sends mail to other domains") && show.output.contains("DKIM-Signature"),
        "\(show.all)")
      for verb in ["hold", "release", "retry", "drop"] {
        let done = try await laboratory.portside("queue", verb, "1")
        #expect(done.code == 0, "\(verb): \(done.all)")
      }
      #expect(try await laboratory.portside("queue", "list").output == "the queue is empty\n")
      let gone = try await laboratory.portside("queue", "drop", "1")
      #expect(gone.code == 1 && gone.errors.contains("no message"), "\(gone.all)")
      let probe = try await run(
        Laboratory.program,
        ["probe", "submission://ann:\(ann.password)@127.0.0.1:\(try laboratory.port("submission"))"])
      #expect(probe.output.contains("logged in") && !probe.output.contains(ann.password), "\(probe.all)")
    }
  }
}
