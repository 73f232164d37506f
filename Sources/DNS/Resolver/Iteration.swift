import DNSCore
import Services
import WireKit

/// Asks the zones' own servers, from the root down (RFC 1034 §5.3.3), with no more of the name than each must know (RFC
/// 9156).
struct Iteration: Sendable {
  let configuration: ResolverConfiguration
  let network: any UpstreamExchange
  let delegations: DelegationCache
  let history: ServerHistory
  let clock: any Clock
  /// Looks up the address of a server: the whole resolver once more, with the same budget.
  let lookUp: @Sendable (Question, Budget, _ depth: Int) async throws -> Outcome

  /// What came out: a positive answer (which may end in an alias), or a negative one.
  struct Outcome: Sendable {
    var code: ResponseCode
    var answers: [ResourceRecord]
    var authorities: [ResourceRecord] = []
    /// Who said so.
    var server: Endpoint?
  }

  /// - Parameter depth: How many names of servers are being looked up above this one.
  func resolve(_ question: Question, wantsDNSSEC: Bool, _ budget: Budget, depth: Int) async throws -> Outcome {
    // DS stands with the parent (RFC 4035 §3.1.4.1).
    let below = question.type == .ds ? question.name.parent ?? .root : question.name
    var delegation = delegations.closest(to: below, now: clock.now()) ?? root
    var visited = 0
    // How many labels of the name the servers are asked for: one more than their zone has, at each step.
    var labels = delegation.zone.labelCount + 1
    while true {
      visited += 1
      guard visited <= 40 else { throw ResolutionError.tooExpensive }
      let step = minimised(question, labels)
      let (reading, server) = try await ask(step, delegation, wantsDNSSEC, budget, depth)
      switch reading {
      case .useless: throw ResolutionError.noAnswer
      case .referral(let zone, let servers, let addresses, let ttl):
        delegation = take(zone, servers, addresses, ttl)
        labels = max(labels, zone.labelCount + 1)
      case .answer(let records, let proof):
        if step == question {
          return Outcome(code: .noError, answers: records, authorities: proof, server: server)
        }
        // An alias above the name, or the zone's own servers: ask on, with one label more.
        labels += 1
      case .negative(let code, let start):
        if step == question { return Outcome(code: code, answers: [], authorities: start, server: server) }
        // Nothing below a name that does not exist (RFC 8020); but some servers say so of empty ones (RFC 9156 §2.3):
        // the whole name is asked for before it is believed.
        labels = code == .nxDomain ? question.name.labelCount : labels + 1
      }
    }
  }

  private var root: Delegation {
    Delegation(
      zone: .root, servers: [], addresses: configuration.roots, expires: MonotonicTime(nanoseconds: .max))
  }

  /// The question with only so many labels, for an address, which says least (RFC 9156 §2.1).
  private func minimised(_ question: Question, _ labels: Int) -> Question {
    // Many labels are few zones: after some steps the whole name is asked for at once (§2.3).
    guard labels < question.name.labelCount, labels <= 10 else { return question }
    var name = question.name
    while name.labelCount > labels, let parent = name.parent { name = parent }
    return Question(name, .a)
  }

  private func take(_ zone: Name, _ servers: [Name], _ addresses: [ResourceRecord], _ ttl: UInt32) -> Delegation {
    let lifetime = min(max(ttl, 1), configuration.limits.longestTTL)
    let delegation = Delegation(
      zone: zone, servers: servers, addresses: addresses.compactMap(endpoint),
      expires: clock.now() + .seconds(Int64(lifetime)))
    delegations.store(delegation)
    return delegation
  }

  private func endpoint(_ record: ResourceRecord) -> Endpoint? {
    let address =
      record.type == .a
      ? (try? record.data.value(as: A.self))?.address : (try? record.data.value(as: AAAA.self))?.address
    return address.map { Endpoint($0, configuration.serverPort) }
  }

  // MARK: Servers

  /// Asks the servers of a delegation one after the other until one says something of use.
  private func ask(
    _ question: Question, _ delegation: Delegation, _ wantsDNSSEC: Bool, _ budget: Budget, _ depth: Int
  ) async throws -> (Reading, Endpoint) {
    var candidates = history.ordered(delegation.addresses, now: clock.now())
    var names = delegation.servers.shuffled()
    var lookUps = 0
    var asked = 0
    while asked < 6 {
      if candidates.isEmpty {
        guard lookUps < configuration.limits.serverLookUps, let name = names.popLast() else { break }
        lookUps += 1
        candidates = try await addresses(of: name, budget, depth).filter { !delegation.addresses.contains($0) }
        continue
      }
      let server = candidates.removeFirst()
      asked += 1
      try budget.spend(now: clock.now())
      let start = clock.now()
      do {
        let message = try await network.ask(
          question, of: Upstream(endpoint: server, transport: .udp, recurses: false), wantsDNSSEC: wantsDNSSEC)
        history.succeeded(server, after: clock.now() - start)
        let reading = Reading(message, to: question, from: delegation.zone)
        if case .useless = reading {
          history.failed(server, now: clock.now())
          continue
        }
        return (reading, server)
      } catch let error as ResolutionError where error == .tooExpensive {
        throw error
      } catch {
        history.failed(server, now: clock.now())
      }
    }
    delegations.remove(delegation.zone)
    throw ResolutionError.noAnswer
  }

  /// The addresses of a server that came without any.
  private func addresses(of name: Name, _ budget: Budget, _ depth: Int) async throws -> [Endpoint] {
    guard depth < configuration.limits.depth else { throw ResolutionError.tooExpensive }
    let outcome = try? await lookUp(Question(name, .a), budget, depth + 1)
    return outcome?.answers.filter { $0.type == .a }.compactMap(endpoint) ?? []
  }
}
