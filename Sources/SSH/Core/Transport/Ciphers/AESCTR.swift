import Crypto
import _CryptoExtras

/// `aes128-ctr`, `aes192-ctr`, `aes256-ctr` (RFC 4344 §4) with a MAC of its own, over the plaintext (RFC 4253 §6.4) or over
/// the ciphertext (`-etm@openssh.com`).
///
/// The counter goes on over the packets. Each is a whole number of blocks, so a packet's first counter is known without
/// the cipher's state.
struct AESCTRPackets: PacketSealer, PacketOpener {
  private let key: SymmetricKey
  private var counter: UInt128
  private let mac: PacketMAC

  var blockSize: Int { 16 }
  var isLengthOutside: Bool { mac.isOverCiphertext }
  var headerSize: Int { mac.isOverCiphertext ? 4 : 16 }
  var tagSize: Int { mac.tagSize }

  /// - Parameter iv: 16 bytes.
  init(key: [UInt8], iv: [UInt8], mac: PacketMAC) {
    precondition(iv.count == 16, "the counter of AES has 16 bytes")
    self.key = SymmetricKey(data: key)
    counter = iv.reduce(0) { $0 << 8 | UInt128($1) }
    self.mac = mac
  }

  /// Encrypts or decrypts, which is the same.
  private func crypt(
    _ source: UnsafeRawBufferPointer, into destination: UnsafeMutableRawBufferPointer
  ) throws {
    let nonce = try withUnsafeBytes(of: counter.bigEndian) { try AES._CTR.Nonce(nonceBytes: $0) }
    destination.copyBytes(from: try AES._CTR.encrypt(source, using: key, nonce: nonce))
  }

  mutating func seal(_ output: inout [UInt8], from start: Int, sequence: UInt32) throws {
    let firstCovered = start + (mac.isOverCiphertext ? 4 : 0)
    var tag: [UInt8] = []
    if !mac.isOverCiphertext { tag = output.withUnsafeBytes { mac.tag(sequence, $0[start...]) } }
    try output.withUnsafeMutableBytes { bytes in
      let part = UnsafeMutableRawBufferPointer(rebasing: bytes[firstCovered...])
      try crypt(UnsafeRawBufferPointer(part), into: part)
    }
    counter &+= UInt128((output.count - firstCovered) / 16)
    if mac.isOverCiphertext { tag = output.withUnsafeBytes { mac.tag(sequence, $0[start...]) } }
    output.append(contentsOf: tag)
  }

  func packetLength(_ header: UnsafeRawBufferPointer, sequence: UInt32) throws -> UInt32 {
    guard !mac.isOverCiphertext else { return Self.plainLength(header) }
    var block: UInt128 = 0
    try withUnsafeMutableBytes(of: &block) { try crypt(UnsafeRawBufferPointer(rebasing: header.prefix(16)), into: $0) }
    return withUnsafeBytes(of: block) { Self.plainLength($0) }
  }

  mutating func open(_ packet: UnsafeRawBufferPointer, sequence: UInt32, into plain: inout [UInt8]) throws {
    let covered = packet[..<(packet.count - mac.tagSize)]
    let tag = packet[(packet.count - mac.tagSize)...]
    if mac.isOverCiphertext {
      guard mac.isTag(tag, sequence, covered) else { throw SSHError(.macError, "a packet's MAC is wrong") }
      let body = UnsafeRawBufferPointer(rebasing: covered.dropFirst(4))
      plain.setCount(body.count)
      try plain.withUnsafeMutableBytes { try crypt(body, into: $0) }
      counter &+= UInt128(body.count / 16)
    } else {
      plain.setCount(covered.count)
      try plain.withUnsafeMutableBytes { try crypt(UnsafeRawBufferPointer(rebasing: covered), into: $0) }
      counter &+= UInt128(covered.count / 16)
      let isRight = plain.withUnsafeBytes { mac.isTag(tag, sequence, $0[...]) }
      guard isRight else { throw SSHError(.macError, "a packet's MAC is wrong") }
      plain.removeFirst(4)
    }
  }
}
