import Foundation
import LaboratoryKit
import Testing

/// Postfix as receiver and as sender, in a small Internet of our own DNS; dkimpy looks at signatures and seals.
@Suite(.serialized, .timeLimit(.minutes(5))) struct PostfixTests {
  private static let python = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent(".venv/bin/python").path

  /// Port 25, the resolver and the authorities of the system are the test's own: that needs namespaces, and root.
  @Test(.enabled(if: geteuid() == 0)) func bothWays() async throws {
    try await TemporaryFolder.with { folder in
      // Workers that are nobody must get there.
      chmod(folder, 0o755)
      let program = "\(folder)/portside"
      try FileManager.default.copyItem(atPath: Laboratory.program, toPath: program)
      let script = SMTPClientsTests.scripts.appendingPathComponent("postfix.py").path
      let result = try await run(
        "unshare", ["-n", "-m", Self.python, script, program, folder], within: .seconds(240))
      guard result.code == 0 else { throw Failure(result.all) }
      let found = try result.texts()
      func has(_ key: String, _ parts: String...) {
        for part in parts { #expect(found[key]?.contains(part) == true, "\(key) lacks \(part):\n\(found[key] ?? "")") }
      }
      // Out, over TLS that was checked; what the policy forbids, and who is silent, waits.
      has(
        "out", "Subject: to postfix", "Subject: to postfix again", "using TLSv1.3",
        "DKIM-Signature: v=1; a=ed25519-sha256")
      has("queue", "stands in its MTA-STS policy", "127.0.0.9:25 can't be reached")
      has("policies", "\"mode\":\"enforce\"")
      // What failed comes back, word for word.
      has("notices", "550 5.1.1 <nobody@b.test>", "x@none.b.test", "Action: failed", "Status: 5.1.1")
      // In, and on again: sealed, with a sender of our own.
      has("in", "Subject: from postfix", "with ESMTPS", "spf=pass", "dmarc=pass")
      has("passed", "Return-Path: <SRS0=", "ARC-Seal: i=1;", "cv=none", "ARC-Authentication-Results: i=1; mx.a.test")
      has("log", "Untrusted TLS connection established to mx.a.test", "550 5.1.1 There is no such mailbox here")
      #expect(found["in"]?.contains("Subject: loop") == false, "a notice about a notice")
      // For the reports of the day.
      has("tls-reports", "\"successes\":", "validation-failure", "\"policy-type\":\"sts\"")
      has("dmarc-reports", "127.0.0.2", "\"headerFrom\":\"b.test\"")
      // By dkimpy.
      let judged = try #require(found["judged"])
      #expect(!judged.contains("False") && judged.contains("True") && judged.contains("\"arc\": \"pass\""), "\(judged)")
      // A chain by dkimpy counts where its sealer does (RFC 8617 §7.2).
      #expect(found["sealed"] == "250" && found["unsealed"]?.hasPrefix("550") == true, "\(found["unsealed"] ?? "")")
      has("chain", "arc=pass", "arc.chain=l.test", "dmarc=fail")
    }
  }
}
