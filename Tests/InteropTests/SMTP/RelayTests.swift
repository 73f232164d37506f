import Foundation
import LaboratoryKit
import Testing

/// Mail that leaves, to Postfix's smtp-sink as the relay.
@Suite(.serialized, .timeLimit(.minutes(3))) struct RelayTests {
  /// A port that nobody listens on.
  private static func freePort() throws -> Int { try Occupier().port }

  private static func send(refuses: Bool) async throws -> [String: String] {
    let port = try freePort()
    let relay = "relay            = { via = \"smtp://127.0.0.1:\(port)\" }"
    let line = "submissions_port = 10465"
    return try await Laboratory.with(editing: [(line, "\(line)\n\(relay)")]) { laboratory in
      let told = try SMTPClientsTests.told(laboratory, ["relay": port, "refuses": refuses])
      let result = try await run(
        "python3", [SMTPClientsTests.scripts.appendingPathComponent("relay.py").path, told], within: .seconds(90))
      guard result.code == 0 else { throw Failure("\(result.all)\n\(laboratory.log)") }
      return try result.texts()
    }
  }

  @Test func theRelayGetsItWordForWord() async throws {
    let found = try await Self.send(refuses: false)
    let taken = try #require(found["taken"])
    #expect(taken.contains("Subject: relayed") && taken.contains("DKIM-Signature: "), "\(taken)")
    #expect(taken.contains("\n.dot\n") || taken.contains("\n..dot\n"), "\(taken)")
    #expect(!taken.contains("Return-Path"), "\(taken)")
  }

  /// RFC 3464: the sender hears why, in a form for people and in one for programs.
  @Test func aRefusalComesBackAsANotice() async throws {
    let found = try await Self.send(refuses: true)
    let notice = try #require(found["notice"])
    for part in [
      "Return-Path: <>", "report-type=delivery-status", "Action: failed", "Final-Recipient: rfc822; joe@far.test",
      "Original-Recipient: rfc822;joe@far.test", "Original-Envelope-Id: q1", "Reporting-MTA: dns; srv.lab.test",
      "Diagnostic-Code: smtp; 5", "Subject: relayed", "text/rfc822-headers",
    ] { #expect(notice.contains(part), "\(part) is missing:\n\(notice)") }
  }
}
