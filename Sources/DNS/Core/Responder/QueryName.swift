import WireKit

/// The name that a query is about, in lower case, with the hashes of all its ancestors: fixed memory, no allocation.
struct QueryName: ~Copyable {
  /// The uncompressed wire form in lower case; `length` octets of it count.
  private(set) var bytes = InlineArray<256, UInt8>(repeating: 0)
  /// Where each label begins, leftmost first.
  private(set) var offsets = InlineArray<128, UInt8>(repeating: 0)
  /// The hash of the last n labels at place n.
  private(set) var hashes = InlineArray<128, UInt32>(repeating: 0)
  private(set) var length = 0
  private(set) var labelCount = 0

  init() {}

  /// Reads an uncompressed name from a request. Returns the offset behind it; `nil` for anything else.
  mutating func read(question request: RawSpan, at start: Int) -> Int? {
    var position = start
    length = 0
    labelCount = 0
    while true {
      guard let size = request.byte(at: position) else { return nil }
      if size == 0 { break }
      let end = position + 1 + Int(size)
      // One octet is kept for the root.
      guard size <= 63, end < request.byteCount, length + 2 + Int(size) <= Name.maximumLength else { return nil }
      append(label: request, position..<end)
      position = end
    }
    finish()
    return position + 1
  }

  /// Reads a name from our own reply, where pointers only ever lead backwards.
  mutating func read(reply: RawSpan, at start: Int) {
    var position = start
    length = 0
    labelCount = 0
    while let size = reply.byte(at: position), size != 0 {
      if size >= 0xC0 {
        guard let low = reply.byte(at: position + 1) else { break }
        position = Int(size & 0x3F) << 8 | Int(low)
        continue
      }
      let end = position + 1 + Int(size)
      guard end < reply.byteCount, length + 2 + Int(size) <= Name.maximumLength else { break }
      append(label: reply, position..<end)
      position = end
    }
    finish()
  }

  @inline(__always)
  private mutating func append(label source: RawSpan, _ range: Range<Int>) {
    offsets[labelCount] = UInt8(truncatingIfNeeded: length)
    labelCount += 1
    var place = length
    for index in range {
      bytes[place] = source.unsafeLoad(fromUncheckedByteOffset: index, as: UInt8.self).asciiLowercased
      place += 1
    }
    length = place
  }

  @inline(__always)
  private mutating func finish() {
    bytes[length] = 0
    var end = length
    length += 1
    var state = NameHash.root
    hashes[0] = NameHash.finish(state)
    var index = labelCount
    var depth = 0
    while index > 0 {
      index -= 1
      let start = Int(offsets[index])
      var place = start + 1
      while place < end {
        state = NameHash.step(state, bytes[place])
        place += 1
      }
      state = NameHash.endLabel(state)
      depth += 1
      hashes[depth] = NameHash.finish(state)
      end = start
    }
  }

  /// Where the suffix of `labels` labels begins.
  @inline(__always)
  func offset(ofSuffix labels: Int) -> Int {
    labels == 0 ? length - 1 : Int(offsets[labelCount - labels])
  }

  /// The hash of the name `*` + the last `labels` labels.
  func wildcardHash(below labels: Int) -> UInt32 {
    // Hashes are kept mixed; the state is made again from the suffix, which only wildcard look-ups need.
    var state = NameHash.root
    var depth = 0
    while depth < labels {
      let start = offset(ofSuffix: depth + 1)
      let end = offset(ofSuffix: depth)
      for place in (start + 1)..<end { state = NameHash.step(state, bytes[place]) }
      state = NameHash.endLabel(state)
      depth += 1
    }
    return NameHash.finish(NameHash.endLabel(NameHash.step(state, UInt8(ascii: "*"))))
  }
}
