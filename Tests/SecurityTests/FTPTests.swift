import Foundation
import LaboratoryKit
import Testing

/// What must never work against the FTP server (RFC 2577, and what bit others since).
@Suite(.serialized, .timeLimit(.minutes(4))) struct FTPSecurityTests {
  private static func rows(_ laboratory: Laboratory, _ part: String) async throws -> [String: [String: Any]] {
    try await Prober.rows(
      "ftp.py", laboratory,
      [
        "part": part, "user": laboratory.ready.accounts[0].name, "password": laboratory.ready.accounts[0].password,
        "home": "\(laboratory.data)/files/home/\(laboratory.ready.accounts[0].name)",
      ])
  }

  /// FTP bounce (CVE-1999-0017): the server knocks at nobody else's door, and takes no stranger's data connection.
  @Test func bounce() async throws {
    try await Laboratory.with { laboratory in
      let rows = try await Self.rows(laboratory, "bounce")
      #expect(rows.count == 9)
      for (name, row) in rows {
        if let code = row["code"] as? String { #expect(code.hasPrefix("5"), "\(name): \(row)") }
        #expect(row["reached"] as? Bool == false, "\(name): \(row)")
      }
    }
  }

  /// STARTTLS injection (2021).
  @Test func whatFollowsAUTHInPlainTextIsNeverAnswered() async throws {
    try await Laboratory.with { laboratory in
      for (name, row) in try await Self.rows(laboratory, "injection") {
        #expect(row["closed"] as? Bool == true && row["injected"] as? Bool == false, "\(name): \(row)")
      }
    }
  }

  /// ALPACA (2021), and browsers that are made to speak to the port.
  @Test func otherProtocolsAreClosedAndNothingIsReflected() async throws {
    try await Laboratory.with { laboratory in
      let rows = try await Self.rows(laboratory, "alpaca")
      #expect(rows.count == 14)
      for (name, row) in rows {
        #expect(row["closed"] as? Bool == true && row["reflected"] as? Bool == false, "\(name): \(row)")
        if let alert = row["alert"] as? String {
          #expect(alert == (name.contains("alpn") ? "15030300020278" : "15030300020270"), "\(name): \(row)")
        }
      }
    }
  }

  /// Escape from a home: `..`, links, and links that swing meanwhile.
  @Test func noPathLeadsOutOfAHome() async throws {
    try await Laboratory.with { laboratory in
      let rows = try await Self.rows(laboratory, "escape")
      #expect(rows.count > 20)
      for (name, row) in rows { #expect(row["leaked"] as? Bool == false, "\(name): \(row)") }
      #expect((rows["race"]?["served"] as? Int ?? 0) > 10, "the race took place: \(rows["race"] ?? [:])")
    }
  }

  /// Plain-text passwords: with `tls = "required"` none is taken, whatever `plaintext` says, and data is encrypted.
  @Test func noLogInWithoutTLS() async throws {
    let required = ("tls       = \"optional\"", "tls       = \"required\"")
    try await Laboratory.with(editing: [required]) { laboratory in
      for (name, row) in try await Self.rows(laboratory, "plaintext") {
        #expect(row["refused"] as? Bool == true, "\(name): \(row)")
      }
      #expect(!laboratory.log.contains("log-in granted"), "\(laboratory.log)")
    }
  }

  /// Slow clients, on the control connection, on data connections, and in handshakes.
  @Test func nobodyHoldsATransferByDoingNothing() async throws {
    let shorter = (
      "data_port = 0", "data_port = 0\nidle_timeout = \"5s\"\nstall_timeout = \"2s\""
    )
    try await Laboratory.with(editing: [shorter]) { laboratory in
      let access = try #require(laboratory.workers()["access"])
      let before = ProcessTable.memory(access).resident
      let rows = try await Self.rows(laboratory, "slow")
      // One that was held for ever has no row.
      #expect(rows.count == 6, "\(rows.keys.sorted())")
      for (name, row) in rows {
        #expect(row["ended"] as? Bool == true, "\(name): \(row)")
      }
      #expect(laboratory.workers()["access"] == access, "the worker did not crash")
      let grown = ProcessTable.memory(access).resident - before
      #expect(grown < 64 * 1024, "\(grown) kB more")
    }
  }

  /// Account enumeration, log injection, secrets.
  @Test func namesTellNothingAndForgeNothing() async throws {
    try await Laboratory.with { laboratory in
      let rows = try await Self.rows(laboratory, "words")
      let known = try #require(rows["known"]?["reply"] as? String)
      #expect(known == rows["unknown"]?["reply"] as? String && known.hasPrefix("530"))
      #expect(rows["names"]?["clean"] as? Bool == true, "\(rows)")
      let log = laboratory.log
      #expect(!log.contains("\u{1b}[31m") && !log.contains("forged line\n"), "\(log)")
      #expect(!log.contains("sw0rdf1sh"), "a password in the log")
    }
  }
}
