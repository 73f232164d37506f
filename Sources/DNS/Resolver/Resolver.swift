import DNSCore
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
    /// Questions to other servers.
    public var asked: UInt64 = 0
  }

  private let state: Mutex<ResolverConfiguration>
  private let local: LocalZones
  private let clock: any Clock
  private let cache: AnswerCache
  private let delegations = DelegationCache()
  private let history = ServerHistory()
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
    cache = AnswerCache(maximumSize: configuration.cacheSize)
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
    guard old.forwarders != configuration.forwarders || old.roots != configuration.roots else { return }
    cache.removeAll()
    delegations.removeAll()
  }

  public var figures: Figures { counts.withLock { $0 } }
  /// Answers that are known.
  public var cachedAnswers: Int { cache.count }

  /// Forgets what is known at and below a name.
  public func forget(below name: Name) { cache.remove(below: name) }

  public func serves(_ client: IPAddress) -> Bool {
    state.withLock { $0.networks.contains { $0.contains(client) } }
  }

  // MARK: Clients

  public func reply(to query: [UInt8], over transport: DNSTransport) async -> [UInt8]? {
    guard let request = try? Message.decode(query), let question = request.questions.first, request.questions.count == 1
    else { return nil }
    let configuration = state.withLock { $0 }
    counts.withLock { $0.questions += 1 }
    var reply = Message(
      header: Header(id: request.header.id, flags: [.response, .recursionAvailable]), questions: [question])
    reply.header.flags.formUnion(request.header.flags.intersection([.recursionDesired, .checkingDisabled]))
    var errors: [EDNSOption] = []
    do {
      let outcome = try await resolve(
        question, wantsDNSSEC: request.edns?.wantsDNSSEC ?? false, Budget(configuration.limits, now: clock.now()))
      reply.header.responseCode = outcome.answer.code
      // The owner as the client wrote it, whose letters' case it may check (0x20).
      reply.answers = outcome.answer.answers.map { record in
        guard record.name == question.name else { return record }
        var record = record
        record.name = question.name
        return record
      }
      reply.authorities = outcome.answer.authorities
      if outcome.isStale { errors.append(ExtendedError(code: 3, text: "nobody answers; this was true").option) }
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
    return encode(reply, request, transport, configuration)
  }

  private static func words(_ error: any Error) -> String {
    switch error as? ResolutionError {
    case .tooExpensive: "the answer would take more questions than one is worth"
    case .tooLate: "no answer in time"
    case .noAnswer, nil: "no server gave an answer"
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
  private func resolve(
    _ question: Question, wantsDNSSEC: Bool, _ budget: Budget, depth: Int = 0
  ) async throws -> (answer: CachedAnswer, isStale: Bool) {
    var asked = question
    var answers: [ResourceRecord] = []
    var isStale = false
    for _ in 0..<state.withLock({ $0.limits.aliases }) {
      let (found, wasStale) = try await single(asked, wantsDNSSEC, budget, depth)
      isStale = isStale || wasStale
      answers += found.answers
      guard let target = try Self.danglingAlias(found.answers, asked) else {
        var whole = found
        whole.answers = answers
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
    if let message = local.answer(question, wantsDNSSEC: wantsDNSSEC) {
      let ours = CachedAnswer(
        code: message.responseCode, answers: message.answers, authorities: message.authorities, stored: now,
        expires: now, ttl: 0)
      return (ours, false)
    }
    if let special = LocalZones.special(question) {
      let known = CachedAnswer(
        code: special.code, answers: special.answers, authorities: [], stored: now, expires: now, ttl: 0)
      return (known, false)
    }
    let key = AnswerCache.Key(
      name: question.name.lowercased, type: question.type, recordClass: question.recordClass, wantsDNSSEC: wantsDNSSEC)
    let cached = cache[key]
    if let cached, cached.expires > now {
      counts.withLock { $0.fromCache += 1 }
      prefetch(key, cached, now)
      return (cached.aged(at: now), false)
    }
    do {
      return (try await fetch(key, budget, depth), false)
    } catch {
      let limits = state.withLock { $0.limits }
      guard let cached, cached.code == .noError || cached.code == .nxDomain,
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
    let network = CountingExchange(network: network.withLock { $0 }) { [self] in counts.withLock { $0.asked += 1 } }
    let outcome: Iteration.Outcome
    if configuration.forwarders.isEmpty {
      let iteration = Iteration(
        configuration: configuration, network: network, delegations: delegations, history: history, clock: clock
      ) { [self] question, budget, depth in
        let answer = try await resolve(question, wantsDNSSEC: false, budget, depth: depth).answer
        return .init(code: answer.code, answers: answer.answers)
      }
      outcome = try await iteration.resolve(question, wantsDNSSEC: key.wantsDNSSEC, budget, depth: depth)
    } else {
      let forwarding = Forwarding(configuration: configuration, network: network, history: history, clock: clock)
      outcome = try await forwarding.resolve(question, wantsDNSSEC: key.wantsDNSSEC, budget)
    }
    let answer = remembered(outcome, configuration.limits)
    if answer.ttl > 0 { cache.store(answer, for: key) }
    return answer
  }

  /// The answer with the time for which it is believed.
  private func remembered(_ outcome: Iteration.Outcome, _ limits: ResolverConfiguration.Limits) -> CachedAnswer {
    let now = clock.now()
    let ttl: UInt32
    if outcome.answers.isEmpty {
      // RFC 2308 §5: the SOA's own TTL or its minimum, whichever is less; without one, not for long.
      let start = outcome.authorities.first { $0.type == .soa }
      let minimum = start.flatMap { try? $0.data.value(as: SOA.self).minimum }
      ttl = min(start?.ttl ?? limits.failureTTL, minimum ?? limits.failureTTL, limits.longestNegativeTTL)
    } else {
      ttl = min(outcome.answers.map(\.ttl).min() ?? 0, limits.longestTTL)
    }
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
