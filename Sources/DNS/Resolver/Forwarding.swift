import DNSCore
import Services
import WireKit

/// Hands a question on to other resolvers, the quickest that works first.
struct Forwarding: Sendable {
  let configuration: ResolverConfiguration
  let network: any UpstreamExchange
  let history: ServerHistory
  let clock: any Clock

  func resolve(_ question: Question, wantsDNSSEC: Bool, _ budget: Budget) async throws -> Iteration.Outcome {
    let order = history.ordered(configuration.forwarders.map(\.endpoint), now: clock.now())
    var failure: any Error = ResolutionError.noAnswer
    // Twice round: one lost packet is no failure.
    for endpoint in order + order {
      guard let forwarder = configuration.forwarders.first(where: { $0.endpoint == endpoint }) else { continue }
      try budget.spend(now: clock.now())
      let start = clock.now()
      do {
        let message = try await network.ask(
          question, of: Upstream(endpoint: endpoint, transport: forwarder.transport, recurses: true),
          wantsDNSSEC: wantsDNSSEC)
        guard message.responseCode == .noError || message.responseCode == .nxDomain else {
          // SERVFAIL may be a failed validation: the next one is asked, and has the last word.
          failure = ResolutionError.noAnswer
          history.failed(endpoint, now: clock.now())
          continue
        }
        history.succeeded(endpoint, after: clock.now() - start)
        return Iteration.Outcome(
          code: message.responseCode, answers: message.answers,
          authorities: message.authorities.filter {
            $0.type == .soa || wantsDNSSEC && [.rrsig, .nsec, .nsec3].contains($0.type)
          }, server: endpoint)
      } catch {
        failure = error
        history.failed(endpoint, now: clock.now())
      }
    }
    throw failure
  }
}
