import Foundation
import LaboratoryKit
import Testing

/// `portside try` as `docs/product.md` promises it.
@Suite(.serialized, .timeLimit(.minutes(3))) struct TryTests {
  @Test func aFirstStartMakesALaboratoryAndSaysSoInOneLine() async throws {
    try await Laboratory.with { laboratory in
      let line = laboratory.command.output
      #expect(line.split(separator: "\n").count == 1)
      let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      #expect(Set(object.keys) == ["event", "data", "domain", "ca", "services", "accounts"])
      let ready = laboratory.ready
      #expect(ready.event == "ready")
      #expect(ready.data == laboratory.data)
      #expect(ready.domain == "lab.test")
      let services = Set(ready.services.map { "\($0.name) \($0.transport) \($0.tls)" })
      #expect(
        services.isSuperset(of: [
          "http tcp none", "https tcp implicit", "dns udp none", "dns tcp none", "dot tcp implicit",
        ]))
      for service in ready.services {
        #expect(service.address == "127.0.0.1")
        #expect(service.url.contains("127.0.0.1:\(service.port)"))
        if service.transport == "tcp" { _ = try StreamSocket(port: service.port) }
      }
      #expect(try laboratory.port("dns", "tcp") == laboratory.port("dns", "udp"))
      #expect(ready.accounts.map(\.name) == ["ann@lab.test", "bob@lab.test"])
      #expect(ready.accounts.map(\.roles) == [["admin"], ["staff"]])
      for account in ready.accounts {
        #expect(account.password.count >= 16)
        let key = try #require(account.ssh_key)
        let fingerprint = try await run("ssh-keygen", ["-l", "-f", key])
        #expect(fingerprint.code == 0 && fingerprint.output.contains("ED25519"), "\(fingerprint.all)")
      }
      for secret in ["key", "accounts.json", "id_ann"] {
        let mode = try FileManager.default.attributesOfItem(atPath: "\(laboratory.data)/\(secret)")[.posixPermissions]
        #expect(mode as? Int == 0o600, "\(secret)")
      }
      let root = try await run("openssl", ["x509", "-in", ready.ca, "-noout", "-subject", "-ext", "basicConstraints"])
      #expect(root.code == 0 && root.output.contains("CA:TRUE"), "\(root.all)")
    }
  }

  @Test func aSecondStartKeepsEverything() async throws {
    try await TemporaryFolder.with { folder in
      let data = "\(folder)/lab"
      let first = try await Laboratory(in: data)
      let authority = try String(contentsOfFile: first.ready.ca, encoding: .utf8)
      let added = try await first.portside("account", "add", "carl", "--generate", "--json")
      #expect(added.code == 0, "\(added.all)")
      try "<h1>changed</h1></html>".write(toFile: "\(data)/site/index.html", atomically: true, encoding: .utf8)
      try await first.stop()

      let begin = ContinuousClock.now
      let second = try await Laboratory(in: data)
      print("try with data present is ready in \(ContinuousClock.now - begin)")
      #expect(second.ready.accounts.map(\.password) == first.ready.accounts.map(\.password))
      #expect(try String(contentsOfFile: second.ready.ca, encoding: .utf8) == authority)
      let page = try StreamSocket(port: second.port("http")).get("/", host: "www.lab.test")
      #expect(page.contains("<h1>changed</h1>"), "\(page)")
      let accounts = try await second.portside("account", "list", "--json").rows()
      #expect(accounts.contains { $0["name"] == "carl@lab.test" })
      #expect(try await second.stop() == 0)
    }
  }

  @Test func aSeedIsWhatItBeginsWith() async throws {
    try await TemporaryFolder.with { folder in
      let seed = "\(folder)/seed"
      for path in ["site/deep", "zones"] {
        try FileManager.default.createDirectory(atPath: "\(seed)/\(path)", withIntermediateDirectories: true)
      }
      let zone = """
        $ORIGIN lab.test.
        $TTL 300
        @ IN SOA srv hostmaster ( 7 3600 600 604800 60 )
        @ IN NS srv
        srv IN A 127.0.0.1
        seeded IN A 127.0.0.9

        """
      let accounts = #"[{"name":"dora@lab.test","password":"a-seeded-password-7","roles":["staff"]}]"#
      for (path, text) in [
        ("site/deep/page.html", "<h1>seeded</h1></html>"), ("zones/lab.test.zone", zone), ("accounts.json", accounts),
      ] { try text.write(toFile: "\(seed)/\(path)", atomically: true, encoding: .utf8) }
      let laboratory = try await Laboratory(in: "\(folder)/lab", arguments: ["--ports", "0", "--seed", seed])
      #expect(laboratory.ready.accounts.map(\.name) == ["dora@lab.test"])
      #expect(laboratory.ready.accounts.map(\.password) == ["a-seeded-password-7"])
      let page = try StreamSocket(port: laboratory.port("http")).get("/deep/page.html", host: "www.lab.test")
      #expect(page.contains("seeded"), "\(page)")
      let answer = try await run(
        "dig", ["@127.0.0.1", "-p", "\(laboratory.port("dns"))", "seeded.lab.test", "A", "+short"])
      #expect(answer.output == "127.0.0.9\n", "\(answer.all)")
      #expect(try await laboratory.stop() == 0)
    }
  }

  @Test func aSeedThatIsNotThereLeavesNothingBehind() async throws {
    try await TemporaryFolder.with { folder in
      let result = try await run(
        Laboratory.program, ["try", "--data", "\(folder)/lab", "--ports", "0", "--seed", "\(folder)/none"])
      #expect(result.code == 1 && result.errors.contains("--seed"), "\(result.all)")
      // The next start in the same folder must work.
      let laboratory = try await Laboratory(in: "\(folder)/lab")
      #expect(try await laboratory.stop() == 0)
    }
  }

  /// The list of accounts is written last: a folder without it is one where a start was cut off.
  @Test func aStartThatWasCutOffBeginsAnew() async throws {
    try await TemporaryFolder.with { folder in
      let first = try await Laboratory(in: "\(folder)/lab")
      try await first.stop()
      try FileManager.default.removeItem(atPath: "\(folder)/lab/accounts.json")
      let second = try await Laboratory(in: "\(folder)/lab")
      #expect(second.ready.accounts.map(\.name) == first.ready.accounts.map(\.name))
      #expect(second.ready.accounts.map(\.password) != first.ready.accounts.map(\.password))
      #expect(try await second.stop() == 0)
    }
  }

  @Test func aFolderWithOtherThingsIsRefused() async throws {
    try await TemporaryFolder.with { folder in
      try "mine".write(toFile: "\(folder)/thesis.txt", atomically: true, encoding: .utf8)
      let result = try await run(Laboratory.program, ["try", "--data", folder, "--ports", "0", "--json"])
      #expect(result.code == 1 && result.output.isEmpty, "\(result.all)")
      #expect(result.errors.contains("neither empty nor a laboratory"), "\(result.all)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["thesis.txt"])
    }
  }

  @Test(arguments: [(80, "tcp"), (443, "tcp"), (53, "tcp"), (853, "tcp")])
  func aTakenPortIsNamedWithItsOwner(offset: Int, transport: String) async throws {
    try await TemporaryFolder.with { folder in
      var found: (base: Int, occupier: Occupier)?
      for base in stride(from: 20_000 + offset, to: 32_000, by: 1_000) where found == nil {
        if let occupier = try? Occupier(port: base + offset) { found = (base, occupier) }
      }
      let (base, occupier) = try #require(found)
      let result = try await run(
        Laboratory.program, ["try", "--data", "\(folder)/lab", "--ports", "\(base)", "--json"])
      #expect(result.code == 1 && result.output.isEmpty, "\(result.all)")
      #expect(
        result.errors.contains("\(transport) 127.0.0.1:\(occupier.port) is in use by pid \(getpid())"), "\(result.all)")
    }
  }

  @Test func twoAtTheSameFolderAreRefused() async throws {
    try await Laboratory.with { laboratory in
      let second = try await run(Laboratory.program, ["try", "--data", laboratory.data, "--ports", "0", "--json"])
      #expect(second.code == 1 && second.output.isEmpty, "\(second.all)")
      // The supervisor has the socket, and a worker listens on it: either may be named.
      let owners = [laboratory.pid] + laboratory.workers().values
      #expect(owners.contains { second.errors.contains("is in use by pid \($0) ") }, "\(second.all)")
      // The first is none the worse for it.
      let status = try await laboratory.portside("status", "--json")
      #expect(status.code == 0, "\(status.all)")
    }
  }

  @Test(arguments: [
    ["try", "--ports", "5"], ["try", "--ports", "x"], ["bogus"], ["status", "--bogus"], ["cert", "import"],
    ["account", "bogus"], ["account", "list", "--limit", "0"], ["penalty", "clear", "nonsense"],
  ])
  func wrongUseEndsWithTwo(words: [String]) async throws {
    let result = try await run(Laboratory.program, words)
    #expect(result.code == 2 && result.output.isEmpty && !result.errors.isEmpty, "\(result.all)")
  }

  @Test(arguments: [["--help"], ["try", "--help"], ["account", "--help"], ["--version"]])
  func helpIsNoFailure(words: [String]) async throws {
    let result = try await run(Laboratory.program, words)
    #expect(result.code == 0 && !result.output.isEmpty, "\(result.all)")
  }

  @Test(arguments: [SIGTERM, SIGINT]) func aSignalEndsItCleanly(signal: Int32) async throws {
    try await TemporaryFolder.with { folder in
      let laboratory = try await Laboratory(in: "\(folder)/lab")
      let ports = try [laboratory.port("http"), laboratory.port("https"), laboratory.port("dns")]
      #expect(Set(laboratory.workers().keys) == Laboratory.workerNames)
      #expect(try await laboratory.stop(signal) == 0, "\(laboratory.log)")
      for port in ports { #expect(throws: Failure.self) { _ = try StreamSocket(port: port) } }
      #expect(try FileManager.default.contentsOfDirectory(atPath: "\(laboratory.data)/run").isEmpty)
    }
  }

  /// Workers must not survive a supervisor that had no chance to end them.
  @Test func killingTheSupervisorEndsTheWorkers() async throws {
    try await TemporaryFolder.with { folder in
      let laboratory = try await Laboratory(in: "\(folder)/lab")
      #expect(try await laboratory.stop(SIGKILL) == -SIGKILL)
      // What it left behind does not keep the next from starting.
      let next = try await Laboratory(in: "\(folder)/lab")
      #expect(try await next.stop() == 0)
    }
  }
}
