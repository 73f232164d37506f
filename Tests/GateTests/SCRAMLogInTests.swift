import SASLCore
import SASLServer
import Services
import Testing
import WireKit

@testable import Gate

/// SCRAM from a client to the verifier, with the gate as the judge.
struct SCRAMLogInTests {
  /// Runs an exchange to its end; the account that was let in, or why nobody was.
  private func logIn(
    _ name: String, _ password: String, at accounts: any Accounts, mechanism: SASLMechanism = .scramSHA256
  ) async -> Result<String, SASLFailure> {
    var client = SASLClientExchange(
      mechanism, credential: .password(name: name, SASLSecret(Array(password.utf8))), nonce: "fyko+d2lbbFgONRv9qkx")
    var server = SASLServerExchange(mechanism)
    let judge = SASLJudge(accounts: accounts, service: .submission, peer: TestGate.peer, isEncrypted: true)
    var step = server.begin(client.initialResponse())
    while true {
      switch step {
      case .challenge(let challenge):
        guard let response = client.respond(to: challenge) else { return .failure(.malformed) }
        step = server.receive(response)
      case .question(let question): step = server.resume(await judge.answer(question).answer)
      case .granted(let account):
        #expect(client.isServerTrusted)
        return .success(account)
      case .failed(let failure): return .failure(failure)
      }
    }
  }

  @Test func theRightPasswordLogsIn() async throws {
    let gate = try await TestGate()
    try await gate.add("ann", roles: ["staff"])
    for mechanism in [SASLMechanism.scramSHA256, .plain, .login] {
      #expect(
        await logIn("ann", "correct horse", at: gate.authenticator, mechanism: mechanism) == .success("ann@lab.test"))
    }
    #expect(await logIn("ANN@lab.test", "correct horse", at: gate.authenticator) == .success("ann@lab.test"))
    #expect(await logIn("ann", "wrong horse", at: gate.authenticator) == .failure(.denied))
    #expect(gate.lastReason == "wrong password")
    #expect(await logIn("nobody", "correct horse", at: gate.authenticator) == .failure(.denied))
    #expect(gate.lastReason == "unknown name")
  }

  @Test func unknownNamesHaveSaltsThatStay() async throws {
    let gate = try await TestGate()
    try await gate.add("ann")
    let known = try await gate.authenticator.scramParameters(for: "ann")
    let first = try await gate.authenticator.scramParameters(for: "nobody")
    #expect(first.salt.count == known.salt.count && first.iterations == known.iterations)
    #expect(try await gate.authenticator.scramParameters(for: "nobody@lab.test") == first)
    #expect(try await gate.authenticator.scramParameters(for: "somebody") != first)
  }

  @Test func failuresArePenalised() async throws {
    let gate = try await TestGate(penalties: PenaltySettings())
    try await gate.add("ann")
    for _ in 0..<3 { _ = await logIn("ann", "wrong horse", at: gate.authenticator) }
    guard case .failure(.penalised) = await logIn("ann", "correct horse", at: gate.authenticator) else {
      Issue.record("no penalty")
      return
    }
  }

  @Test func addressesHaveOwners() async throws {
    let gate = try await TestGate()
    _ = try await gate.directory.create(
      AccountSpecification(name: "ann", addresses: ["info@other.test"], roles: ["staff"]))
    let owner = try await gate.authenticator.owner(ofAddress: "Info@other.test")
    #expect(owner?.account == "ann@lab.test" && owner?.takesMail == true)
    #expect(try await gate.authenticator.owner(ofAddress: "nobody@lab.test") == nil)
  }
}
