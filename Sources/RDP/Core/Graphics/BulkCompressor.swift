/// The RDP 8.0 bulk compression that the graphics pipeline rides on (MS-RDPEGFX 3.1.9.1, "ZGFX"): literals and matches
/// with bytes sent before, each with a Huffman code of a fixed table.
///
/// The specification lets a match reach back 2,500,000 bytes; this sender looks back `window`, which bounds its memory.
/// A receiver can't tell the difference.
struct BulkCompressor: Sendable {
  /// Bytes that a match may reach back.
  static let window = 1 << 18
  /// Bytes of a segment before compression (2.2.5.2).
  static let maximumSegment = 65_535

  private static let minimumMatch = 4
  /// How many earlier places with the same four bytes are tried.
  private static let maximumTries = 12
  private static let hashBits: UInt32 = 14

  /// What was sent, oldest first; cut to the window when it has twice its size.
  private var history: [UInt8] = []
  /// The latest place in `history` of each hash, and for each place (modulo the window) the one before it; -1 for none.
  private var latest: [Int32] = []
  private var earlier: [Int32] = []

  /// Codes of literals that have a short one (3.1.9.1.2): bits and their number. All others are a 0 and eight bits.
  private static let literals: [(byte: UInt8, code: UInt32, bits: Int)] = {
    var table: [(byte: UInt8, code: UInt32, bits: Int)] = [
      (0x00, 24, 5), (0x01, 25, 5), (0x02, 52, 6), (0x03, 53, 6), (0xFF, 54, 6),
    ]
    for index in 0..<8 { table.append((UInt8(4 + index), UInt32(110 + index), 7)) }
    for (index, byte) in ([0x3A, 0x3B, 0x3C, 0x3D, 0x3E, 0x3F, 0x40, 0x80] as [UInt8]).enumerated() {
      table.append((byte, UInt32(118 + index), 7))
    }
    for (index, byte) in ([0x0C, 0x38, 0x39, 0x66] as [UInt8]).enumerated() {
      table.append((byte, UInt32(252 + index), 8))
    }
    return table
  }()

  /// For each byte its code, and the number of bits in the highest byte.
  private static let literalCodes: [UInt32] = {
    var codes = (0..<256).map { UInt32($0) | 9 << 24 }
    for entry in literals { codes[Int(entry.byte)] = entry.code | UInt32(entry.bits) << 24 }
    return codes
  }()

  /// Codes of distances: the first distance, the prefix, the bits that follow.
  private static let distances: [(base: Int, code: UInt32, bits: Int, extra: Int)] = [
    (0, 17, 5, 5), (32, 18, 5, 7), (160, 19, 5, 9), (672, 20, 5, 10), (1696, 21, 5, 12), (5792, 44, 6, 14),
    (22_176, 45, 6, 15), (54_944, 92, 7, 18),
  ]

  /// RDP_SEGMENTED_DATA (2.2.5.1): one segment, or several of 65,535 bytes at most. A segment that would not shrink is
  /// sent as it is; the receiver keeps it in its history all the same.
  mutating func segmented(_ message: [UInt8]) -> [UInt8] {
    guard message.count > Self.maximumSegment else { return [0xE0] + segment(message[...]) }
    var output: [UInt8] = [0xE1]
    output.appendLittleEndian(UInt16(clamping: (message.count + Self.maximumSegment - 1) / Self.maximumSegment))
    output.appendLittleEndian(UInt32(clamping: message.count))
    var start = 0
    while start < message.count {
      let end = min(start + Self.maximumSegment, message.count)
      let part = segment(message[start..<end])
      output.appendLittleEndian(UInt32(clamping: part.count))
      output += part
      start = end
    }
    return output
  }

  /// RDP8_BULK_ENCODED_DATA (2.2.5.3): a header and the data.
  private mutating func segment(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    let compressed = compress(bytes)
    return compressed.count < bytes.count + 1 ? compressed : [0x04] + bytes
  }

  private mutating func compress(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    if latest.isEmpty {
      latest = [Int32](repeating: -1, count: 1 << Int(Self.hashBits))
      earlier = [Int32](repeating: -1, count: Self.window)
    }
    makeRoom(for: bytes.count)
    var place = history.count
    history += bytes
    let end = history.count
    var writer = BitWriter(capacity: bytes.count / 2)
    while place < end {
      let match = longestMatch(at: place, end: end)
      guard match.length >= Self.minimumMatch else {
        let code = Self.literalCodes[Int(history[place])]
        writer.write(code & 0xFF_FFFF, Int(code >> 24))
        remember(place, end)
        place += 1
        continue
      }
      Self.append(distance: match.distance, length: match.length, to: &writer)
      // Of a long match not every place is worth remembering.
      let step = match.length > 64 ? 8 : 1
      for inside in stride(from: place, to: place + match.length, by: step) { remember(inside, end) }
      place += match.length
    }
    return writer.finished()
  }

  /// Forgets what no match can reach any more, so that the history stays within three windows.
  private mutating func makeRoom(for count: Int) {
    guard history.count + count > 2 * Self.window + Self.maximumSegment else { return }
    let gone = history.count - Self.window
    history.removeFirst(gone)
    // Places are counted from the history's begin, and kept modulo the window: both change with it.
    var moved = [Int32](repeating: -1, count: Self.window)
    for place in 0..<Self.window {
      let before = Int(earlier[(place + gone) & (Self.window - 1)]) - gone
      moved[place & (Self.window - 1)] = before >= 0 ? Int32(truncatingIfNeeded: before) : -1
    }
    earlier = moved
    for index in latest.indices {
      let place = Int(latest[index]) - gone
      latest[index] = place >= 0 ? Int32(truncatingIfNeeded: place) : -1
    }
  }

  private func hash(_ place: Int) -> Int {
    let word =
      UInt32(history[place]) | UInt32(history[place + 1]) << 8 | UInt32(history[place + 2]) << 16
      | UInt32(history[place + 3]) << 24
    return Int((word &* 0x9E37_79B1) >> (32 - Self.hashBits))
  }

  private mutating func remember(_ place: Int, _ end: Int) {
    guard place + 4 <= end else { return }
    let slot = hash(place)
    earlier[place & (Self.window - 1)] = latest[slot]
    latest[slot] = Int32(truncatingIfNeeded: place)
  }

  private func longestMatch(at place: Int, end: Int) -> (distance: Int, length: Int) {
    guard place + Self.minimumMatch <= end else { return (0, 0) }
    var best = (distance: 0, length: 0)
    var candidate = Int(latest[hash(place)])
    for _ in 0..<Self.maximumTries {
      guard candidate >= 0, candidate < place, place - candidate < Self.window else { break }
      if place + best.length < end, history[candidate + best.length] == history[place + best.length] {
        var length = 0
        while place + length < end, history[candidate + length] == history[place + length] { length += 1 }
        if length > best.length { best = (place - candidate, length) }
      }
      let next = Int(earlier[candidate & (Self.window - 1)])
      guard next < candidate else { break }
      candidate = next
    }
    return best
  }

  /// A match (3.1.9.1.2): the distance's code, then the length as 3, or as a power of two and the rest.
  private static func append(distance: Int, length: Int, to writer: inout BitWriter) {
    guard let entry = distances.last(where: { $0.base <= distance }) else { return }
    writer.write(entry.code, entry.bits)
    writer.write(UInt32(truncatingIfNeeded: distance - entry.base), entry.extra)
    guard length > 3 else { return writer.write(0, 1) }
    var extra = 2
    while length >> (extra + 1) > 0 { extra += 1 }
    // One bit for each doubling of 4, with the leading one; then a zero.
    for _ in 0..<extra - 1 { writer.write(1, 1) }
    writer.write(0, 1)
    writer.write(UInt32(truncatingIfNeeded: length - 1 << extra), extra)
  }

  /// Bits, the highest first; at the end the number of unused ones in the last byte.
  private struct BitWriter {
    private var bytes: [UInt8] = [0x24]
    private var waiting: UInt64 = 0
    private var count = 0

    init(capacity: Int) { bytes.reserveCapacity(capacity + 16) }

    mutating func write(_ value: UInt32, _ bits: Int) {
      waiting = waiting << UInt64(bits) | UInt64(value)
      count += bits
      while count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: waiting >> UInt64(count)))
      }
    }

    mutating func finished() -> [UInt8] {
      let unused = (8 - count) % 8
      if count > 0 { bytes.append(UInt8(truncatingIfNeeded: waiting << UInt64(8 - count))) }
      bytes.append(UInt8(truncatingIfNeeded: unused))
      return bytes
    }
  }
}
