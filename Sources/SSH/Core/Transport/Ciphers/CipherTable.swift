/// A row for each cipher that can be negotiated, best first.
struct CipherAlgorithm: Sendable {
  enum Kind: Sendable { case chaCha20Poly1305, aesGCM, aesCTR }

  let name: String
  let kind: Kind
  let keySize: Int
  let ivSize: Int

  /// Whether the cipher brings its own integrity; the MAC lists do not count then.
  var isAuthenticated: Bool { kind != .aesCTR }

  static let table: [CipherAlgorithm] = [
    CipherAlgorithm(name: "chacha20-poly1305@openssh.com", kind: .chaCha20Poly1305, keySize: 64, ivSize: 0),
    CipherAlgorithm(name: "aes256-gcm@openssh.com", kind: .aesGCM, keySize: 32, ivSize: 12),
    CipherAlgorithm(name: "aes128-gcm@openssh.com", kind: .aesGCM, keySize: 16, ivSize: 12),
    CipherAlgorithm(name: "aes256-ctr", kind: .aesCTR, keySize: 32, ivSize: 16),
    CipherAlgorithm(name: "aes192-ctr", kind: .aesCTR, keySize: 24, ivSize: 16),
    CipherAlgorithm(name: "aes128-ctr", kind: .aesCTR, keySize: 16, ivSize: 16),
  ]

  /// The cipher under these keys, for one direction.
  func packets(_ keys: DirectionKeys, mac: MACAlgorithm?) throws(SSHError) -> any PacketSealer & PacketOpener {
    switch kind {
    case .chaCha20Poly1305: return ChaCha20Poly1305Packets(key: keys.key)
    case .aesGCM: return AESGCMPackets(key: keys.key, iv: keys.iv)
    case .aesCTR:
      guard let mac else { throw SSHError(.keyExchangeFailed, "a cipher without a MAC") }
      let packetMAC = PacketMAC(hash: mac.hash, isOverCiphertext: mac.isOverCiphertext, key: keys.integrityKey)
      return AESCTRPackets(key: keys.key, iv: keys.iv, mac: packetMAC)
    }
  }
}

/// What was derived for one direction (RFC 4253 §7.2).
struct DirectionKeys {
  var iv: [UInt8]
  var key: [UInt8]
  var integrityKey: [UInt8]
}
