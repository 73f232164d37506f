import DNSCore
import DNSSecurity
import WireKit

extension Resolver {
  /// One thing that a client's answer went by.
  public struct Reason: Sendable, Hashable {
    /// `policy`, `memory`, `asks`, `answer`, `validation`.
    public var step: String
    public var text: String

    public init(_ step: String, _ text: String) {
      self.step = step
      self.text = text
    }
  }

  /// Why a client gets the answer that it gets to a question outside of our zones. It asks others as the client's question would.
  public func explain(_ question: Question, from client: IPAddress) async -> [Reason] {
    let configuration = state.withLock { $0 }
    guard serves(client) else {
      return [Reason("recursion", "REFUSED: \(client) is in none of the networks that may ask for others' names")]
    }
    var reasons = [Reason("recursion", "\(client) may ask for others' names")]
    if let (action, layer) = policyDecision(for: question.name) {
      reasons.append(Reason("policy", "\(layer): \(Self.words(action))"))
    } else if !configuration.policy.isEmpty {
      reasons.append(Reason("policy", "no list knows the name"))
    }
    if let special = LocalZones.special(question) {
      reasons.append(Reason("special", "\(special.code): the name is answered here alone (RFC 6761, RFC 6303)"))
    }
    reasons.append(memory(question, configuration))
    reasons.append(Reason("asks", asked(question, configuration)))
    do {
      let (answer, isStale) = try await resolveForClient(
        question, wantsDNSSEC: true, checks: true, configuration)
      reasons += Self.answer(answer, isStale)
      reasons += Self.validation(answer, question, configuration)
    } catch {
      reasons.append(Reason("answer", "SERVFAIL: \(Self.words(error))"))
    }
    return reasons
  }

  private func memory(_ question: Question, _ configuration: ResolverConfiguration) -> Reason {
    let key = AnswerCache.Key(
      name: question.name.lowercased, type: question.type, recordClass: question.recordClass, wantsDNSSEC: true)
    let now = clock.now()
    guard let known = cache[key] else { return Reason("memory", "not known") }
    let age = (now - known.stored).components.seconds
    let left = (known.expires - now).components.seconds
    return Reason(
      "memory",
      left > 0
        ? "\(known.code), known for \(age) s, good for \(left) s more"
        : "\(known.code), ended \(-left) s ago: given only while nobody answers (RFC 8767)")
  }

  private func asked(_ question: Question, _ configuration: ResolverConfiguration) -> String {
    guard configuration.forwarders.isEmpty else {
      let names = configuration.forwarders.map { "\($0.transport.rawValue)://\($0.endpoint)" }
      return "if need be: " + names.joined(separator: ", ")
    }
    return "if need be: the zones' own servers, from \(configuration.roots.count) root servers down"
  }

  private static func answer(_ answer: CachedAnswer, _ isStale: Bool) -> [Reason] {
    let records = answer.answers.filter { $0.type != .rrsig }
    var reasons = [
      Reason("answer", "\(answer.code), \(records.count) records" + (isStale ? ", past their end (EDE 3)" : ""))
    ]
    if let policy = answer.policy { reasons.append(Reason("answer", "given by \(policy) (EDE 15)")) }
    reasons += records.prefix(20).map { Reason("record", "\($0)") }
    return reasons
  }

  private static func validation(
    _ answer: CachedAnswer, _ question: Question, _ configuration: ResolverConfiguration
  ) -> [Reason] {
    guard !configuration.anchors.isEmpty else { return [Reason("validation", "nothing is validated here")] }
    var reasons: [Reason] = []
    if let anchor = configuration.anchors.zone(above: question.name) {
      reasons.append(Reason("validation", "begins at the keys of \(anchor)"))
    }
    if configuration.anchors.isGivenUp(question.name) {
      reasons.append(Reason("validation", "the zone's signatures are not looked at (`insecure`)"))
    }
    for record in answer.answers + answer.authorities where record.type == .rrsig {
      guard let signature = try? record.data.value(as: RRSIG.self) else { continue }
      reasons.append(
        Reason(
          "signature",
          "\(record.name) \(signature.covered): by \(signature.signer) key \(signature.keyTag) (\(signature.algorithm)), "
            + "until \(signature.expiration)"))
    }
    var text = "\(answer.security)"
    if case .bogus(let failure) = answer.security { text += ": SERVFAIL unless CD is set (EDE \(failure.code))" }
    return reasons + [Reason("validation", text)]
  }

  private static func words(_ action: ResolverPolicy.Action) -> String {
    switch action {
    case .noName: "the name does not exist"
    case .noData: "there are no such records"
    case .pass: "let through"
    case .drop: "no answer at all"
    case .records(let data, _): "\(data.count) records instead"
    }
  }
}
