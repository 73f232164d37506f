import Crypto
import DNSCore
import WireKit

/// How a zone is signed. Times are seconds.
public struct SigningPolicy: Hashable, Sendable {
  public enum Denial: String, Hashable, Sendable {
    /// Names in order: small and quick; whoever asks often enough can list the zone.
    case nsec
    /// Hashed names, without salt and further rounds (RFC 9276 §3.1).
    case nsec3
    /// The same, without the children that are not signed (RFC 5155 §6): smaller, and they may be forged.
    case optOut = "nsec3-opt-out"
  }

  public var denial: Denial
  /// How long a signature lives: long enough to find and mend whatever stops signing, short enough against replays (RFC 6781
  /// §4.4.2).
  public var lifetime: UInt32 = 14 * 86_400
  /// How long before its end a signature is made anew.
  public var refresh: UInt32 = 5 * 86_400
  /// Signatures end within this time before `lifetime`, so that not all are made anew at once.
  public var jitter: UInt32 = 86_400
  /// How far back a signature begins, for clocks that are late.
  public var backdate: UInt32 = 3_600
  /// The TTL of DNSKEY, CDS and CDNSKEY records.
  public var keyTTL: UInt32 = 3_600

  public init(denial: Denial = .nsec) { self.denial = denial }
}

/// The keys of a zone at one moment, by what they are used for.
public struct ZoneKeys: Sendable {
  /// In the DNSKEY set.
  public var published: [DNSKEY]
  /// Sign the DNSKEY, CDS and CDNSKEY sets.
  public var keySigning: [SigningKey]
  /// Sign everything else.
  public var zoneSigning: [SigningKey]
  /// Whose DS the parent shall have: named by CDS and CDNSKEY (RFC 7344).
  public var announced: [DNSKEY]

  public init(published: [DNSKEY], keySigning: [SigningKey], zoneSigning: [SigningKey], announced: [DNSKEY]) {
    self.published = published
    self.keySigning = keySigning
    self.zoneSigning = zoneSigning
    self.announced = announced
  }
}

/// Signs a zone, and remembers the signatures: what did not change is not signed again until its signature is near its end.
public struct ZoneSigner: Sendable {
  private struct Place: Hashable {
    let owner: Name
    let type: RecordType
    let keyTag: UInt16
  }

  private struct Made {
    let digest: SHA256.Digest
    let signature: RRSIG
  }

  private var made: [Place: Made] = [:]
  /// Signatures made since the start.
  public private(set) var count = 0
  /// When the next signature must be made anew; `nil` when there is none.
  public private(set) var nextRefresh: UInt32?

  public init() {}

  /// The zone with keys, signatures and denials. The time is in seconds since 1970.
  /// - Parameter serial: The SOA's, instead of the zone's own.
  public mutating func sign(
    _ zone: Zone, keys: ZoneKeys, policy: SigningPolicy, serial: UInt32, now: UInt32
  ) throws -> Zone {
    var content = SignedContent(zone, policy: policy, serial: serial)
    content.addKeys(keys)
    content.addDenial()
    var builder = ZoneBuilder(apex: zone.apex)
    var kept: [Place: Made] = [:]
    var earliest: UInt32?
    for (owner, sets) in content.nodes {
      for (type, set) in sets {
        for data in set.data { builder.add(owner, type, set.ttl, data) }
        guard set.isSigned else { continue }
        let isKeySet = owner == zone.apex && [.dnskey, .cds, .cdnskey].contains(type)
        for key in isKeySet ? keys.keySigning : keys.zoneSigning {
          let signature = try signature(owner, type, set, key, zone.apex, policy, now, &kept)
          builder.add(owner, .rrsig, set.ttl, RData(signature))
          let due = signature.expiration &- policy.refresh
          if earliest.map({ Int32(bitPattern: due &- $0) < 0 }) ?? true { earliest = due }
        }
      }
    }
    made = kept
    nextRefresh = earliest
    let (signed, findings) = builder.build(files: [nil])
    guard let signed else { throw SigningError(findings.first?.description ?? "the zone has no SOA") }
    return signed
  }

  private mutating func signature(
    _ owner: Name, _ type: RecordType, _ set: SignedContent.RecordSet, _ key: SigningKey, _ apex: Name,
    _ policy: SigningPolicy, _ now: UInt32, _ kept: inout [Place: Made]
  ) throws -> RRSIG {
    let place = Place(owner: owner, type: type, keyTag: key.tag)
    var signature = RRSIG(
      covered: type, algorithm: key.algorithm, labels: UInt8(owner.labelCount - (owner.isWildcard ? 1 : 0)),
      originalTTL: set.ttl, expiration: 0, inception: 0, keyTag: key.tag, signer: apex)
    guard let content = signature.signedOctets(owner: owner, data: set.data) else {
      throw SigningError("\(owner) \(type) can't be signed")
    }
    let digest = SHA256.hash(data: content)
    if let old = made[place], old.digest == digest,
      Int32(bitPattern: old.signature.expiration &- policy.refresh &- now) > 0
    {
      kept[place] = old
      return old.signature
    }
    // The same name ends at the same moment each time: what is signed together stays spread.
    let spread = policy.jitter == 0 ? 0 : digest.withUnsafeBytes { $0.load(as: UInt32.self) } % policy.jitter
    signature.inception = now &- policy.backdate
    signature.expiration = now &+ policy.lifetime &- spread
    guard let octets = signature.signedOctets(owner: owner, data: set.data) else {
      throw SigningError("\(owner) \(type) can't be signed")
    }
    signature.signature = try key.sign(octets)
    count += 1
    kept[place] = Made(digest: digest, signature: signature)
    return signature
  }
}

/// Why a zone could not be signed.
public struct SigningError: Error, CustomStringConvertible, Sendable {
  public let description: String
  public init(_ description: String) { self.description = description }
}

extension ZoneBuilder {
  fileprivate mutating func add(_ owner: Name, _ type: RecordType, _ ttl: UInt32, _ data: RData) {
    add(owner: owner.wire, type: type, ttl: ttl, data: data.wire, at: ZoneFilePosition())
  }
}
