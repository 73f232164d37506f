import DNSCore
import DNSSecurity
import WireKit

/// What clients get that others did not say: answers of policies, and addresses that are made up.
extension Resolver {
  /// The answer for a client: as found, or with addresses made up (RFC 6147 §5.1).
  /// - Parameter checks: Whether the client leaves the checking to us (it does not set CD).
  func resolveForClient(
    _ question: Question, wantsDNSSEC: Bool, checks: Bool, _ configuration: ResolverConfiguration
  ) async throws -> (answer: CachedAnswer, isStale: Bool) {
    let budget = Budget(configuration.limits, now: clock.now())
    guard let synthesis = AddressSynthesis(configuration.synthesisPrefix) else {
      return try await resolve(question, wantsDNSSEC: wantsDNSSEC, budget)
    }
    if question.type == .ptr, let original = synthesis.reverse(of: question.name) {
      var (answer, isStale) = try await resolve(Question(original, .ptr), wantsDNSSEC: false, budget)
      answer.answers.insert(ResourceRecord(question.name, ttl: 600, RData(CNAME(original))), at: 0)
      answer.security = answer.security.combined(with: .insecure)
      return (answer, isStale)
    }
    let found = try await resolve(question, wantsDNSSEC: wantsDNSSEC, budget)
    // Who checks by itself would find what is made up wrong (§5.5).
    guard question.type == .aaaa, found.answer.code == .noError, found.answer.policy == nil, checks || !wantsDNSSEC,
      !found.answer.security.isBogus, !found.answer.answers.contains(where: Self.isUsable)
    else { return found }
    let (plain, isStale) = try await resolve(Question(question.name, .a), wantsDNSSEC: false, budget)
    guard plain.answers.contains(where: { $0.type == .a }), !plain.security.isBogus else { return found }
    var made = plain
    made.answers = synthesis.records(plain.answers)
    made.authorities = []
    made.security = made.security.combined(with: .insecure)
    return (made, isStale)
  }

  /// Addresses that are IPv4 in disguise are none (§5.1.4).
  private static func isUsable(_ record: ResourceRecord) -> Bool {
    guard record.type == .aaaa, let address = try? record.data.value(as: AAAA.self).address else { return false }
    return !address.octets.starts(with: [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF])
  }

  /// What a policy says of a name; `nil` when it is to be found out.
  func decided(_ question: Question, _ now: MonotonicTime) throws(ResolutionError) -> CachedAnswer? {
    guard let (action, layer) = policyDecision(for: question.name), action != .pass else { return nil }
    countBlocked()
    guard let (code, answers) = action.answer(to: question) else { throw .dropped }
    return CachedAnswer(
      code: code, answers: answers, authorities: [], stored: now, expires: now, ttl: 0, security: .insecure,
      policy: layer)
  }
}
