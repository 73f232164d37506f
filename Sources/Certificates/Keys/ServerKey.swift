import Crypto
import FoundationEssentials
import Services
import SwiftASN1
import X509
import _CryptoExtras

/// A private key for a certificate.
public struct ServerKey: Sendable {
  /// The algorithm and size.
  public enum Kind: Hashable, Sendable, Codable, CustomStringConvertible {
    case ecdsaP256, ecdsaP384, ecdsaP521
    case rsa(bits: Int)
    case ed25519

    public var description: String {
      switch self {
      case .ecdsaP256: "ECDSA P-256"
      case .ecdsaP384: "ECDSA P-384"
      case .ecdsaP521: "ECDSA P-521"
      case .rsa(let bits): "RSA \(bits)"
      case .ed25519: "Ed25519"
      }
    }
  }

  public let kind: Kind
  /// PKCS#8 (RFC 5208), DER.
  public let pkcs8: Secret
  let signing: Certificate.PrivateKey

  /// `SubjectPublicKeyInfo`, DER: what a TLSA record hashes, and what tells whether a certificate belongs to the key.
  public var publicKey: [UInt8] { (try? encoded(signing.publicKey)) ?? [] }

  init(_ key: P256.Signing.PrivateKey) {
    self.init(.ecdsaP256, Array(key.derRepresentation), Certificate.PrivateKey(key))
  }

  init(_ key: P384.Signing.PrivateKey) {
    self.init(.ecdsaP384, Array(key.derRepresentation), Certificate.PrivateKey(key))
  }

  init(_ key: P521.Signing.PrivateKey) {
    self.init(.ecdsaP521, Array(key.derRepresentation), Certificate.PrivateKey(key))
  }

  init(_ key: _RSA.Signing.PrivateKey) {
    self.init(.rsa(bits: key.keySizeInBits), Array(key.pkcs8DERRepresentation), Certificate.PrivateKey(key))
  }

  init(_ key: Curve25519.Signing.PrivateKey) {
    // RFC 8410 §7: the version, the algorithm and an octet string within an octet string, all of fixed length.
    let prefix: [UInt8] = [0x30, 0x2E, 2, 1, 0, 0x30, 5, 6, 3, 0x2B, 0x65, 0x70, 4, 0x22, 4, 0x20]
    self.init(.ed25519, prefix + Array(key.rawRepresentation), Certificate.PrivateKey(key))
  }

  private init(_ kind: Kind, _ pkcs8: [UInt8], _ signing: Certificate.PrivateKey) {
    self.kind = kind
    self.pkcs8 = Secret(pkcs8)
    self.signing = signing
  }

  /// A new ECDSA key on P-256: what every client accepts.
  public static func generate() -> ServerKey { ServerKey(P256.Signing.PrivateKey()) }

  /// A new key of the kind asked for. RSA has 2048, 3072 or 4096 bits.
  public static func generate(_ kind: Kind) throws(KeyReadingError) -> ServerKey {
    switch kind {
    case .ecdsaP256: return ServerKey(P256.Signing.PrivateKey())
    case .ecdsaP384: return ServerKey(P384.Signing.PrivateKey())
    case .ecdsaP521: return ServerKey(P521.Signing.PrivateKey())
    case .ed25519: return ServerKey(Curve25519.Signing.PrivateKey())
    case .rsa(let bits):
      guard [2048, 3072, 4096].contains(bits) else { throw .unsupportedKey("RSA with \(bits) bits") }
      do {
        return ServerKey(try _RSA.Signing.PrivateKey(keySize: .init(bitCount: bits)))
      } catch {
        throw .malformed("\(error)")
      }
    }
  }

  /// Whether the certificate's public key is this key's.
  func belongs(to certificate: Certificate) -> Bool { certificate.publicKey == signing.publicKey }
}

/// Why a private key could not be read. The text says how to mend it; it never holds a part of the key.
public enum KeyReadingError: Error, Hashable, Sendable {
  /// No PEM block at all.
  case notPEM
  /// PEM, but no private key; the labels that were found.
  case noPrivateKey(found: [String])
  /// More than one private key.
  case severalPrivateKeys(Int)
  case passphraseNeeded
  case wrongPassphrase
  /// Encrypted in a way that is not supported.
  case unsupportedEncryption(String)
  /// An algorithm, curve or size that no TLS server of ours uses.
  case unsupportedKey(String)
  /// Too short to be safe.
  case weakKey(String)
  case malformed(String)
  case pem(PEMError)
}

extension KeyReadingError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notPEM:
      "this is no PEM file; a DER key becomes one by: openssl pkey -inform DER -in KEY -out key.pem, a PKCS#12 file by: "
        + "openssl pkcs12 -in FILE -nodes -out all.pem"
    case .noPrivateKey(let found):
      "the file holds no private key, only: \(found.map(printable).joined(separator: ", "))"
    case .severalPrivateKeys(let count): "the file holds \(count) private keys; leave the one of the certificate"
    case .passphraseNeeded: "the key is encrypted; give its passphrase"
    case .wrongPassphrase: "the passphrase is wrong, or the key is damaged"
    case .unsupportedEncryption(let scheme):
      "the key is encrypted by \(scheme), which is not supported; convert it by: "
        + "openssl pkey -in KEY -aes256 -out key.pem"
    case .unsupportedKey(let what):
      "\(what) is not supported; make an ECDSA key on P-256 (openssl genpkey -algorithm EC -pkeyopt "
        + "ec_paramgen_curve:P-256 -out key.pem) and have a certificate issued for it"
    case .weakKey(let what): "\(what) is too weak; at least RSA 2048 or ECDSA P-256 is needed, with a new certificate"
    case .malformed(let diagnosis): "the key is damaged: \(diagnosis)"
    case .pem(let error): error.description
    }
  }
}

extension Certificate.PublicKey {
  /// The algorithm and size.
  var kind: ServerKey.Kind {
    if P256.Signing.PublicKey(self) != nil { return .ecdsaP256 }
    if P384.Signing.PublicKey(self) != nil { return .ecdsaP384 }
    if P521.Signing.PublicKey(self) != nil { return .ecdsaP521 }
    if let rsa = _RSA.Signing.PublicKey(self) { return .rsa(bits: rsa.keySizeInBits) }
    return .ed25519
  }
}
