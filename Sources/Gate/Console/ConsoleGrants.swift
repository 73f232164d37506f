import Services
import WireKit

/// Who logged in over a worker's connection, by the peer's address and port: what the gate itself has granted, so that a
/// worker's word is not needed when a console command comes.
struct ConsoleGrants: Sendable {
  /// Most that are remembered for one worker; beyond that a log-in brings no console.
  static let maximum = 50_000

  private var accounts: [Endpoint: String] = [:]

  /// Only services that offer a console are remembered.
  mutating func note(_ attempt: LogInAttempt, _ result: LogInResult) {
    guard case .granted(let identity) = result else { return }
    note(identity, attempt.service, at: attempt.peer)
  }

  mutating func note(_ attempt: NTLMAttempt, _ result: NTLMResult) {
    guard case .granted(let identity, _) = result else { return }
    note(identity, attempt.service, at: attempt.peer)
  }

  private mutating func note(_ identity: AccountIdentity, _ service: ServiceName, at peer: Endpoint) {
    guard [.ssh, .telnet, .rdp].contains(service), accounts.count < Self.maximum || accounts[peer] != nil else {
      return
    }
    accounts[peer] = identity.name
  }

  /// The peer's connection has ended.
  mutating func forget(_ peer: Endpoint) { accounts[peer] = nil }

  func account(at peer: Endpoint) -> String? { accounts[peer] }
}
