import DNSCore
import DNSSecurity
import DNSServer
import NIOCore
import NIOPosix
import Services
import Synchronization
import WireKit

/// A caching resolver: hands questions on to forwarders, or asks from the roots down.
///
/// One question that many ask at the same time is asked once (RFC 5452 §5 counts on it). Answers of our own zones come
/// first, and aliases that lead from them to others' names are followed.
public final class Resolver: RecursiveResolver {
  /// What was done since the start.
  public struct Figures: Sendable, Hashable {
    public var questions: UInt64 = 0
    public var fromCache: UInt64 = 0
    public var stale: UInt64 = 0
    public var failures: UInt64 = 0
    /// Answers that were judged: secure ones, and wrong ones.
    public var secure: UInt64 = 0
    /// Answers that followed from proofs for other questions.
    public var proven: UInt64 = 0
    /// Answers that a policy gave.
    public var blocked: UInt64 = 0
    public var bogus: UInt64 = 0
    /// Questions to other servers.
    public var asked: UInt64 = 0
  }

  private let state: Mutex<ResolverConfiguration>
  private let local: LocalZones
  let clock: any Clock
  public let replies: ReplyCache
  private let cache: AnswerCache
  private let delegations = DelegationCache()
  private let history = ServerHistory()
  private let chain = ChainCache()
  private let proofs = ProofCache()
  private let makeNetwork: @Sendable (ResolverConfiguration) -> any UpstreamExchange
  private let network: Mutex<any UpstreamExchange>
  private let counts = Mutex(Figures())
  private let underWay = Mutex<[AnswerCache.Key: Task<CachedAnswer, any Error>]>([:])

  /// - Parameter zones: Our own zones, as the server has them.
  public convenience init(
    _ configuration: ResolverConfiguration, zones: ZoneSet, clock: any Clock,
    group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
  ) {
    self.init(configuration, zones: zones, clock: clock) { NetworkExchange($0, group: group) }
  }

  init(
    _ configuration: ResolverConfiguration, zones: ZoneSet, clock: any Clock,
    network: @escaping @Sendable (ResolverConfiguration) -> any UpstreamExchange
  ) {
    state = Mutex(configuration)
    local = LocalZones(zones)
    self.clock = clock
    // A quarter for whole replies.
    cache = AnswerCache(maximumSize: configuration.cacheSize / 4 * 3)
    replies = ReplyCache(maximumSize: configuration.cacheSize / 4)
    makeNetwork = network
    self.network = Mutex(network(configuration))
  }

  /// Takes over another configuration. What is known is kept, unless others are asked from now on.
  public func reload(_ configuration: ResolverConfiguration) {
    let old = state.withLock { state in
      defer { state = configuration }
      return state
    }
    network.withLock { $0 = makeNetwork(configuration) }
    // Policies may be others, whatever else stays.
    defer { replies.removeAll() }
    guard
      old.forwarders != configuration.forwarders || old.roots != configuration.roots
        || old.anchors != configuration.anchors
    else { return }
    cache.removeAll()
    chain.removeAll()
    proofs.removeAll()
    delegations.removeAll()
  }

  public var figures: Figures {
    var figures = counts.withLock { $0 }
    let repeated = replies.hits
    figures.questions += repeated
    figures.fromCache += repeated
    return figures
  }

  public var now: MonotonicTime { clock.now() }
  /// Answers that are known.
  public var cachedAnswers: Int { cache.count }

  /// Forgets what is known at and below a name.
  public func forget(below name: Name) {
    cache.remove(below: name)
    proofs.remove(below: name)
    replies.removeAll()
  }

  func policyDecision(for name: Name) -> (action: ResolverPolicy.Action, layer: String)? {
    state.withLock { $0.policy.decision(for: name) }
  }

  func countBlocked() { counts.withLock { $0.blocked += 1 } }

  public func serves(_ client: IPAddress) -> Bool {
    state.withLock { $0.networks.contains { $0.contains(client) } }
  }

  // MARK: Our own questions

  /// The DS records of one of our zones at its parent, which may be ours as well.
  public func parentRecords(of zone: Name) async throws -> [DS] {
    if let message = local.answer(Question(zone, .ds), wantsDNSSEC: false) {
      let own = message.answers.compactMap { try? $0.data.value(as: DS.self) }
      if !own.isEmpty { return own }
    }
    let limits = state.withLock { $0.limits }
    let key = AnswerCache.Key(name: zone.lowercased, type: .ds, recordClass: .in, wantsDNSSEC: false)
    let answer = try await fetch(key, Budget(limits, now: clock.now()), 0)
    return answer.answers.filter { $0.type == .ds && $0.name == zone }.compactMap { try? $0.data.value(as: DS.self) }
  }

  /// A zone's keys with the signatures over them, as they came: for who follows them by itself (RFC 5011).
  public func keySet(of zone: Name) async throws -> SignedSet? {
    let configuration = state.withLock { $0 }
    let found = try await outcome(
      Question(zone, .dnskey), wantsDNSSEC: true, configuration, Budget(configuration.limits, now: clock.now()), 0)
    return SignedSet.sets(found.answers).first { $0.type == .dnskey && $0.name == zone }
  }

  /// What is found of a name, and whether it can be trusted: for programs of this house, such as DANE (RFC 6698 §4.1).
  public func lookUp(_ question: Question) async throws -> ResolvedAnswer {
    let limits = state.withLock { $0.limits }
    let answer = try await resolve(question, wantsDNSSEC: false, Budget(limits, now: clock.now())).answer
    return ResolvedAnswer(
      code: answer.code, records: answer.answers.filter { $0.type != .rrsig }, security: answer.security)
  }

  // MARK: Clients

  public func reply(to query: [UInt8], over transport: DNSTransport) async -> [UInt8]? {
    guard let request = try? Message.decode(query), let question = request.questions.first, request.questions.count == 1
    else { return nil }
    let configuration = state.withLock { $0 }
    counts.withLock { $0.questions += 1 }
    let generation = replies.generation
    var rest: MonotonicTime?
    var reply = Message(
      header: Header(id: request.header.id, flags: [.response, .recursionAvailable]), questions: [question])
    reply.header.flags.formUnion(request.header.flags.intersection([.recursionDesired, .checkingDisabled]))
    var errors: [EDNSOption] = []
    let wantsDNSSEC = request.edns?.wantsDNSSEC ?? false
    do {
      let outcome = try await resolveForClient(
        question, wantsDNSSEC: wantsDNSSEC, checks: !request.header.flags.contains(.checkingDisabled),
        configuration)
      if let policy = outcome.answer.policy {
        errors.append(ExtendedError(code: 15, text: "blocked by \(policy)").option)
      }
      if case .bogus(let failure) = outcome.answer.security {
        errors.append(ExtendedError(code: failure.code, text: failure.text).option)
      }
      if outcome.answer.security.isBogus, !request.header.flags.contains(.checkingDisabled) {
        reply.header.responseCode = .servFail
      } else {
        fill(&reply, outcome.answer, question, wantsDNSSEC: wantsDNSSEC)
        rest = repeatable(outcome, configuration)
        // Only for who knows what it means (RFC 6840 §5.8).
        if outcome.answer.security == .secure, wantsDNSSEC || request.header.flags.contains(.authenticData) {
          reply.header.flags.insert(.authenticData)
        }
        if outcome.isStale { errors.append(ExtendedError(code: 3, text: "nobody answers; this was true").option) }
      }
    } catch ResolutionError.dropped {
      return nil
    } catch {
      counts.withLock { $0.failures += 1 }
      reply.header.responseCode = .servFail
      // 23: network error; 22: no reachable authority (RFC 8914 §4.23, §4.24).
      errors.append(ExtendedError(code: configuration.forwarders.isEmpty ? 22 : 23, text: Self.words(error)).option)
    }
    if let edns = request.edns {
      reply.edns = EDNS(
        udpSize: UInt16(clamping: configuration.udpLimit), wantsDNSSEC: edns.wantsDNSSEC, options: errors)
    }
    let octets = encode(reply, request, transport, configuration)
    if let octets, let rest {
      replies.store(octets, to: query, over: transport, generation: generation, now: clock.now(), until: rest)
    }
    return octets
  }

  /// Until when a reply may be repeated as it is: not what our zones, policies or prefixes had a part in, whose changes show
  /// at once, and never for long, so that each answer that is wanted is looked at before it ends.
  private func repeatable(
    _ outcome: (answer: CachedAnswer, isStale: Bool), _ configuration: ResolverConfiguration
  ) -> MonotonicTime? {
    let answer = outcome.answer
    guard !outcome.isStale, answer.policy == nil, !answer.security.isBogus, configuration.synthesisPrefix == nil,
      answer.code == .noError || answer.code == .nxDomain, let rest = answer.restsUntil
    else { return nil }
    return min(rest, clock.now() + .seconds(60))
  }

  /// The sections of a reply. Who does not ask for DNSSEC gets its records only where they are the question (RFC 4035 §3.2.1).
  private func fill(_ reply: inout Message, _ answer: CachedAnswer, _ question: Question, wantsDNSSEC: Bool) {
    reply.header.responseCode = answer.code
    let isWanted = { (record: ResourceRecord) in
      wantsDNSSEC || record.type == question.type || ![.rrsig, .nsec, .nsec3].contains(record.type)
    }
    // The owner as the client wrote it, whose letters' case it may check (0x20).
    reply.answers = answer.answers.filter(isWanted).map { record in
      guard record.name == question.name else { return record }
      var record = record
      record.name = question.name
      return record
    }
    reply.authorities = answer.authorities.filter(isWanted)
  }

  private static func words(_ error: any Error) -> String {
    switch error as? ResolutionError {
    case .tooExpensive: "the answer would take more questions than one is worth"
    case .tooLate: "no answer in time"
    case .noAnswer, .dropped, nil: "no server gave an answer"
    }
  }

  /// The wire form, cut to what the client takes over UDP.
  private func encode(
    _ reply: Message, _ request: Message, _ transport: DNSTransport, _ configuration: ResolverConfiguration
  ) -> [UInt8]? {
    let limit =
      transport == .stream ? 65_535 : max(512, min(Int(request.edns?.udpSize ?? 512), configuration.udpLimit))
    if let octets = try? reply.encoded(), octets.count <= limit { return octets }
    var cut = reply
    cut.answers = []
    cut.authorities = []
    cut.header.flags.insert(.truncated)
    return try? cut.encoded()
  }

  // MARK: Resolving

  /// The answer with its aliases.
  func resolve(
    _ question: Question, wantsDNSSEC: Bool, _ budget: Budget, depth: Int = 0
  ) async throws -> (answer: CachedAnswer, isStale: Bool) {
    var asked = question
    var answers: [ResourceRecord] = []
    var authorities: [ResourceRecord] = []
    var security = Security.secure
    var isStale = false
    var rest = MonotonicTime(nanoseconds: .max)
    for _ in 0..<state.withLock({ $0.limits.aliases }) {
      let (found, wasStale) = try await single(asked, wantsDNSSEC, budget, depth)
      isStale = isStale || wasStale
      rest = min(rest, found.rest)
      answers += found.answers
      security = security.combined(with: found.security)
      // Proofs for wildcards that aliases led through.
      authorities += found.authorities.filter { !authorities.contains($0) }
      guard let target = try Self.danglingAlias(found.answers, asked), !security.isBogus else {
        var whole = found
        whole.answers = answers
        whole.authorities = authorities
        whole.security = security
        whole.restsUntil = rest
        return (whole, isStale)
      }
      asked = Question(target, question.type)
    }
    throw ResolutionError.tooExpensive
  }

  /// Where the records lead to, when they end in an alias.
  private static func danglingAlias(
    _ records: [ResourceRecord], _ question: Question
  ) throws(ResolutionError) -> Name? {
    guard question.type != .cname, question.type != .any else { return nil }
    var name = question.name
    for _ in 0...records.count {
      if records.contains(where: { $0.name == name && $0.type == question.type }) { return nil }
      guard let alias = records.first(where: { $0.name == name && $0.type == .cname }),
        let target = try? alias.data.value(as: CNAME.self).target
      else { return name == question.name ? nil : name }
      name = target
    }
    // A circle.
    throw .noAnswer
  }

  /// What is known of one name, from our zones, memory, or others.
  private func single(
    _ question: Question, _ wantsDNSSEC: Bool, _ budget: Budget, _ depth: Int
  ) async throws -> (CachedAnswer, isStale: Bool) {
    let now = clock.now()
    let validates = state.withLock { !$0.anchors.isEmpty }
    if let message = local.answer(question, wantsDNSSEC: wantsDNSSEC) {
      let ours = CachedAnswer(
        code: message.responseCode, answers: message.answers, authorities: message.authorities, stored: now,
        expires: now, ttl: 0)
      return (ours, false)
    }
    // Servers' names are looked up as they are: a policy is for clients.
    if depth == 0, let decided = try decided(question, now) { return (decided, false) }
    if let special = LocalZones.special(question) {
      let known = CachedAnswer(
        code: special.code, answers: special.answers, authorities: [], stored: now, expires: now, ttl: 0)
      return (known, false)
    }
    let key = AnswerCache.Key(
      name: question.name.lowercased, type: question.type, recordClass: question.recordClass,
      wantsDNSSEC: wantsDNSSEC || validates)
    let cached = cache[key]
    if let cached, cached.expires > now {
      counts.withLock { $0.fromCache += 1 }
      prefetch(key, cached, now)
      return (cached.aged(at: now), false)
    }
    // Zones that are given up are those that others' proofs know nothing of.
    if validates, depth == 0, !state.withLock({ $0.anchors.isGivenUp(question.name) }),
      let proven = proofs.answer(question, now: now, budget)
    {
      counts.withLock { $0.proven += 1 }
      return (proven, false)
    }
    do {
      return (try await fetch(key, budget, depth), false)
    } catch {
      let limits = state.withLock { $0.limits }
      guard let cached, cached.code == .noError || cached.code == .nxDomain, !cached.security.isBogus,
        now - cached.expires < .seconds(Int64(limits.stale))
      else { throw error }
      counts.withLock { $0.stale += 1 }
      return (Self.stale(cached), true)
    }
  }

  /// An answer past its end, to be believed for half a minute (RFC 8767 §4).
  private static func stale(_ answer: CachedAnswer) -> CachedAnswer {
    var answer = answer
    for index in answer.answers.indices { answer.answers[index].ttl = 30 }
    for index in answer.authorities.indices { answer.authorities[index].ttl = 30 }
    return answer
  }

  /// Asks again ahead of time for what is asked for often: at the end of its life an answer that is still wanted is fetched
  /// while the old one serves.
  private func prefetch(_ key: AnswerCache.Key, _ answer: CachedAnswer, _ now: MonotonicTime) {
    guard answer.ttl >= 10, answer.expires - now < .seconds(Int64(answer.ttl)) / 10 else { return }
    let budget = Budget(state.withLock { $0.limits }, now: now)
    Task { _ = try? await fetch(key, budget, 0) }
  }

  /// Asks others, once for all who want to know.
  private func fetch(_ key: AnswerCache.Key, _ budget: Budget, _ depth: Int) async throws -> CachedAnswer {
    let limits = state.withLock { $0.limits }
    let task = try underWay.withLock { underWay -> Task<CachedAnswer, any Error> in
      // A look-up within another one must not wait for what may wait for it.
      if depth == 0, let task = underWay[key] { return task }
      guard underWay.count < limits.underWay else { throw ResolutionError.tooExpensive }
      let task = Task { try await ask(key, budget, depth) }
      if depth == 0 { underWay[key] = task }
      return task
    }
    defer { if depth == 0 { underWay.withLock { $0[key] = nil } } }
    return try await task.value
  }

  private func ask(_ key: AnswerCache.Key, _ budget: Budget, _ depth: Int) async throws -> CachedAnswer {
    let configuration = state.withLock { $0 }
    let question = Question(key.name, key.type, key.recordClass)
    // Names of servers are looked up to ask them; whoever lies there is found out by what the servers say.
    guard !configuration.anchors.isEmpty, depth == 0 else {
      let outcome = try await outcome(question, wantsDNSSEC: key.wantsDNSSEC, configuration, budget, depth)
      let answer = remembered(outcome, configuration.limits)
      if answer.ttl > 0, configuration.anchors.isEmpty { cache.store(answer, for: key) }
      return answer
    }
    let validation = validation(configuration)
    var answer: CachedAnswer?
    for _ in 0..<Validation.attempts {
      let outcome = try await outcome(question, wantsDNSSEC: true, configuration, budget, depth)
      let finding = try await validation.judge(question, outcome, budget)
      var judged = remembered(outcome, configuration.limits, longest: finding.longest)
      judged.security = finding.security
      answer = judged
      guard finding.security.isBogus, let server = outcome.server else { break }
      // Another one may be honest.
      history.failed(server, now: clock.now())
    }
    guard var answer else { throw ResolutionError.noAnswer }
    counts.withLock { counts in
      if answer.security == .secure { counts.secure += 1 }
      if answer.security.isBogus { counts.bogus += 1 }
    }
    if answer.security.isBogus {
      // For who sets CD, and so that it is not asked for at each question; not for long (RFC 4035 §4.7).
      answer.ttl = min(answer.ttl, configuration.limits.failureTTL)
      answer.expires = answer.stored + .seconds(Int64(answer.ttl))
    }
    if answer.ttl > 0 { cache.store(answer, for: key) }
    return answer
  }

  private func validation(_ configuration: ResolverConfiguration) -> Validation {
    Validation(anchors: configuration.anchors, chain: chain, clock: clock) { [self] question, budget in
      try await outcome(question, wantsDNSSEC: true, configuration, budget, 0)
    } blame: { [self] server in
      history.failed(server, now: clock.now())
    } keep: { [self] zone, sets, records in
      proofs.store(
        zone, sets, records, now: clock.now(), wallTime: UInt32(truncatingIfNeeded: clock.wallTime().seconds),
        longest: configuration.limits.longestNegativeTTL)
    }
  }

  /// What others answer, as it is.
  private func outcome(
    _ question: Question, wantsDNSSEC: Bool, _ configuration: ResolverConfiguration, _ budget: Budget, _ depth: Int
  ) async throws -> Iteration.Outcome {
    let network = CountingExchange(network: network.withLock { $0 }) { [self] in counts.withLock { $0.asked += 1 } }
    guard configuration.forwarders.isEmpty else {
      let forwarding = Forwarding(configuration: configuration, network: network, history: history, clock: clock)
      return try await forwarding.resolve(question, wantsDNSSEC: wantsDNSSEC, budget)
    }
    let iteration = Iteration(
      configuration: configuration, network: network, delegations: delegations, history: history, clock: clock
    ) { [self] question, budget, depth in
      let answer = try await resolve(question, wantsDNSSEC: false, budget, depth: depth).answer
      return .init(code: answer.code, answers: answer.answers)
    }
    return try await iteration.resolve(question, wantsDNSSEC: wantsDNSSEC, budget, depth: depth)
  }

  /// The answer with the time for which it is believed.
  private func remembered(
    _ outcome: Iteration.Outcome, _ limits: ResolverConfiguration.Limits, longest: UInt32 = .max
  ) -> CachedAnswer {
    let now = clock.now()
    var ttl: UInt32
    if outcome.answers.isEmpty {
      // RFC 2308 §5: the SOA's own TTL or its minimum, whichever is less; without one, not for long.
      let start = outcome.authorities.first { $0.type == .soa }
      let minimum = start.flatMap { try? $0.data.value(as: SOA.self).minimum }
      ttl = min(start?.ttl ?? limits.failureTTL, minimum ?? limits.failureTTL, limits.longestNegativeTTL)
    } else {
      ttl = min(outcome.answers.map(\.ttl).min() ?? 0, limits.longestTTL)
    }
    ttl = min(ttl, longest)
    return CachedAnswer(
      code: outcome.code, answers: outcome.answers, authorities: outcome.authorities, stored: now,
      expires: now + .seconds(Int64(ttl)), ttl: ttl)
  }
}

/// Counts what is asked.
private struct CountingExchange: UpstreamExchange {
  let network: any UpstreamExchange
  let count: @Sendable () -> Void

  func ask(_ question: Question, of server: Upstream, wantsDNSSEC: Bool) async throws -> Message {
    count()
    return try await network.ask(question, of: server, wantsDNSSEC: wantsDNSSEC)
  }
}

/// What a resolver found out.
public struct ResolvedAnswer: Sendable {
  public var code: ResponseCode
  /// Aliases first, then what was asked for; without signatures.
  public var records: [ResourceRecord]
  public var security: Security
}
