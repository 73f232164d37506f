import Crypto

/// `aes128-gcm@openssh.com` and `aes256-gcm@openssh.com`: RFC 5647, negotiated as a cipher alone.
///
/// The nonce is four fixed bytes and a counter of 64 bits that rises by one with every packet; the length field is
/// authenticated and not encrypted.
struct AESGCMPackets: PacketSealer, PacketOpener {
  private let key: SymmetricKey
  private let fixed: UInt32
  private var counter: UInt64

  var blockSize: Int { 16 }
  var isLengthOutside: Bool { true }
  var headerSize: Int { 4 }
  var tagSize: Int { 16 }

  /// - Parameter iv: 12 bytes.
  init(key: [UInt8], iv: [UInt8]) {
    precondition(iv.count == 12, "the nonce of AES-GCM has 12 bytes")
    self.key = SymmetricKey(data: key)
    fixed = iv.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    counter = iv.dropFirst(4).reduce(0) { $0 << 8 | UInt64($1) }
  }

  private mutating func nextNonce() throws -> AES.GCM.Nonce {
    defer { counter &+= 1 }
    let bytes = InlineNonce(
      fixed: fixed.bigEndian, low: UInt32(truncatingIfNeeded: counter >> 32).bigEndian,
      high: UInt32(truncatingIfNeeded: counter).bigEndian)
    return try withUnsafeBytes(of: bytes) { try AES.GCM.Nonce(data: $0) }
  }

  private struct InlineNonce { var fixed, low, high: UInt32 }

  mutating func seal(_ output: inout [UInt8], from start: Int, sequence: UInt32) throws {
    let nonce = try nextNonce()
    let box = try output.withUnsafeBytes { bytes in
      try AES.GCM.seal(
        UnsafeRawBufferPointer(rebasing: bytes[(start + 4)...]), using: key, nonce: nonce,
        authenticating: UnsafeRawBufferPointer(rebasing: bytes[start..<start + 4]))
    }
    output.withUnsafeMutableBytes { bytes in
      UnsafeMutableRawBufferPointer(rebasing: bytes[(start + 4)...]).copyBytes(from: box.ciphertext)
    }
    output.append(contentsOf: box.tag)
  }

  func packetLength(_ header: UnsafeRawBufferPointer, sequence: UInt32) -> UInt32 { Self.plainLength(header) }

  mutating func open(_ packet: UnsafeRawBufferPointer, sequence: UInt32, into plain: inout [UInt8]) throws {
    let nonce = try nextNonce()
    let body = UnsafeRawBufferPointer(rebasing: packet[4..<packet.count - 16])
    let tag = UnsafeRawBufferPointer(rebasing: packet[(packet.count - 16)...])
    let box = try AES.GCM.SealedBox(nonce: nonce, ciphertext: body, tag: tag)
    guard
      let opened = try? AES.GCM.open(
        box, using: key, authenticating: UnsafeRawBufferPointer(rebasing: packet.prefix(4)))
    else { throw SSHError(.macError, "a packet's tag is wrong") }
    plain.removeAll(keepingCapacity: true)
    plain.append(contentsOf: opened)
  }
}
