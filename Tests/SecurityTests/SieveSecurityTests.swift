import Foundation
import LaboratoryKit
import Testing

/// The rows of `security.md` that concern ManageSieve.
@Suite(.serialized, .timeLimit(.minutes(4))) struct SieveSecurityTests {
  @Test func hostileClientsOfManageSieveGetNowhere() async throws {
    // Without leave for plain text, as outside of a laboratory.
    let strict = ("port      = 14190\nplaintext = true", "port      = 14190")
    try await Laboratory.with(editing: [strict]) { laboratory in
      let mail = laboratory.workers()["mail"]
      let answer = try await Prober.run("sieve.py", laboratory, ["limit": 80], within: .seconds(150))
      let rows = try #require(answer["rows"] as? [String: [String: Any]])
      func reply(_ row: String) -> String { rows[row]?["reply"] as? String ?? "?" }
      for (name, row) in rows { #expect(row["closed"] as? Bool == true, "\(name): \(row)") }
      // STARTTLS injection (2021), ALPACA (2021): not a word.
      for row in ["injection", "injection of a log-in", "browser", "browser's post"] {
        #expect(reply(row) == "", "\(row): \(reply(row))")
      }
      for row in ["bare LF", "bare CR", "long line", "literal"] {
        #expect(reply(row).hasPrefix("BYE") || reply(row).hasPrefix("NO"), "\(row): \(reply(row))")
      }
      // Passwords in plain text: not offered, and refused.
      #expect(reply("plain log-in").hasPrefix("NO (ENCRYPT-NEEDED)"), "\(reply("plain log-in"))")
      #expect((rows["browser"]?["greeting"] as? String)?.contains("\"SASL\" \"\"") == true)
      #expect(reply("nothing before log-in").components(separatedBy: "NO \"Not now\"").count == 4)
      let held = try #require(answer["held"] as? [String: [String: Any]])
      #expect(held.count == 3)
      for (name, row) in held { #expect(row["closed"] as? Bool == true, "\(name)") }
      #expect((answer["served"] as? Int ?? 0) > 5)
      #expect(laboratory.workers()["mail"] == mail, "the worker did not crash")
    }
  }
}
