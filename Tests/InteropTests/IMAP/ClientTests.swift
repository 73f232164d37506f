import Foundation
import LaboratoryKit
import Testing

/// Real mail programs against the whole program, over TLS.
@Suite(.serialized, .timeLimit(.minutes(5))) struct IMAPClientTests {
  private static let clients = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
    "Clients"
  ).path
  /// `Scripts/setup-test-peers` makes it.
  private static let python = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent(".venv/bin/python").path

  private func run(
    _ laboratory: Laboratory, _ program: String, _ script: String, _ arguments: [String], account: Int = 0
  ) async throws {
    let account = laboratory.ready.accounts[account]
    let result = try await LaboratoryKit.run(
      program, ["\(Self.clients)/\(script)"] + arguments + [laboratory.ready.ca, account.name, account.password],
      within: .seconds(120))
    #expect(result.code == 0 && result.output.hasSuffix("ok\n"), "\(script): \(result.all)")
  }

  @Test func pythonLibraries() async throws {
    try await Laboratory.with { laboratory in
      let ports = [try laboratory.port("imap"), try laboratory.port("imaps")].map(String.init)
      for client in ["imaplib", "imapclient", "aioimaplib", "compress"] {
        try await run(laboratory, Self.python, "clients.py", [client] + ports)
      }
    }
  }

  /// Thunderbird's, Outlook's and Apple Mail's ways of speaking, and what newer programs make of the extensions.
  @Test func programsAsTheirLogsShowThem() async throws {
    try await Laboratory.with { laboratory in
      let ports = [try laboratory.port("imap"), try laboratory.port("imaps")].map(String.init)
      for program in ["thunderbird", "outlook", "applemail", "notifying"] {
        try await run(laboratory, "python3", "patterns.py", [program] + ports)
      }
    }
  }

  @Test func fetchers() async throws {
    try await Laboratory.with { laboratory in
      let ports = [try laboratory.port("imap"), try laboratory.port("imaps")].map(String.init)
      for program in ["fetchmail", "getmail"] { try await run(laboratory, "python3", "fetchers.py", [program] + ports) }
    }
  }

  /// The server keeps what is submitted, for an account that wants it.
  @Test func sentCopies() async throws {
    try await Laboratory.with { laboratory in
      let ports = [try laboratory.port("imaps"), try laboratory.port("submissions")].map(String.init)
      try await run(laboratory, "python3", "sent.py", ports)
    }
  }

  @Test func mbsync() async throws {
    try await Laboratory.with { laboratory in
      try await run(laboratory, "bash", "mbsync.sh", ["\(laboratory.data)/mbsync", "\(try laboratory.port("imaps"))"])
    }
  }

  @Test func neomutt() async throws {
    try await Laboratory.with { laboratory in
      try await run(
        laboratory, "bash", "neomutt.sh", ["\(laboratory.data)/neomutt", "\(try laboratory.port("imaps"))"])
    }
  }

  @Test func probeAndCheck() async throws {
    try await Laboratory.with { laboratory in
      let account = laboratory.ready.accounts[0]
      let name = account.name.replacingOccurrences(of: "@", with: "%40")
      for scheme in ["imap", "imaps"] {
        let url = "\(scheme)://\(name):\(account.password)@127.0.0.1:\(try laboratory.port(scheme))"
        let probe = try await LaboratoryKit.run(
          Laboratory.program, ["probe", url, "--ca", laboratory.ready.ca])
        #expect(probe.code == 0 && probe.output.contains("answer: logged in"), "\(probe.all)")
        #expect(!probe.all.contains(account.password))
      }
      let check = try await laboratory.portside("check")
      #expect(check.output.contains("imaps"), "\(check.all)")
    }
  }

  /// Messages outlive the worker that took them.
  @Test func messagesOutliveTheirWorker() async throws {
    try await Laboratory.with { laboratory in
      try await run(
        laboratory, "bash", "survive.sh", ["\(laboratory.data)", "\(try laboratory.port("imaps"))", "before"])
      let worker = try #require(laboratory.workers()["mail"])
      kill(worker, SIGKILL)
      try await run(
        laboratory, "bash", "survive.sh", ["\(laboratory.data)", "\(try laboratory.port("imaps"))", "after"])
    }
  }
}
