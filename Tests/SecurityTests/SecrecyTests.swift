import Foundation
import LaboratoryKit
import Testing

/// Log injection: what a stranger chose is shown without effect.
@Suite(.serialized, .timeLimit(.minutes(3))) struct LogInjectionTests {
  @Test(arguments: ["human", "json"]) func namesFromOutsideAreEscaped(format: String) async throws {
    let log = ("[metrics]", "[log]\nlevel = \"debug\"\nformat = \"\(format)\"\n\n[metrics]")
    try await Laboratory.with(editing: [log]) { laboratory in
      let watch = try RunningCommand(
        Laboratory.program,
        ["watch", "--config", laboratory.configurationFile] + (format == "json" ? ["--json"] : []))
      let port = try laboratory.port("dns")
      let isWatching = try await eventually(within: .seconds(15)) {
        _ = try await run("dig", ["@127.0.0.1", "-p", "\(port)", "+tries=1", "+timeout=2", "begin.lab.test"])
        return watch.output.contains("begin.lab.test")
      }
      #expect(isWatching, "\(watch.errors)")
      let bob = try #require(laboratory.ready.accounts.first { $0.name == "bob@lab.test" })
      _ = try await Prober.run("injection.py", laboratory)
      _ = try await Prober.run(
        "gate.py", laboratory, ["times": 1, "password": bob.password, "marker": "injection"])
      let isSeen = try await eventually(within: .seconds(15)) {
        laboratory.log.contains("forged") || watch.output.contains("forged")
      }
      #expect(isSeen, "nothing of it was shown, so nothing was tested")
      kill(watch.pid, SIGINT)
      _ = try await watch.end(within: .seconds(10))
      let stamp = try Regex(#"^(\d\d\d\d-\d\d-\d\dT)?\d\d:\d\d:\d\d"#)
      for (name, text) in [("log", laboratory.log), ("watch", watch.output)] {
        let bad = text.unicodeScalars.first { scalar in
          scalar != "\n"
            && (scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format)
            || scalar == "\u{2028}" || scalar == "\u{2029}"
        }
        #expect(bad == nil, "\(name) holds U+\(String(bad?.value ?? 0, radix: 16))")
        for line in text.split(separator: "\n") where !line.hasPrefix("data: ") {
          if format == "json" {
            #expect((try? JSONSerialization.jsonObject(with: Data(line.utf8))) is [String: Any], "\(name): \(line)")
          } else {
            #expect(line.firstMatch(of: stamp) != nil, "\(name): \(line)")
            #expect(!line.contains("notice  portside    forged line"), "\(name): \(line)")
          }
        }
      }
    }
  }
}

/// Secrets: nothing that opens a door appears where it can be read.
@Suite(.serialized, .timeLimit(.minutes(3))) struct SecretsTests {
  @Test func noSecretIsInLogEventsAuditOrProcesses() async throws {
    let log = ("[metrics]", "[log]\nlevel = \"debug\"\n\n[metrics]")
    try await Laboratory.with(editing: [log]) { laboratory in
      let watch = try RunningCommand(
        Laboratory.program, ["watch", "--json", "--config", laboratory.configurationFile])
      try await Task.sleep(for: .milliseconds(500))
      let typed = "typed-password-\(UInt32.random(in: 0 ... .max))"
      var secrets = laboratory.ready.accounts.map(\.password) + [typed]
      for words in [
        ["account", "add", "carl"], ["account", "password", "carl", "--generate", "--json"],
        ["account", "app-password", "add", "carl", "phone", "--json"], ["account", "totp", "begin", "carl", "--json"],
      ] {
        let result = try await run(
          Laboratory.program, words + ["--config", laboratory.configurationFile], input: typed + "\n")
        #expect(result.code == 0, "\(result.all)")
        if words.last == "--json" {
          secrets += try result.texts().filter { $0.key != "uri" }.values
        }
      }
      let bob = try #require(laboratory.ready.accounts.first { $0.name == "bob@lab.test" })
      _ = try await Prober.run("gate.py", laboratory, ["times": 1, "password": bob.password, "marker": "zebra"])
      secrets.append("wrong-zebra")
      let master = try String(contentsOfFile: "\(laboratory.data)/key", encoding: .utf8)
        .trimmingCharacters(in: .newlines)
      secrets.append(master)
      #expect(secrets.count == 8 && secrets.allSatisfy { $0.count >= 8 })
      kill(watch.pid, SIGINT)
      _ = try await watch.end(within: .seconds(10))

      let pids = laboratory.workers().merging(["supervisor": laboratory.pid]) { $1 }
      var places = ["log": laboratory.log, "watch": watch.output]
      for (words, place) in [
        (["audit", "list", "--json", "--limit", "500"], "audit"), (["status", "--json"], "status"),
        (["account", "show", "carl", "--json"], "account"), (["config", "export"], "configuration"),
        (["cert", "list", "--json"], "certificates"), (["session", "list", "--json"], "sessions"),
      ] {
        let result = try await run(Laboratory.program, words + ["--config", laboratory.configurationFile])
        #expect(result.code == 0, "\(result.all)")
        places[place] = result.all
      }
      for (name, pid) in pids {
        places["command line of \(name)"] = ProcessTable.arguments(pid).joined(separator: " ")
        let environment = FileManager.default.contents(atPath: "/proc/\(pid)/environ") ?? Data()
        places["environment of \(name)"] = String(decoding: environment, as: UTF8.self)
      }
      #expect(places["audit"]?.contains("log-in") == true, "the log-ins are on the trail")
      for (place, text) in places {
        for secret in secrets { #expect(!text.contains(secret), "\(place) holds a secret") }
        #expect(!text.contains("PRIVATE KEY"), "\(place)")
      }
    }
  }

  /// What lies on disk is closed to others, and holds no password and no private key in clear.
  @Test func whatIsStoredIsSealed() async throws {
    try await Laboratory.with { laboratory in
      let stored = FileManager.default.contents(atPath: "\(laboratory.data)/store/portside.sqlite") ?? Data()
      let log = FileManager.default.contents(atPath: "\(laboratory.data)/store/portside.sqlite-wal") ?? Data()
      for account in laboratory.ready.accounts {
        #expect(stored.range(of: Data(account.password.utf8)) == nil)
        #expect(log.range(of: Data(account.password.utf8)) == nil)
      }
      #expect(stored.count + log.count > 10_000)
      let folder = "\(laboratory.data)/certificates"
      for case let name as String in try #require(FileManager.default.enumerator(atPath: folder)) {
        let text = FileManager.default.contents(atPath: "\(folder)/\(name)") ?? Data()
        #expect(text.range(of: Data("PRIVATE KEY".utf8)) == nil, "\(name)")
      }
      for path in ["store", "certificates"] {
        let mode = try FileManager.default.attributesOfItem(atPath: "\(laboratory.data)/\(path)")[.posixPermissions]
        #expect(mode as? Int == 0o700, "\(path)")
      }
    }
  }
}

/// Account enumeration and password guessing, through the gate that every protocol asks.
@Suite(.serialized, .timeLimit(.minutes(3))) struct LogInTests {
  @Test func answersAndTimesTellNothingOfANameAndPenaltiesAreShared() async throws {
    try await Laboratory.with { laboratory in
      let bob = try #require(laboratory.ready.accounts.first { $0.name == "bob@lab.test" })
      #expect(try await laboratory.portside("account", "add", "carl", "--generate").code == 0)
      #expect(try await laboratory.portside("account", "disable", "carl").code == 0)
      let answer = try await Prober.run(
        "gate.py", laboratory, ["times": 15, "password": bob.password, "marker": "zebra"])
      print("log-in answers and medians: \(answer)")
      let answers = try #require(answer["answers"] as? [String: [String]])
      #expect(answers.count == 9)
      for (name, values) in answers { #expect(values == ["denied"], "\(name)") }
      let times = try #require(answer["milliseconds"] as? [String: Double])
      let known = try #require(times["known"])
      // A slow hash takes tens of milliseconds and a look-up alone less than one.
      for (name, time) in times { #expect(time > known / 2.5 && time < known * 2.5, "\(name): \(times)") }
      #expect(answer["right"] as? String == "granted")

      // Failures over SSH keep the source away from IMAP; a neighbour is not concerned; IPv6 counts by /64.
      let ssh = try #require(answer["ssh"] as? [String])
      #expect(ssh.first == "denied" && ssh.last == "penalised", "\(ssh)")
      #expect(answer["imap"] as? String == "penalised" && answer["neighbour"] as? String == "granted", "\(answer)")
      #expect((answer["v6"] as? [String])?.last == "penalised", "\(answer)")
      #expect((answer["administration"] as? String)?.contains("refused") == true, "\(answer)")
      let listed = try await laboratory.portside("penalty", "list", "--json").rows()
      #expect(
        Set(listed.compactMap { $0["source"] }) == ["198.51.100.7/32", "2001:db8::/64"],
        "loopback is exempt: \(listed)")
      #expect(try await laboratory.portside("penalty", "clear", "198.51.100.7").code == 0)
      let left = try await laboratory.portside("penalty", "list", "--json").rows()
      #expect(left.compactMap { $0["source"] } == ["2001:db8::/64"])
    }
  }

  /// The sockets of the gate and of the administration are closed to other users.
  @Test func socketsAreClosedToOthers() async throws {
    try await Laboratory.with { laboratory in
      for name in ["gate.sock", "admin.sock", "control.sock"] {
        let path = "\(laboratory.data)/run/\(name)"
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600, "\(name)")
      }
    }
  }
}
