import Foundation
import Services
import Testing
import WireKit

@testable import Supervision

/// Whether the kernel really refuses what a confinement forbids.
@Suite(.serialized)
struct ConfinementTests {
  @Test func whatIsNotPermittedIsRefused() async throws {
    let folder = try Fixture.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for name in ["read", "write", "other"] {
      try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: false)
      try "x".write(toFile: "\(folder)/\(name)/file", atomically: false, encoding: .utf8)
    }
    let supervised = try await Supervised([
      Fixture.worker(
        .web, confinement: Confinement(readPaths: [folder + "/read"], writePaths: [folder + "/write"])),
      Fixture.worker(.mail, confinement: Confinement(readPaths: ["/bin", "/usr"], maySpawn: true, bindPorts: [0])),
    ])
    _ = try await supervised.supervisor.whenReady()
    let web = try LineClient(port: try await supervised.port(.web))
    let status = try await supervised.status(of: .web)
    let summary = try #require(status.confinement)
    let table = [
      ("open \(folder)/read/file", "ok"), ("create \(folder)/read/new", "Permission denied"),
      ("create \(folder)/write/new", "ok"), ("open \(folder)/write/file", "ok"),
      ("open \(folder)/other/file", "Permission denied"), ("create \(folder)/other/new", "Permission denied"),
      ("open /etc/passwd", "ok"), ("open /etc/fstab", "Permission denied"),
      ("mount \(folder)/write", "Operation not permitted"), ("bind", "Permission denied"),
      ("spawn", "Operation not permitted"), ("open /proc/self/stat", "ok"),
      // Of this very process: neither its memory's contents nor its end is a worker's business.
      ("open /proc/\(getpid())/environ", "Permission denied"), ("signal \(getpid())", "Operation not permitted"),
    ]
    try #require(summary.contains("landlock abi"), "this kernel has no Landlock: \(summary)")
    for (line, expected) in table
    where line != "open /etc/fstab" || FileManager.default.fileExists(atPath: "/etc/fstab") {
      #expect(try web.ask(line) == expected, "\(line)")
    }
    let mail = try LineClient(port: try await supervised.port(.mail))
    #expect(try mail.ask("spawn") == "ok")
    #expect(try mail.ask("bind") == "ok")
    #expect(summary.contains("no_new_privs; capabilities: none; landlock abi"), "\(summary)")
    #expect(summary.contains("1 read, 1 write; seccomp: yes"), "\(summary)")
    #expect(!summary.contains("refused"), "\(summary)")
    try expectConfined(try #require(status.pid))
    await supervised.supervisor.stop()
  }

  private func expectConfined(_ pid: Int32) throws {
    // Every thread, not the first one alone.
    let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")
    #expect(threads.count > 1)
    for thread in threads {
      let thread = try #require(Int32(thread))
      #expect(processField(thread, "NoNewPrivs") == "1")
      #expect(processField(thread, "Seccomp") == "2")
      for set in ["CapEff", "CapPrm", "CapInh", "CapAmb"] {
        #expect(processField(thread, set) == "0000000000000000")
      }
    }
  }

  @Test func userIsSwitchedOrSaidNotToBe() async throws {
    let confinement = Confinement(capabilities: [.netBindService], user: "nobody")
    let supervised = try await Supervised([Fixture.worker(.web, confinement: confinement)])
    _ = try await supervised.supervisor.whenReady()
    let status = try await supervised.status(of: .web)
    let (pid, summary) = (try #require(status.pid), try #require(status.confinement))
    let connection = try LineClient(port: try await supervised.port(.web))
    if geteuid() == 0 {
      let nobody = try UserRecord(named: "nobody")
      let (user, group) = ("\(nobody.user)", "\(nobody.group)")
      #expect(processField(pid, "Uid") == [user, user, user, user].joined(separator: "\t"))
      #expect(processField(pid, "Gid") == [group, group, group, group].joined(separator: "\t"))
      #expect(processField(pid, "Groups") == group)
      #expect(processField(pid, "CapEff") == "0000000000000400")
      #expect(processField(pid, "CapBnd") == "0000000000000400")
      #expect(summary.hasPrefix("user nobody; no_new_privs; capabilities: net_bind_service; "), "\(summary)")
      #expect(try connection.ask("root") == "Operation not permitted")
    } else {
      #expect(processField(pid, "Uid")?.hasPrefix("\(geteuid())\t") == true)
      #expect(summary.contains("refused: user nobody (the supervisor is not root)"), "\(summary)")
      #expect(summary.contains("capability net_bind_service (the supervisor has not got it)"), "\(summary)")
    }
    await supervised.supervisor.stop()
  }

  /// The kernel forgets PR_SET_PDEATHSIG with a change of user: it must hold again afterwards.
  @Test func otherUsersWorkersEndWithTheirParentToo() async throws {
    let process = try SupervisorProcess([Fixture.worker(.web, confinement: Confinement(user: "nobody"))])
    let worker = try #require(try process.ready().workers.first)
    let pid = try #require(worker.pid)
    // A stopped worker can't notice the end of its channel: only the kernel can end it.
    kill(pid, SIGSTOP)
    kill(process.pid, SIGKILL)
    _ = process.wait()
    #expect(try await eventually { !isRunning(pid) })
  }

  @Test func unknownUserIsFoundBeforeAnythingStarts() async throws {
    guard geteuid() == 0 else { return }
    let plan = [Fixture.worker(.web, confinement: Confinement(user: "no-such-user"))]
    let error = await #expect(throws: SupervisionError.self) { try await Supervised(plan) }
    #expect(error?.description == "there is no user no-such-user on this machine")
  }

  @Test func tooLateIsAnError() throws {
    // This process has many threads.
    let error = #expect(throws: SupervisionError.self) { try Confinement().apply() }
    #expect(error?.description.contains("threads run already") == true)
  }

  @Test func missingPathIsReported() async throws {
    let supervised = try await Supervised([
      Fixture.worker(.web, confinement: Confinement(readPaths: ["/nowhere"]))
    ])
    _ = try await supervised.supervisor.whenReady()
    let summary = try #require(try await supervised.status(of: .web).confinement)
    #expect(summary.hasSuffix("refused: path /nowhere (No such file or directory)"), "\(summary)")
    await supervised.supervisor.stop()
  }
}
