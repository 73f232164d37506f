/// Keys from a secret (RFC 4253 §7.2).
struct KeyDerivation {
  enum Direction {
    case toServer, toClient
  }

  let hash: HashAlgorithm
  let secret: SharedSecretForm
  let exchangeHash: [UInt8]
  let sessionID: [UInt8]

  /// What a cipher and its MAC need for one direction.
  func keys(_ direction: Direction, _ cipher: CipherAlgorithm, _ mac: MACAlgorithm?) -> DirectionKeys {
    let letters = direction == .toServer ? Array("ACE".utf8) : Array("BDF".utf8)
    return DirectionKeys(
      iv: derive(letters[0], cipher.ivSize), key: derive(letters[1], cipher.keySize),
      integrityKey: derive(letters[2], mac?.hash.byteCount ?? 0))
  }

  private func derive(_ letter: UInt8, _ count: Int) -> [UInt8] {
    guard count > 0 else { return [] }
    var key = hash.digest(secret.bytes + exchangeHash + [letter] + sessionID)
    while key.count < count { key += hash.digest(secret.bytes + exchangeHash + key) }
    return Array(key.prefix(count))
  }
}
