import Crypto
import WireKit
import _CryptoExtras

extension PublicKey {
  /// Whether `signature`, in its encoding (an algorithm's name, then the signature), is one of `data` by this key, made
  /// with the algorithm of this name. The names must agree: a key of one kind never vouches by another's algorithm.
  public func isValid(_ signature: [UInt8], for data: [UInt8], algorithm: String) -> Bool {
    (try? verify(signature, data, algorithm)) ?? false
  }

  private func verify(_ signature: [UInt8], _ data: [UInt8], _ algorithm: String) throws(WireError) -> Bool {
    guard let row = SignatureAlgorithm.named(algorithm), row.keyType == type else { return false }
    let span = signature.span.bytes
    var reader = WireReader(span)
    guard try reader.readText("signature algorithm") == algorithm else { return false }
    let body = try reader.readStringBytes("signature")
    let isValid: Bool
    switch material {
    case .ed25519(let key): isValid = body.count == 64 && key.isValidSignature(body, for: data)
    case .p256(let key): isValid = try Self.isValid(body, data, by: key)
    case .p384(let key):
      let raw = try Self.rawSignature(body, half: 48)
      guard let signature = try? P384.Signing.ECDSASignature(rawRepresentation: raw) else { return false }
      isValid = key.isValidSignature(signature, for: data)
    case .p521(let key):
      let raw = try Self.rawSignature(body, half: 66)
      guard let signature = try? P521.Signing.ECDSASignature(rawRepresentation: raw) else { return false }
      isValid = key.isValidSignature(signature, for: data)
    case .rsa(let key): isValid = Self.isValid(body, data, by: key, algorithm)
    case .tokenEd25519(let key, let application):
      let signed = try Self.tokenData(&reader, data, application)
      isValid = body.count == 64 && key.isValidSignature(body, for: signed)
    case .tokenP256(let key, let application):
      isValid = try Self.isValid(body, try Self.tokenData(&reader, data, application), by: key)
    }
    return isValid && reader.isAtEnd
  }

  private static func isValid(
    _ body: [UInt8], _ data: [UInt8], by key: P256.Signing.PublicKey
  ) throws(WireError) -> Bool {
    let raw = try rawSignature(body, half: 32)
    guard let signature = try? P256.Signing.ECDSASignature(rawRepresentation: raw) else { return false }
    return key.isValidSignature(signature, for: data)
  }

  private static func isValid(
    _ body: [UInt8], _ data: [UInt8], by key: _RSA.Signing.PublicKey, _ algorithm: String
  ) -> Bool {
    // A signature may come without its leading zeros (RFC 8332 §3).
    let size = (key.keySizeInBits + 7) / 8
    guard body.count <= size else { return false }
    let signature = _RSA.Signing.RSASignature(
      rawRepresentation: [UInt8](repeating: 0, count: size - body.count) + body)
    switch algorithm {
    case "rsa-sha2-256":
      return key.isValidSignature(signature, for: SHA256.hash(data: data), padding: .insecurePKCS1v1_5)
    case "rsa-sha2-512":
      return key.isValidSignature(signature, for: SHA512.hash(data: data), padding: .insecurePKCS1v1_5)
    default: return false
    }
  }

  /// `r` and `s` as two integers (RFC 5656 §3.1.2), to two halves of a fixed size.
  private static func rawSignature(_ body: [UInt8], half: Int) throws(WireError) -> [UInt8] {
    let span = body.span.bytes
    var reader = WireReader(span)
    var raw: [UInt8] = []
    for _ in 0..<2 {
      let number = try reader.readMagnitude("ECDSA signature")
      guard number.count <= half else { throw WireError(.outOfBounds, "ECDSA signature") }
      raw += [UInt8](repeating: 0, count: half - number.count) + number
    }
    guard reader.isAtEnd else { throw WireError(.malformed, "ECDSA signature", at: reader.offset) }
    return raw
  }

  /// What a security token signs (PROTOCOL.u2f): hashes of application and data, flags and a counter. Somebody must have
  /// touched the token.
  private static func tokenData(
    _ reader: inout WireReader, _ data: [UInt8], _ application: [UInt8]
  ) throws(WireError) -> [UInt8] {
    let flags = try reader.readUInt8("token flags")
    let counter = try reader.readUInt32("token counter")
    guard flags & 1 != 0 else { throw WireError(.malformed, "token flags: nobody was present") }
    var signed = HashAlgorithm.sha256.digest(application)
    signed.append(flags)
    signed.appendInteger(counter)
    return signed + HashAlgorithm.sha256.digest(data)
  }
}
