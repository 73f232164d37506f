import CSodium

/// Raw ChaCha20 and Poly1305, which swift-crypto does not offer one by one. The only file that calls libsodium here.
enum SodiumPrimitives {
  /// Has libsodium find out what this processor can do: without it, its plainest code runs, at less than half the speed.
  static func prepare() { precondition(sodium_init() >= 0, "libsodium finds no source of randomness") }

  /// XORs a message with the key stream of ChaCha20 with a nonce of 64 bits, from the given block on. `destination` may be
  /// `source`.
  static func chaCha20(
    _ destination: UnsafeMutableRawPointer, _ source: UnsafeRawPointer, count: Int, nonce: UInt64, block: UInt64,
    key: [UInt8]
  ) {
    precondition(key.count == 32, "ChaCha20 has keys of 32 bytes")
    let nonceBytes = withUnsafeBytes(of: nonce.bigEndian) { Array($0) }
    _ = crypto_stream_chacha20_xor_ic(
      destination.assumingMemoryBound(to: UInt8.self), source.assumingMemoryBound(to: UInt8.self), UInt64(count),
      nonceBytes, block, key)
  }

  /// The Poly1305 tag, 16 bytes, of a message under a one-time key of 32 bytes.
  static func poly1305(_ message: UnsafeRawBufferPointer, key: [UInt8]) -> [UInt8] {
    precondition(key.count == 32, "Poly1305 has keys of 32 bytes")
    var tag = [UInt8](repeating: 0, count: 16)
    guard let start = message.baseAddress else { return tag }
    _ = crypto_onetimeauth(&tag, start.assumingMemoryBound(to: UInt8.self), UInt64(message.count), key)
    return tag
  }

  /// Whether a tag is the right one, in constant time.
  static func isPoly1305(_ tag: UnsafeRawBufferPointer, of message: UnsafeRawBufferPointer, key: [UInt8]) -> Bool {
    precondition(key.count == 32 && tag.count == 16, "Poly1305 has keys of 32 and tags of 16 bytes")
    guard let tag = tag.baseAddress, let start = message.baseAddress else { return false }
    return crypto_onetimeauth_verify(
      tag.assumingMemoryBound(to: UInt8.self), start.assumingMemoryBound(to: UInt8.self), UInt64(message.count), key)
      == 0
  }
}
