import Glibc
import Services
import Synchronization
import Testing
import WireKit

@testable import Gate

/// The gate over a real Unix socket.
struct SocketTests {
  private let peer = TestGate.peer

  /// A server with a client that is connected to it.
  private struct Pair {
    let gate: TestGate
    let socket: TestSocket
    let server: GateServer
    let client: GateClient
    let certificates: TestCertificates

    func stop() async {
      await client.stop()
      await server.stop()
    }
  }

  private func pair(
    metrics: @escaping @Sendable () -> String = { "up 1" }, penalties: PenaltySettings = PenaltySettings()
  ) async throws -> Pair {
    let gate = try await TestGate(penalties: penalties)
    let socket = try TestSocket()
    let certificates = TestCertificates()
    let server = GateServer(gate.parts(certificates: certificates))
    try await server.start(descriptor: socket.copy())
    let client = GateClient(path: socket.path, name: "mail", clock: gate.clock, metrics: metrics)
    client.start()
    #expect(await client.waitUntilConnected(timeLimit: .seconds(5)))
    return Pair(gate: gate, socket: socket, server: server, client: client, certificates: certificates)
  }

  private func attempt(_ name: String, _ password: String) -> LogInAttempt {
    LogInAttempt(
      name: name, credential: .password(Secret(password)), service: .imaps, peer: peer, isEncrypted: true)
  }

  private func session(_ number: UInt64) -> SessionRecord {
    SessionRecord(id: SessionID(number), service: .imaps, peer: peer, local: peer, since: WallTime(seconds: 1))
  }

  @Test func logInsAndKeysAreJudged() async throws {
    let pair = try await pair(penalties: PenaltySettings(minimum: .seconds(1000), maximum: .seconds(2000)))
    try await pair.gate.add("ann")
    let key = try await pair.gate.directory.addKey("ssh-ed25519 \(KeyTests.ed25519)", to: "ann")
    let accounts: any Accounts = pair.client
    #expect(try await accounts.authenticate(attempt("ann", "correct horse")).isGranted)
    #expect(try await accounts.authenticate(attempt("ann", "wrong")) == .denied)
    #expect(try await accounts.acceptsPublicKey(key.blob, account: "ann", peer: peer.address))
    #expect(try await !accounts.acceptsPublicKey([1], account: "ann", peer: peer.address))
    // Many at once, answered in any order, each with its own answer.
    let right = await withTaskGroup(of: Bool.self) { group in
      for number in 0..<60 {
        group.addTask {
          let isRight = number % 2 == 0
          let result = try? await accounts.authenticate(self.attempt("ann", isRight ? "correct horse" : "wrong"))
          return result?.isGranted == isRight
        }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(right == 60)
    await pair.stop()
  }

  @Test func penaltiesReachTheWorkerAndLeaveAgain() async throws {
    let pair = try await pair()
    for _ in 0..<3 { pair.client.report(.authfail, by: peer.address, service: .ssh) }
    let now = pair.gate.clock.now()
    #expect(await eventually { pair.client.penalty(for: peer.address, now: now) != nil })
    #expect(pair.client.penalty(for: peer.address, now: now) == .seconds(15))
    #expect(pair.client.penalty(for: IPAddress(192, 0, 2, 8), now: now) == nil)
    #expect(pair.client.penalty(for: peer.address, now: now + .seconds(15)) == nil)
    #expect(pair.gate.penalties.clear(nil) == 1)
    #expect(await eventually { pair.client.penalty(for: peer.address, now: now) == nil })
    // A worker that comes later gets the table at once.
    pair.gate.penalties.report(.crash, by: IPAddress(v6: 0x2001_0DB8 << 96 | 1), service: .ssh)
    let late = GateClient(path: pair.socket.path, name: "web", clock: pair.gate.clock)
    late.start()
    #expect(await eventually { late.penalty(for: IPAddress(v6: 0x2001_0DB8 << 96 | 9), now: now) == .seconds(90) })
    await late.stop()
    await pair.stop()
  }

  @Test func sessionsAreListedAndEnded() async throws {
    let pair = try await pair()
    let ended = Counter()
    pair.client.open(session(1)) { ended.add() }
    pair.client.open(session(2)) { Issue.record("the wrong session was ended") }
    pair.client.update(SessionID(1), account: "ann@lab.test")
    #expect(await eventually { pair.gate.sessions.list(account: "ann@lab.test").count == 1 })
    #expect(pair.gate.sessions.list().count == 2)
    _ = pair.gate.sessions.end(SessionID(1))
    #expect(await eventually { ended.count == 1 })
    pair.client.close(SessionID(1))
    #expect(await eventually { pair.gate.sessions.list().map(\.id) == [SessionID(2)] })
    // A worker that goes takes its sessions with it.
    await pair.client.stop()
    #expect(await eventually { pair.gate.sessions.list().isEmpty })
    await pair.server.stop()
  }

  @Test func oneWorkerCanNotTouchAnothersSessions() async throws {
    let pair = try await pair()
    let other = GateClient(path: pair.socket.path, name: "web", clock: pair.gate.clock)
    other.start()
    #expect(await other.waitUntilConnected(timeLimit: .seconds(5)))
    pair.client.open(session(1)) {}
    #expect(await eventually { pair.gate.sessions.list().count == 1 })
    other.update(SessionID(1), account: "mallory")
    other.close(SessionID(1))
    other.open(session(2)) {}
    #expect(await eventually { pair.gate.sessions.list().count == 2 })
    #expect(pair.gate.sessions.list().allSatisfy { $0.account == nil })
    await other.stop()
    await pair.stop()
  }

  @Test func certificatesArriveWholeAndAgainWhenTheyChange() async throws {
    let pair = try await pair()
    var stream = pair.client.identities().makeAsyncIterator()
    let many = (0..<50).map { number in
      TLSIdentity(
        names: ["h\(number).lab.test"], chain: [[UInt8](repeating: 1, count: 3000)],
        privateKey: Secret([UInt8](repeating: 2, count: 3000)))
    }
    pair.certificates.set(many)
    var last: [TLSIdentity]?
    while last?.count != 50, let next = await stream.next() { last = next }
    #expect(last == many)
    pair.certificates.set([many[0]])
    #expect(await stream.next() == [many[0]])
    // Who asks later gets the last state at once.
    var late = pair.client.identities().makeAsyncIterator()
    #expect(await late.next() == [many[0]])
    await pair.stop()
    #expect(await late.next() == nil)
  }

  @Test func eventsReachTheSinkTheTrailAndThoseWhoWatch() async throws {
    let pair = try await pair()
    #expect(!pair.client.isWatched(.imaps))
    let remote = try await RemoteAdministration(path: pair.socket.path, clock: pair.gate.clock)
    var watch = try await remote.watch(WatchFilter(services: [.imaps])).makeAsyncIterator()
    #expect(await eventually { pair.client.isWatched(.imaps) })
    #expect(!pair.client.isWatched(.ssh))
    let event = { (service: ServiceName, kind: Event.Kind) in
      Event(time: WallTime(seconds: 5), severity: .info, kind: kind, message: "step", service: service)
    }
    pair.client.emit(event(.ssh, .log))
    pair.client.emit(event(.imaps, .conversation(.received, wire: "A1 NOOP", meaning: "asks for nothing")))
    pair.client.emit(event(.imaps, .audit))
    #expect(await watch.next()?.kind == .conversation(.received, wire: "A1 NOOP", meaning: "asks for nothing"))
    #expect(await watch.next()?.kind == .audit)
    #expect(await eventually { pair.gate.sink.events.filter { $0.message == "step" }.count == 3 })
    await pair.gate.events.flush()
    #expect(try await eventually { try await pair.gate.auditStore.head().sequence == 1 })
    await remote.close()
    #expect(await eventually { !pair.client.isWatched(.imaps) })
    await pair.stop()
  }

  @Test func manyEventsKeepTheirOrder() async throws {
    let pair = try await pair()
    for number in 0..<5000 {
      pair.client.emit(
        Event(
          time: WallTime(seconds: Int64(number)), severity: .debug, message: "n",
          fields: [.init("text", .string(String(repeating: "x", count: 100)))]))
    }
    #expect(await eventually { pair.gate.sink.events.count == 5000 })
    #expect(pair.gate.sink.events.map(\.time.seconds) == Array(0..<5000))
    await pair.stop()
  }

  @Test func anEventTooLongForAFrameIsToldAsLost() async throws {
    let pair = try await pair()
    let long = Event.Kind.conversation(.sent, wire: String(repeating: "x", count: 2 << 20), meaning: "")
    pair.client.emit(Event(time: WallTime(seconds: 1), severity: .info, kind: long, message: "long"))
    pair.client.emit(Event(time: WallTime(seconds: 2), severity: .info, message: "short"))
    #expect(await eventually { pair.gate.sink.events.contains { $0.message == "short" } })
    pair.client.emit(Event(time: WallTime(seconds: 3), severity: .info, message: "short"))
    #expect(await eventually { pair.gate.sink.events.contains { $0.message == "events lost" } })
    await pair.stop()
  }

  @Test func metricsAreCollectedFromThoseWhoAnswer() async throws {
    let pair = try await pair(metrics: { "mails 7" })
    let answers = await pair.server.collectMetrics(timeLimit: .seconds(10))
    #expect(answers.map(\.worker) == ["mail"] && answers.first?.text == "mails 7")
    // This one says hello, and then nothing.
    let mute = try pair.socket.connect()
    writeAll(mute, ClientMessage.hello(name: "mute", takesPushes: true).bytes)
    #expect(await eventually { pair.server.workers == ["mail", "mute"] })
    let others = await pair.server.collectMetrics(timeLimit: .milliseconds(100))
    #expect(!others.contains { $0.worker == "mute" })
    close(mute)
    await pair.stop()
  }

  @Test func administrationIsTheSameOverTheSocket() async throws {
    let pair = try await pair()
    let remote: any Administration = try await RemoteAdministration(path: pair.socket.path, clock: pair.gate.clock)
    #expect(
      await remote.perform(
        .accountAdd(.init(name: "ann", roles: ["staff"]), .given(Secret("correct horse")), force: false))
        == .done("ann@lab.test is added"))
    let list = AdminRequest.accountList(AccountFilter(), after: nil, limit: 10)
    #expect(await remote.perform(list) == pair.gate.administration.perform(list))
    #expect(try await pair.client.authenticate(attempt("ann", "correct horse")).isGranted)
    let records = try await pair.gate.auditStore.page(AuditFilter(), from: .after(0), limit: 1)
    #expect(records.first?.entry.actor == "uid \(geteuid())")
    await (remote as? RemoteAdministration)?.close()
    await pair.stop()
  }

  @Test func aSocketForWorkersServesNoAdministration() async throws {
    let gate = try await TestGate()
    let socket = try TestSocket()
    let server = GateServer(gate.parts(), configuration: .init(allowsAdministration: false))
    try await server.start(descriptor: socket.copy())
    let remote = try await RemoteAdministration(path: socket.path, clock: gate.clock)
    guard case .failure(let failure) = await remote.perform(.penaltyList) else { Issue.record("performed"); return }
    #expect(failure.code == .refused)
    await #expect(throws: AdminFailure.self) { try await remote.watch(WatchFilter()) }
    await remote.close()
    await server.stop()
  }

  @Test func noServerIsSaidPlainly() async throws {
    do {
      _ = try await RemoteAdministration(
        path: "/tmp/portside-nothing-here", clock: TestClock(), timeLimit: .milliseconds(200))
      Issue.record("connected to nothing")
    } catch { #expect(error.code == .notRunning) }
  }
}
