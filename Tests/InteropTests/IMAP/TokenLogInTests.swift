import Foundation
import LaboratoryKit
import Testing

/// Tokens of issuers outside, made by PyJWT, over imapclient, curl, smtplib and ManageSieve.
@Suite(.serialized, .timeLimit(.minutes(3))) struct TokenLogInTests {
  private static let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  private static let python = here.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent(".venv/bin/python").path
  private static let script = here.appendingPathComponent("Clients/tokens.py").path

  private func python(_ arguments: [String]) async throws {
    let result = try await LaboratoryKit.run(Self.python, [Self.script] + arguments, within: .seconds(150))
    #expect(result.code == 0 && result.output.hasSuffix("ok\n"), "\(result.all)")
  }

  @Test func tokensOfIssuersOutside() async throws {
    try await TemporaryFolder.with { folder in
      try await python(["make", folder])
      let port = try Occupier().port
      let issuers = """
        [auth]
        tokens = { id = { issuer = "https://id.test", audience = ["mail"], keys = "\(folder)/jwks.json" }, \
        web = { issuer = "https://web.test", audience = ["mail"], claim = "preferred_username", \
        keys = "http://127.0.0.1:\(port)/jwks" } }

        """
      try await Laboratory.with(editing: [("[auth]\n", issuers)]) { laboratory in
        let ports = try ["imaps", "pop3s", "submissions", "sieve"].map { String(try laboratory.port($0)) }
        let account = laboratory.ready.accounts[0]
        try await python(["run", folder, "\(port)"] + ports + [laboratory.ready.ca, account.name])
        #expect(!laboratory.log.contains("eyJ"), "a token in the log")
        let audit = try await laboratory.portside("audit", "list", "--limit", "200")
        #expect(audit.output.contains("token of id") && audit.output.contains("token expired"), "\(audit.all)")
      }
    }
  }
}
