import Foundation
import LaboratoryKit
import Testing

/// The configuration as the console changes it: candidate, comparison, commit, confirmation, history, audit.
@Suite(.serialized, .timeLimit(.minutes(5))) struct ConfigureTests {
  private static func console(_ laboratory: Laboratory, _ commands: String) async throws -> CommandResult {
    try await laboratory.portside("console", commands)
  }

  /// What HTTP serves for a host of its own: whether a site that the console made is in force.
  private static func serves(_ laboratory: Laboratory, _ host: String) async throws -> Bool {
    let port = try laboratory.port("http")
    let result = try await run(
      "curl", ["-s", "--max-time", "10", "-H", "Host: \(host)", "http://127.0.0.1:\(port)/"])
    // Other names get the first page of the laboratory.
    return result.output.contains("<h1>About lab.test</h1>")
  }

  private static func site(_ laboratory: Laboratory) -> String {
    "configure set http.sites.new.lab.test.root \(laboratory.data)/site/about"
  }

  @Test func candidateCommitAndRollback() async throws {
    try await Laboratory.with { laboratory in
      let set = try await Self.console(laboratory, Self.site(laboratory))
      #expect(set.code == 0 && set.output.contains(#"http.sites."new.lab.test".root = "#), "\(set.all)")
      let compared = try await Self.console(laboratory, "configure compare")
      #expect(compared.output.contains(#"+ http.sites."new.lab.test".root"#), "\(compared.all)")
      #expect(try await !Self.serves(laboratory, "new.lab.test"))

      let commit = try await Self.console(laboratory, "configure check; configure commit comment 'a new site'")
      #expect(commit.code == 0 && commit.output.contains("version 1 is in force"), "\(commit.all)")
      #expect(try await Self.serves(laboratory, "new.lab.test"))
      let again = try await Self.console(laboratory, "configure commit")
      #expect(again.code == 1 && again.all.contains("nothing to commit"), "\(again.all)")

      // What the file has is read-only, and says so; so is an object of the file's as a whole.
      for key in ["server.hostname x.test", "http.sites.www.lab.test.browse true"] {
        let refused = try await Self.console(laboratory, "configure set \(key)")
        #expect(refused.code == 1 && refused.all.contains("managed by the file"), "\(refused.all)")
      }
      for (words, complaint) in [
        ("smtp.nothing 1", "there is no key"), ("smtp.max_recipients many", "expected an integer"),
        ("server.blobs /x", "needs a restart"),
      ] {
        let refused = try await Self.console(laboratory, "configure set \(words)")
        #expect(refused.code == 1 && refused.all.contains(complaint), "\(refused.all)")
      }
      let shown = try await Self.console(laboratory, "configure show http | match new.lab.test")
      #expect(shown.output.contains("console") && !shown.output.contains("file"), "\(shown.all)")

      let back = try await Self.console(laboratory, "configure rollback 1; configure commit")
      #expect(back.code == 0 && back.output.contains("version 2 is in force"), "\(back.all)")
      #expect(try await !Self.serves(laboratory, "new.lab.test"))
      let history = try await Self.console(laboratory, "configure history")
      #expect(history.output.contains("a new site") && history.output.contains("the file alone"), "\(history.all)")

      let audit = try await laboratory.portside("audit", "list", "--json")
      #expect(audit.output.contains("configuration 1") && audit.output.contains("configuration 2"), "\(audit.all)")
      #expect(audit.output.contains("new.lab.test") && audit.output.contains("a new site"))
      let verified = try await laboratory.portside("audit", "verify")
      #expect(verified.code == 0, "\(verified.all)")
    }
  }

  /// A version that can't be put into force leaves everything as it was.
  @Test func aCommitThatIsRefusedChangesNothing() async throws {
    try await Laboratory.with { laboratory in
      // Nothing is wrong with it until it is to be put into force.
      let result = try await Self.console(
        laboratory,
        """
        configure set smtp.relay.via submission://127.0.0.1:2525; configure set smtp.relay.user x
        configure set smtp.relay.password env:NOT_THERE; configure check; configure commit confirm 5
        """)
      #expect(result.code == 1 && result.all.contains("refused; version 0 goes on"), "\(result.all)")
      let history = try await Self.console(laboratory, "configure history | count")
      #expect(history.output.contains("Count: 1 line"), "\(history.all)")
      // The candidate is still there, to be mended.
      #expect(try await Self.console(laboratory, "configure compare | count").output.contains("Count: 3 lines"))
      #expect(try await laboratory.portside("status").code == 0)
    }
  }

  /// `commit confirm` goes back by itself, whatever became of the worker that was asked; and at a restart of the supervisor.
  @Test func whatNobodyConfirmsGoesBack() async throws {
    try await TemporaryFolder.with { folder in
      let first = try await Laboratory(in: "\(folder)/lab")
      let commit = try await Self.console(first, "\(Self.site(first)); configure commit confirm 1")
      #expect(commit.code == 0 && commit.output.contains("within 1 minutes"), "\(commit.all)")
      #expect(try await Self.serves(first, "new.lab.test"))
      // The workers that knew of it are gone; so is the supervisor, hard.
      for worker in ["gate", "access", "web"] { kill(try #require(first.workers()[worker]), SIGKILL) }
      kill(first.pid, SIGKILL)
      _ = try? await first.command.end(within: .seconds(10))

      let second = try await Laboratory(in: "\(folder)/lab")
      #expect(try await Self.serves(second, "new.lab.test"), "its time is not over")
      kill(try #require(second.workers()["gate"]), SIGKILL)
      let isBack = try await eventually(within: .seconds(90)) { try await !Self.serves(second, "new.lab.test") }
      #expect(isBack)
      let isTold = try await eventually(within: .seconds(20)) {
        try await Self.console(second, "configure history").output.contains("was not confirmed in time")
      }
      #expect(isTold)
      let isAudited = try await eventually(within: .seconds(20)) {
        let audit = try await second.portside("audit", "list", "--json").output
        return audit.contains("was not confirmed in time") && audit.contains("supervisor")
      }
      #expect(isAudited)

      // Confirmed, it stays.
      let confirmed = try await Self.console(
        second, "\(Self.site(second)); configure commit confirm 1; configure commit")
      #expect(confirmed.code == 0 && confirmed.output.contains("is confirmed"), "\(confirmed.all)")
      try await second.stop()
      let third = try await Laboratory(in: "\(folder)/lab")
      #expect(try await Self.serves(third, "new.lab.test"))
      try await third.stop()
    }
  }

  /// Somebody who may look may not change.
  @Test func rolesDecide() async throws {
    try await Laboratory.with(editing: [("staff = [", "viewer = [\"console:show\"]\nstaff = [")]) { laboratory in
      let bob = laboratory.ready.accounts[1]
      #expect(try await laboratory.portside("account", "set", "bob", "--role", "viewer").code == 0)
      let telnet = try StreamSocket(port: try laboratory.port("telnet"))
      _ = try telnet.receive(until: "ogin: ")
      try telnet.send("\(bob.name)\r\n")
      _ = try telnet.receive(until: "assword: ")
      try telnet.send("\(bob.password)\r\n")
      _ = try telnet.receive(until: "> ")
      try telnet.send("configure show\r\n")
      #expect(try telnet.receive(until: "> ").contains("file (read-only)"))
      try telnet.send("configure set smtp.max_recipients 7\r\n")
      #expect(try telnet.receive(until: "> ").contains("%"))
    }
  }
}
