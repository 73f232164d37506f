/// `chacha20-poly1305@openssh.com` (OpenSSH's PROTOCOL.chacha20poly1305).
///
/// 64 bytes of key: the first half encrypts the packet and makes the Poly1305 key from block 0, the second half encrypts
/// the length field alone. The nonce is the sequence number; the tag covers the length field as it was sent.
struct ChaCha20Poly1305Packets: PacketSealer, PacketOpener {
  private let mainKey: [UInt8]
  private let lengthKey: [UInt8]

  var blockSize: Int { 8 }
  var isLengthOutside: Bool { true }
  var headerSize: Int { 4 }
  var tagSize: Int { 16 }

  /// - Parameter key: 64 bytes.
  init(key: [UInt8]) {
    precondition(key.count == 64, "the cipher has keys of 64 bytes")
    SodiumPrimitives.prepare()
    mainKey = Array(key.prefix(32))
    lengthKey = Array(key.suffix(32))
  }

  private func tagKey(_ nonce: UInt64) -> [UInt8] {
    var key = [UInt8](repeating: 0, count: 32)
    key.withUnsafeMutableBytes { key in
      guard let base = key.baseAddress else { return }
      SodiumPrimitives.chaCha20(base, base, count: 32, nonce: nonce, block: 0, key: mainKey)
    }
    return key
  }

  mutating func seal(_ output: inout [UInt8], from start: Int, sequence: UInt32) {
    let nonce = UInt64(sequence)
    let tag = output.withUnsafeMutableBytes { bytes -> [UInt8] in
      guard let base = bytes.baseAddress else { return [] }
      let packet = base + start
      let count = bytes.count - start
      SodiumPrimitives.chaCha20(packet, packet, count: 4, nonce: nonce, block: 0, key: lengthKey)
      SodiumPrimitives.chaCha20(packet + 4, packet + 4, count: count - 4, nonce: nonce, block: 1, key: mainKey)
      return SodiumPrimitives.poly1305(UnsafeRawBufferPointer(start: packet, count: count), key: tagKey(nonce))
    }
    output.append(contentsOf: tag)
  }

  func packetLength(_ header: UnsafeRawBufferPointer, sequence: UInt32) -> UInt32 {
    var length: UInt32 = 0
    withUnsafeMutableBytes(of: &length) { plain in
      guard let to = plain.baseAddress, let from = header.baseAddress else { return }
      SodiumPrimitives.chaCha20(to, from, count: 4, nonce: UInt64(sequence), block: 0, key: lengthKey)
    }
    return UInt32(bigEndian: length)
  }

  mutating func open(_ packet: UnsafeRawBufferPointer, sequence: UInt32, into plain: inout [UInt8]) throws {
    let nonce = UInt64(sequence)
    let covered = UnsafeRawBufferPointer(rebasing: packet[..<(packet.count - 16)])
    let tag = UnsafeRawBufferPointer(rebasing: packet[(packet.count - 16)...])
    guard SodiumPrimitives.isPoly1305(tag, of: covered, key: tagKey(nonce)), let from = covered.baseAddress else {
      throw SSHError(.macError, "a packet's tag is wrong")
    }
    let count = covered.count - 4
    plain.setCount(count)
    plain.withUnsafeMutableBytes { plain in
      guard let to = plain.baseAddress else { return }
      SodiumPrimitives.chaCha20(to, from + 4, count: count, nonce: nonce, block: 1, key: mainKey)
    }
  }
}

extension [UInt8] {
  /// Makes the array this long, by cutting or by zeros; what it held does not matter.
  mutating func setCount(_ newCount: Int) {
    if count > newCount {
      removeLast(count - newCount)
    } else if count < newCount {
      append(contentsOf: repeatElement(0, count: newCount - count))
    }
  }
}
