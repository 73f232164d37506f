/// RC4: NTLM's sealing has no other cipher. Everything that it seals travels inside TLS.
struct RC4: Sendable {
  private var state: [UInt8]
  private var i: UInt8 = 0
  private var j: UInt8 = 0

  /// `key`: 1 to 256 bytes.
  init(key: [UInt8]) {
    precondition((1...256).contains(key.count), "an RC4 key has 1 to 256 bytes")
    state = (0...255).map { UInt8($0) }
    var j: UInt8 = 0
    for i in 0..<256 {
      j = j &+ state[i] &+ key[i % key.count]
      state.swapAt(i, Int(j))
    }
  }

  /// Encrypts or decrypts, and goes on from there with the next call.
  mutating func apply(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    bytes.map { byte in
      i &+= 1
      j = j &+ state[Int(i)]
      state.swapAt(Int(i), Int(j))
      return byte ^ state[Int(state[Int(i)] &+ state[Int(j)])]
    }
  }
}
