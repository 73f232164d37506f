import Crypto
import DNSCore
import FoundationEssentials
import _CryptoExtras

/// A zone's public key, ready to check signatures by (RFC 5702, RFC 6605, RFC 8080).
public struct ZoneKey: Sendable {
  private enum Material: Sendable {
    case rsa(_RSA.Signing.PublicKey)
    case p256(P256.Signing.PublicKey)
    case p384(P384.Signing.PublicKey)
    case ed25519(Curve25519.Signing.PublicKey)
  }

  public let record: DNSKEY
  public let tag: UInt16
  private let material: Material

  /// The algorithms that signatures are checked with. RSA with SHA-1 is none of them (RFC 9905): zones signed with that alone
  /// count as unsigned.
  public static let algorithms: Set<SecurityAlgorithm> = [.rsaSHA256, .rsaSHA512, .ecdsaP256, .ecdsaP384, .ed25519]

  /// `nil` for an algorithm that is not known here, and for a key that is none.
  public init?(_ record: DNSKEY) {
    self.record = record
    tag = record.tag
    let key = record.publicKey
    switch record.algorithm {
    case .rsaSHA256, .rsaSHA512:
      guard let (exponent, modulus) = Self.rsaParts(key),
        let rsa = try? _RSA.Signing.PublicKey(n: modulus, e: exponent)
      else { return nil }
      material = .rsa(rsa)
    case .ecdsaP256:
      guard key.count == 64, let p256 = try? P256.Signing.PublicKey(rawRepresentation: key) else { return nil }
      material = .p256(p256)
    case .ecdsaP384:
      guard key.count == 96, let p384 = try? P384.Signing.PublicKey(rawRepresentation: key) else { return nil }
      material = .p384(p384)
    case .ed25519:
      guard key.count == 32, let ed25519 = try? Curve25519.Signing.PublicKey(rawRepresentation: key) else {
        return nil
      }
      material = .ed25519(ed25519)
    default: return nil
    }
  }

  /// Exponent and modulus (RFC 3110 §2). Moduli of 1024 to 4096 bits and exponents of 32 bits: others would cost more than a
  /// signature is worth.
  private static func rsaParts(_ key: [UInt8]) -> (exponent: [UInt8], modulus: [UInt8])? {
    guard let first = key.first else { return nil }
    var start = 1
    var count = Int(first)
    if first == 0 {
      guard key.count > 3 else { return nil }
      count = Int(key[1]) << 8 | Int(key[2])
      start = 3
    }
    guard count > 0, count <= 4, start + count < key.count else { return nil }
    let modulus = Array(key[(start + count)...].drop { $0 == 0 })
    guard (128...512).contains(modulus.count) else { return nil }
    return (Array(key[start..<(start + count)]), modulus)
  }

  /// Whether this key made the signature over these octets.
  public func verifies(_ signature: [UInt8], over octets: [UInt8]) -> Bool {
    switch material {
    case .rsa(let key):
      guard signature.count == (key.keySizeInBits + 7) / 8 else { return false }
      let signature = _RSA.Signing.RSASignature(rawRepresentation: signature)
      return record.algorithm == .rsaSHA512
        ? key.isValidSignature(signature, for: SHA512.hash(data: octets), padding: .insecurePKCS1v1_5)
        : key.isValidSignature(signature, for: SHA256.hash(data: octets), padding: .insecurePKCS1v1_5)
    case .p256(let key):
      guard let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
      return key.isValidSignature(signature, for: octets)
    case .p384(let key):
      guard let signature = try? P384.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
      return key.isValidSignature(signature, for: octets)
    case .ed25519(let key): return signature.count == 64 && key.isValidSignature(signature, for: octets)
    }
  }
}

extension DS {
  /// The digest types that are known here: SHA-256 and SHA-384. SHA-1 is not (RFC 8624 §3.3 lets validators have it still;
  /// RFC 9905 lets them leave it).
  public static let digestTypes: Set<UInt8> = [2, 4]

  /// The digest of a zone's key (RFC 4034 §5.1.4); `nil` for an unknown digest type.
  public init?(of key: DNSKEY, zone: Name, digestType: UInt8 = 2) {
    var octets = zone.lowercased.wire
    key.encode(into: &octets)
    let digest: [UInt8]
    switch digestType {
    case 2: digest = Array(SHA256.hash(data: octets))
    case 4: digest = Array(SHA384.hash(data: octets))
    default: return nil
    }
    self.init(keyTag: key.tag, algorithm: key.algorithm, digestType: digestType, digest: digest)
  }

  /// Whether it names this key.
  public func names(_ key: DNSKEY, of zone: Name) -> Bool {
    algorithm == key.algorithm && keyTag == key.tag
      && DS(of: key, zone: zone, digestType: digestType)?.digest == digest
  }

  /// Whether its algorithm and its digest are known here (RFC 4035 §5.2).
  public var isSupported: Bool {
    ZoneKey.algorithms.contains(algorithm) && Self.digestTypes.contains(digestType)
  }
}
