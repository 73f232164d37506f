import Foundation
import Services
import Testing
import WireKit

@testable import Supervision

/// What the death of a worker costs, and whom.
@Suite(.serialized)
struct RestartTests {
  @Test func killedWorkerCostsItsOwnConnectionsOnly() async throws {
    let supervised = try await Supervised([Fixture.worker(.web), Fixture.worker(.mail, count: 2)])
    _ = try await supervised.supervisor.whenReady()
    let (webPort, mailPort) = (try await supervised.port(.web), try await supervised.port(.mail))
    let mail = try LineClient(port: mailPort)
    let mailPID = try mail.ask("pid")
    let web = try LineClient(port: webPort)
    let before = try #require(Int32(try web.ask("pid")))

    kill(before, SIGKILL)
    let clock = ContinuousClock()
    let death = clock.now
    // Whoever connects meanwhile waits in the backlog.
    let clients = try (0..<20).map { _ in try LineClient(port: webPort) }
    let answers = try clients.map { try $0.ask("pid") }
    let outage = clock.now - death
    #expect(Set(answers).count == 1)
    #expect(answers.first != String(before))
    #expect(outage < .seconds(5), "the next worker answered after \(outage)")
    print("the next worker answered 20 waiting clients \(outage) after the death of the last one")
    #expect(throws: Failure.self) { try web.ask("pid") }
    #expect(try mail.ask("pid") == mailPID)

    let status = try await supervised.status(of: .web)
    #expect(status.restarts == 1)
    #expect(status.lastExit == "SIGKILL")
    #expect(supervised.sink.events("worker ended unasked", of: .web).count == 1)
    await supervised.supervisor.stop()
    #expect(throws: Failure.self) { try LineClient(port: webPort) }
  }

  @Test func trapIsReportedAsCrash() async throws {
    let supervised = try await Supervised([Fixture.worker(.web)])
    _ = try await supervised.supervisor.whenReady()
    let port = try await supervised.port(.web)
    try LineClient(port: port).say("crash")
    #expect(try await eventually { try await supervised.status(of: .web).restarts == 1 })
    #expect(try LineClient.ask(port, "greeting") == "hello")
    let exit = try #require(try await supervised.status(of: .web).lastExit)
    #expect(exit == "SIGILL (crash)" || exit == "SIGTRAP (crash)")
    let crash = try #require(supervised.sink.events("worker crashed", of: .web).first)
    #expect(crash.severity == .error)
    await supervised.supervisor.stop()
  }

  @Test func crashLoopBacksOffIsReportedAndHarmsNobody() async throws {
    let supervised = try await Supervised([Fixture.worker(.web, fault: "exit"), Fixture.worker(.mail)]) {
      $0.restarts = RestartPolicy(firstDelay: .milliseconds(50), longestDelay: .seconds(10), failingAfter: 3)
    }
    let status = try await supervised.supervisor.whenReady()
    #expect(status.workers.map(\.state) == [.failing, .ready])
    let web = try #require(status.workers.first)
    #expect(web.remark == "told to fail")
    #expect(web.lastExit == "exit code 1")
    #expect(supervised.sink.events("worker keeps ending and counts as failing", of: .web).count == 1)
    #expect(try LineClient.ask(try await supervised.port(.mail), "greeting") == "hello")
    // 50, 100, 200 … ms: the fifth start is 350 ms after the first at the earliest.
    #expect(try await eventually { try await supervised.status(of: .web).restarts >= 4 })
    let starts = supervised.sink.events("worker started", of: .web)
    #expect(starts.count >= 5)
    // The port of a failing worker stays bound: nobody else can take it.
    let port = try await supervised.port(.web)
    _ = try LineClient(port: port)

    // A plan that mends it is applied at the next start.
    let report = try await supervised.reload([
      Fixture.worker(.web, greeting: "mended"), Fixture.worker(.mail),
    ])
    #expect(report.changed == [.web])
    #expect(report.unaffected == [.mail])
    #expect(report.problems.isEmpty || report.problems == ["web is not ready: told to fail"])
    #expect(try LineClient.ask(port, "greeting") == "mended")
    await supervised.supervisor.stop()
  }

  @Test func hungWorkerIsEndedAndReplaced() async throws {
    let supervised = try await Supervised([Fixture.worker(.web)]) {
      $0.heartbeatInterval = .milliseconds(100)
      $0.heartbeatLimit = .seconds(3)
    }
    _ = try await supervised.supervisor.whenReady()
    let port = try await supervised.port(.web)
    let before = try LineClient.ask(port, "pid")
    #expect(try LineClient.ask(port, "hang") == "hanging")
    #expect(try await eventually { try await supervised.status(of: .web).restarts >= 1 })
    #expect(supervised.sink.events("worker hangs and is ended", of: .web).count >= 1)
    #expect(try LineClient.ask(port, "pid") != before)
    await supervised.supervisor.stop()
  }

  /// Whatever a worker says that has been taken over, it costs itself only.
  @Test(arguments: ["garble begin", "garble future", "garble unknown", "leave"])
  func workerThatBreaksTheChannelIsEnded(line: String) async throws {
    let supervised = try await Supervised([Fixture.worker(.web), Fixture.worker(.mail)])
    _ = try await supervised.supervisor.whenReady()
    let (port, mailPort) = (try await supervised.port(.web), try await supervised.port(.mail))
    let mail = try LineClient(port: mailPort)
    let mailPID = try mail.ask("pid")
    let web = try LineClient(port: port)
    let pid = try web.ask("pid")
    web.say(line)
    #expect(try await eventually { try await supervised.status(of: .web).restarts == 1 })
    #expect(try LineClient.ask(port, "pid") != pid)
    #expect(try mail.ask("pid") == mailPID)
    await supervised.supervisor.stop()
  }

  @Test func floodOfHeartbeatsKeepsNobodyFromBeingHeard() async throws {
    let supervised = try await Supervised([Fixture.worker(.web), Fixture.worker(.mail)])
    _ = try await supervised.supervisor.whenReady()
    let web = try LineClient(port: try await supervised.port(.web))
    web.say("flood")
    let pid = try #require(try await supervised.status(of: .mail).pid)
    kill(pid, SIGKILL)
    #expect(try await eventually { try await supervised.status(of: .mail).restarts == 1 })
    #expect(try LineClient.ask(try await supervised.port(.mail), "greeting") == "hello")
    await supervised.supervisor.stop()
  }

  @Test func workerThatIsNeverReadyIsEnded() async throws {
    let supervised = try await Supervised([Fixture.worker(.web, fault: "refuse")]) {
      $0.restarts.failingAfter = 2
    }
    let status = try await supervised.supervisor.whenReady()
    #expect(status.workers.first?.state == .failing)
    #expect(status.workers.first?.remark == "told to refuse")
    await supervised.supervisor.stop()
  }

  @Test func missingExecutableIsReported() async throws {
    let supervised = try await Supervised([Fixture.worker(.web)]) {
      $0.executable = "/nowhere/portside"
      $0.restarts = RestartPolicy(firstDelay: .milliseconds(1), longestDelay: .milliseconds(1), failingAfter: 3)
    }
    let status = try await supervised.supervisor.whenReady()
    #expect(status.workers.first?.state == .failing)
    #expect(status.workers.first?.remark == "start /nowhere/portside: No such file or directory")
    await supervised.supervisor.stop()
  }

  @Test func drainWaitsForConnectionsAndIsBounded() async throws {
    let supervised = try await Supervised([Fixture.worker(.web), Fixture.worker(.mail, fault: "stubborn")]) {
      $0.drainLimit = .seconds(5)
    }
    _ = try await supervised.supervisor.whenReady()
    let port = try await supervised.port(.web)
    let connection = try LineClient(port: port)
    _ = try connection.ask("pid")
    async let stopped: Void = supervised.supervisor.stop()
    #expect(try await eventually { (try? LineClient(port: port)) == nil }, "nobody is accepted any more")
    #expect(try connection.ask("greeting") == "hello", "what is open goes on")
    await stopped
    #expect(supervised.sink.events("worker did not end in time and is killed", of: .mail).count == 1)
    #expect(throws: Failure.self) { try connection.ask("pid") }
    await #expect(throws: SupervisionError.self) { try await supervised.supervisor.status() }
  }

  @Test(arguments: [
    (1, 0), (2, 100), (3, 200), (4, 400), (9, 12_800), (11, 30_000), (1000, 30_000),
  ])
  func delays(failures: Int, milliseconds: Int) {
    #expect(RestartPolicy().delay(afterFailures: failures) == .milliseconds(milliseconds))
  }
}
