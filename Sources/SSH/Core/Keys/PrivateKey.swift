import Crypto
import WireKit
import _CryptoExtras

/// A private key: a server's host key, or what a client logs in with. It has no textual form.
public struct PrivateKey: Sendable, CustomStringConvertible {
  /// The kinds that can be made.
  public enum Kind: String, Sendable, CaseIterable {
    case ed25519
    case p256
    case p384
    case p521
    /// RSA of 3072 bits.
    case rsa
  }

  enum Material: Sendable {
    case ed25519(Curve25519.Signing.PrivateKey)
    case p256(P256.Signing.PrivateKey)
    case p384(P384.Signing.PrivateKey)
    case p521(P521.Signing.PrivateKey)
    case rsa(_RSA.Signing.PrivateKey)
  }

  let material: Material
  public let publicKey: PublicKey

  /// Makes a key. RSA takes about a second of CPU.
  public init(_ kind: Kind) throws {
    switch kind {
    case .ed25519: try self.init(.ed25519(Curve25519.Signing.PrivateKey()))
    case .p256: try self.init(.p256(P256.Signing.PrivateKey()))
    case .p384: try self.init(.p384(P384.Signing.PrivateKey()))
    case .p521: try self.init(.p521(P521.Signing.PrivateKey()))
    case .rsa: try self.init(.rsa(try _RSA.Signing.PrivateKey(keySize: .bits3072)))
    }
  }

  init(_ material: Material) throws {
    self.material = material
    var blob: [UInt8] = []
    switch material {
    case .ed25519(let key):
      blob.appendString("ssh-ed25519")
      blob.appendString(Array(key.publicKey.rawRepresentation))
    case .p256(let key): blob.appendPoint("nistp256", Array(key.publicKey.x963Representation))
    case .p384(let key): blob.appendPoint("nistp384", Array(key.publicKey.x963Representation))
    case .p521(let key): blob.appendPoint("nistp521", Array(key.publicKey.x963Representation))
    case .rsa(let key):
      let primitives = try key.publicKey.getKeyPrimitives()
      blob.appendString("ssh-rsa")
      blob.appendMagnitude(Array(primitives.publicExponent))
      blob.appendMagnitude(Array(primitives.modulus))
    }
    publicKey = try PublicKey(blob: blob)
  }

  /// The algorithms that it can sign with, best first.
  public var algorithms: [String] {
    SignatureAlgorithm.table.filter { $0.keyType == publicKey.type }.map(\.name)
  }

  /// Signs, and returns the signature in its encoding: the algorithm's name, then the signature.
  public func sign(_ data: [UInt8], algorithm: String) throws -> [UInt8] {
    var encoded: [UInt8] = []
    encoded.appendString(algorithm)
    switch material {
    case .ed25519(let key): encoded.appendString(Array(try key.signature(for: data)))
    case .p256(let key): encoded.appendSignature(Array(try key.signature(for: data).rawRepresentation))
    case .p384(let key): encoded.appendSignature(Array(try key.signature(for: data).rawRepresentation))
    case .p521(let key): encoded.appendSignature(Array(try key.signature(for: data).rawRepresentation))
    case .rsa(let key):
      let signature =
        algorithm == "rsa-sha2-512"
        ? try key.signature(for: SHA512.hash(data: data), padding: .insecurePKCS1v1_5)
        : try key.signature(for: SHA256.hash(data: data), padding: .insecurePKCS1v1_5)
      encoded.appendString(Array(signature.rawRepresentation))
    }
    return encoded
  }

  public var description: String { "private key of \(publicKey.fingerprint)" }
}

extension PrivateKey: CustomReflectable {
  public var customMirror: Mirror { Mirror(self, children: []) }
}

extension [UInt8] {
  /// A key of an elliptic curve (RFC 5656 §3.1).
  fileprivate mutating func appendPoint(_ curve: String, _ point: [UInt8]) {
    appendString("ecdsa-sha2-" + curve)
    appendString(curve)
    appendString(point)
  }

  /// Two halves of a fixed size to two integers (RFC 5656 §3.1.2).
  fileprivate mutating func appendSignature(_ raw: [UInt8]) {
    var body: [UInt8] = []
    body.appendMagnitude(raw.prefix(raw.count / 2))
    body.appendMagnitude(raw.suffix(raw.count / 2))
    appendString(body)
  }
}
