import SwiftASN1

/// What can be told of a certificate before its keys and signatures are understood: enough to say that it is too weak,
/// where a full parser only says that it does not know it.
struct CertificateOutline: Hashable, Sendable {
  let der: [UInt8]
  /// The subject's own DER.
  let subject: [UInt8]
  /// The issuer's own DER.
  let issuer: [UInt8]
  let signatureAlgorithm: ASN1ObjectIdentifier
  let keyAlgorithm: AlgorithmName
  /// Bits of the modulus, for an RSA key.
  let rsaBits: Int?

  /// RFC 5280 §4.1. Throws for what is no certificate.
  init(der: [UInt8]) throws {
    self.der = der
    var outer = try children(of: DER.parse(der)).makeIterator()
    guard let body = outer.next(), let algorithm = outer.next() else {
      throw ASN1Error.invalidASN1Object(reason: "not a Certificate")
    }
    signatureAlgorithm = try AlgorithmName(algorithm).identifier
    var nodes = try children(of: body).makeIterator()
    _ = try DER.optionalExplicitlyTagged(&nodes, tagNumber: 0, tagClass: .contextSpecific) { $0 }
    // The serial number and the signature's algorithm, repeated.
    guard nodes.next() != nil, nodes.next() != nil, let issuer = nodes.next(), nodes.next() != nil,
      let subject = nodes.next(), let keyInfo = nodes.next()
    else { throw ASN1Error.invalidASN1Object(reason: "not a TBSCertificate") }
    self.issuer = Array(issuer.encodedBytes)
    self.subject = Array(subject.encodedBytes)
    var keyNodes = try children(of: keyInfo).makeIterator()
    guard let keyName = keyNodes.next() else { throw ASN1Error.invalidASN1Object(reason: "no key") }
    keyAlgorithm = try AlgorithmName(keyName)
    let key = try ASN1BitString(derEncoded: &keyNodes).bytes
    if keyAlgorithm.identifier == .rsaEncryption {
      var numbers = try children(of: DER.parse(key)).makeIterator()
      rsaBits = bitWidth(try ArraySlice<UInt8>(derEncoded: &numbers))
    } else {
      rsaBits = nil
    }
  }

  /// Whether it names itself as its issuer.
  var isSelfIssued: Bool { subject == issuer }

  /// The signature's hash, when it is broken (RFC 9155, RFC 6194, RFC 6151).
  var weakSignature: String? {
    switch signatureAlgorithm {
    case [1, 2, 840, 113549, 1, 1, 2]: "MD2"
    case [1, 2, 840, 113549, 1, 1, 3]: "MD4"
    case [1, 2, 840, 113549, 1, 1, 4]: "MD5"
    case [1, 2, 840, 113549, 1, 1, 5], [1, 3, 14, 3, 2, 29], [1, 2, 840, 10045, 4, 1], [1, 2, 840, 10040, 4, 3]:
      "SHA-1"
    default: nil
    }
  }

  /// What is wrong with the key, when it is too short.
  func weakKey(rsaBitsMinimum: Int) -> String? {
    if let rsaBits, rsaBits < rsaBitsMinimum { return "RSA with \(rsaBits) bits" }
    return keyAlgorithm.identifier == [1, 2, 840, 10040, 4, 1] ? "DSA" : nil
  }

  /// What the key is, when no server of ours can use it.
  var unsupportedKey: String? {
    switch keyAlgorithm.identifier {
    case .rsaEncryption, .curve25519Signing: nil
    case .ecPublicKey:
      switch keyAlgorithm.parametersIdentifier {
      case .curveP256, .curveP384, .curveP521: nil
      case let curve?: "an EC key on the curve \(curve)"
      case nil: "an EC key with explicit parameters"
      }
    default: "a key of the algorithm \(keyAlgorithm.identifier)"
    }
  }
}
