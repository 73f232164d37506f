import Crypto

/// `ecdh-sha2-nistp256` (RFC 5656 §4). Shares are uncompressed points; the library refuses what is not on the curve.
struct ECDHP256: KeyExchangeMethod {
  private let key: P256.KeyAgreement.PrivateKey

  init() { key = P256.KeyAgreement.PrivateKey() }

  var share: [UInt8] { Array(key.publicKey.x963Representation) }

  static func respond(to clientShare: [UInt8]) throws -> (share: [UInt8], secret: SharedSecretForm) {
    let own = ECDHP256()
    return (own.share, try own.finish(serverShare: clientShare))
  }

  func finish(serverShare: [UInt8]) throws -> SharedSecretForm {
    let peer = try P256.KeyAgreement.PublicKey(x963Representation: serverShare)
    return .integer(try key.sharedSecretFromKeyAgreement(with: peer).withUnsafeBytes { Array($0) })
  }
}
