import Crypto

/// `curve25519-sha256` (RFC 8731).
struct X25519Exchange: KeyExchangeMethod {
  private let key: Curve25519.KeyAgreement.PrivateKey

  init() { key = Curve25519.KeyAgreement.PrivateKey() }

  var share: [UInt8] { Array(key.publicKey.rawRepresentation) }

  static func respond(to clientShare: [UInt8]) throws -> (share: [UInt8], secret: SharedSecretForm) {
    let own = X25519Exchange()
    return (own.share, try own.finish(serverShare: clientShare))
  }

  func finish(serverShare: [UInt8]) throws -> SharedSecretForm {
    .integer(try Self.agree(key, with: serverShare))
  }

  /// RFC 8731 §3: a secret of zeros, which a share of low order makes, must end the exchange. The library takes it.
  static func agree(_ key: Curve25519.KeyAgreement.PrivateKey, with share: some Collection<UInt8>) throws -> [UInt8] {
    guard share.count == 32 else { throw SSHError(.keyExchangeFailed, "an X25519 share without 32 bytes") }
    let peer = try Curve25519.KeyAgreement.PublicKey(rawRepresentation: Array(share))
    let secret = try key.sharedSecretFromKeyAgreement(with: peer).withUnsafeBytes { Array($0) }
    guard secret.contains(where: { $0 != 0 }) else {
      throw SSHError(.keyExchangeFailed, "an X25519 share of low order")
    }
    return secret
  }
}
