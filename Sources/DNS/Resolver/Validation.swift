import DNSCore
import DNSSecurity
import Services
import WireKit

/// Builds chains of trust from the anchors to what was answered, and judges it (RFC 4035 §5).
struct Validation: Sendable {
  let anchors: TrustAnchors
  let chain: ChainCache
  let clock: any Clock
  /// Asks for DS and DNSKEY records: anything that answers, as it is.
  let ask: @Sendable (Question, Budget) async throws -> Iteration.Outcome
  /// A server gave something wrong: others are asked first from now on.
  let blame: @Sendable (Endpoint) -> Void

  /// Keeps proofs whose signatures have been checked, with the SOA of their zone.
  let keep: @Sendable (Name, [SignedSet], [ResourceRecord]) -> Void

  /// How often another server is asked when what came is wrong.
  static let attempts = 3

  /// What was found, and for how long it holds at most.
  struct Finding: Sendable {
    var security: Security
    var longest: UInt32 = .max
  }

  private var now: UInt32 { UInt32(truncatingIfNeeded: clock.wallTime().seconds) }

  // MARK: Answers

  func judge(_ question: Question, _ outcome: Iteration.Outcome, _ budget: Budget) async throws -> Finding {
    do {
      return outcome.answers.isEmpty
        ? Finding(security: try await judgeDenial(question, outcome, budget))
        : try await judgeAnswer(outcome, budget)
    } catch let failure as SecurityFailure {
      return Finding(security: .bogus(failure))
    }
  }

  private func judgeAnswer(_ outcome: Iteration.Outcome, _ budget: Budget) async throws -> Finding {
    var finding = Finding(security: .secure)
    let sets = SignedSet.sets(outcome.answers)
    // A question for signatures has an answer that nothing signs.
    guard !sets.isEmpty else { return Finding(security: .indeterminate) }
    var redirections: [(set: SignedSet, security: Security)] = []
    for set in sets {
      if set.type == .cname, set.signatures.isEmpty,
        let redirection = redirections.first(where: { Self.synthesises($0.set, set) })
      {
        finding.security = finding.security.combined(with: redirection.security)
        continue
      }
      let (security, longest) = try await judge(set, outcome.authorities, budget)
      if set.type == .dname { redirections.append((set, security)) }
      finding.security = finding.security.combined(with: security)
      finding.longest = min(finding.longest, longest)
    }
    return finding
  }

  /// One set of an answer, and the proof that a wildcard could stand for its name.
  private func judge(
    _ set: SignedSet, _ authorities: [ResourceRecord], _ budget: Budget
  ) async throws -> (Security, longest: UInt32) {
    guard let signer = Self.signer(set) else {
      let place = set.type == .ds ? set.name.parent ?? .root : set.name
      return (try await unsigned(place, "\(set.name) \(set.type) has no signature", budget), .max)
    }
    switch try await trust(signer, budget) {
    case .givenUp: return (.insecure, .max)
    case .unknown: return (.indeterminate, .max)
    case .keys(let zone, let keys):
      guard zone == signer else {
        throw SecurityFailure(SecurityFailure.bogusCode, "\(signer), which signed \(set.name), is no zone")
      }
      let signature = try budget.verify { work throws(SecurityFailure) in
        try set.verified(by: keys, of: zone, now: now, &work)
      }
      let longest = min(signature.originalTTL, signature.expiration &- now)
      let labels = set.name.labelCount - (set.name.isWildcard ? 1 : 0)
      guard Int(signature.labels) < labels else { return (.secure, longest) }
      let verdict = budget.hash { work in
        proof(authorities, zone, keys, budget).noCloserName(set.name, labels: Int(signature.labels), &work)
      }
      return (try Self.security(verdict, "nothing proves that \(set.name) has no records of its own"), longest)
    }
  }

  private func judgeDenial(
    _ question: Question, _ outcome: Iteration.Outcome, _ budget: Budget
  ) async throws -> Security {
    let place = question.type == .ds ? question.name.parent ?? .root : question.name
    let signers = SignedSet.sets(outcome.authorities).compactMap(Self.signer).filter { place.isWithin($0) }
    guard let signer = signers.max(by: { $0.labelCount < $1.labelCount }) else {
      return try await unsigned(
        place, "nothing proves that \(question.name) \(question.type) does not exist", budget)
    }
    switch try await trust(signer, budget) {
    case .givenUp: return .insecure
    case .unknown: return .indeterminate
    case .keys(let zone, let keys):
      guard zone == signer else {
        throw SecurityFailure(SecurityFailure.bogusCode, "\(signer), which signed the denial, is no zone")
      }
      let proofs = proofs(outcome.authorities, zone, keys, budget)
      let denial = Denial(zone: zone, sets: proofs)
      let verdict = budget.hash { work in
        outcome.code == .nxDomain
          ? denial.noName(question.name, &work) : denial.noData(question.name, question.type, &work)
      }
      if verdict == .proven,
        let start = SignedSet.sets(outcome.authorities).first(where: { $0.type == .soa && $0.name == zone }),
        (try? budget.verify { work throws(SecurityFailure) in
          try start.verified(by: keys, of: zone, now: now, &work)
        }) != nil
      {
        keep(zone, proofs + [start], outcome.authorities)
      }
      return try Self.security(verdict, "nothing proves that \(question.name) \(question.type) does not exist")
    }
  }

  /// What has no signature is right where nothing need be signed.
  private func unsigned(_ place: Name, _ words: String, _ budget: Budget) async throws -> Security {
    switch try await trust(place, budget) {
    case .givenUp: return .insecure
    case .unknown: return .indeterminate
    case .keys(let zone, _):
      throw SecurityFailure(SecurityFailure.signaturesMissingCode, "\(words), and \(zone) is signed")
    }
  }

  private static func security(_ verdict: Denial.Verdict, _ words: String) throws(SecurityFailure) -> Security {
    switch verdict {
    case .proven: return .secure
    case .optedOut, .tooCostly: return .insecure
    case .unproven: throw SecurityFailure(SecurityFailure.denialMissingCode, words)
    }
  }

  /// The records among these that prove something, their signatures checked.
  private func proof(
    _ records: [ResourceRecord], _ zone: Name, _ keys: [ZoneKey], _ budget: Budget
  ) -> Denial {
    Denial(zone: zone, sets: proofs(records, zone, keys, budget))
  }

  private func proofs(
    _ records: [ResourceRecord], _ zone: Name, _ keys: [ZoneKey], _ budget: Budget
  ) -> [SignedSet] {
    let sets = SignedSet.sets(records).filter { $0.type == .nsec || $0.type == .nsec3 }.prefix(12)
    return sets.filter { set in
      guard
        let signature = try? budget.verify({ work throws(SecurityFailure) in
          try set.verified(by: keys, of: zone, now: now, &work)
        })
      else { return false }
      // What a wildcard stood for proves nothing of this name.
      return Int(signature.labels) == set.name.labelCount - (set.name.isWildcard ? 1 : 0)
    }
  }

  private static func signer(_ set: SignedSet) -> Name? {
    set.signatures.map(\.signer).filter { set.name.isWithin($0) }.max { $0.labelCount < $1.labelCount }
  }

  /// Whether an alias is what a DNAME makes of the name (RFC 6672 §5.3.1).
  private static func synthesises(_ redirection: SignedSet, _ alias: SignedSet) -> Bool {
    guard alias.name.isWithin(redirection.name), alias.name != redirection.name, alias.data.count == 1,
      let target = try? redirection.data.first?.value(as: DNAME.self).target,
      let made = try? alias.data.first?.value(as: CNAME.self).target
    else { return false }
    let prefix = alias.name.labels.prefix(alias.name.labelCount - redirection.name.labelCount).map { Array($0) }
    return (try? Name(labels: prefix + target.labels.map { Array($0) })) == made
  }

  // MARK: Chains

  /// What leads from the anchors to a name.
  enum Trust: Sendable {
    /// The deepest signed zone on the way, and its keys.
    case keys(Name, [ZoneKey])
    /// The way leads through a zone that is not signed.
    case givenUp
    /// No anchor is above it.
    case unknown
  }

  func trust(_ name: Name, _ budget: Budget) async throws -> Trust {
    if anchors.isGivenUp(name) { return .givenUp }
    guard let start = anchors.zone(above: name), let trusted = anchors.keys[start] else { return .unknown }
    let first = try await chain.state(of: start, now: clock.now()) { [self] in
      try await keys(of: start, trusted, budget)
    }
    guard case .zone(var keys) = first else { return .givenUp }
    var zone = start
    var ancestors: [Name] = []
    var place: Name? = name
    while let current = place, current != start {
      ancestors.append(current)
      place = current.parent
    }
    for candidate in ancestors.reversed() {
      let (parent, parentKeys) = (zone, keys)
      let state = try await chain.state(of: candidate, now: clock.now()) { [self] in
        try await cut(candidate, parent, parentKeys, budget)
      }
      switch state {
      case .zone(let found): (zone, keys) = (candidate, found)
      case .insecure: return .givenUp
      case .none: continue
      case .nothing: return .keys(zone, keys)
      }
    }
    return .keys(zone, keys)
  }

  /// Whether a zone begins at a name, by its DS at the parent.
  private func cut(
    _ name: Name, _ parent: Name, _ keys: [ZoneKey], _ budget: Budget
  ) async throws -> (CutState, expires: MonotonicTime) {
    let question = Question(name, .ds)
    return try await retrying(question, budget) { outcome in
      if let set = SignedSet.sets(outcome.answers).first(where: { $0.type == .ds && $0.name == name }) {
        _ = try budget.verify { work throws(SecurityFailure) in
          try set.verified(by: keys, of: parent, now: now, &work)
        }
        let records = set.data.compactMap { try? $0.value(as: DS.self) }
        return try await self.keys(of: name, records, budget)
      }
      let expires = clock.now() + .seconds(Int64(min(900, outcome.authorities.map(\.ttl).min() ?? 60)))
      if !outcome.answers.isEmpty {
        // An alias stands here, and nothing beside it: no zone begins at it.
        for set in SignedSet.sets(outcome.answers).prefix(1) {
          _ = try budget.verify { work throws(SecurityFailure) in
            try set.verified(by: keys, of: parent, now: now, &work)
          }
        }
        return (.none, expires)
      }
      let denial = proof(outcome.authorities, parent, keys, budget)
      if outcome.code == .nxDomain {
        switch budget.hash({ denial.noName(name, &$0) }) {
        case .proven: return (.nothing, expires)
        case .optedOut, .tooCostly: return (.insecure, expires)
        case .unproven: break
        }
      } else {
        switch budget.hash({ denial.cut(name, &$0) }) {
        case .insecure, .tooCostly: return (.insecure, expires)
        case .none: return (.none, expires)
        case .unproven: break
        }
      }
      throw SecurityFailure(
        denial.isEmpty ? SecurityFailure.signaturesMissingCode : SecurityFailure.denialMissingCode,
        "\(parent) neither has a DS for \(name) nor proves that there is none")
    }
  }

  /// A zone's keys, vouched for by digests (RFC 4035 §5.2).
  private func keys(
    of zone: Name, _ trusted: [DS], _ budget: Budget
  ) async throws -> (CutState, expires: MonotonicTime) {
    // SHA-1 beside another digest is left out (RFC 4509 §3); without any that is known here the zone counts as unsigned.
    let usable = trusted.filter(\.isSupported).prefix(8)
    guard !usable.isEmpty else { return (.insecure, clock.now() + .seconds(900)) }
    return try await retrying(Question(zone, .dnskey), budget) { outcome in
      guard let set = SignedSet.sets(outcome.answers).first(where: { $0.type == .dnskey && $0.name == zone }) else {
        throw SecurityFailure(SecurityFailure.keyMissingCode, "\(zone) has no keys")
      }
      let records = set.data.prefix(64).compactMap { try? $0.value(as: DNSKEY.self) }
      let named = records.filter { key in key.isZoneKey && !key.isRevoked && usable.contains { $0.names(key, of: zone) }
      }
      guard !named.isEmpty else {
        throw SecurityFailure(SecurityFailure.keyMissingCode, "no key of \(zone) is one that its parent's DS names")
      }
      let entries = named.compactMap { ZoneKey($0) }
      let signature = try budget.verify { work throws(SecurityFailure) in
        try set.verified(by: entries, of: zone, now: now, &work)
      }
      let lifetime = min(set.ttl, signature.originalTTL, signature.expiration &- now, 86_400)
      let all = records.filter { $0.isZoneKey && !$0.isRevoked }.compactMap { ZoneKey($0) }
      return (.zone(all), clock.now() + .seconds(Int64(max(lifetime, 1))))
    }
  }

  /// Asks again elsewhere while what comes is wrong.
  private func retrying<Value>(
    _ question: Question, _ budget: Budget, _ body: (Iteration.Outcome) async throws -> Value
  ) async throws -> Value {
    var failure = SecurityFailure(SecurityFailure.bogusCode, "\(question) could not be found out")
    for _ in 0..<Self.attempts {
      let outcome = try await ask(question, budget)
      do {
        return try await body(outcome)
      } catch let wrong as SecurityFailure {
        failure = wrong
        guard let server = outcome.server else { break }
        blame(server)
      }
    }
    throw failure
  }
}
