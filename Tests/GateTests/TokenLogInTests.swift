import Services
import Testing
import WireKit

@testable import Gate

/// Log-ins by tokens, with an issuer that says what the test wants.
struct TokenLogInTests {
  private struct Issuer: TokenAuthority {
    let severalFactors: Bool

    /// The token is the account's name.
    func judge(_ token: Secret, at time: WallTime) async throws(ServiceUnavailable) -> TokenVerdict {
      let name = token.withBytes { String(decoding: $0, as: UTF8.self) }
      if name == "away" { throw ServiceUnavailable("no keys") }
      if name == "forged" { return .refused(because: "token with a wrong signature") }
      return .vouched(account: name, issuer: "test", severalFactors: severalFactors)
    }
  }

  private func logIn(
    _ name: String, _ token: String, at gate: TestGate, severalFactors: Bool = false, service: ServiceName = .imaps
  ) async throws -> LogInResult {
    let authenticator = try await Authenticator(
      directory: gate.directory, penalties: gate.penalties, events: gate.events,
      tokens: Issuer(severalFactors: severalFactors))
    return try await authenticator.authenticate(
      LogInAttempt(
        name: name, credential: .token(Secret(token)), service: service, peer: TestGate.peer, isEncrypted: true))
  }

  @Test func theTokenSaysWho() async throws {
    let gate = try await TestGate()
    try await gate.add("ann")
    try await gate.add("bob")
    for name in ["", "ann", "ANN@lab.test"] { #expect(try await logIn(name, "ann", at: gate).isGranted, "\(name)") }
    #expect(try await logIn("bob", "ann", at: gate) == .denied)
    #expect(gate.lastReason == "token of another account")
    #expect(try await logIn("nobody", "ann", at: gate) == .denied)
    #expect(try await logIn("", "nobody", at: gate) == .denied)
    #expect(gate.lastReason == "token for an unknown name")
    #expect(try await logIn("ann", "forged", at: gate) == .denied)
    #expect(gate.lastReason == "token with a wrong signature")
    await #expect(throws: ServiceUnavailable.self) { try await logIn("ann", "away", at: gate) }
  }

  @Test func whatTheAccountMayNotStaysSo() async throws {
    let gate = try await TestGate()
    try await gate.add("ann", roles: ["none"])
    #expect(try await logIn("ann", "ann", at: gate) == .denied)
    #expect(gate.lastReason == "not permitted for this service")
    try await gate.add("root", roles: ["admins", "staff"])
    #expect(try await logIn("root", "root", at: gate) == .denied)
    #expect(try await logIn("root", "root", at: gate, severalFactors: true).isGranted)
  }

  @Test func withoutAnIssuerNothingCounts() async throws {
    let gate = try await TestGate()
    try await gate.add("ann")
    let result = try await gate.authenticator.authenticate(
      LogInAttempt(
        name: "ann", credential: .token(Secret("ann")), service: .imaps, peer: TestGate.peer, isEncrypted: true))
    #expect(result == .denied)
  }
}
