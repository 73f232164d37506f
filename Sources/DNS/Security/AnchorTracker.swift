import DNSCore

/// Follows the keys of a zone that is trusted by itself as they are replaced (RFC 5011): a new key that the trusted ones have
/// vouched for during a month is trusted, one that is revoked is not any more.
///
/// A value without clock or file. Times are seconds since 1970.
public struct AnchorTracker: Sendable, Hashable {
  /// How a key is regarded (RFC 5011 §4).
  public enum State: String, Sendable, Hashable {
    /// Seen, and waited for.
    case pending
    case valid
    /// Trusted, and not in the zone at present.
    case missing
    /// Its owner has declared it void.
    case revoked
  }

  public struct Entry: Sendable, Hashable {
    public var digest: DS
    public var state: State
    public var since: UInt32

    public init(digest: DS, state: State, since: UInt32) {
      self.digest = digest
      self.state = state
      self.since = since
    }
  }

  /// The add hold-down time (§2.4.1).
  public static let holdDown: UInt32 = 30 * 86_400
  /// Keys that are remembered at once: more no zone has.
  static let maximum = 16

  public let zone: Name
  public private(set) var entries: [Entry]

  /// - Parameter digests: Trusted from the start.
  public init(zone: Name, digests: [DS], entries: [Entry] = []) {
    self.zone = zone
    self.entries = entries
    for digest in digests where !entries.contains(where: { $0.digest == digest }) {
      self.entries.append(Entry(digest: digest, state: .valid, since: 0))
    }
  }

  /// The digests that are trusted now.
  public var trusted: [DS] { entries.filter { $0.state == .valid || $0.state == .missing }.map(\.digest) }

  /// Takes in the zone's key set as it came. Nothing changes unless a trusted key signed it (§2.2).
  /// - Returns: Whether something changed.
  public mutating func observe(_ set: SignedSet, now: UInt32) -> Bool {
    let before = self
    let records = set.data.prefix(64).compactMap { try? $0.value(as: DNSKEY.self) }
    var budget = VerificationBudget()
    revoke(records, set, now, &budget)
    let trusted = trusted
    let signers = records.filter { key in
      !key.isRevoked && key.isZoneKey && trusted.contains { $0.names(key, of: zone) }
    }
    guard (try? set.verified(by: signers.compactMap { ZoneKey($0) }, of: zone, now: now, &budget)) != nil else {
      return self != before
    }
    let present = records.filter { $0.isZoneKey && $0.isEntryPoint && !$0.isRevoked }
      .compactMap { DS(of: $0, zone: zone) }.filter(\.isSupported)
    for index in entries.indices { step(index, isPresent: isPresent(entries[index].digest, records), now) }
    // A key that went away while it was waited for begins anew (§4.1).
    let gone = Set(entries.filter { $0.state == .pending && !isPresent($0.digest, records) })
    entries.removeAll { gone.contains($0) }
    for digest in present
    where entries.count < Self.maximum && !entries.contains(where: { Self.isSame($0.digest, digest) }) {
      entries.append(Entry(digest: digest, state: .pending, since: now))
    }
    return self != before
  }

  private mutating func step(_ index: Int, isPresent: Bool, _ now: UInt32) {
    switch entries[index].state {
    case .pending where isPresent && now >= entries[index].since && now - entries[index].since >= Self.holdDown:
      entries[index].state = .valid
      entries[index].since = now
    case .valid where !isPresent:
      entries[index].state = .missing
      entries[index].since = now
    case .missing where isPresent:
      entries[index].state = .valid
      entries[index].since = now
    default: break
    }
  }

  /// A key with the REVOKE bit that signs the set itself says that it is void (§2.1). Its tag differs by that bit.
  private mutating func revoke(
    _ records: [DNSKEY], _ set: SignedSet, _ now: UInt32, _ budget: inout VerificationBudget
  ) {
    for key in records where key.isRevoked && key.isZoneKey {
      var before = key
      before.flags &= ~DNSKEY.revokedFlag
      guard let index = entries.firstIndex(where: { $0.digest.names(before, of: zone) }),
        entries[index].state != .revoked, let verifier = ZoneKey(key),
        (try? set.verified(by: [verifier], of: zone, now: now, &budget)) != nil
      else { continue }
      entries[index].state = .revoked
      entries[index].since = now
    }
  }

  private func isPresent(_ digest: DS, _ records: [DNSKEY]) -> Bool {
    records.contains { !$0.isRevoked && digest.names($0, of: zone) }
  }

  private static func isSame(_ one: DS, _ other: DS) -> Bool {
    one.keyTag == other.keyTag && one.algorithm == other.algorithm
      && (one.digestType != other.digestType || one.digest == other.digest)
  }
}
