import DNSCore

/// Proofs that something does not exist: the NSEC or NSEC3 records of one zone whose signatures are right.
public struct Denial: Sendable {
  /// More hashing rounds than this and a proof counts as none: the zone as unsigned (RFC 9276 §3.2).
  public static let iterationsLimit: UInt16 = 50

  private struct Named {
    let owner: Name
    let key: [UInt8]
    let nextKey: [UInt8]
    let record: NSEC
  }

  private struct Hashed {
    let hash: [UInt8]
    let record: NSEC3
  }

  private let zone: Name
  private let named: [Named]
  private let hashed: [Hashed]
  /// Whether all hashed records demand more rounds than anybody need do.
  private let isTooCostly: Bool

  public enum Verdict: Hashable, Sendable {
    case proven
    /// Delegations without DS may be left out here: what is missing may exist all the same (RFC 5155 §6).
    case optedOut
    /// More hashing rounds than anybody need do (RFC 9276 §3.2).
    case tooCostly
    case unproven
  }

  /// The records of sets whose signatures of `zone` have been checked; others than NSEC and NSEC3 are passed over.
  public init(zone: Name, sets: [SignedSet]) {
    self.zone = zone
    var named: [Named] = []
    var hashed: [Hashed] = []
    var costly = false
    for set in sets where set.name.isWithin(zone) {
      for data in set.data {
        if set.type == .nsec, let record = try? data.value(as: NSEC.self) {
          named.append(
            Named(owner: set.name, key: set.name.canonicalKey, nextKey: record.next.canonicalKey, record: record))
        }
        guard set.type == .nsec3, set.name.parent == zone, let hash = NSEC3.hash(of: set.name),
          let record = try? data.value(as: NSEC3.self), record.hashAlgorithm == 1, record.flags <= 1,
          record.next.count == 20
        else { continue }
        if record.iterations > Self.iterationsLimit {
          costly = true
        } else {
          hashed.append(Hashed(hash: hash, record: record))
        }
      }
    }
    self.named = named
    // Records of another chain than the first's prove nothing beside it (RFC 5155 §8.2).
    let first = hashed.first?.record
    self.hashed = hashed.filter { $0.record.iterations == first?.iterations && $0.record.salt == first?.salt }
    isTooCostly = costly && hashed.isEmpty
  }

  public var isEmpty: Bool { named.isEmpty && hashed.isEmpty && !isTooCostly }

  // MARK: Questions

  /// The name does not exist, and no wildcard stands for it (RFC 4035 §5.4, RFC 5155 §8.4).
  public func noName(_ name: Name, _ budget: inout VerificationBudget) -> Verdict {
    if isTooCostly { return .tooCostly }
    if let covering = cover(name), let encloser = encloser(name, covering) {
      guard let wildcard = Self.wildcard(encloser), cover(wildcard) != nil else { return .unproven }
      return .proven
    }
    guard let (encloser, isOptedOut) = hashedEncloser(of: name, &budget),
      let wildcard = Self.wildcard(encloser), covers(wildcard, &budget) != nil
    else { return .unproven }
    return isOptedOut ? .optedOut : .proven
  }

  /// The name exists, or is empty, or a wildcard stands for it, and has no such records (RFC 4035 §5.4, RFC 5155 §8.5–8.7).
  public func noData(_ name: Name, _ type: RecordType, _ budget: inout VerificationBudget) -> Verdict {
    if isTooCostly { return .tooCostly }
    if let match = named.first(where: { $0.owner == name }) {
      return Self.lacks(match.record.types, type) ? .proven : .unproven
    }
    if let covering = cover(name) {
      // An empty name above the next one.
      if covering.record.next.isWithin(name), covering.record.next != name { return .proven }
      guard let encloser = encloser(name, covering), let wildcard = Self.wildcard(encloser),
        let match = named.first(where: { $0.owner == wildcard }), Self.lacks(match.record.types, type)
      else { return .unproven }
      return .proven
    }
    if let match = match(name, &budget) { return Self.lacks(match.record.types, type) ? .proven : .unproven }
    guard let (encloser, isOptedOut) = hashedEncloser(of: name, &budget) else { return .unproven }
    if isOptedOut, type == .ds { return .optedOut }
    guard let wildcard = Self.wildcard(encloser), let match = match(wildcard, &budget),
      Self.lacks(match.record.types, type)
    else { return .unproven }
    return isOptedOut ? .optedOut : .proven
  }

  /// The name itself does not exist, so that a wildcard of `labels` labels could stand for it (RFC 4035 §5.3.4, RFC 5155
  /// §8.8).
  public func noCloserName(_ name: Name, labels: Int, _ budget: inout VerificationBudget) -> Verdict {
    if isTooCostly { return .tooCostly }
    if cover(name) != nil { return .proven }
    var next = name
    while next.labelCount > labels + 1, let parent = next.parent { next = parent }
    guard let covering = covers(next, &budget) else { return .unproven }
    return covering.record.isOptOut ? .optedOut : .proven
  }

  /// What a "no DS" means for the name as a place where a zone may begin.
  public enum Cut: Hashable, Sendable {
    /// A delegation without DS: what lies below is not signed.
    case insecure
    /// No zone begins here.
    case none
    case unproven
    case tooCostly
  }

  /// What there is at a name that has no DS (RFC 4035 §5.2, RFC 5155 §8.9, RFC 6840 §4.4).
  public func cut(_ name: Name, _ budget: inout VerificationBudget) -> Cut {
    if isTooCostly { return .tooCostly }
    let types: Set<RecordType>
    if let match = named.first(where: { $0.owner == name }) {
      types = match.record.types
    } else if cover(name) != nil {
      return .none
    } else if let match = match(name, &budget) {
      types = match.record.types
    } else {
      guard let (_, isOptedOut) = hashedEncloser(of: name, &budget) else { return .unproven }
      return isOptedOut ? .insecure : .none
    }
    // The child's own record, or one with DS, proves nothing of the kind.
    if types.contains(.ds) || types.contains(.soa) && !name.isRoot { return .unproven }
    return types.contains(.ns) ? .insecure : .none
  }

  // MARK: NSEC

  /// The record between whose names a name lies. One of a delegation or DNAME above the name says nothing of it (RFC 6840
  /// §4.1).
  private func cover(_ name: Name) -> Named? {
    let key = name.canonicalKey
    return named.first { entry in
      guard entry.key.lexicographicallyPrecedes(key),
        key.lexicographicallyPrecedes(entry.nextKey) || entry.record.next == zone
      else { return false }
      guard name.isWithin(entry.owner) else { return true }
      let types = entry.record.types
      return !(types.contains(.ns) && !types.contains(.soa)) && !types.contains(.dname)
    }
  }

  /// The deepest name above one that exists: what it has in common with the names beside it.
  private func encloser(_ name: Name, _ covering: Named) -> Name? {
    let shared = max(Self.shared(name, covering.owner), Self.shared(name, covering.record.next))
    var encloser: Name? = name
    while let current = encloser, current.labelCount > shared { encloser = current.parent }
    return encloser
  }

  private static func shared(_ one: Name, _ other: Name) -> Int {
    var count = 0
    for (left, right) in zip(one.labels.reversed(), other.labels.reversed()) {
      guard left.elementsEqual(right, by: { $0 | 0x20 == $1 | 0x20 && ($0 == $1 || Self.isLetter($0)) }) else { break }
      count += 1
    }
    return count
  }

  private static func isLetter(_ octet: UInt8) -> Bool { (octet | 0x20) &- 0x61 < 26 }

  private static func wildcard(_ encloser: Name) -> Name? {
    (try? Name(labels: [[UInt8(ascii: "*")]]))?.appendingOrNil(encloser)
  }

  /// Whether a name with these types has no records of one: neither them nor an alias; and whether its record is of the right
  /// side of a cut.
  private static func lacks(_ types: Set<RecordType>, _ type: RecordType) -> Bool {
    if types.contains(type) || types.contains(.cname) { return false }
    if type == .ds { return !types.contains(.soa) }
    return !types.contains(.ns) || types.contains(.soa)
  }

  // MARK: NSEC3

  private func hash(_ name: Name, _ budget: inout VerificationBudget) -> [UInt8]? {
    guard let first = hashed.first?.record, budget.takeHash() else { return nil }
    return NSEC3.hash(name, iterations: first.iterations, salt: first.salt)
  }

  private func match(_ name: Name, _ budget: inout VerificationBudget) -> Hashed? {
    guard let hash = hash(name, &budget) else { return nil }
    return hashed.first { $0.hash == hash }
  }

  private func covers(_ name: Name, _ budget: inout VerificationBudget) -> Hashed? {
    guard let hash = hash(name, &budget) else { return nil }
    return hashed.first { entry in
      let isAfter = entry.hash.lexicographicallyPrecedes(hash)
      let isBefore = hash.lexicographicallyPrecedes(entry.record.next)
      // The last one's interval goes round.
      let isLast = !entry.hash.lexicographicallyPrecedes(entry.record.next)
      return isLast ? isAfter || isBefore : isAfter && isBefore
    }
  }

  /// The deepest name above one that exists, the next one below it being proven not to (RFC 5155 §8.3).
  private func hashedEncloser(
    of name: Name, _ budget: inout VerificationBudget
  ) -> (name: Name, isOptedOut: Bool)? {
    guard !hashed.isEmpty, name != zone else { return nil }
    var next = name
    while next != zone, let candidate = next.parent, candidate.isWithin(zone) {
      if let match = match(candidate, &budget) {
        let types = match.record.types
        guard !types.contains(.dname), !types.contains(.ns) || types.contains(.soa),
          let covering = covers(next, &budget)
        else { return nil }
        return (candidate, covering.record.isOptOut)
      }
      next = candidate
    }
    return nil
  }
}

extension Name {
  fileprivate func appendingOrNil(_ suffix: Name) -> Name? { try? appending(suffix) }
}
