import Glibc
import Services
import Testing
import WireKit

@testable import Gate

/// The gate's socket when things go wrong: restarts, foreigners, nonsense.
struct SocketFaultTests {
  private let peer = TestGate.peer

  private func session(_ number: UInt64) -> SessionRecord {
    SessionRecord(id: SessionID(number), service: .imaps, peer: peer, local: peer, since: WallTime(seconds: 1))
  }

  /// The listening socket stays, as it does in the supervisor: while no gate runs, connections wait in its backlog.
  @Test func aRestartOfTheGateLosesNoSession() async throws {
    let socket = try TestSocket()
    let first = try await TestGate(penalties: PenaltySettings())
    let server = GateServer(first.parts())
    try await server.start(descriptor: socket.copy())
    let client = GateClient(path: socket.path, name: "mail", clock: first.clock)
    client.start()
    #expect(await client.waitUntilConnected(timeLimit: .seconds(5)))
    let ended = Counter()
    client.open(session(1)) { ended.add() }
    client.open(session(2)) {}
    client.report(.crash, by: peer.address, service: .ssh)
    #expect(await eventually { client.penalty(for: peer.address, now: first.clock.now()) != nil })

    await server.stop()
    #expect(await eventually { !client.isConnected })
    let attempt = LogInAttempt(
      name: "ann", credential: .password(Secret("x")), service: .imaps, peer: peer, isEncrypted: true)
    await #expect(throws: ServiceUnavailable.self) { try await client.authenticate(attempt) }
    #expect(client.penalty(for: peer.address, now: first.clock.now()) != nil, "the last table stays in force")
    client.close(SessionID(2))
    client.open(session(3)) {}
    client.update(SessionID(3), account: "ann@lab.test")
    client.report(.crash, by: IPAddress(10, 0, 0, 1), service: .ssh)
    client.emit(Event(time: WallTime(seconds: 1), severity: .info, message: "meanwhile"))

    let second = try await TestGate(penalties: PenaltySettings())
    try await second.add("ann")
    let next = GateServer(second.parts())
    try await next.start(descriptor: socket.copy())
    #expect(await client.waitUntilConnected(timeLimit: .seconds(8)))
    #expect(await eventually { second.sessions.list().map(\.id.number).sorted() == [1, 3] })
    #expect(second.sessions.list(account: "ann@lab.test").map(\.id) == [SessionID(3)])
    #expect(await eventually { second.sink.events.contains { $0.message == "meanwhile" } })
    #expect(await eventually { second.penalties.list().map(\.source.address) == [IPAddress(10, 0, 0, 1)] })
    #expect(
      await eventually { client.penalty(for: peer.address, now: first.clock.now()) == nil }, "the new table is in force"
    )
    #expect(try await client.authenticate(attempt) == .denied)
    _ = second.sessions.end(SessionID(1))
    #expect(await eventually { ended.count == 1 })
    await client.stop()
    await next.stop()
  }

  @Test func aRequestInFlightFailsWhenTheGateGoes() async throws {
    let socket = try TestSocket()
    let gate = try await TestGate(hasher: CountingHasher(pauseMicroseconds: 300_000))
    let server = GateServer(gate.parts())
    try await server.start(descriptor: socket.copy())
    let client = GateClient(path: socket.path, name: "mail", clock: gate.clock)
    client.start()
    #expect(await client.waitUntilConnected(timeLimit: .seconds(5)))
    let before = gate.hasher.seen.verifications
    let waiting = Task {
      try await client.authenticate(
        LogInAttempt(name: "x", credential: .password(Secret("x")), service: .imaps, peer: peer, isEncrypted: true))
    }
    #expect(await eventually { gate.hasher.seen.verifications > before })
    await server.stop()
    await #expect(throws: ServiceUnavailable.self) { try await waiting.value }
    await client.stop()
  }

  @Test func whileTheGateIsAwayTheOldestEventsAreLostAndTheLossIsTold() async throws {
    let gate = try await TestGate()
    let socket = try TestSocket()
    let client = GateClient(path: socket.path, name: "mail", clock: gate.clock)
    for number in 0..<(GateClient.eventCapacity + 100) {
      client.emit(Event(time: WallTime(seconds: Int64(number)), severity: .debug, message: "n"))
    }
    let server = GateServer(gate.parts())
    try await server.start(descriptor: socket.copy())
    client.start()
    #expect(await eventually { gate.sink.events.count == GateClient.eventCapacity + 1 })
    let loss = try #require(gate.sink.events.first)
    #expect(loss.message == "events lost" && loss.fields == [.init("count", .integer(100))])
    #expect(gate.sink.events.dropFirst().map(\.time.seconds) == Array(100..<Int64(GateClient.eventCapacity + 100)))
    await client.stop()
    await server.stop()
  }

  @Test func aForeignUserIsRefused() async throws {
    let gate = try await TestGate()
    let socket = try TestSocket()
    var configuration = GateServer.Configuration()
    configuration.allowedUserIDs = [geteuid() + 1]
    let server = GateServer(gate.parts(), configuration: configuration)
    try await server.start(descriptor: socket.copy())
    let foreigner = try socket.connect()
    writeAll(foreigner, ClientMessage.hello(name: "mail", takesPushes: true).bytes)
    #expect(readAnswer(foreigner) == .closed)
    close(foreigner)
    #expect(server.workers == [])
    #expect(
      await eventually { gate.sink.events.contains { $0.message == "a foreign user's process was refused by gate" } })
    await server.stop()
  }

  private static let hello = ClientMessage.hello(name: "x", takesPushes: false).bytes
  private static let request = ClientMessage.request(id: 1, .administer(.penaltyList)).bytes

  @Test(
    arguments: [
      ("a length over the limit", [0xFF, 0xFF, 0xFF, 0xFF]), ("one byte over the limit", [0x00, 0x10, 0x00, 0x01]),
      ("a length of zero", [0, 0, 0, 0]), ("no JSON", [0, 0, 0, 3, 0x61, 0x62, 0x63]),
      ("JSON of something else", [0, 0, 0, 2, 0x7B, 0x7D]), ("text", Array("GET / HTTP/1.1\r\n\r\n".utf8)),
      ("a request before hello", request), ("hello twice", hello + hello),
      ("an empty name", ClientMessage.hello(name: "", takesPushes: false).bytes),
      ("deep JSON", [0, 0, 0x27, 0x10] + [UInt8](repeating: 0x5B, count: 10_000)),
    ] as [(String, [UInt8])])
  func nonsenseClosesTheConnectionAndNothingElse(_ name: String, _ bytes: [UInt8]) async throws {
    let gate = try await TestGate()
    let socket = try TestSocket()
    let server = GateServer(gate.parts())
    try await server.start(descriptor: socket.copy())
    let hostile = try socket.connect()
    writeAll(hostile, bytes)
    var answer = readAnswer(hostile)
    if answer == .data { answer = readAnswer(hostile) }
    #expect(answer == .closed, "\(name)")
    close(hostile)
    let good = GateClient(path: socket.path, name: "mail", clock: gate.clock)
    good.start()
    #expect(await good.waitUntilConnected(timeLimit: .seconds(5)))
    await good.stop()
    await server.stop()
  }

  @Test func framesMayBeCutAnywhere() async throws {
    let gate = try await TestGate()
    let socket = try TestSocket()
    let server = GateServer(gate.parts())
    try await server.start(descriptor: socket.copy())
    let bytes = Self.hello + ClientMessage.openSession(session(9)).bytes
    let client = try socket.connect()
    for byte in bytes { writeAll(client, [byte]) }
    #expect(await eventually { gate.sessions.list().map(\.id) == [SessionID(9)] })
    close(client)
    #expect(await eventually { gate.sessions.list().isEmpty })
    // Cut off at each place, it leaves nothing behind.
    for length in stride(from: 1, to: bytes.count, by: 7) {
      let client = try socket.connect()
      writeAll(client, Array(bytes[..<length]))
      close(client)
    }
    #expect(await eventually { gate.sessions.list().isEmpty })
    await server.stop()
  }

  @Test func aClientThatAsksTooMuchAtOnceIsToldSo() async throws {
    let gate = try await TestGate(hasher: CountingHasher(pauseMicroseconds: 1000), maximumWaiting: 5000)
    let socket = try TestSocket()
    let server = GateServer(gate.parts())
    try await server.start(descriptor: socket.copy())
    let client = GateClient(path: socket.path, name: "mail", clock: gate.clock)
    client.start()
    #expect(await client.waitUntilConnected(timeLimit: .seconds(5)))
    let outcomes = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<(GateConnection.maximumRequests * 2) {
        group.addTask {
          let attempt = LogInAttempt(
            name: "x", credential: .password(Secret("x")), service: .imaps, peer: peer, isEncrypted: true)
          return (try? await client.authenticate(attempt)) == nil
        }
      }
      return await group.reduce(into: (refused: 0, answered: 0)) { $1 ? ($0.refused += 1) : ($0.answered += 1) }
    }
    #expect(outcomes.answered >= GateConnection.maximumRequests && outcomes.refused > 0)
    await client.stop()
    await server.stop()
  }

  @Test func tooManyConnectionsAreTurnedAway() async throws {
    let gate = try await TestGate()
    let socket = try TestSocket()
    let server = GateServer(gate.parts(), configuration: .init(maximumConnections: 2))
    try await server.start(descriptor: socket.copy())
    var open: [CInt] = []
    for _ in 0..<2 {
      let client = try socket.connect()
      writeAll(client, Self.hello)
      #expect(readAnswer(client) == .data)
      open.append(client)
    }
    let third = try socket.connect()
    writeAll(third, Self.hello)
    #expect(readAnswer(third) == .closed)
    close(third)
    for client in open { close(client) }
    await server.stop()
  }
}
