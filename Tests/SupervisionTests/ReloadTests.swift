import Foundation
import Services
import Testing
import WireKit

@testable import Supervision

/// What a reload changes, and what it leaves alone.
@Suite(.serialized)
struct ReloadTests {
  @Test func listenerComesAndGoesWithoutHarmToOthers() async throws {
    let supervised = try await Supervised([Fixture.worker(.web, ["a": 0]), Fixture.worker(.mail)])
    _ = try await supervised.supervisor.whenReady()
    let (portA, mailPort) = (try await supervised.port(.web, "a"), try await supervised.port(.mail))
    let web = try LineClient(port: portA)
    let pid = try web.ask("pid")
    let mail = try LineClient(port: mailPort)
    let mailPID = try mail.ask("pid")

    var report = try await supervised.reload([
      Fixture.worker(.web, ["a": 0, "b": 0], greeting: "two"), Fixture.worker(.mail),
    ])
    #expect(report.changed == [.web])
    #expect(report.unaffected == [.mail])
    #expect(report.problems == [])
    #expect(try await supervised.port(.web, "a") == portA)
    let portB = try await supervised.port(.web, "b")
    #expect(try LineClient.ask(portB, "pid") == pid)
    #expect(try web.ask("greeting") == "two")

    report = try await supervised.reload([
      Fixture.worker(.web, ["b": 0], greeting: "one"), Fixture.worker(.mail),
    ])
    #expect(try await supervised.port(.web, "b") == portB)
    #expect(try await eventually { (try? LineClient(port: portA)) == nil }, "the removed listener is closed")
    #expect(try web.ask("pid") == pid, "its connection is not")
    #expect(try LineClient.ask(portB, "pid") == pid)
    #expect(try mail.ask("pid") == mailPID)
    #expect(try mail.ask("generation") == "1", "the other worker heard nothing of it")
    await supervised.supervisor.stop()
  }

  @Test func workersComeAndGoAndAreReplaced() async throws {
    let supervised = try await Supervised([Fixture.worker(.web), Fixture.worker(.mail)]) {
      $0.drainLimit = .seconds(5)
    }
    _ = try await supervised.supervisor.whenReady()
    let port = try await supervised.port(.web)
    let connection = try LineClient(port: port)
    let pid = try connection.ask("pid")
    let report = try await supervised.reload([
      Fixture.worker(.web, confinement: Confinement(readPaths: ["/tmp"])), Fixture.worker(.names),
    ])
    #expect(report.started == [.names])
    #expect(report.stopped == [.mail])
    #expect(report.replaced == [.web])
    #expect(report.problems == [])
    // The old process finishes its connection; the new one has the socket.
    #expect(try connection.ask("pid") == pid)
    #expect(try await supervised.port(.web) == port)
    #expect(try await eventually { try LineClient.ask(port, "pid") != pid })
    #expect(try await supervised.supervisor.status().workers.prefix(2).map(\.name) == [.web, .names])
    #expect(
      try await eventually {
        try await supervised.supervisor.status().workers.allSatisfy { $0.name != .mail }
      })
    await supervised.supervisor.stop()
  }

  @Test func refusedPlanKeepsTheOldOne() async throws {
    let taken = try BoundPort()
    let supervised = try await Supervised([Fixture.worker(.web, ["a": 0])])
    _ = try await supervised.supervisor.whenReady()
    let port = try await supervised.port(.web, "a")
    let connection = try LineClient(port: port)
    let pid = try connection.ask("pid")
    let refused: [(String, [WorkerPlan])] = [
      ("is in use by this server itself", [Fixture.worker(.web, ["c": 0, "d": taken.port])]),
      ("planned twice", [Fixture.worker(.web), Fixture.worker(.web)]),
      ("a socket's path is absolute", [Self.unix("relative")]),
    ]
    for (reason, plan) in refused {
      let error = await #expect(throws: SupervisionError.self) { try await supervised.reload(plan) }
      #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
    }
    let error = await #expect(throws: SupervisionError.self) { try await supervised.reload(failing: "line 3: what?") }
    #expect(error?.description == "line 3: what?")
    #expect(try connection.ask("pid") == pid)
    #expect(try LineClient.ask(port, "generation") == "1")
    #expect(try await supervised.status(of: .web).sockets.map(\.name) == ["a"])
    #expect(supervised.sink.events("reload refused; the old plan stays in force").count == 4)
    await supervised.supervisor.stop()
  }

  @Test func workerThatRefusesGoesOn() async throws {
    let supervised = try await Supervised([Fixture.worker(.web, ["a": 0])])
    _ = try await supervised.supervisor.whenReady()
    let port = try await supervised.port(.web, "a")
    let report = try await supervised.reload([Fixture.worker(.web, ["a": 0], greeting: "new", fault: "refuse")])
    #expect(report.problems == ["web goes on with its old configuration: told to refuse"])
    #expect(try LineClient.ask(port, "greeting") == "hello")
    await supervised.supervisor.stop()
  }

  @Test func largeConfigurationAndManySocketsArrive() async throws {
    let greeting = String(repeating: "x", count: 300_000)
    let sockets = Dictionary(uniqueKeysWithValues: (0..<40).map { ("s\($0)", UInt16(0)) })
    let supervised = try await Supervised([Fixture.worker(.web, sockets, greeting: greeting, count: 8)])
    _ = try await supervised.supervisor.whenReady()
    let port = try await supervised.port(.web, "s39")
    #expect(try LineClient.ask(port, "greeting") == greeting)
    await supervised.supervisor.stop()
  }

  @Test func addressChangesFromAllToOne() async throws {
    let supervised = try await Supervised([Self.tcp("0.0.0.0:0")])
    _ = try await supervised.supervisor.whenReady()
    // From a port of the kernel's choice to the same one, written out, at one address.
    let port = try await supervised.port(.web)
    let report = try await supervised.reload([Self.tcp("127.0.0.1:\(port)")])
    #expect(report.problems == [])
    #expect(try await eventually { (try? LineClient.ask(port, "greeting")) == "hello" })
    #expect(try await supervised.status(of: .web).sockets.first?.place.description == "tcp 127.0.0.1:\(port)")
    await supervised.supervisor.stop()
  }

  @Test func unixSocketHasItsRightsAndIsRemoved() async throws {
    let folder = try Fixture.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/gate"
    let supervised = try await Supervised([Self.unix(path)])
    var status = stat()
    #expect(lstat(path, &status) == 0)
    #expect(status.st_mode & 0o777 == 0o640)
    // A living socket is not taken away from who has it.
    let error = await #expect(throws: SupervisionError.self) { try await Supervised([Self.unix(path)]) }
    #expect(error?.code == .addressTaken)
    #expect(error?.description.contains("pid \(getpid())") == true)
    await supervised.supervisor.stop()
    #expect(lstat(path, &status) != 0)
    // A dead one is.
    try BoundPort.leaveStaleSocket(path)
    #expect(lstat(path, &status) == 0)
    let again = try await Supervised([Self.unix(path)])
    await again.supervisor.stop()
  }

  private static func tcp(_ text: String) -> WorkerPlan {
    var plan = Fixture.worker(.web)
    plan.sockets = [SocketPlan(name: "main", place: .tcp(Endpoint(text) ?? Endpoint(IPAddress(0, 0, 0, 0), 0)))]
    return plan
  }

  private static func unix(_ path: String) -> WorkerPlan {
    var plan = Fixture.worker(.web)
    plan.sockets = [SocketPlan(name: "main", place: .unixStream(path: path), mode: 0o640)]
    return plan
  }
}
