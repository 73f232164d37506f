import Crypto

/// The MACs of RFC 6668 and their encrypt-then-MAC forms: HMAC over the sequence number and the packet.
struct PacketMAC: Sendable {
  let hash: HashAlgorithm
  /// Whether it covers what is sent instead of what is meant (`-etm@openssh.com`); the length field is in the clear then.
  let isOverCiphertext: Bool
  private let key: SymmetricKey

  init(hash: HashAlgorithm, isOverCiphertext: Bool, key: [UInt8]) {
    self.hash = hash
    self.isOverCiphertext = isOverCiphertext
    self.key = SymmetricKey(data: key)
  }

  var tagSize: Int { hash.byteCount }

  func tag(_ sequence: UInt32, _ packet: Slice<UnsafeRawBufferPointer>) -> [UInt8] {
    switch hash {
    case .sha256: Array(code(SHA256.self, sequence, packet))
    case .sha384: Array(code(SHA384.self, sequence, packet))
    case .sha512: Array(code(SHA512.self, sequence, packet))
    }
  }

  /// Whether the tag is the right one, in constant time.
  func isTag(
    _ tag: Slice<UnsafeRawBufferPointer>, _ sequence: UInt32, _ packet: Slice<UnsafeRawBufferPointer>
  ) -> Bool {
    let right = self.tag(sequence, packet)
    guard right.count == tag.count else { return false }
    var difference: UInt8 = 0
    for (a, b) in zip(right, tag) { difference |= a ^ b }
    return difference == 0
  }

  private func code<Function: HashFunction>(
    _: Function.Type, _ sequence: UInt32, _ packet: Slice<UnsafeRawBufferPointer>
  ) -> HMAC<Function>.MAC {
    var code = HMAC<Function>(key: key)
    withUnsafeBytes(of: sequence.bigEndian) { code.update(data: $0) }
    code.update(data: UnsafeRawBufferPointer(rebasing: packet))
    return code.finalize()
  }
}

/// The hash functions that algorithms refer to.
enum HashAlgorithm: Sendable {
  case sha256, sha384, sha512

  var byteCount: Int {
    switch self {
    case .sha256: 32
    case .sha384: 48
    case .sha512: 64
    }
  }

  func digest(_ bytes: [UInt8]) -> [UInt8] {
    switch self {
    case .sha256: Array(SHA256.hash(data: bytes))
    case .sha384: Array(SHA384.hash(data: bytes))
    case .sha512: Array(SHA512.hash(data: bytes))
    }
  }
}
