import ACMEClient
import ACMECore
import Certificates
import Configuration
import Gate
import Services
import Synchronization

/// Has the workers show what an authority asks for: the web worker files and handshakes, the names worker records.
final class WorkerSolver: ChallengeSolver {
  private let kind: TLSSection.Solver
  private let gate: GateServer
  private let clock: any Services.Clock
  private let shown = Mutex<[ChallengeAnswer: PublishedChallenge]>([:])

  init(_ kind: TLSSection.Solver, _ gate: GateServer, clock: any Services.Clock) {
    self.kind = kind
    self.gate = gate
    self.clock = clock
  }

  func types(for name: String, isWildcard: Bool) -> [ChallengeType] {
    switch kind {
    case .ownDNS: [.dns01]
    // A wildcard is proved by a record alone (RFC 8555 §8.3).
    case .ownHTTP: isWildcard ? [] : [.http01]
    case .ownTLS: isWildcard ? [] : [.tlsALPN01]
    }
  }

  func present(_ answer: ChallengeAnswer) async throws {
    let content: PublishedChallenge.Content =
      switch answer.type {
      case .http01: .file(token: answer.token, text: answer.keyAuthorization)
      case .dns01: .record(answer.recordText)
      case .tlsALPN01:
        .identity(
          try CertificateStore.challengeIdentity(for: answer.name, digest: answer.digest, now: clock.wallTime()))
      }
    publish { $0[answer] = PublishedChallenge(name: answer.name, content: content) }
    // One message to each worker; none of them says when it has it.
    try await Task.sleep(for: .milliseconds(300))
  }

  func withdraw(_ answer: ChallengeAnswer) async { publish { $0[answer] = nil } }

  private func publish(_ change: (inout [ChallengeAnswer: PublishedChallenge]) -> Void) {
    let all = shown.withLock { shown in
      change(&shown)
      return Array(shown.values)
    }
    gate.publish(all)
  }
}
