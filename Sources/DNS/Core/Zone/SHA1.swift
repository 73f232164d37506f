/// SHA-1 (FIPS 180-4) over a few octets, without an allocation: what NSEC3 hashes names by (RFC 5155 §5).
///
/// It protects no secret here. Library digests allocate their context, which each denial would pay three times.
struct SHA1: ~Copyable {
  typealias Digest = InlineArray<20, UInt8>

  private var state: InlineArray<5, UInt32> = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
  private var words = InlineArray<80, UInt32>(repeating: 0)
  private var used = 0
  private var length: UInt64 = 0

  @inline(__always)
  mutating func update(_ octet: UInt8) {
    let shift = UInt32(24 - (used & 3) * 8)
    let place = used >> 2
    words[place] = (shift == 24 ? 0 : words[place]) | UInt32(octet) << shift
    used += 1
    if used == 64 {
      compress()
      used = 0
    }
    length &+= 8
  }

  /// The digest; the state begins anew, for the next round.
  mutating func finish() -> Digest {
    let bits = length
    update(0x80)
    while used != 56 { update(0) }
    for shift in stride(from: 56, through: 0, by: -8) { update(UInt8(truncatingIfNeeded: bits >> UInt64(shift))) }
    var digest = Digest(repeating: 0)
    for place in 0..<20 { digest[place] = UInt8(truncatingIfNeeded: state[place >> 2] >> UInt32(24 - (place & 3) * 8)) }
    state = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
    length = 0
    return digest
  }

  private mutating func compress() {
    for index in 16..<80 {
      let mixed = words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16]
      words[index] = mixed << 1 | mixed >> 31
    }
    var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
    for index in 0..<80 {
      let mixed: UInt32
      switch index {
      case 0..<20: mixed = (b & c | ~b & d) &+ 0x5A82_7999
      case 20..<40: mixed = (b ^ c ^ d) &+ 0x6ED9_EBA1
      case 40..<60: mixed = (b & c | b & d | c & d) &+ 0x8F1B_BCDC
      default: mixed = (b ^ c ^ d) &+ 0xCA62_C1D6
      }
      let next = (a << 5 | a >> 27) &+ mixed &+ e &+ words[index]
      (e, d, c, b, a) = (d, c, b << 30 | b >> 2, a, next)
    }
    state[0] &+= a
    state[1] &+= b
    state[2] &+= c
    state[3] &+= d
    state[4] &+= e
  }
}
