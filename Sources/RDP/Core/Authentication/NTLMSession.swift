import Crypto

/// What two that share an NTLM session key say to each other: signed and sealed (MS-NLMP 3.4).
struct NTLMSession: Sendable {
  private struct Direction: Sendable {
    let signingKey: [UInt8]
    let sealingKey: [UInt8]
    var cipher: RC4
    var sequence: UInt32 = 0

    init(_ sessionKey: [UInt8], _ direction: String) {
      signingKey = NTLMSession.md5(
        sessionKey + Array("session key to \(direction) signing key magic constant\0".utf8))
      sealingKey = NTLMSession.md5(
        sessionKey + Array("session key to \(direction) sealing key magic constant\0".utf8))
      cipher = RC4(key: sealingKey)
    }

    /// The 16 bytes of a signature (2.2.2.9.2, 3.4.4.2).
    mutating func signature(_ message: [UInt8], encrypts: Bool) -> [UInt8] {
      let number = NTLMSession.littleEndian(sequence)
      sequence &+= 1
      let checksum = Array(NTLMSession.hmac(signingKey, number + message)[..<8])
      return [1, 0, 0, 0] + (encrypts ? cipher.apply(checksum) : checksum) + number
    }
  }

  private var outgoing: Direction
  private var incoming: Direction
  private let encryptsChecksums: Bool

  init(sessionKey: [UInt8], flags: NTLMFlags, isServer: Bool = true) {
    let (client, server) = (Direction(sessionKey, "client-to-server"), Direction(sessionKey, "server-to-client"))
    outgoing = isServer ? server : client
    incoming = isServer ? client : server
    encryptsChecksums = flags.contains(.keyExchange)
  }

  /// A signature, then the sealed message.
  mutating func seal(_ message: [UInt8]) -> [UInt8] {
    let sealed = outgoing.cipher.apply(message)
    return outgoing.signature(message, encrypts: encryptsChecksums) + sealed
  }

  /// What `seal` of the other side made; `nil` when it is not genuine.
  mutating func open(_ sealed: [UInt8]) -> [UInt8]? {
    guard sealed.count >= 16 else { return nil }
    let message = incoming.cipher.apply(sealed[16...])
    let signature = incoming.signature(message, encrypts: encryptsChecksums)
    return Self.areEqual(signature, Array(sealed[..<16])) ? message : nil
  }

  /// Signs without sealing, as SPNEGO does its list of mechanisms: the cipher goes back to its begin afterwards (MS-SPNG
  /// 3.2.5.1), the number of the message does not.
  mutating func sign(_ message: [UInt8]) -> [UInt8] {
    defer { outgoing.cipher = RC4(key: outgoing.sealingKey) }
    return outgoing.signature(message, encrypts: encryptsChecksums)
  }

  /// Checks what `sign` of the other side made.
  mutating func verify(_ signature: [UInt8], of message: [UInt8]) -> Bool {
    defer { incoming.cipher = RC4(key: incoming.sealingKey) }
    return Self.areEqual(incoming.signature(message, encrypts: encryptsChecksums), signature)
  }

  static func md5(_ bytes: [UInt8]) -> [UInt8] { Array(Insecure.MD5.hash(data: bytes)) }

  static func hmac(_ key: [UInt8], _ bytes: [UInt8]) -> [UInt8] {
    Array(HMAC<Insecure.MD5>.authenticationCode(for: bytes, using: SymmetricKey(data: key)))
  }

  static func littleEndian(_ number: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * UInt32($0))) }
  }

  /// In time that depends on the lengths alone.
  static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    var difference: UInt8 = 0
    for index in left.indices { difference |= left[index] ^ right[index] }
    return difference == 0
  }
}
