import Crypto

/// `ecdh-sha2-nistp384` (RFC 5656 §4). Shares are uncompressed points; the library refuses what is not on the curve.
struct ECDHP384: KeyExchangeMethod {
  private let key: P384.KeyAgreement.PrivateKey

  init() { key = P384.KeyAgreement.PrivateKey() }

  var share: [UInt8] { Array(key.publicKey.x963Representation) }

  static func respond(to clientShare: [UInt8]) throws -> (share: [UInt8], secret: SharedSecretForm) {
    let own = ECDHP384()
    return (own.share, try own.finish(serverShare: clientShare))
  }

  func finish(serverShare: [UInt8]) throws -> SharedSecretForm {
    let peer = try P384.KeyAgreement.PublicKey(x963Representation: serverShare)
    return .integer(try key.sharedSecretFromKeyAgreement(with: peer).withUnsafeBytes { Array($0) })
  }
}
