import DNSCore
import DNSSecurity
import Synchronization
import WireKit

/// Proofs that came with answers, to answer other questions by (RFC 8198): what lies between two names of a zone does not
/// exist, whoever asks for it. A flood of made-up names in a signed zone so ends here.
///
/// Only records whose signatures were checked come in, with their zone's SOA, whose signature was checked as well. Answers
/// made from wildcards are not repeated for other names.
final class ProofCache: Sendable {
  private static let maximumZones = 2_000
  private static let maximumRecords = 4_096
  /// Deeper names are asked for: each label is a name to hash.
  private static let maximumLabels = 12

  /// An NSEC or NSEC3 record with its signatures.
  private struct Proof {
    /// What zones order it by: the canonical form of the owner's name, or its hash.
    var key: [UInt8]
    var set: SignedSet
    var records: [ResourceRecord]
    var ends: MonotonicTime
  }

  private struct Zone {
    var start: [ResourceRecord] = []
    var startEnds = MonotonicTime(nanoseconds: 0)
    var named: [Proof] = []
    var hashed: [Proof] = []
    /// How the zone hashes; records of another chain begin anew.
    var iterations: UInt16 = 0
    var salt: [UInt8] = []
  }

  private let zones = Mutex<[Name: Zone]>([:])

  func removeAll() { zones.withLock { $0 = [:] } }

  func remove(below name: Name) {
    zones.withLock { zones in
      for zone in zones.keys where zone.isWithin(name) || name.isWithin(zone) { zones[zone] = nil }
    }
  }

  // MARK: Putting in

  /// Keeps what was proven.
  /// - Parameters:
  ///   - sets: NSEC and NSEC3 of the zone, and its SOA; the signatures of all have been checked.
  ///   - records: The same, as they came.
  ///   - wallTime: Seconds since 1970, as signatures count.
  ///   - longest: The most that a "no" is believed, in seconds.
  func store(
    _ zone: Name, _ sets: [SignedSet], _ records: [ResourceRecord], now: MonotonicTime, wallTime: UInt32,
    longest: UInt32
  ) {
    guard let start = sets.first(where: { $0.type == .soa && $0.name == zone }),
      let minimum = try? start.data.first?.value(as: SOA.self).minimum
    else { return }
    // RFC 9077 §3: no longer than the zone's own "no".
    let bound = min(longest, minimum, start.ttl)
    zones.withLock { zones in
      if zones[zone] == nil, zones.count >= Self.maximumZones { zones.removeAll(keepingCapacity: true) }
      var entry = zones[zone] ?? Zone()
      for set in sets {
        let lifetime = set.signatures.map { min($0.originalTTL, $0.expiration &- wallTime) }.min() ?? 0
        let ends = now + .seconds(Int64(min(bound, set.ttl, lifetime)))
        let own = records.filter { $0.name == set.name && Self.kind($0) == set.type }
        if set.type == .soa {
          (entry.start, entry.startEnds) = (own, ends)
        } else if set.type == .nsec {
          Self.insert(Proof(key: set.name.canonicalKey, set: set, records: own, ends: ends), &entry.named)
        } else if set.type == .nsec3, let hash = NSEC3.hash(of: set.name), set.name.parent == zone,
          let record = try? set.data.first?.value(as: NSEC3.self), record.iterations <= Denial.iterationsLimit
        {
          if record.iterations != entry.iterations || record.salt != entry.salt {
            (entry.iterations, entry.salt, entry.hashed) = (record.iterations, record.salt, [])
          }
          Self.insert(Proof(key: hash, set: set, records: own, ends: ends), &entry.hashed)
        }
      }
      zones[zone] = entry
    }
  }

  private static func kind(_ record: ResourceRecord) -> RecordType? {
    record.type == .rrsig ? (try? record.data.value(as: RRSIG.self))?.covered : record.type
  }

  private static func insert(_ proof: Proof, _ proofs: inout [Proof]) {
    if proofs.count >= maximumRecords { proofs.removeAll(keepingCapacity: true) }
    let index = place(proof.key, proofs)
    if index > 0, proofs[index - 1].key == proof.key {
      proofs[index - 1] = proof
    } else {
      proofs.insert(proof, at: index)
    }
  }

  /// How many keys are not behind this one.
  private static func place(_ key: [UInt8], _ proofs: [Proof]) -> Int {
    var (low, high) = (0, proofs.count)
    while low < high {
      let middle = (low + high) / 2
      if key.lexicographicallyPrecedes(proofs[middle].key) { high = middle } else { low = middle + 1 }
    }
    return low
  }

  // MARK: Answering

  /// The "no" that follows from what is known; `nil` when somebody has to be asked.
  func answer(_ question: Question, now: MonotonicTime, _ budget: Budget) -> CachedAnswer? {
    guard question.recordClass == .in, question.type != .any, question.type != .rrsig,
      question.name.labelCount <= Self.maximumLabels
    else { return nil }
    // DS stands with the parent.
    var place = question.type == .ds ? question.name.parent : question.name
    while let zone = place {
      if let entry = zones.withLock({ $0[zone] }), entry.startEnds > now {
        // A deeper zone's proofs alone speak of a name: what a zone above says of it ends at the cut.
        return answer(question, zone, entry, now, budget)
      }
      place = zone.parent
    }
    return nil
  }

  private func answer(
    _ question: Question, _ zone: Name, _ entry: Zone, _ now: MonotonicTime, _ budget: Budget
  ) -> CachedAnswer? {
    let named = Self.unique(Self.named(question.name, entry), now)
    if let found = judge(question, zone, entry, named, now, budget) { return found }
    guard !entry.hashed.isEmpty else { return nil }
    return judge(question, zone, entry, Self.unique(Self.hashed(question.name, zone, entry), now), now, budget)
  }

  private func judge(
    _ question: Question, _ zone: Name, _ entry: Zone, _ proofs: [Proof], _ now: MonotonicTime, _ budget: Budget
  ) -> CachedAnswer? {
    guard !proofs.isEmpty else { return nil }
    let denial = Denial(zone: zone, sets: proofs.map(\.set))
    // What is opted out proves nothing here (RFC 8198 §5.2).
    let code: ResponseCode
    if budget.hash({ denial.noName(question.name, &$0) }) == .proven {
      code = .nxDomain
    } else if budget.hash({ denial.noData(question.name, question.type, &$0) }) == .proven {
      code = .noError
    } else {
      return nil
    }
    let ends = proofs.map(\.ends).reduce(entry.startEnds, min)
    let seconds = UInt32(clamping: (ends - now).components.seconds)
    guard seconds > 0 else { return nil }
    let records = (entry.start + proofs.flatMap(\.records)).map { record in
      var record = record
      record.ttl = min(record.ttl, seconds)
      return record
    }
    return CachedAnswer(
      code: code, answers: [], authorities: records, stored: now, expires: now + .seconds(Int64(seconds)),
      ttl: seconds, security: .secure)
  }

  private static func unique(_ proofs: [Proof], _ now: MonotonicTime) -> [Proof] {
    var result: [Proof] = []
    for proof in proofs where proof.ends > now && !result.contains(where: { $0.key == proof.key }) {
      result.append(proof)
    }
    return result
  }

  /// The record at or before a name, and the one at or before the wildcard that could stand for it.
  private static func named(_ name: Name, _ entry: Zone) -> [Proof] {
    guard let covering = before(name.canonicalKey, entry.named) else { return [] }
    guard covering.set.name != name, let record = try? covering.set.data.first?.value(as: NSEC.self) else {
      return [covering]
    }
    var encloser = name.parent
    while let candidate = encloser, !covering.set.name.isWithin(candidate), !record.next.isWithin(candidate) {
      encloser = candidate.parent
    }
    guard let wildcard = wildcard(encloser), let second = before(wildcard.canonicalKey, entry.named) else {
      return [covering]
    }
    return [covering, second]
  }

  /// The record of a name's hash, or those of the deepest name above it that is known to exist, of the next name below that
  /// one, and of the wildcard.
  private static func hashed(_ name: Name, _ zone: Name, _ entry: Zone) -> [Proof] {
    let hash = { (name: Name) in NSEC3.hash(name, iterations: entry.iterations, salt: entry.salt) }
    let own = hash(name)
    if let match = before(own, entry.hashed), match.key == own { return [match] }
    var (next, nextHash) = (name, own)
    while next != zone, let candidate = next.parent, candidate.isWithin(zone) {
      let candidateHash = hash(candidate)
      if let match = before(candidateHash, entry.hashed), match.key == candidateHash {
        guard let covering = around(nextHash, entry.hashed), let wildcard = wildcard(candidate) else { return [] }
        let wildcardHash = hash(wildcard)
        return [match, covering] + (around(wildcardHash, entry.hashed).map { [$0] } ?? [])
      }
      (next, nextHash) = (candidate, candidateHash)
    }
    return []
  }

  private static func before(_ key: [UInt8], _ proofs: [Proof]) -> Proof? {
    let index = place(key, proofs)
    return index > 0 ? proofs[index - 1] : nil
  }

  /// The same where the last interval goes round.
  private static func around(_ key: [UInt8], _ proofs: [Proof]) -> Proof? { before(key, proofs) ?? proofs.last }

  private static func wildcard(_ encloser: Name?) -> Name? {
    guard let encloser, let star = try? Name(labels: [[UInt8(ascii: "*")]]) else { return nil }
    return try? star.appending(encloser)
  }
}
