/// How a signed zone proves that something is not there: the places of its NSEC records in the order of names, or of its
/// NSEC3 records in the order of hashes. Plain memory beside the arena; whoever uses it holds the `Zone`.
struct DenialTable: BitwiseCopyable {
  struct HashedPlace: BitwiseCopyable {
    /// The first eight octets of the hash: enough to tell nearly all apart without a look into the arena.
    var prefix: UInt64
    var place: UInt32
  }

  /// Nodes that own an NSEC record, in canonical order (RFC 4034 §6.1). The apex comes first.
  let names: UnsafeMutablePointer<UInt32>
  let nameCount: Int
  /// Whether NSEC3 records say what is not there.
  let isHashed: Bool
  /// Nodes that own an NSEC3 record, by hash. They are here also when they prove nothing, for whoever reads the whole zone.
  let hashes: UnsafeMutablePointer<HashedPlace>
  let hashCount: Int
  let iterations: UInt16
  let salt: UnsafeMutablePointer<UInt8>
  let saltLength: Int

  /// Whether one of the chains is whole.
  @inline(__always) var proves: Bool { isHashed || nameCount > 0 }

  func deallocate() {
    names.deallocate()
    hashes.deallocate()
    salt.deallocate()
  }

  /// The hash of the last `labels` labels of a name, `*` before them where wanted (RFC 5155 §5).
  func hash(_ name: borrowing QueryName, labels: Int, wildcard: Bool = false) -> SHA1.Digest {
    var digest = SHA1()
    if wildcard {
      digest.update(1)
      digest.update(UInt8(ascii: "*"))
    }
    for place in name.offset(ofSuffix: labels)..<name.length { digest.update(name.bytes[place]) }
    for place in 0..<saltLength { digest.update(salt[place]) }
    var result = digest.finish()
    for _ in 0..<iterations {
      for place in 0..<20 { digest.update(result[place]) }
      for place in 0..<saltLength { digest.update(salt[place]) }
      result = digest.finish()
    }
    return result
  }

  static func prefix(_ hash: borrowing SHA1.Digest) -> UInt64 {
    var prefix: UInt64 = 0
    for place in 0..<8 { prefix = prefix << 8 | UInt64(hash[place]) }
    return prefix
  }
}

extension ZoneView {
  /// The NSEC3 record's node for a hash: the one that has it, or the one whose interval it lies in.
  func hashedNode(_ table: DenialTable, _ hash: borrowing SHA1.Digest) -> (node: NodeView, isMatch: Bool)? {
    guard table.hashCount > 0 else { return nil }
    let prefix = DenialTable.prefix(hash)
    var (low, high) = (0, table.hashCount)
    // The first one above the hash.
    while low < high {
      let middle = (low + high) / 2
      let entry = table.hashes[middle]
      var isAbove = entry.prefix > prefix
      if entry.prefix == prefix { isAbove = compare(node(at: entry.place), hash) > 0 }
      if isAbove { high = middle } else { low = middle + 1 }
    }
    // Before the first one lies the last one's interval, which goes round.
    let found = table.hashes[low == 0 ? table.hashCount - 1 : low - 1]
    let node = node(at: found.place)
    guard low > 0, found.prefix == prefix else { return (node, false) }
    return (node, compare(node, hash) == 0)
  }

  /// Compares the hash in a node's first label with another.
  private func compare(_ node: NodeView, _ hash: borrowing SHA1.Digest) -> Int {
    var place = 1
    var (bits, count) = (UInt32(0), 0)
    for index in 0..<20 {
      while count < 8 {
        let value = BinaryText.base32HexValue(node.name.load(fromByteOffset: place, as: UInt8.self)) ?? 0
        bits = bits << 5 | UInt32(value)
        count += 5
        place += 1
      }
      count -= 8
      let octet = UInt8(truncatingIfNeeded: bits >> UInt32(count))
      if octet != hash[index] { return octet < hash[index] ? -1 : 1 }
    }
    return 0
  }

  /// The node whose NSEC record matches a name or covers it: the last `labels` labels of `name`, with `*` before them
  /// where wanted. The name lies in the zone.
  func coveringNode(
    _ table: DenialTable, _ name: borrowing QueryName, labels: Int, wildcard: Bool = false
  ) -> NodeView? {
    var (low, high) = (0, table.nameCount)
    while low < high {
      let middle = (low + high) / 2
      if compare(node(at: table.names[middle]), name, labels, wildcard) > 0 { high = middle } else { low = middle + 1 }
    }
    return low == 0 ? nil : node(at: table.names[low - 1])
  }

  /// Compares a node's name with such a name in canonical order (RFC 4034 §6.1).
  private func compare(_ node: NodeView, _ name: borrowing QueryName, _ labels: Int, _ wildcard: Bool) -> Int {
    var offsets = InlineArray<128, UInt8>(repeating: 0)
    let count = node.labelOffsets(&offsets)
    let others = labels - apexLabels
    for index in 0..<min(count, others + (wildcard ? 1 : 0)) {
      let place = Int(offsets[count - 1 - index])
      let length = node.name.load(fromByteOffset: place, as: UInt8.self)
      let order: Int
      if index == others {
        order = node.compareLabel(at: place, length, count: 1) { _ in UInt8(ascii: "*") }
      } else {
        let start = name.offset(ofSuffix: apexLabels + index + 1)
        order = node.compareLabel(at: place, length, count: Int(name.bytes[start])) { name.bytes[start + 1 + $0] }
      }
      if order != 0 { return order }
    }
    return count - others - (wildcard ? 1 : 0)
  }
}

extension NodeView {
  /// Where the labels of the name below the apex begin, leftmost first; returns how many they are.
  @inline(__always)
  func labelOffsets(_ offsets: inout InlineArray<128, UInt8>) -> Int {
    var (place, count) = (0, 0)
    let end = nameLength
    while place < end, count < 128 {
      offsets[count] = UInt8(truncatingIfNeeded: place)
      count += 1
      place += 1 + Int(name.load(fromByteOffset: place, as: UInt8.self))
    }
    return count
  }

  @inline(__always)
  func compareLabel(at place: Int, _ length: UInt8, count: Int, _ other: (Int) -> UInt8) -> Int {
    for index in 0..<min(Int(length), count) {
      let octet = name.load(fromByteOffset: place + 1 + index, as: UInt8.self).asciiLowercased
      let another = other(index)
      if octet != another { return octet < another ? -1 : 1 }
    }
    return Int(length) - count
  }
}
