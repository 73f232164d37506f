import Foundation
import LaboratoryKit
import Testing

/// `portside serve` as a service: started by root, its workers are somebody else and can do next to nothing.
@Suite(.serialized, .timeLimit(.minutes(3))) struct ServeTests {
  private static func configuration(_ folder: String, user: String, http: Int) -> String {
    """
    [server]
    hostname = "srv.lab.test"
    data     = "\(folder)/data"
    user     = "\(user)"
    [listen]
    here = ["127.0.0.1"]
    [tls]
    issuer = "internal-ca"
    [http]
    on           = ["here"]
    port         = \(http)
    tls_port     = 0
    default_site = "srv.lab.test"
    redirect_to_https = false
    sites        = { "srv.lab.test" = "\(folder)/site" }

    """
  }

  private static func prepare(_ folder: String, user: String, http: Int) throws -> String {
    try FileManager.default.createDirectory(atPath: "\(folder)/site", withIntermediateDirectories: true)
    try "<h1>served</h1></html>".write(toFile: "\(folder)/site/index.html", atomically: true, encoding: .utf8)
    let file = "\(folder)/portside.toml"
    try configuration(folder, user: user, http: http).write(toFile: file, atomically: true, encoding: .utf8)
    return file
  }

  /// The tests of the project run as root on the machine that judges; the others can't make this one.
  @Test(.enabled(if: geteuid() == 0, "only root can become somebody else"))
  func asRootTheWorkersAreConfinedAndALowPortWorks() async throws {
    try await TemporaryFolder.with { folder in
      // A port of this test's own below 1024, which no service has.
      let low = try #require((700...760).first { (try? Occupier(port: $0)) != nil })
      let file = try Self.prepare(folder, user: "nobody", http: low)
      let server = try RunningCommand(Laboratory.program, ["serve", "--config", file])
      let isReady = try await eventually(within: .seconds(30)) {
        if !server.process.isRunning { throw Failure("serve ended: \(server.errors)") }
        return try await run(Laboratory.program, ["status", "--config", file]).code == 0
      }
      #expect(isReady, "\(server.errors)")
      let nobody = try await run("id", ["-u", "nobody"]).output.trimmingCharacters(in: .newlines)
      let workers = ProcessTable.workers(of: server.pid)
      #expect(workers.keys.sorted() == ["gate", "web"])
      for (name, pid) in workers {
        let status = ProcessTable.status(pid)
        for key in ["Uid", "Gid"] {
          let ids = status[key]?.split(separator: "\t") ?? []
          #expect(ids.count == 4 && ids.allSatisfy { $0 == nobody || key == "Gid" && $0 != "0" }, "\(name) \(ids)")
        }
        #expect(status["Groups"]?.split(separator: " ").contains("0") == false, "\(name)")
        #expect(status["NoNewPrivs"] == "1", "\(name)")
        for key in ["CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"] {
          #expect(status[key] == "0000000000000000", "\(name) \(key)")
        }
        #expect(status["Seccomp"] == "2", "\(name)")
        // What the kernel gives to root although the process is another's can't be dumped or traced.
        let owner = try FileManager.default.attributesOfItem(atPath: "/proc/\(pid)/environ")[.ownerAccountName]
        #expect(owner as? String == "root", "\(name) leaves no core, and no other program of its user looks into it")
      }
      #expect(try StreamSocket(port: low).get("/", host: "srv.lab.test").contains("<h1>served</h1>"))
      // Administration by root works on what belongs to the service user, with the server running and stopped.
      let words = ["account", "add", "eve", "--generate", "--config", file]
      #expect(try await run(Laboratory.program, words).code == 0)
      kill(server.pid, SIGTERM)
      #expect(try await server.end(within: .seconds(30)).code == 0)
      let list = try await run(Laboratory.program, ["account", "list", "--json", "--config", file])
      #expect(try list.rows().count == 1, "\(list.all)")
      let owners = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/data/store").map {
        try FileManager.default.attributesOfItem(atPath: "\(folder)/data/store/\($0)")[.ownerAccountName] as? String
      }
      #expect(Set(owners) == ["nobody"], "root left no file that the workers can't open")
    }
  }

  @Test(.enabled(if: geteuid() == 0, "without root there is no user to become"))
  func asRootWithoutAUserItIsRefused() async throws {
    try await TemporaryFolder.with { folder in
      for (user, said) in [("no-such-user", "no user 'no-such-user'"), ("root", "can't run as root")] {
        let file = try Self.prepare(folder, user: user, http: 0)
        let result = try await run(Laboratory.program, ["serve", "--config", file])
        #expect(result.code == 1 && result.errors.contains(said), "\(result.all)")
      }
    }
  }

  /// Off a terminal the log is JSON, a line for each event.
  @Test func theLogIsJSONOffATerminal() async throws {
    try await TemporaryFolder.with { folder in
      let file = try Self.prepare(folder, user: "nobody", http: 0)
      let server = try RunningCommand(Laboratory.program, ["serve", "--config", file])
      let isReady = try await eventually(within: .seconds(30)) {
        try await run(Laboratory.program, ["status", "--config", file]).code == 0
      }
      #expect(isReady, "\(server.errors)")
      kill(server.pid, SIGINT)
      let result = try await server.end(within: .seconds(30))
      #expect(result.code == 0 && result.output.isEmpty, "\(result.all)")
      let lines = result.errors.split(separator: "\n")
      #expect(!lines.isEmpty)
      for line in lines {
        #expect((try? JSONSerialization.jsonObject(with: Data(line.utf8))) is [String: Any], "\(line)")
      }
    }
  }

  @Test func aFaultyFileIsRefusedWithItsPlace() async throws {
    try await TemporaryFolder.with { folder in
      let file = try Self.prepare(folder, user: "nobody", http: 0)
      let text = try String(contentsOfFile: file, encoding: .utf8)
      try text.replacingOccurrences(of: "hostname", with: "hostnmae").write(
        toFile: file, atomically: true, encoding: .utf8)
      let result = try await run(Laboratory.program, ["serve", "--config", file])
      #expect(result.code == 1 && result.errors.contains("\(file):2:1"), "\(result.all)")
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/data"))
    }
  }
}
