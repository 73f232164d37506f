import Foundation
import LaboratoryKit
import Testing

/// The same commands to Dovecot and to us. `docs/imap.md` explains what differs; nothing else may.
@Suite(.serialized, .timeLimit(.minutes(3))) struct ComparisonTests {
  private struct Difference: Decodable {
    let command: String
    let ours: [String]
    let dovecot: [String]
  }

  private struct Outcome: Decodable {
    let steps: Int
    let differences: [Difference]
  }

  /// Commands whose answers differ, each with its reason in `docs/imap.md`.
  private static let explained: Set<String> = [
    "CREATE Work", "CREATE Work/Deep", "CREATE Entw&APw-rfe", "LIST \"\" *", "LIST \"\" %", "LSUB \"\" *",
    "LIST (SUBSCRIBED) \"\" *", "STATUS Work (MESSAGES UNSEEN UIDNEXT)", "STATUS Missing (MESSAGES)", "SELECT Missing",
    "SELECT Work", "SELECT Elsewhere (CONDSTORE)", "FETCH 1 INTERNALDATE", "FETCH 1:* BODY", "FETCH 1:* BODYSTRUCTURE",
    "FETCH 2 BODY.PEEK[9]", "FETCH 2 BODY.PEEK[1.1]", "FETCH 2 BINARY.PEEK[1]", "FETCH 2 (BODY[1])", "FETCH 3 RFC822",
    "SEARCH CHARSET X-NO ALL", "DELETE INBOX", "EXAMINE Elsewhere", "STORE 1 +FLAGS (\\Seen)", "FETCH 1 FLAGS",
    "EXPUNGE", "CREATE &bad", "NAMESPACE", "ENABLE BOGUS", "BOGUS", "MOVE 1 Work/Deep",
    "SEARCH RETURN () 9:*", "CREATE \"\"",
  ]

  @Test func dovecotAnswersTheSame() async throws {
    try await Laboratory.with { laboratory in
      let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
        "Clients/compare.py")
      let account = laboratory.ready.accounts[1]
      let result = try await run(
        "python3", [script.path, "\(try laboratory.port("imap"))", account.name, account.password], within: .seconds(90)
      )
      let outcome = try JSONDecoder().decode(Outcome.self, from: Data(result.output.utf8))
      #expect(outcome.steps > 130)
      for difference in outcome.differences where !Self.explained.contains(difference.command) {
        Issue.record("\(difference.command)\nours: \(difference.ours)\ndovecot: \(difference.dovecot)")
      }
    }
  }
}
