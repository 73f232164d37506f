import Foundation
import LaboratoryKit
import Testing

/// The rows of `security.md` that concern POP3.
@Suite(.serialized, .timeLimit(.minutes(4))) struct POP3SecurityTests {
  @Test func hostileClientsOfPOP3GetNowhere() async throws {
    // Without leave for plain text, as outside of a laboratory.
    let strict = ("tls_port  = 10995\nplaintext = true", "tls_port  = 10995")
    try await Laboratory.with(editing: [strict]) { laboratory in
      let mail = laboratory.workers()["mail"]
      let answer = try await Prober.run("pop3.py", laboratory, ["limit": 80, "bound": 100], within: .seconds(150))
      let rows = try #require(answer["rows"] as? [String: [String: Any]])
      func reply(_ row: String) -> String { rows[row]?["reply"] as? String ?? "?" }
      for (name, row) in rows { #expect(row["closed"] as? Bool == true, "\(name): \(row)") }
      // STARTTLS injection (2021): nothing is answered.
      #expect(reply("injection") == "" && reply("injection of a log-in") == "")
      #expect(reply("reset").contains("-ERR"))
      // ALPACA (2021): not a word; alerts 120 and 112.
      for row in ["browser", "browser's post", "browser inside TLS"] { #expect(reply(row) == "", "\(row)") }
      #expect(reply("alpn http") == "15030300020278" && reply("alpn imap") == "15030300020278")
      #expect(reply("alpn own").hasPrefix("1603"))
      #expect(reply("sni") == "15030300020270")
      // Lines.
      for row in ["bare LF", "bare CR", "long line"] {
        #expect(reply(row).hasPrefix("-ERR") && !reply(row).contains("Bye"), "\(row): \(reply(row))")
      }
      // Passwords in plain text.
      for row in ["plain USER", "plain PLAIN", "plain LOGIN"] {
        #expect(reply(row).hasPrefix("-ERR TLS first"), "\(row)")
      }
      // Slow clients.
      let held = try #require(answer["held"] as? [String: [String: Any]])
      #expect(held.count == 5)
      for (name, row) in held { #expect(row["closed"] as? Bool == true, "\(name): \(row)") }
      #expect(answer["served"] as? Bool == true && (answer["times"] as? Int ?? 0) > 5)
      #expect(answer["away"] as? Int == 20 && answer["after"] as? Bool == true, "\(answer["away"] ?? "")")
      #expect(laboratory.workers()["mail"] == mail, "the worker did not crash")
    }
  }
}
