import WireKit

/// A way to agree on a secret, of the shape that all of ours have: the client sends a share in message 30, the server
/// answers with its own and a signature in message 31 (RFC 5656 §4).
protocol KeyExchangeMethod: Sendable {
  /// The server's half: its share, and the secret.
  static func respond(to clientShare: [UInt8]) throws -> (share: [UInt8], secret: SharedSecretForm)
  /// The client's half: begins with a fresh key.
  init() throws
  /// What the client sends.
  var share: [UInt8] { get }
  /// The secret, from what the server answered.
  func finish(serverShare: [UInt8]) throws -> SharedSecretForm
}

/// The secret in the form in which it enters the hashes, its length field included.
struct SharedSecretForm {
  let bytes: [UInt8]

  /// As an integer (`mpint`), as RFC 4253 §8 has it.
  static func integer(_ secret: [UInt8]) -> SharedSecretForm {
    var bytes: [UInt8] = []
    bytes.appendMagnitude(secret)
    return SharedSecretForm(bytes: bytes)
  }

  /// As a `string`, as the hybrid methods have it.
  static func string(_ secret: [UInt8]) -> SharedSecretForm {
    var bytes: [UInt8] = []
    bytes.appendString(secret)
    return SharedSecretForm(bytes: bytes)
  }
}

/// A row for each method that can be negotiated, best first.
struct KeyExchangeAlgorithm: Sendable {
  let name: String
  let hash: HashAlgorithm
  let method: any KeyExchangeMethod.Type

  static let table: [KeyExchangeAlgorithm] = [
    KeyExchangeAlgorithm(name: "mlkem768x25519-sha256", hash: .sha256, method: MLKEM768X25519.self),
    KeyExchangeAlgorithm(name: "curve25519-sha256", hash: .sha256, method: X25519Exchange.self),
    KeyExchangeAlgorithm(name: "curve25519-sha256@libssh.org", hash: .sha256, method: X25519Exchange.self),
    KeyExchangeAlgorithm(name: "ecdh-sha2-nistp256", hash: .sha256, method: ECDHP256.self),
    KeyExchangeAlgorithm(name: "ecdh-sha2-nistp384", hash: .sha384, method: ECDHP384.self),
    KeyExchangeAlgorithm(name: "ecdh-sha2-nistp521", hash: .sha512, method: ECDHP521.self),
  ]
}
