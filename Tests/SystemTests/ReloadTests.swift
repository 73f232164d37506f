import Foundation
import LaboratoryKit
import Testing

/// A changed configuration comes into force without disturbing those whom it does not concern.
@Suite(.serialized, .timeLimit(.minutes(3))) struct ReloadTests {
  private static func reload(_ laboratory: Laboratory) async throws -> [String: [String]] {
    let result = try await laboratory.portside("reload", "--json")
    guard result.code == 0, let report = try result.json() as? [String: [String]] else { throw Failure(result.all) }
    return report
  }

  @Test func nothingChangedConcernsNobody() async throws {
    try await Laboratory.with { laboratory in
      for _ in 0..<3 {
        let report = try await Self.reload(laboratory)
        #expect(Set(report["unaffected"] ?? []) == Laboratory.workerNames, "\(report)")
      }
      _ = try StreamSocket(port: laboratory.port("dns"))
    }
  }

  @Test func aSiteIsAddedWhileConnectionsGoOn() async throws {
    try await Laboratory.with { laboratory in
      let workers = laboratory.workers()
      let kept = try StreamSocket(port: laboratory.port("http"))
      #expect(try kept.get("/", host: "www.lab.test").contains("Portside answers"))
      try laboratory.edit(
        #""srv.lab.test" = "#, "\"extra.lab.test\" = { redirect = \"https://elsewhere.test\" }\n\"srv.lab.test\" = ")
      let report = try await Self.reload(laboratory)
      // The gate sees to a certificate for the name.
      #expect(
        report["changed"] == ["gate", "web"]
          && Set(report["unaffected"] ?? []) == Laboratory.workerNames.subtracting(["gate", "web"]), "\(report)")
      #expect(report["problems"] == [], "\(report)")
      // The same connection, the same processes, the new site.
      let redirect = try kept.get("/a", host: "extra.lab.test", until: "here</a>")
      #expect(redirect.contains("Location: https://elsewhere.test/a\r\n"), "\(redirect)")
      #expect(try kept.get("/", host: "www.lab.test").contains("Portside answers"))
      #expect(laboratory.workers() == workers)
      let port = try laboratory.port("https")
      let isServed = try await eventually(within: .seconds(15)) {
        try await run(
          "curl",
          [
            "-sSi", "--cacert", laboratory.ready.ca, "--resolve", "extra.lab.test:\(port):127.0.0.1",
            "https://extra.lab.test:\(port)/b",
          ]
        ).output.lowercased().contains("location: https://elsewhere.test/b")
      }
      #expect(isServed, "no certificate for a site that a reload added")
    }
  }

  /// A folder that the web worker may not read yet needs another process. Other workers hear nothing of it, and no
  /// connection is refused meanwhile.
  @Test func aSiteInAnotherFolderReplacesTheWebWorkerAlone() async throws {
    try await Laboratory.with { laboratory in
      let workers = laboratory.workers()
      let folder = "\(laboratory.data)/other"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try "<h1>other</h1></html>".write(toFile: "\(folder)/index.html", atomically: true, encoding: .utf8)
      try laboratory.edit(#""srv.lab.test" = "#, "\"other.lab.test\" = \"\(folder)\"\n\"srv.lab.test\" = ")
      let report = try await Self.reload(laboratory)
      #expect(
        report["replaced"] == ["web"]
          && Set(report["unaffected"] ?? []) == Laboratory.workerNames.subtracting(["gate", "web"]), "\(report)")
      let page = try StreamSocket(port: laboratory.port("http")).get("/", host: "other.lab.test")
      #expect(page.contains("<h1>other</h1>"), "\(page)")
      let after = laboratory.workers()
      #expect(after["names"] == workers["names"] && after["gate"] == workers["gate"])
      // And nothing changed means nothing done, also with several folders.
      for _ in 0..<3 {
        #expect(try await Self.reload(laboratory)["unaffected"]?.count == Laboratory.workerNames.count)
      }
    }
  }

  @Test func aPortMovesAndOtherListenersStay() async throws {
    try await TemporaryFolder.with { folder in
      let first = try await Laboratory(in: "\(folder)/lab")
      try await first.stop()
      let next = try Occupier().port
      let http = try #require(try first.fixPorts()["http.port"])
      // 10000: the ports as they stand in the file.
      let laboratory = try await Laboratory(in: "\(folder)/lab", arguments: ["--ports", "10000"])
      #expect(try StreamSocket(port: http).get("/", host: "www.lab.test").contains("Portside answers"))
      let kept = try RunningCommand(
        "python3",
        [Script.path("kept.py"), "\(laboratory.port("https"))", laboratory.ready.ca, "\(folder)/go"])
      let isOpen = try await eventually(within: .seconds(10)) { kept.output.contains("open") }
      #expect(isOpen, "\(kept.errors)")

      try laboratory.edit("port         = \(http)", "port         = \(next)")
      let report = try await Self.reload(laboratory)
      #expect(report["unaffected"]?.contains("names") == true && report["problems"] == [], "\(report)")
      #expect(throws: Failure.self) { _ = try StreamSocket(port: http) }
      #expect(try StreamSocket(port: next).get("/", host: "www.lab.test").contains("Portside answers"))
      try "".write(toFile: "\(folder)/go", atomically: true, encoding: .utf8)
      let result = try await kept.end(within: .seconds(20))
      #expect(result.code == 0 && result.output == "open\nstill open\n", "\(result.all)")
      #expect(try await laboratory.stop() == 0)
    }
  }

  @Test(arguments: ["reload", "SIGHUP"]) func aZoneIsAdded(way: String) async throws {
    try await Laboratory.with { laboratory in
      let port = try laboratory.port("dns")
      let kept = try StreamSocket(port: laboratory.port("http"))
      #expect(try kept.get("/", host: "www.lab.test").contains("Portside answers"))
      let zone = "$ORIGIN added.test.\n$TTL 60\n@ IN SOA ns hm ( 1 60 60 60 60 )\n@ IN NS ns\nns IN A 127.0.0.77\n"
      try zone.write(toFile: "\(laboratory.data)/zones/added.test.zone", atomically: true, encoding: .utf8)
      try laboratory.edit(#"["lab.test", "#, #"["lab.test", "added.test", "#)
      if way == "reload" {
        let report = try await Self.reload(laboratory)
        #expect(
          report["changed"]?.contains("names") == true && report["unaffected"]?.contains("web") == true
            && report["problems"] == [], "\(report)")
      } else {
        kill(laboratory.pid, SIGHUP)
      }
      let isServed = try await eventually(within: .seconds(15)) {
        try await run(
          "dig", ["@127.0.0.1", "-p", "\(port)", "+tries=1", "+timeout=2", "+short", "ns.added.test"]
        ).output == "127.0.0.77\n"
      }
      #expect(isServed, "\(laboratory.log)")
      #expect(try kept.get("/", host: "www.lab.test").contains("Portside answers"))
    }
  }

  @Test func aFileWithAnErrorIsRefusedAndTheOldOneGoesOn() async throws {
    try await Laboratory.with { laboratory in
      let workers = laboratory.workers()
      let kept = try StreamSocket(port: laboratory.port("http"))
      #expect(try kept.get("/", host: "www.lab.test").contains("Portside answers"))
      try laboratory.edit("default_site =", "defualt_site =")
      let text = try String(contentsOfFile: laboratory.configurationFile, encoding: .utf8)
      let line = try #require(text.components(separatedBy: "\n").firstIndex { $0.hasPrefix("defualt_site") }) + 1
      let place = "\(laboratory.configurationFile):\(line):1"
      // The command reads the file itself, to find the server.
      let result = try await laboratory.portside("reload")
      #expect(result.code == 1, "\(result.all)")
      #expect(result.errors.contains(place) && result.errors.contains("default_site"), "\(result.all)")
      kill(laboratory.pid, SIGHUP)
      let isLogged = try await eventually(within: .seconds(10)) { laboratory.log.contains(place) }
      #expect(isLogged, "\(laboratory.log)")
      #expect(laboratory.workers() == workers)
      #expect(try kept.get("/", host: "www.lab.test").contains("Portside answers"))
      #expect(try StreamSocket(port: laboratory.port("http")).get("/", host: "www.lab.test").contains("Portside"))
      try laboratory.edit("defualt_site =", "default_site =")
      #expect(try await Self.reload(laboratory)["unaffected"]?.count == Laboratory.workerNames.count)
    }
  }
}
