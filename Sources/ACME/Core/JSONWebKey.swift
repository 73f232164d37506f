import Crypto
import _CryptoExtras

/// The public key of an account (RFC 7517), of the kinds that ACME clients have.
public enum JSONWebKey: Sendable, Hashable {
  case p256(x: [UInt8], y: [UInt8])
  case p384(x: [UInt8], y: [UInt8])
  case ed25519([UInt8])
  case rsa(modulus: [UInt8], exponent: [UInt8])

  /// Bits of an RSA key.
  private static let rsaBits = 2048...4096

  /// `nil` for another kind, a point that is not on its curve, a key that is too weak or too large to be judged cheaply.
  public init?(_ value: JSONValue) {
    func octets(_ name: String) -> [UInt8]? { value[name]?.string.flatMap(Base64URL.decode) }
    switch (value["kty"]?.string, value["crv"]?.string) {
    case ("EC", "P-256"):
      guard let x = octets("x"), let y = octets("y"), x.count == 32, y.count == 32 else { return nil }
      self = .p256(x: x, y: y)
    case ("EC", "P-384"):
      guard let x = octets("x"), let y = octets("y"), x.count == 48, y.count == 48 else { return nil }
      self = .p384(x: x, y: y)
    case ("OKP", "Ed25519"):
      guard let x = octets("x"), x.count == 32 else { return nil }
      self = .ed25519(x)
    case ("RSA", nil):
      guard let n = octets("n"), let e = octets("e"), let first = n.first, first != 0, (1...8).contains(e.count),
        Self.rsaBits.contains(n.count * 8), e.last.map({ $0 & 1 == 1 }) == true
      else { return nil }
      self = .rsa(modulus: n, exponent: e)
    default: return nil
    }
    guard isUsable else { return nil }
  }

  private var isUsable: Bool {
    switch self {
    case .p256(let x, let y): (try? P256.Signing.PublicKey(rawRepresentation: x + y)) != nil
    case .p384(let x, let y): (try? P384.Signing.PublicKey(rawRepresentation: x + y)) != nil
    case .ed25519(let x): (try? Curve25519.Signing.PublicKey(rawRepresentation: x)) != nil
    case .rsa(let n, let e): (try? _RSA.Signing.PublicKey(n: n, e: e)) != nil
    }
  }

  /// The members that make the key up (RFC 7638 §3.2), no others.
  public var value: JSONValue {
    func text(_ octets: [UInt8]) -> JSONValue { .string(Base64URL.encode(octets)) }
    return switch self {
    case .p256(let x, let y): ["kty": "EC", "crv": "P-256", "x": text(x), "y": text(y)]
    case .p384(let x, let y): ["kty": "EC", "crv": "P-384", "x": text(x), "y": text(y)]
    case .ed25519(let x): ["kty": "OKP", "crv": "Ed25519", "x": text(x)]
    case .rsa(let n, let e): ["kty": "RSA", "n": text(n), "e": text(e)]
    }
  }

  /// The hash that names the key (RFC 7638).
  public var thumbprint: String { Base64URL.encode(SHA256.hash(data: value.bytes)) }

  /// What is published to answer a challenge (RFC 8555 §8.1).
  public func keyAuthorization(_ token: String) -> String { "\(token).\(thumbprint)" }

  /// The signature algorithm that goes with the key (RFC 7518 §3.1).
  public var algorithm: String {
    switch self {
    case .p256: "ES256"
    case .p384: "ES384"
    case .ed25519: "EdDSA"
    case .rsa: "RS256"
    }
  }

  public func isValid(_ signature: [UInt8], over input: [UInt8]) -> Bool {
    switch self {
    case .p256(let x, let y):
      guard let key = try? P256.Signing.PublicKey(rawRepresentation: x + y),
        let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature)
      else { return false }
      return key.isValidSignature(signature, for: input)
    case .p384(let x, let y):
      guard let key = try? P384.Signing.PublicKey(rawRepresentation: x + y),
        let signature = try? P384.Signing.ECDSASignature(rawRepresentation: signature)
      else { return false }
      return key.isValidSignature(signature, for: input)
    case .ed25519(let x):
      guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: x) else { return false }
      return key.isValidSignature(signature, for: input)
    case .rsa(let n, let e):
      guard let key = try? _RSA.Signing.PublicKey(n: n, e: e) else { return false }
      return key.isValidSignature(
        _RSA.Signing.RSASignature(rawRepresentation: signature), for: SHA256.hash(data: input),
        padding: .insecurePKCS1v1_5)
    }
  }
}
