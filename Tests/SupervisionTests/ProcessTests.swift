import Foundation
import Services
import Testing
import WireKit

@testable import Supervision

/// A supervisor as a program: its end, its signals, its command line, its service manager, its size.
@Suite(.serialized)
struct ProcessTests {
  @Test func workersEndWithTheirParent() async throws {
    let process = try SupervisorProcess([Fixture.worker(.web), Fixture.worker(.mail)])
    let pids = try process.ready().workers.compactMap(\.pid)
    #expect(pids.count == 2)
    #expect(pids.allSatisfy(isRunning))
    kill(process.pid, SIGKILL)
    #expect(process.wait() == -SIGKILL)
    #expect(try await eventually { !pids.contains(where: isRunning) })
  }

  @Test func signalsReloadAndStop() async throws {
    let process = try SupervisorProcess([Fixture.worker(.web)])
    let status = try process.ready()
    let worker = try #require(status.workers.first)
    let port = try #require(worker.sockets.first?.place.endpoint?.port)
    kill(process.pid, SIGHUP)
    #expect(try await eventually { process.log.contains("reload applied") })
    // A service manager may signal the whole group: the workers wait for their supervisor's word.
    let pid = try #require(worker.pid)
    kill(pid, SIGTERM)
    kill(pid, SIGINT)
    #expect(try LineClient.ask(port, "pid") == "\(pid)")
    kill(process.pid, SIGTERM)
    #expect(process.wait() == 0)
    #expect(!isRunning(pid))
    #expect(!FileManager.default.fileExists(atPath: process.folder + "/control"))
  }

  @Test func secondSignalKillsAtOnce() async throws {
    let process = try SupervisorProcess([Fixture.worker(.web, fault: "stubborn")])
    let pid = try #require(try process.ready().workers.first?.pid)
    kill(process.pid, SIGTERM)
    #expect(try await eventually { process.log.contains("stopping") })
    #expect(isRunning(pid))
    kill(process.pid, SIGINT)
    #expect(process.wait() == 0)
    #expect(!isRunning(pid))
    #expect(!process.log.contains("did not end in time"), "it was not the time limit that ended it")
  }

  @Test func commandLine() async throws {
    let process = try SupervisorProcess([Fixture.worker(.web)])
    let pid = try #require(try process.ready().workers.first?.pid)
    var mode = stat()
    #expect(lstat(process.folder + "/control", &mode) == 0)
    #expect(mode.st_mode & 0o777 == 0o600)
    let status = try process.status()
    #expect(status.pid == process.pid)
    #expect(status.workers.first?.pid == pid)
    #expect(status.workers.first?.confinement?.contains("no_new_privs") == true)
    let reload = try process.client.send(.reload)
    #expect(reload.ok)
    #expect(reload.reload?.unaffected == [.web])
    try "not JSON".write(toFile: process.folder + "/setup.json", atomically: false, encoding: .utf8)
    let refused = try process.client.send(.reload)
    #expect(!refused.ok)
    #expect(refused.error?.isEmpty == false)
    #expect(try process.client.send(.stop).ok)
    #expect(process.wait() == 0)
    let error = #expect(throws: SupervisionError.self) { try process.client.send(.status) }
    #expect(error?.code == .notRunning)
  }

  @Test(arguments: ["nonsense\n", "{\"command\":\"format\"}\n", "[]\n", String(repeating: "x", count: 10_000)])
  func commandLineThatMakesNoSense(request: String) throws {
    let process = try SupervisorProcess([Fixture.worker(.web)])
    _ = try process.ready()
    // One that says nothing is in nobody's way.
    let silent = try UnixClient(path: process.folder + "/control")
    let client = try UnixClient(path: process.folder + "/control")
    let answer = client.exchange(request)
    if request.hasSuffix("\n") {
      #expect(answer == "{\"error\":\"the request is none of status, reload, stop\",\"ok\":false}\n")
    } else {
      #expect(answer == "")
    }
    #expect(try process.status().pid == process.pid)
    withExtendedLifetime(silent) {}
  }

  @Test func descriptorsAndMemoryStayFlatOverRestarts() async throws {
    let process = try SupervisorProcess(
      [Fixture.worker(.web, fault: "exit"), Fixture.worker(.mail)], firstDelayMilliseconds: 0, failingAfter: 1)
    _ = try process.ready()
    func restarts() throws -> Int { try process.status().workers.first?.restarts ?? 0 }
    #expect(try await eventually { try restarts() >= 30 })
    let (first, before) = (try restarts(), process.residentKilobytes)
    var counts: Set<Int> = []
    var last = first
    for _ in 0..<2000 where last < first + 200 {
      counts.insert(process.descriptorCount)
      try await Task.sleep(for: .milliseconds(50))
      last = try restarts()
    }
    let after = process.residentKilobytes
    print("\(last - first) restarts: descriptors \(counts.sorted()), resident \(before) → \(after) kB")
    #expect(last - first >= 200)
    // A restart holds up to eight more for a moment; a leak of one a restart would be 200.
    #expect(counts.max() ?? 0 <= (counts.min() ?? 0) + 8)
    #expect(after - before < 2048, "resident memory grew from \(before) to \(after) kB")
    #expect(try process.client.send(.stop).ok)
    #expect(process.wait() == 0)
  }

  @Test func serviceManagersSocketsAreTaken() async throws {
    let bound = try BoundPort()
    let process = try SupervisorProcess(
      [Fixture.worker(.web, ["main": bound.port])], environment: "LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=http",
      descriptors: [bound.number])
    let worker = try #require(try process.ready().workers.first)
    #expect(worker.sockets.first?.place.endpoint?.port == bound.port)
    #expect(try LineClient.ask(bound.port, "pid") == "\(try #require(worker.pid))")
    #expect(!process.log.contains("in no plan"))
  }

  @Test func socketsMeantForAnotherProcessAreNotTaken() async throws {
    let bound = try BoundPort()
    let process = try SupervisorProcess(
      [Fixture.worker(.web, ["main": bound.port])], environment: "LISTEN_PID=1 LISTEN_FDS=1",
      descriptors: [bound.number])
    #expect(try process.line().contains("tcp 127.0.0.1:\(bound.port) is in use by"))
    #expect(process.wait() == 1)
  }

  @Test func takenPortNamesItsOwner() async throws {
    let owner = try SupervisorProcess([Fixture.worker(.web)])
    let port = try #require(try owner.ready().workers.first?.sockets.first?.place.endpoint?.port)
    for count in [1, 2] {
      let error = await #expect(throws: SupervisionError.self) {
        try await Supervised([Fixture.worker(.mail, ["main": port], count: count)])
      }
      #expect(error?.code == .addressTaken)
      let text = error?.description ?? ""
      #expect(text.hasPrefix("tcp 127.0.0.1:\(port) is in use by pid "), "\(text)")
      #expect(text.contains("SupervisionFixture") || text.contains("portside worker web"), "\(text)")
    }
  }

  @Test func takenDatagramPortNamesItsOwner() async throws {
    var plan = Fixture.worker(.names)
    plan.sockets = [SocketPlan(name: "dns", place: .udp(Endpoint(IPAddress(127, 0, 0, 1), 0)), count: 2)]
    let owner = try SupervisorProcess([plan])
    let place = try #require(try owner.ready().workers.first?.sockets.first?.place)
    plan.sockets = [SocketPlan(name: "dns", place: place, count: 2)]
    let error = await #expect(throws: SupervisionError.self) { try await Supervised([plan]) }
    #expect(error?.description.hasPrefix("\(place) is in use by pid ") == true, "\(error?.description ?? "")")
  }

  @Test func serviceManagerIsTold() async throws {
    let folder = try Fixture.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let listener = try DatagramListener(path: folder + "/notify")
    let process = try SupervisorProcess(
      [Fixture.worker(.web)], environment: "NOTIFY_SOCKET=\(folder)/notify WATCHDOG_USEC=200000")
    _ = try process.ready()
    #expect(try await eventually { listener.text.contains("READY=1\nSTATUS=serving") })
    #expect(try await eventually { listener.text.components(separatedBy: "WATCHDOG=1").count > 3 })
    _ = try process.client.send(.reload)
    #expect(try await eventually { listener.text.contains("RELOADING=1\nMONOTONIC_USEC=") })
    _ = try process.client.send(.stop)
    #expect(try await eventually { listener.text.contains("STOPPING=1") })
    #expect(process.wait() == 0)
  }
}
