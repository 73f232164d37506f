import Foundation
import LaboratoryKit
import Testing

/// Every command of the command line, with the server running and with it stopped.
@Suite(.serialized, .timeLimit(.minutes(3))) struct CommandLineTests {
  /// Accounts: the same whether the gate does it or the command line beside a stopped server.
  @Test(arguments: [true, false]) func accounts(isRunning: Bool) async throws {
    try await TemporaryFolder.with { folder in
      let laboratory = try await Laboratory(in: "\(folder)/lab")
      if !isRunning { try await laboratory.stop() }
      try await Self.addAndChange(laboratory)
      try await Self.proofs(laboratory)
      try await Self.disableAndRemove(laboratory)
      try await Self.audit(laboratory)
      if isRunning { #expect(try await laboratory.stop() == 0) }
    }
  }

  private static func property(_ name: String, of account: String, _ laboratory: Laboratory) async throws -> String? {
    let result = try await laboratory.portside("account", "show", account, "--json")
    guard result.code == 0 else { throw Failure(result.all) }
    return try result.rows().first { $0["property"] == name }?["value"]
  }

  private static func addAndChange(_ laboratory: Laboratory) async throws {
    let added = try await laboratory.portside(
      "account", "add", "carl", "--role", "staff", "--address", "post@lab.test", input: "a-fine-password-4-carl\n")
    #expect(added.code == 0, "\(added.all)")
    #expect(!added.all.contains("a-fine-password"), "\(added.all)")
    let again = try await laboratory.portside("account", "add", "carl", "--generate")
    #expect(again.code == 1 && again.errors.hasPrefix("portside: "), "\(again.all)")
    let noPassword = try await laboratory.portside("account", "add", "dora")
    #expect(noPassword.code == 1 && noPassword.errors.contains("no password"), "\(noPassword.all)")
    let noRole = try await laboratory.portside("account", "set", "carl", "--role", "emperor")
    #expect(noRole.code != 0 && noRole.errors.contains("emperor"), "\(noRole.all)")

    #expect(try await property("addresses", of: "carl", laboratory) == "post@lab.test")
    #expect(try await property("roles", of: "carl@lab.test", laboratory) == "staff")
    let changed = try await laboratory.portside(
      "account", "set", "carl", "--display-name", "Carl Ünal", "--quota", "2GB", "--expires", "30d")
    #expect(changed.code == 0, "\(changed.all)")
    #expect(try await property("display name", of: "carl", laboratory) == "Carl Ünal")
    let listed = try await laboratory.portside("account", "list", "--match", "carl", "--json").rows()
    #expect(listed.map { $0["name"] } == ["carl@lab.test"])
    let table = try await laboratory.portside("account", "list")
    #expect(table.output.hasPrefix("NAME") && table.output.contains("ann@lab.test"), "\(table.all)")

    let set = try await laboratory.portside("account", "password", "carl", input: "another-fine-password-9\n")
    #expect(set.code == 0, "\(set.all)")
    let weak = try await laboratory.portside("account", "password", "carl", input: "short\n")
    #expect(weak.code != 0 && !weak.errors.isEmpty, "\(weak.all)")
    let made = try await laboratory.portside("account", "password", "carl", "--generate", "--json")
    let password = try #require(try made.texts()["password"])
    #expect(password.count >= 16)
    let unknown = try await laboratory.portside("account", "show", "nobody")
    #expect(unknown.code == 1 && unknown.errors.contains("nobody@lab.test"), "\(unknown.all)")
  }

  private static func proofs(_ laboratory: Laboratory) async throws {
    let line = try String(contentsOfFile: "\(laboratory.data)/id_ann.pub", encoding: .utf8)
      .trimmingCharacters(in: .newlines)
    let key = try await laboratory.portside("account", "key", "add", "carl", line)
    #expect(key.code == 0, "\(key.all)")
    let keys = try await laboratory.portside("account", "key", "list", "carl", "--json").rows()
    let fingerprint = try #require(keys.first?["fingerprint"])
    let real = try await run("ssh-keygen", ["-l", "-f", "\(laboratory.data)/id_ann.pub"])
    #expect(real.output.contains(fingerprint), "\(real.all)")
    let bad = try await laboratory.portside("account", "key", "add", "carl", "ssh-ed25519 AAAA nonsense")
    #expect(bad.code != 0 && !bad.errors.isEmpty, "\(bad.all)")
    #expect(try await laboratory.portside("account", "key", "remove", "carl", fingerprint).code == 0)

    let app = try await laboratory.portside(
      "account", "app-password", "add", "carl", "phone", "--service", "imap,smtp", "--network", "10.0.0.0/8",
      "--expires", "30d", "--json")
    let secret = try #require(try app.texts()["phone"])
    let listed = try await laboratory.portside("account", "app-password", "list", "carl", "--json")
    #expect(try listed.rows().count == 1 && !listed.output.contains(secret), "\(listed.all)")
    #expect(try await laboratory.portside("account", "app-password", "remove", "carl", "phone").code == 0)
    #expect(try await laboratory.portside("account", "app-password", "remove", "carl", "phone").code == 1)

    let begun = try await laboratory.portside("account", "totp", "begin", "carl", "--json")
    let shared = try #require(try begun.texts()["secret"])
    let wrong = try await laboratory.portside("account", "totp", "confirm", "carl", "12345")
    #expect(wrong.code != 0, "\(wrong.all)")
    let code = try await run("python3", [Script.path("totp.py"), shared])
    let confirmed = try await laboratory.portside(
      "account", "totp", "confirm", "carl", code.output.trimmingCharacters(in: .newlines), "--json")
    #expect(confirmed.code == 0, "\(confirmed.all)")
    #expect(try !confirmed.texts().isEmpty, "recovery codes: \(confirmed.all)")
    #expect(try await property("second factor", of: "carl", laboratory) != "no")
    #expect(try await laboratory.portside("account", "totp", "remove", "carl").code == 0)
    #expect(try await property("second factor", of: "carl", laboratory) == "no")
  }

  private static func disableAndRemove(_ laboratory: Laboratory) async throws {
    #expect(try await laboratory.portside("account", "disable", "carl").code == 0)
    #expect(try await property("state", of: "carl", laboratory) == "disabled")
    #expect(try await laboratory.portside("account", "list", "--disabled", "--json").rows().count == 1)
    #expect(try await laboratory.portside("account", "enable", "carl").code == 0)
    #expect(try await property("state", of: "carl", laboratory) == "active")
    #expect(try await laboratory.portside("account", "remove", "carl").code == 0)
    #expect(try await laboratory.portside("account", "remove", "carl").code == 1)
  }

  /// What was done stands in the trail, and a record that was changed behind its back is found.
  private static func audit(_ laboratory: Laboratory) async throws {
    let all = try await laboratory.portside("audit", "list", "--json", "--limit", "100")
    let actions = Set(try all.rows().compactMap { $0["what"] })
    #expect(actions.isSuperset(of: ["account add", "account set", "account remove"]), "\(actions)")
    let carl = try await laboratory.portside("audit", "list", "--account", "carl", "--json").rows()
    #expect(!carl.isEmpty && carl.allSatisfy { $0["subject"]?.hasPrefix("carl@lab.test") == true }, "\(carl)")
    let sound = try await laboratory.portside("audit", "verify", "--json")
    #expect(sound.code == 0, "\(sound.all)")
    let spoil = """
      import sqlite3, sys
      base = sqlite3.connect(sys.argv[1], timeout=10)
      tables = [r[0] for r in base.execute("select name from sqlite_master where type='table' and name like 'audit%'")]
      for row in base.execute("select name from sqlite_master where type='trigger'").fetchall():
          base.execute("drop trigger " + row[0])
      changed = 0
      for table in tables:
          for column in [r[1] for r in base.execute("pragma table_info(%s)" % table)]:
              if column in ("subject", "body", "entry"):
                  changed += base.execute("update %s set %s = replace(%s, 'carl', 'karl')" % (table, column, column)).rowcount
      base.commit()
      print(changed)
      """
    let spoilt = try await run("python3", ["-c", spoil, "\(laboratory.data)/store/portside.sqlite"])
    #expect(spoilt.code == 0 && spoilt.output != "0\n", "\(spoilt.all)")
    let broken = try await laboratory.portside("audit", "verify")
    #expect(broken.code == 1 && broken.errors.contains("broken at record"), "\(broken.all)")
  }

  @Test func penaltiesAndSessions() async throws {
    try await Laboratory.with { laboratory in
      #expect(try await laboratory.portside("penalty", "list", "--json").rows().isEmpty)
      #expect(try await laboratory.portside("penalty", "clear", "all", "--json").code == 0)
      #expect(try await laboratory.portside("penalty", "clear", "10.0.0.0/8").code == 0)
      #expect(try await laboratory.portside("session", "list", "--json").code == 0)
      let none = try await laboratory.portside("session", "end", "nonsense")
      #expect(none.code == 1 && none.errors.contains("no session nonsense"), "\(none.all)")
    }
  }

  @Test func whatNeedsAServerSaysSoWhenThereIsNone() async throws {
    try await TemporaryFolder.with { folder in
      let laboratory = try await Laboratory(in: "\(folder)/lab")
      try await laboratory.stop()
      for words in [
        ["penalty", "list"], ["penalty", "clear", "all"], ["session", "list"], ["status"], ["reload"], ["stop"],
        ["watch"],
      ] {
        let result = try await run(Laboratory.program, words + ["--config", laboratory.configurationFile])
        #expect(result.code == 1 && result.output.isEmpty, "\(words): \(result.all)")
        #expect(
          result.errors.contains("not running") || result.errors.contains("no server answers"),
          "\(words): \(result.all)")
      }
    }
  }

  @Test func statusWatchAndStop() async throws {
    try await TemporaryFolder.with { folder in
      let laboratory = try await Laboratory(in: "\(folder)/lab")
      let status = try await laboratory.portside("status", "--json")
      let object = try #require(try status.json() as? [String: Any])
      let workers = try #require(object["workers"] as? [[String: Any]])
      #expect(Set(workers.compactMap { $0["name"] as? String }) == Laboratory.workerNames)
      #expect(workers.allSatisfy { $0["state"] as? String == "ready" })
      #expect(try await laboratory.portside("status").output.contains("landlock"))
      #expect(try await WatchedQuery.run(laboratory))
      #expect(try await laboratory.portside("stop").code == 0)
      #expect(try await laboratory.command.end(within: .seconds(30)).code == 0)
    }
  }

  @Test func zones() async throws {
    try await TemporaryFolder.with { folder in
      let laboratory = try await Laboratory(in: "\(folder)/lab")
      for isRunning in [true, false] {
        if !isRunning { try await laboratory.stop() }
        let reply = try await laboratory.portside("zone", "list", "--json")
        let list = try #require(try reply.json() as? [[String: Any]])
        #expect(list.compactMap { $0["zone"] as? String } == ["lab.test", "127.in-addr.arpa"])
        #expect(list.allSatisfy { $0["errors"] as? Int == 0 })
        #expect(try await laboratory.portside("zone", "check", "lab.test").code == 0)
        #expect(try await laboratory.portside("zone", "check", "none.test").code == 1)
      }
      let file = "\(folder)/bad.zone"
      try "$ORIGIN bad.test.\n@ 60 IN SOA ns hm 1 60 60 60 60\n@ 60 IN NS ns\nns 60 IN A 300.1.1.1\n".write(
        toFile: file, atomically: true, encoding: .utf8)
      let bad = try await run(Laboratory.program, ["zone", "check", "bad.test", file])
      #expect(bad.code == 1 && bad.output.contains("bad.zone:4"), "\(bad.all)")
    }
  }

  @Test func configuration() async throws {
    try await TemporaryFolder.with { folder in
      let laboratory = try await Laboratory(in: "\(folder)/lab")
      try await laboratory.stop()
      #expect(try await laboratory.portside("config", "check").code == 0)
      let none = try await laboratory.portside("config", "check", "--json")
      #expect(none.code == 0 && none.output == "[]\n", "\(none.all)")

      let bad = "\(folder)/bad.toml"
      let text = try String(contentsOfFile: laboratory.configurationFile, encoding: .utf8)
      try text.replacingOccurrences(of: "[http]", with: "[http]\nprot = 1").write(
        toFile: bad, atomically: true, encoding: .utf8)
      let line = try #require(text.components(separatedBy: "\n").firstIndex(of: "[http]")) + 2
      let finding = try await run(Laboratory.program, ["config", "check", bad])
      #expect(finding.code == 1 && finding.output.contains("\(bad):\(line):1"), "\(finding.all)")
      #expect(finding.output.contains("port"), "the nearest name: \(finding.all)")
      let rows = try await run(Laboratory.program, ["config", "check", bad, "--json"]).json() as? [[String: Any]]
      #expect(rows?.first?["line"] as? Int == line)

      let explained = try await laboratory.portside("config", "explain", "dns.udp_size")
      #expect(explained.code == 0 && explained.output.contains("1232"), "\(explained.all)")
      let unknown = try await laboratory.portside("config", "explain", "dns.udp_sise")
      #expect(unknown.code == 1 && unknown.errors.contains("udp_size"), "\(unknown.all)")

      let exported = try await laboratory.portside("config", "export")
      let copy = "\(folder)/copy.toml"
      try exported.output.write(toFile: copy, atomically: true, encoding: .utf8)
      #expect(try await run(Laboratory.program, ["config", "check", copy]).code == 0)
      let same = try await run(Laboratory.program, ["config", "diff", laboratory.configurationFile, copy])
      #expect(same.code == 0, "\(same.all)")
      let exportedJSON = try await laboratory.portside("config", "export", "--json")
      #expect(try exportedJSON.json() is [String: Any])
      try laboratory.edit("port         = 10080", "port         = 10081")
      let other = try await run(Laboratory.program, ["config", "diff", copy, laboratory.configurationFile])
      #expect(other.code == 1 && other.output.contains("10081"), "\(other.all)")
    }
  }
}
