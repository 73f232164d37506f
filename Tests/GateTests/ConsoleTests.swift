import ConsoleCore
import Services
import Testing
import WireKit

@testable import Gate

/// Console commands over the gate's socket: in whose name they run, and what the gate allows.
struct ConsoleTests {
  private let peer = TestGate.peer

  private struct Bench {
    let gate: TestGate
    let socket: TestSocket
    let server: GateServer
    let client: GateClient

    func stop() async {
      await client.stop()
      await server.stop()
    }

    func perform(_ words: String, session: UInt64? = 1) async -> ConsoleAnswer {
      await client.perform(
        ConsoleCall(words: words.split(separator: " ").map(String.init)), session: session.map { SessionID($0) })
    }
  }

  private static let leases = Command("show leases", permission: "console:show", "leases", columns: ["address"])

  private func bench(allowsAdministration: Bool = false) async throws -> Bench {
    let gate = try await TestGate()
    let socket = try TestSocket()
    var parts = gate.parts()
    parts.console = GateConsole(
      commands: [Self.leases], administration: gate.administration, board: parts.board, handlers: [:],
      events: gate.events, clock: gate.clock)
    let server = GateServer(parts, configuration: .init(allowsAdministration: allowsAdministration))
    try await server.start(descriptor: socket.copy())
    let client = GateClient(path: socket.path, name: "access", clock: gate.clock)
    client.start()
    #expect(await client.waitUntilConnected(timeLimit: .seconds(5)))
    try await gate.add("ann", roles: ["admin"])
    try await gate.add("nia", roles: ["netops"])
    return Bench(gate: gate, socket: socket, server: server, client: client)
  }

  /// A session as the Telnet server has one: registered, then logged in.
  private func logIn(_ bench: Bench, _ name: String, session: UInt64 = 1, port: UInt16 = 40_000) async throws {
    let peer = Endpoint(peer.address, port)
    let register: any SessionRegister = bench.client
    register.open(
      SessionRecord(id: SessionID(session), service: .telnet, peer: peer, local: peer, since: WallTime(seconds: 1))
    ) {}
    let result = try await bench.client.authenticate(
      LogInAttempt(
        name: name, credential: .password(Secret("correct horse")), service: .telnet, peer: peer, isEncrypted: true))
    #expect(result.isGranted)
    register.update(SessionID(session), account: name)
  }

  private func text(_ answer: ConsoleAnswer) -> String {
    switch answer {
    case .done(let text), .failure(let text), .secrets(let text, _): text
    case .listing(let listing): listing.rows.map { $0.joined(separator: " ") }.joined(separator: "\n")
    case .secretNeeded(let prompt): prompt
    }
  }

  @Test func anAccountDoesWhatItsRolesPermit() async throws {
    let bench = try await bench()
    try await logIn(bench, "nia")
    #expect(text(await bench.perform("show accounts")).contains("ann@lab.test"))
    let refused = await bench.perform("account disable ann")
    #expect(refused == .failure("not permitted: it needs console:accounts"))
    #expect(try await bench.gate.directory.account("ann").isDisabled == false)
    #expect(bench.gate.sink.events.contains { $0.message == "console command refused" && $0.account == "nia@lab.test" })
    await bench.stop()
  }

  @Test func changesAreAuditedWithTheirDifference() async throws {
    let bench = try await bench()
    try await logIn(bench, "ann")
    #expect(text(await bench.perform("account set nia --display-name Nia")) == "nia@lab.test is changed")
    let records = try await bench.gate.trail.page(AuditFilter(), from: .before(nil), limit: 1)
    let entry = try #require(records.first?.entry)
    #expect(entry.actor == "ann@lab.test" && entry.subject == "nia@lab.test" && entry.service == .telnet)
    #expect(entry.session == SessionID(1) && entry.peer?.address == peer.address)
    #expect(entry.before?.contains("display name=,") == true && entry.after?.contains("display name=Nia") == true)
    await bench.stop()
  }

  /// What an administrator takes away is gone at once.
  @Test func rolesAreLookedUpForEachCommand() async throws {
    let bench = try await bench()
    try await logIn(bench, "nia")
    #expect(!text(await bench.perform("show accounts")).isEmpty)
    var change = AccountChange()
    change.roles = ["staff"]
    _ = try await bench.gate.directory.change("nia", change)
    #expect(await bench.perform("show accounts") == .failure("not permitted: it needs console:show"))
    change = AccountChange()
    (change.roles, change.isDisabled) = (["netops"], true)
    _ = try await bench.gate.directory.change("nia", change)
    #expect(await bench.perform("show accounts") == .failure("the account may do nothing any more"))
    await bench.stop()
  }

  /// A worker that was taken over can name sessions and accounts as it likes: only what the gate granted counts.
  @Test func aWorkersWordIsNotEnough() async throws {
    let bench = try await bench(allowsAdministration: false)
    let unknown = await bench.perform("show accounts", session: 1)
    #expect(text(unknown).contains("log in again"))
    // A session without a log-in, named after an administrator.
    let register: any SessionRegister = bench.client
    register.open(
      SessionRecord(
        id: SessionID(2), service: .telnet, peer: Endpoint(peer.address, 1), local: peer, account: "ann@lab.test",
        since: WallTime(seconds: 1))
    ) {}
    register.update(SessionID(2), account: "ann@lab.test")
    #expect(text(await bench.perform("show accounts", session: 2)).contains("log in again"))
    // Its own log-in, with another's name put upon it.
    try await logIn(bench, "nia", session: 3, port: 3)
    register.update(SessionID(3), account: "ann@lab.test")
    #expect(text(await bench.perform("account disable ann", session: 3)).contains("not permitted"))
    // The administrators' way is closed on this socket.
    #expect(text(await bench.perform("show accounts", session: nil)) == "no console is offered here")
    // Once it is closed, the session is nobody's.
    register.close(SessionID(3))
    #expect(text(await bench.perform("show accounts", session: 3)).contains("log in again"))
    await bench.stop()
  }

  @Test func passwordsAreAskedFor() async throws {
    let bench = try await bench()
    try await logIn(bench, "ann")
    #expect(await bench.perform("account password nia") == .secretNeeded(prompt: "New password: "))
    let call = ConsoleCall(words: ["account", "password", "nia"], secret: HiddenText(Array("another horse".utf8)))
    #expect(text(await bench.client.perform(call, session: SessionID(1))) == "nia@lab.test has a new password")
    #expect(try await bench.gate.logIn("nia", "another horse", service: .telnet).isGranted)
    await bench.stop()
  }

  @Test func workersAnswerWhatTheyKnow() async throws {
    let bench = try await bench(allowsAdministration: true)
    #expect(text(await bench.perform("show leases", session: nil)).contains("nothing that runs"))
    bench.client.answerQuestions { question in
      question.command == "show leases" ? question.page(["address"], (0..<1200).map { ["\($0)"] }) : nil
    }
    var after: String?
    var rows = 0
    repeat {
      let answer = await bench.client.perform(ConsoleCall(words: ["show", "leases"], after: after), session: nil)
      guard case .listing(let listing) = answer else { break }
      rows += listing.rows.count
      after = listing.next
    } while after != nil
    #expect(rows == 1200)
    #expect(text(await bench.perform("show workers", session: nil)).hasPrefix("access "))
    await bench.stop()
  }

  @Test func listingsOfAccountsArePaged() async throws {
    let bench = try await bench(allowsAdministration: true)
    for number in 0..<600 {
      _ = try await bench.gate.directory.create(AccountSpecification(name: "u\(number)", roles: []))
    }
    guard case .listing(let first) = await bench.perform("show accounts", session: nil), let next = first.next else {
      Issue.record("no page")
      return
    }
    let call = ConsoleCall(words: ["show", "accounts"], after: next)
    guard case .listing(let second) = await bench.client.perform(call, session: nil) else {
      Issue.record("no second page")
      return
    }
    #expect(Set((first.rows + second.rows).map { $0[0] }).count == 602)
    await bench.stop()
  }
}
