import DNSCore
import WireKit

/// The keys of one zone through their lives: made, published, used, replaced, removed (RFC 6781 §4.1, RFC 7583).
///
/// A value without clock or file: `advance` says what is due. Times are seconds since 1970.
public struct ZoneKeyring: Sendable {
  public enum Role: String, Sendable, Hashable {
    /// Signs everything: the only kind of key that a zone has.
    case combined = "csk"
    /// Signs the zone's keys; the parent's DS names it.
    case keySigning = "ksk"
    /// Signs the zone's records.
    case zoneSigning = "zsk"
  }

  public enum Phase: String, Sendable, Hashable {
    /// In the DNSKEY set, until everybody has it.
    case published
    /// CDS and CDNSKEY name it: waiting for the parent's DS.
    case announced
    case active
    /// Another one has taken over; it stays until nobody has signatures of it any more.
    case retired
  }

  public struct Entry: Sendable {
    public var key: SigningKey
    public var role: Role
    public var phase: Phase
    /// When the phase began; in `announced`, when DS was seen at the parent (before that it is 0).
    public var since: UInt32
    public var created: UInt32

    public init(key: SigningKey, role: Role, phase: Phase, since: UInt32, created: UInt32) {
      self.key = key
      self.role = role
      self.phase = phase
      self.since = since
      self.created = created
    }
  }

  /// Which keys a zone has, and for how long.
  public struct Policy: Hashable, Sendable {
    public var algorithm: SecurityAlgorithm
    /// One key for the keys and one for the records, instead of one for both.
    public var isSplit = false
    /// Ages at which a key is replaced; 0: never by itself.
    public var keyLifetime: UInt32 = 0
    public var zoneKeyLifetime: UInt32 = 90 * 86_400
    /// The TTL of the zone's DNSKEY, and the longest of its records' TTLs.
    public var keyTTL: UInt32 = 3_600
    public var longestTTL: UInt32 = 86_400
    /// The TTL of DS at the parent.
    public var parentTTL: UInt32 = 86_400
    /// How long secondaries may lag behind.
    public var propagation: UInt32 = 3_600

    public init(algorithm: SecurityAlgorithm = .ecdsaP256) { self.algorithm = algorithm }
  }

  /// What happened to a key.
  public struct Change: Hashable, Sendable {
    public enum Kind: String, Sendable { case created, announced, activated, retired, removed }
    public var kind: Kind
    public var role: Role
    public var tag: UInt16
  }

  public private(set) var entries: [Entry]

  public init(_ entries: [Entry] = []) { self.entries = entries }

  // MARK: What signs

  /// The keys by what they do now.
  public var keys: ZoneKeys {
    let entryKeys = entries.filter { $0.role != .zoneSigning }
    let zoneKeys = entries.filter { $0.role == .combined || $0.role == .zoneSigning && $0.phase == .active }
    // The parent shall have what is announced; else what is in use.
    let announced = entryKeys.filter { $0.phase == .announced }
    return ZoneKeys(
      published: entries.map(\.key.record), keySigning: entryKeys.map(\.key), zoneSigning: zoneKeys.map(\.key),
      announced: (announced.isEmpty ? entryKeys.filter { $0.phase == .active } : announced).map(\.key.record))
  }

  /// The keys whose DS somebody has to give to the parent.
  public var waitingForParent: [Entry] { entries.filter { $0.phase == .announced && $0.since == 0 } }

  // MARK: Time

  /// Makes the first keys, and does what is due.
  public mutating func advance(_ policy: Policy, now: UInt32) throws -> [Change] {
    var changes: [Change] = []
    try makeFirst(policy, now, &changes)
    if isOld(.zoneSigning, policy.zoneKeyLifetime, now) { try roll(.zoneSigning, policy, now, &changes) }
    if isOld(.keySigning, policy.keyLifetime, now) { try roll(.keySigning, policy, now, &changes) }
    if isOld(.combined, policy.keyLifetime, now) { try roll(.combined, policy, now, &changes) }
    for index in entries.indices { step(index, policy, now, &changes) }
    removeRetired(policy, now, &changes)
    return changes
  }

  /// When `advance` has something to do next, as far as time alone decides.
  public func nextStep(_ policy: Policy) -> UInt32? {
    entries.compactMap { entry -> UInt32? in
      switch entry.phase {
      case .published: entry.since &+ waitAfterPublishing(entry.role, policy)
      case .announced: entry.since == 0 ? nil : entry.since &+ policy.parentTTL
      case .retired: entry.since &+ policy.longestTTL &+ policy.propagation
      case .active:
        switch entry.role {
        case .zoneSigning: policy.zoneKeyLifetime == 0 ? nil : entry.created &+ policy.zoneKeyLifetime
        default: policy.keyLifetime == 0 ? nil : entry.created &+ policy.keyLifetime
        }
      }
    }.min()
  }

  /// Begins to replace the keys of a role. Nothing happens while they are being replaced already.
  public mutating func roll(_ role: Role, _ policy: Policy, now: UInt32) throws -> [Change] {
    var changes: [Change] = []
    try roll(role, policy, now, &changes)
    return changes
  }

  /// Takes note that the parent has DS records with these tags.
  public mutating func parentHas(_ records: [DS], zone: Name, now: UInt32) {
    for index in entries.indices where entries[index].phase == .announced && entries[index].since == 0 {
      let key = entries[index].key.record
      if records.contains(where: { $0.names(key, of: zone) }) { entries[index].since = max(now, 1) }
    }
  }

  private mutating func makeFirst(_ policy: Policy, _ now: UInt32, _ changes: inout [Change]) throws {
    let roles: [Role] = policy.isSplit ? [.keySigning, .zoneSigning] : [.combined]
    for role in roles where !entries.contains(where: { $0.role == role }) {
      // Beside keys of the other kind it begins as any new key does.
      let isFirst = entries.allSatisfy { roles.contains($0.role) }
      let phase: Phase = !isFirst ? .published : role == .zoneSigning ? .active : .announced
      try add(role, phase, since: phase == .announced ? 0 : now, policy, now, &changes)
    }
  }

  private mutating func add(
    _ role: Role, _ phase: Phase, since: UInt32, _ policy: Policy, _ now: UInt32, _ changes: inout [Change]
  ) throws {
    let flags = DNSKEY.zoneFlag | (role == .zoneSigning ? 0 : DNSKEY.entryFlag)
    var key = try SigningKey(policy.algorithm, flags: flags)
    // Two keys of one tag would cost every validator two attempts.
    while entries.contains(where: { $0.key.tag == key.tag }) { key = try SigningKey(policy.algorithm, flags: flags) }
    entries.append(Entry(key: key, role: role, phase: phase, since: since, created: now))
    changes.append(Change(kind: .created, role: role, tag: key.tag))
  }

  private func isOld(_ role: Role, _ lifetime: UInt32, _ now: UInt32) -> Bool {
    guard lifetime > 0 else { return false }
    return entries.contains { $0.role == role && $0.phase == .active && Self.age($0.created, now) >= lifetime }
  }

  private mutating func roll(
    _ role: Role, _ policy: Policy, _ now: UInt32, _ changes: inout [Change]
  ) throws {
    let own = entries.filter { $0.role == role }
    guard !own.isEmpty, own.allSatisfy({ $0.phase == .active || $0.phase == .retired }) else { return }
    try add(role, .published, since: now, policy, now, &changes)
  }

  /// Until every cache that has the old DNSKEY set has dropped it; for a key that signs records, also those it signed alone.
  private func waitAfterPublishing(_ role: Role, _ policy: Policy) -> UInt32 {
    (role == .combined ? max(policy.keyTTL, policy.longestTTL) : policy.keyTTL) &+ policy.propagation
  }

  private mutating func step(_ index: Int, _ policy: Policy, _ now: UInt32, _ changes: inout [Change]) {
    let entry = entries[index]
    let age = Self.age(entry.since, now)
    switch entry.phase {
    case .published where age >= waitAfterPublishing(entry.role, policy):
      if entry.role == .zoneSigning {
        activate(index, now, &changes)
      } else {
        entries[index].phase = .announced
        entries[index].since = 0
        changes.append(Change(kind: .announced, role: entry.role, tag: entry.key.tag))
      }
    case .announced where entry.since != 0 && age >= policy.parentTTL: activate(index, now, &changes)
    default: break
    }
  }

  private mutating func activate(_ index: Int, _ now: UInt32, _ changes: inout [Change]) {
    entries[index].phase = .active
    entries[index].since = now
    let entry = entries[index]
    changes.append(Change(kind: .activated, role: entry.role, tag: entry.key.tag))
    for other in entries.indices
    where other != index && entries[other].role == entry.role && entries[other].phase == .active {
      entries[other].phase = .retired
      entries[other].since = now
      changes.append(Change(kind: .retired, role: entry.role, tag: entries[other].key.tag))
    }
  }

  private mutating func removeRetired(_ policy: Policy, _ now: UInt32, _ changes: inout [Change]) {
    let wait = policy.longestTTL &+ policy.propagation
    let due = entries.filter { $0.phase == .retired && Self.age($0.since, now) >= wait }
    entries.removeAll { $0.phase == .retired && Self.age($0.since, now) >= wait }
    changes += due.map { Change(kind: .removed, role: $0.role, tag: $0.key.tag) }
  }

  /// 0 for a time that lies ahead: the clock was set back.
  private static func age(_ since: UInt32, _ now: UInt32) -> UInt32 { now >= since ? now - since : 0 }
}
