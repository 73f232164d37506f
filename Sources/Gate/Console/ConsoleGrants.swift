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
    guard case .granted(let identity) = result, attempt.service == .ssh || attempt.service == .telnet else { return }
    guard accounts.count < Self.maximum || accounts[attempt.peer] != nil else { return }
    accounts[attempt.peer] = identity.name
  }

  /// The peer's connection has ended.
  mutating func forget(_ peer: Endpoint) { accounts[peer] = nil }

  func account(at peer: Endpoint) -> String? { accounts[peer] }
}
