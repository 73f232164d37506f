import Crypto
import DNSCore
import FoundationEssentials

/// A key pair that signs a zone.
public struct SigningKey: Sendable {
  private enum Material: Sendable {
    case p256(P256.Signing.PrivateKey)
    case ed25519(Curve25519.Signing.PrivateKey)
  }

  public enum Failure: Error, Hashable, Sendable {
    /// Nothing is signed with this algorithm here.
    case unsupported(SecurityAlgorithm)
    /// The octets are no private key.
    case malformed
  }

  private let material: Material
  /// The public half, as the zone has it.
  public let record: DNSKEY
  public let tag: UInt16

  /// The algorithms that zones can be signed with.
  public static let algorithms: [SecurityAlgorithm] = [.ecdsaP256, .ed25519]

  /// A new key.
  public init(_ algorithm: SecurityAlgorithm, flags: UInt16) throws {
    switch algorithm {
    case .ecdsaP256: self.init(.p256(P256.Signing.PrivateKey()), flags)
    case .ed25519: self.init(.ed25519(Curve25519.Signing.PrivateKey()), flags)
    default: throw Failure.unsupported(algorithm)
    }
  }

  /// A key from the octets of its private half.
  public init(_ algorithm: SecurityAlgorithm, flags: UInt16, rawRepresentation: [UInt8]) throws {
    do {
      switch algorithm {
      case .ecdsaP256: self.init(.p256(try P256.Signing.PrivateKey(rawRepresentation: rawRepresentation)), flags)
      case .ed25519:
        self.init(.ed25519(try Curve25519.Signing.PrivateKey(rawRepresentation: rawRepresentation)), flags)
      default: throw Failure.unsupported(algorithm)
      }
    } catch is CryptoKitError {
      throw Failure.malformed
    }
  }

  private init(_ material: Material, _ flags: UInt16) {
    self.material = material
    switch material {
    case .p256(let key):
      record = DNSKEY(flags: flags, algorithm: .ecdsaP256, publicKey: Array(key.publicKey.rawRepresentation))
    case .ed25519(let key):
      record = DNSKEY(flags: flags, algorithm: .ed25519, publicKey: Array(key.publicKey.rawRepresentation))
    }
    tag = record.tag
  }

  public var algorithm: SecurityAlgorithm { record.algorithm }

  /// The private half: to be sealed before it is stored.
  public var rawRepresentation: [UInt8] {
    switch material {
    case .p256(let key): Array(key.rawRepresentation)
    case .ed25519(let key): Array(key.rawRepresentation)
    }
  }

  /// The signature over some octets, as RRSIG has it.
  public func sign(_ octets: [UInt8]) throws -> [UInt8] {
    switch material {
    case .p256(let key): Array(try key.signature(for: octets).rawRepresentation)
    case .ed25519(let key): Array(try key.signature(for: octets))
    }
  }
}
