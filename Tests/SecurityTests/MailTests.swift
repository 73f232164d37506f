import Foundation
import LaboratoryKit
import Testing

/// SMTP: smuggling (2023), STARTTLS injection (2021), ALPACA (2021), plain-text passwords, enumeration, open relays.
@Suite(.serialized, .timeLimit(.minutes(3))) struct MailTests {
  @Test func hostileClientsOfSMTPGetNowhere() async throws {
    try await Laboratory.with(editing: [("plaintext        = true", "plaintext        = false")]) { laboratory in
      let mail = try #require(laboratory.workers()["mail"])
      let rows = try await Prober.rows("smtp.py", laboratory)
      #expect(rows.count > 20)
      for (name, row) in rows {
        let closed = row["closed"] as? Bool
        switch name.split(separator: " ")[0] {
        case "smuggling": #expect(closed == true && row["accepted"] as? Int == 0, "\(name): \(row)")
        case "bare": #expect(closed == true && row["accepted"] as? Int == 0, "\(name): \(row)")
        case "starttls": #expect(closed == true && row["answered"] as? Bool == false, "\(name): \(row)")
        case "browser":
          #expect(
            closed == true && row["reflected"] as? Bool == false && row["text"] as? String == "", "\(name): \(row)")
        case "plaintext": #expect(row["code"] as? String == "530", "\(name): \(row)")
        case "enumeration": #expect(row["same"] as? Bool == true, "\(row)")
        case "injection": #expect(row["codes"] as? [String] == ["501", "250", "250"], "\(row)")
        case "harvest": #expect(closed == true && (row["refused"] as? Int ?? 99) < 30, "\(row)")
        case "endless": #expect(row["code"] as? String == "500" && row["served"] as? Bool == true, "\(row)")
        case "faults": #expect(closed == true && (row["answers"] as? Int ?? 99) <= 10, "\(row)")
        case "relay": #expect((row["code"] as? String)?.first == "5", "\(name): \(row)")
        default: Issue.record("\(name) is not judged")
        }
      }
      // Nothing that came is a control character in the log.
      #expect(!laboratory.log.contains("\u{1B}[31m"))
      #expect(laboratory.workers()["mail"] == mail, "the worker did not crash")
    }
  }
}
