import DNSCore

/// What is known of an answer's origin (RFC 4035 §4.3).
public enum Security: Hashable, Sendable {
  /// An unbroken chain of signatures leads from a trust anchor to it.
  case secure
  /// It is proven that its zone is not signed, or it is signed in a way that nobody need understand.
  case insecure
  /// It should be signed, and is not, or wrongly.
  case bogus(SecurityFailure)
  /// No anchor speaks of it.
  case indeterminate

  /// The security of two parts taken together: that of the weaker one.
  public func combined(with other: Security) -> Security {
    rank >= other.rank ? self : other
  }

  private var rank: Int {
    switch self {
    case .secure: 0
    case .insecure: 1
    case .indeterminate: 2
    case .bogus: 3
    }
  }

  public var isBogus: Bool { if case .bogus = self { true } else { false } }
}

extension Security: CustomStringConvertible {
  public var description: String {
    switch self {
    case .secure: "secure"
    case .insecure: "insecure"
    case .indeterminate: "indeterminate"
    case .bogus(let failure): "bogus: \(failure)"
    }
  }
}

/// Why an answer is not believed: a code of RFC 8914, and words for people.
public struct SecurityFailure: Error, Hashable, Sendable {
  /// INFO-CODE of RFC 8914 §4.
  public var code: UInt16
  public var text: String

  public init(_ code: UInt16, _ text: String) {
    self.code = code
    self.text = text
  }

  public static let bogusCode: UInt16 = 6
  public static let expiredCode: UInt16 = 7
  public static let notYetValidCode: UInt16 = 8
  public static let keyMissingCode: UInt16 = 9
  public static let signaturesMissingCode: UInt16 = 10
  public static let noZoneKeyCode: UInt16 = 11
  public static let denialMissingCode: UInt16 = 12
}

extension SecurityFailure: CustomStringConvertible {
  public var description: String { text }
}

/// What checking may cost: signatures and hashes, over everything that one question leads to (CVE-2023-50387,
/// CVE-2023-50868).
public struct VerificationBudget: Sendable {
  /// Signatures that may be checked.
  public var signatures = 64
  /// Signatures that may turn out wrong: in a sound zone that is none.
  public var failures = 16
  /// Names that may be hashed.
  public var hashes = 256

  public init() {}

  mutating func takeSignature() -> Bool {
    signatures -= 1
    return signatures >= 0 && failures > 0
  }

  mutating func takeHash() -> Bool {
    hashes -= 1
    return hashes >= 0
  }
}

/// The records of one name and type, with the signatures over them.
public struct SignedSet: Sendable, Hashable {
  public var name: Name
  public var type: RecordType
  public var ttl: UInt32
  public var data: [RData]
  public var signatures: [RRSIG]

  public init(name: Name, type: RecordType, ttl: UInt32, data: [RData], signatures: [RRSIG] = []) {
    self.name = name
    self.type = type
    self.ttl = ttl
    self.data = data
    self.signatures = signatures
  }

  /// The sets of a section, in the order in which they begin.
  public static func sets(_ records: [ResourceRecord]) -> [SignedSet] {
    struct Place: Hashable {
      let name: Name
      let type: RecordType
    }
    var places: [Place: Int] = [:]
    var sets: [SignedSet] = []
    for record in records where record.type != .rrsig && record.recordClass == .in {
      let place = Place(name: record.name, type: record.type)
      if let index = places[place] {
        sets[index].data.append(record.data)
        sets[index].ttl = min(sets[index].ttl, record.ttl)
      } else {
        places[place] = sets.count
        sets.append(SignedSet(name: record.name, type: record.type, ttl: record.ttl, data: [record.data]))
      }
    }
    for record in records where record.type == .rrsig {
      guard let signature = try? record.data.value(as: RRSIG.self),
        let index = places[Place(name: record.name, type: signature.covered)]
      else { continue }
      sets[index].signatures.append(signature)
    }
    return sets
  }
}

extension SignedSet {
  /// Keys of one tag that are tried for one signature, and signatures that are looked at: more than that no sound zone has.
  private static let keysPerSignature = 4
  private static let signaturesPerSet = 8

  /// Checks the signatures with a zone's keys (RFC 4035 §5.3). One that is right is enough.
  ///
  /// - Returns: The right signature; it tells by its labels whether a wildcard stood for the name.
  public func verified(
    by keys: [ZoneKey], of zone: Name, now: UInt32, _ budget: inout VerificationBudget
  ) throws(SecurityFailure) -> RRSIG {
    var failure = SecurityFailure(SecurityFailure.signaturesMissingCode, "\(name) \(type) has no signature of \(zone)")
    guard name.isWithin(zone) else { throw failure }
    let usable = signatures.filter {
      $0.signer == zone && $0.covered == type && ZoneKey.algorithms.contains($0.algorithm)
    }
    for signature in usable.prefix(Self.signaturesPerSet) {
      if let reason = timeFailure(signature, now) {
        failure = reason
        continue
      }
      guard let octets = signature.signedOctets(owner: name, data: data) else {
        failure = SecurityFailure(SecurityFailure.bogusCode, "the signature of \(name) \(type) is for a longer name")
        continue
      }
      let candidates = keys.filter { $0.tag == signature.keyTag && $0.record.algorithm == signature.algorithm }
      if candidates.isEmpty {
        failure = SecurityFailure(
          SecurityFailure.keyMissingCode, "\(zone) has no key \(signature.keyTag), which signed \(name) \(type)")
      }
      for key in candidates.prefix(Self.keysPerSignature) {
        guard budget.takeSignature() else {
          throw SecurityFailure(SecurityFailure.bogusCode, "too many signatures to check")
        }
        if key.verifies(signature.signature, over: octets) { return signature }
        budget.failures -= 1
        failure = SecurityFailure(SecurityFailure.bogusCode, "the signature of \(name) \(type) is wrong")
      }
    }
    throw failure
  }

  private func timeFailure(_ signature: RRSIG, _ now: UInt32) -> SecurityFailure? {
    if signature.isValid(at: now) { return nil }
    return Int32(bitPattern: now &- signature.expiration) > 0
      ? SecurityFailure(SecurityFailure.expiredCode, "the signature of \(name) \(type) has expired")
      : SecurityFailure(SecurityFailure.notYetValidCode, "the signature of \(name) \(type) is not valid yet")
  }
}
