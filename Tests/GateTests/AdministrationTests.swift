import Services
import Testing
import WireKit

@testable import Gate

struct AdministrationTests {
  private func run(_ gate: TestGate, _ line: String, password: String? = nil) async throws -> AdminReply {
    let words = line.split(separator: " ").map(String.init)
    var request = try AdminVerb.parse(words, now: gate.clock.wallTime())
    if let password { request = request.answering(Secret(password)) }
    return await gate.administration.perform(request)
  }

  private func rows(_ reply: AdminReply) -> [[String]] { if case .rows(let rows) = reply { rows.rows } else { [] } }

  private func failure(_ reply: AdminReply) -> AdminFailure.Code? {
    if case .failure(let failure) = reply { failure.code } else { nil }
  }

  @Test func anAccountsLife() async throws {
    let gate = try await TestGate()
    let added = try await run(gate, "account add ann --role staff,netops --display-name Ann --quota 2GB --generate")
    guard case .secrets(_, let secrets) = added, let password = secrets.first?.value else {
      Issue.record("\(added)")
      return
    }
    #expect(try await gate.logIn("ann", password).isGranted)
    _ = try await run(gate, "account add bob --role=staff", password: "bob's password")
    #expect(try await gate.logIn("bob", "bob's password").isGranted)
    #expect(rows(try await run(gate, "account list")).map(\.first) == ["ann@lab.test", "bob@lab.test"])
    #expect(rows(try await run(gate, "account list --match BOB")).count == 1)
    let shown = rows(try await run(gate, "account show ann"))
    #expect(shown.contains(["quota", "2147483648 bytes"]) && shown.contains(["roles", "staff netops"]))
    _ = try await run(gate, "account set ann --role staff --quota none --expires 30d --address info,a@b")
    let changed = rows(try await run(gate, "account show ann"))
    #expect(
      changed.contains(["addresses", "info@lab.test a@b"]) && changed.contains(["quota", "the server's default"]))
    _ = try await run(gate, "account disable ann")
    #expect(try await gate.logIn("ann", password) == .denied)
    #expect(rows(try await run(gate, "account list --disabled")).map(\.first) == ["ann@lab.test"])
    _ = try await run(gate, "account enable ann")
    _ = try await run(gate, "account password ann", password: "another password")
    #expect(try await gate.logIn("ann", "another password").isGranted)
    _ = try await run(gate, "account remove ann")
    #expect(failure(try await run(gate, "account show ann")) == .notFound)
    guard case .done(let text) = try await run(gate, "audit verify") else { Issue.record("audit broken"); return }
    #expect(text.contains("unbroken"))
  }

  @Test func everyChangeIsInTheAuditTrailWithoutSecrets() async throws {
    let gate = try await TestGate()
    _ = try await run(gate, "account add ann --role staff", password: "correct horse")
    _ = try await run(gate, "account set ann --role netops")
    _ = try await run(gate, "account key add ann ssh-ed25519 \(KeyTests.ed25519) desk")
    _ = try await run(gate, "account app-password add ann phone --service imaps,submission --network 10.0.0.0/8")
    _ = try await run(gate, "account app-password remove ann phone")
    _ = try await run(gate, "account totp begin ann")
    _ = try await run(gate, "account password ann", password: "battery staple")
    _ = try await run(gate, "penalty clear all")
    let records = rows(try await run(gate, "audit list"))
    #expect(
      records.map { $0[3] }.reversed() == [
        "account add", "account set", "account key add", "account app-password add", "account app-password remove",
        "account totp begin", "account password", "penalty clear",
      ])
    let set = try #require(records.first { $0[3] == "account set" })
    #expect(set[2] == "test" && set[4] == "ann@lab.test")
    #expect(set[5].contains("roles=staff") && set[6].contains("roles=netops"))
    for secret in ["correct horse", "battery staple"] { #expect(!"\(records)".contains(secret)) }
    #expect(rows(try await run(gate, "audit list --account ann --limit 2")).count == 2)
    #expect(rows(try await run(gate, "audit list --account bob")).isEmpty)
  }

  @Test func keysAndAppPasswordsAreListedAndRemoved() async throws {
    let gate = try await TestGate()
    try await gate.add("ann")
    _ = try await run(gate, "account key add ann restrict ssh-ed25519 \(KeyTests.ed25519) desk")
    let key = try #require(rows(try await run(gate, "account key list ann")).first)
    #expect(key[2] == "restrict" && key[3] == "desk" && key[1].hasPrefix("SHA256:"))
    #expect(failure(try await run(gate, "account key add ann ssh-ed25519 \(KeyTests.ed25519)")) == .conflict)
    #expect(failure(try await run(gate, "account key remove ann SHA256:x")) == .notFound)
    _ = try await run(gate, "account key remove ann \(key[1])")
    #expect(rows(try await run(gate, "account key list ann")).isEmpty)
    _ = try await run(gate, "account app-password add ann phone --expires 2030-01-01")
    #expect(rows(try await run(gate, "account app-password list ann")).first?[3] == "2030-01-01T00:00:00Z")
    #expect(failure(try await run(gate, "account app-password remove ann pad")) == .notFound)
  }

  @Test func penaltiesAndSessions() async throws {
    let gate = try await TestGate(penalties: PenaltySettings())
    try await gate.add("ann")
    for _ in 0..<3 { _ = try await gate.logIn("ann", "wrong") }
    #expect(
      rows(try await run(gate, "penalty list")) == [["192.0.2.7/32", "turned away", "authfail", "imaps", "15 s"]])
    #expect(try await run(gate, "penalty clear 192.0.2.7") == .done("1 source is welcome again"))
    #expect(try await gate.logIn("ann", "correct horse").isGranted)

    let ended = Counter()
    let record = SessionRecord(
      id: SessionID(77), service: .imaps, peer: TestGate.peer, local: TestGate.peer, since: WallTime(seconds: 1))
    gate.sessions.open(record) { ended.add() }
    gate.sessions.update(record.id, account: "ann@lab.test")
    #expect(rows(try await run(gate, "session list --account ann")).first?.first == record.id.description)
    _ = try await run(gate, "session end \(record.id)")
    _ = try await run(gate, "session end \(record.id)")
    #expect(ended.count == 1, "once")
    gate.sessions.close(record.id)
    #expect(failure(try await run(gate, "session end \(record.id)")) == .notFound)
    gate.sessions.open(record) { ended.add() }
    gate.sessions.update(record.id, account: "ann@lab.test")
    _ = try await run(gate, "account disable ann")
    #expect(ended.count == 2, "who is disabled is sent away")
  }

  @Test func withoutAServerTheStoresAloneAnswer() async throws {
    let gate = try await TestGate()
    let local = GateAdministration(
      directory: gate.directory, trail: gate.trail, clock: gate.clock, live: nil, actor: "uid 0")
    for request in [
      AdminRequest.penaltyList, .penaltyClear(nil), .sessionList(account: nil), .sessionEnd(SessionID(1)),
    ] {
      #expect(failure(await local.perform(request)) == .notRunning)
    }
    await #expect(throws: AdminFailure.self) { try await local.watch(WatchFilter()) }
    #expect(await local.perform(.accountAdd(.init(name: "ann"), .none, force: false)) == .done("ann@lab.test is added"))
  }

  @Test func anAccountWhosePasswordIsRefusedIsNotLeftBehind() async throws {
    let gate = try await TestGate()
    #expect(failure(try await run(gate, "account add ann", password: "short")) == .usage)
    #expect(failure(try await run(gate, "account show ann")) == .notFound)
    #expect(failure(try await run(gate, "account add ann")) == .usage, "nobody asked for the password")
    _ = try await run(gate, "account add ann --force", password: "short")
    #expect(failure(try await run(gate, "account show ann")) == nil)
  }

  @Test(arguments: [
    "", "account", "account frobnicate", "account add", "account add a b", "account add a --rôle x",
    "account add a --role",
    "account add a --generate=yes", "account set a --quota lots", "account set a --quota 99999999999TB",
    "account set a --expires soon", "account list --limit 0", "account list --limit 1001", "penalty clear 10.0.0.1/8",
    "penalty clear", "session end !", "audit list --service gopher", "audit verify --head 5", "audit list --peer x",
    "account app-password add a b --service gopher", "account app-password add a b --network 1.2.3",
    "account key add a",
  ])
  func wrongUseIsExplained(_ line: String) {
    let words = line.split(separator: " ").map(String.init)
    #expect(
      performing: { _ = try AdminVerb.parse(words, now: WallTime(seconds: 0)) },
      throws: { error in
        (error as? AdminFailure).map { $0.code == .usage && $0.message.contains("\n") } ?? false
      })
  }

  @Test func theTableIsConsistent() {
    #expect(Set(AdminVerb.all.map(\.words)).count == AdminVerb.all.count)
    for verb in AdminVerb.all {
      #expect(AdminVerb.find(verb.words)?.verb.words == verb.words)
      #expect(!verb.summary.isEmpty && !verb.permission.isEmpty)
    }
    #expect(AdminVerb.find(["account", "add"])?.verb.usage.hasPrefix("account add NAME [--display-name TEXT]") == true)
  }
}
