import SASLCore
import Services
import WireKit

/// Answers the questions of `SASLServerExchange` from the directory of accounts: the same way for every protocol.
public struct SASLJudge: Sendable {
  private let accounts: any Accounts
  private let service: ServiceName
  private let peer: Endpoint
  private let isEncrypted: Bool

  public init(accounts: any Accounts, service: ServiceName, peer: Endpoint, isEncrypted: Bool) {
    self.accounts = accounts
    self.service = service
    self.peer = peer
    self.isEncrypted = isEncrypted
  }

  /// The answer, with the identity of who was granted.
  public func answer(_ question: SASLQuestion) async -> (answer: SASLAnswer, identity: AccountIdentity?) {
    do throws(ServiceUnavailable) {
      switch question {
      case .password(let proof):
        let judged = try await judge(proof.name, .password(Secret(proof.password.bytes)))
        guard let identity = judged.identity, mayActAs(proof.authorization, proof.name, identity) else {
          return judged.identity == nil ? judged : (.failed(.denied), nil)
        }
        return judged
      case .scramParameters(let name):
        let parameters = try await accounts.scramParameters(for: name)
        return (.scramParameters(.init(salt: parameters.salt, iterations: parameters.iterations, nonce: nonce())), nil)
      case .scramProof(let proof):
        return try await judge(proof.name, .scram(.init(authMessage: proof.authMessage, proof: proof.proof)))
      case .token(let token): return try await judge(token.name, .token(Secret(token.token.bytes)))
      }
    } catch { return (.failed(.unavailable), nil) }
  }

  private func judge(
    _ name: String, _ credential: LogInAttempt.Credential
  ) async throws(ServiceUnavailable) -> (answer: SASLAnswer, identity: AccountIdentity?) {
    let attempt = LogInAttempt(
      name: name, credential: credential, service: service, peer: peer, isEncrypted: isEncrypted)
    switch try await accounts.authenticate(attempt) {
    case .granted(let identity):
      return (.granted(account: identity.name, serverSignature: identity.serverSignature), identity)
    case .denied: return (.failed(.denied), nil)
    case .codeNeeded: return (.failed(.codeNeeded), nil)
    case .penalised(let seconds): return (.failed(.penalised(retryAfterSeconds: seconds)), nil)
    }
  }

  private func mayActAs(_ authorization: String, _ name: String, _ identity: AccountIdentity) -> Bool {
    authorization.isEmpty || authorization == name || authorization.lowercased() == identity.name
  }

  /// 144 bits of randomness in base 64, which has no comma.
  private func nonce() -> String {
    var generator = SystemRandomNumberGenerator()
    let bytes = (0..<18).map { _ in UInt8.random(in: 0...255, using: &generator) }
    return String(decoding: Base64.encode(bytes), as: UTF8.self)
  }
}
