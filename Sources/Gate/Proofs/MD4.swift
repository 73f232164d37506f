/// MD4 (RFC 1320), which no library has any more: NTLM's secret is the MD4 of the password, and nothing else here is.
enum MD4 {
  static func hash(_ message: [UInt8]) -> [UInt8] {
    var state: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476]
    var padded = message + [0x80]
    while padded.count % 64 != 56 { padded.append(0) }
    let bits = UInt64(message.count) &* 8
    padded += (0..<8).map { UInt8(truncatingIfNeeded: bits >> (8 * UInt64($0))) }
    for start in stride(from: 0, to: padded.count, by: 64) {
      let words = (0..<16).map { index in
        (0..<4).reduce(UInt32(0)) { $0 | UInt32(padded[start + 4 * index + $1]) << (8 * UInt32($1)) }
      }
      process(words, &state)
    }
    return state.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * UInt32($0))) } }
  }

  /// The three rounds of §3.4, of 16 steps each: the words' order, the shifts, the function, the constant.
  private static func process(_ words: [UInt32], _ state: inout [UInt32]) {
    var (a, b, c, d) = (state[0], state[1], state[2], state[3])
    for step in 0..<48 {
      let position = step % 16
      let (mixed, word, shift, constant): (UInt32, Int, UInt32, UInt32)
      switch step / 16 {
      case 0: (mixed, word, shift, constant) = (b & c | ~b & d, position, [3, 7, 11, 19][step % 4], 0)
      case 1:
        (mixed, word) = (b & c | b & d | c & d, position / 4 + position % 4 * 4)
        (shift, constant) = ([3, 5, 9, 13][step % 4], 0x5A82_7999)
      default:
        (mixed, word) = (b ^ c ^ d, [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15][position])
        (shift, constant) = ([3, 9, 11, 15][step % 4], 0x6ED9_EBA1)
      }
      let sum = a &+ mixed &+ words[word] &+ constant
      (a, b, c, d) = (d, sum << shift | sum >> (32 - shift), b, c)
    }
    state = [state[0] &+ a, state[1] &+ b, state[2] &+ c, state[3] &+ d]
  }
}
