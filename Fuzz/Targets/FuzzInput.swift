import TestKit

/// An input taken apart: what the code under test gets, and how it gets it.
///
/// The control stands at the end, so that the front of an input can be a plain sample of the protocol.
struct FuzzInput {
  /// What the code under test gets.
  let payload: [UInt8]
  /// The last byte of the input; 0 for an empty one.
  let control: UInt8

  init(_ bytes: [UInt8]) {
    payload = bytes.dropLast()
    control = bytes.last ?? 0
  }

  /// The payload in pieces as a network might deliver it: whole, byte by byte, or of random sizes, by the control byte.
  var pieces: [ArraySlice<UInt8>] {
    guard !payload.isEmpty else { return [] }
    let longest = [payload.count, 1, 7, 64][Int(control & 3)]
    var generator = SeededGenerator(seed: UInt64(control))
    var pieces: [ArraySlice<UInt8>] = []
    var start = 0
    while start < payload.count {
      let size = longest == payload.count ? longest : Int.random(in: 1...longest, using: &generator)
      let end = min(payload.count, start + size)
      pieces.append(payload[start..<end])
      start = end
    }
    return pieces
  }
}
