import Crypto

/// `mlkem768x25519-sha256` (draft-ietf-sshm-mlkem-hybrid-kex): ML-KEM-768 and X25519 side by side, hashed into one secret
/// that is a `string`.
struct MLKEM768X25519: KeyExchangeMethod {
  private static let publicKeySize = 1184
  private static let ciphertextSize = 1088

  private let encapsulationKey: MLKEM768.PrivateKey
  private let curveKey: Curve25519.KeyAgreement.PrivateKey

  init() throws {
    encapsulationKey = try MLKEM768.PrivateKey()
    curveKey = Curve25519.KeyAgreement.PrivateKey()
  }

  var share: [UInt8] {
    Array(encapsulationKey.publicKey.rawRepresentation) + Array(curveKey.publicKey.rawRepresentation)
  }

  static func respond(to clientShare: [UInt8]) throws -> (share: [UInt8], secret: SharedSecretForm) {
    guard clientShare.count == publicKeySize + 32 else {
      throw SSHError(.keyExchangeFailed, "a hybrid share of the wrong size")
    }
    let peer = try MLKEM768.PublicKey(rawRepresentation: Array(clientShare.prefix(publicKeySize)))
    let result = try peer.encapsulate()
    let curveKey = Curve25519.KeyAgreement.PrivateKey()
    let curveSecret = try X25519Exchange.agree(curveKey, with: clientShare.suffix(32))
    let share = Array(result.encapsulated) + Array(curveKey.publicKey.rawRepresentation)
    return (share, combine(result.sharedSecret, curveSecret))
  }

  func finish(serverShare: [UInt8]) throws -> SharedSecretForm {
    guard serverShare.count == Self.ciphertextSize + 32 else {
      throw SSHError(.keyExchangeFailed, "a hybrid share of the wrong size")
    }
    let secret = try encapsulationKey.decapsulate(Array(serverShare.prefix(Self.ciphertextSize)))
    let curveSecret = try X25519Exchange.agree(curveKey, with: serverShare.suffix(32))
    return Self.combine(secret, curveSecret)
  }

  private static func combine(_ secret: SymmetricKey, _ curveSecret: [UInt8]) -> SharedSecretForm {
    .string(HashAlgorithm.sha256.digest(secret.withUnsafeBytes { Array($0) } + curveSecret))
  }
}
