import WireKit

/// Gathers the places of a zone's NSEC and NSEC3 records while its nodes are packed.
struct DenialGathering: ~Copyable {
  /// Node in the builder, and its place in the arena.
  private var names: [(node: Int, place: UInt32)] = []
  private var hashes: [(hash: [UInt8], place: UInt32)] = []
  private var parameters: (iterations: UInt16, salt: [UInt8])?

  mutating func noteNSEC(node: Int, place: UInt32) { names.append((node, place)) }
  mutating func noteNSEC3(hash: [UInt8], place: UInt32) { hashes.append((hash, place)) }

  /// Takes the parameters of an NSEC3PARAM record (RFC 5155 §4); those with flags tell of a chain that is not whole yet.
  mutating func noteParameters(_ data: ArraySlice<UInt8>) {
    let data = Array(data)
    guard data.count >= 5, data[0] == 1, data[1] == 0, data.count == 5 + Int(data[4]) else { return }
    parameters = (UInt16(data[2]) << 8 | UInt16(data[3]), Array(data[5...]))
  }

  /// The table; `nil` for a zone that proves nothing.
  consuming func table(_ builder: borrowing ZoneBuilder) -> UnsafeMutablePointer<DenialTable>? {
    guard !names.isEmpty || !hashes.isEmpty else { return nil }
    let usesNames = names.contains { $0.node == 0 }
    let sortedNames = usesNames ? Self.sorted(names, builder) : []
    var sortedHashes = hashes
    sortedHashes.sort { $0.hash.lexicographicallyPrecedes($1.hash) }
    let salt = parameters?.salt ?? []
    let namePlaces = UnsafeMutablePointer<UInt32>.allocate(capacity: max(1, sortedNames.count))
    for (index, place) in sortedNames.enumerated() { namePlaces[index] = place }
    let hashPlaces = UnsafeMutablePointer<DenialTable.HashedPlace>.allocate(capacity: max(1, sortedHashes.count))
    for (index, entry) in sortedHashes.enumerated() {
      let prefix = entry.hash.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      hashPlaces[index] = DenialTable.HashedPlace(prefix: prefix, place: entry.place)
    }
    let saltCopy = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, salt.count))
    for (index, octet) in salt.enumerated() { saltCopy[index] = octet }
    let table = UnsafeMutablePointer<DenialTable>.allocate(capacity: 1)
    table.initialize(
      to: DenialTable(
        names: namePlaces, nameCount: sortedNames.count,
        isHashed: !usesNames && parameters != nil && !hashes.isEmpty, hashes: hashPlaces, hashCount: sortedHashes.count,
        iterations: parameters?.iterations ?? 0, salt: saltCopy, saltLength: salt.count))
    return table
  }

  /// The places in the canonical order of their names (RFC 4034 §6.1).
  private static func sorted(_ names: [(node: Int, place: UInt32)], _ builder: borrowing ZoneBuilder) -> [UInt32] {
    var keyed: [(key: [UInt8], place: UInt32)] = []
    keyed.reserveCapacity(names.count)
    for (node, place) in names { keyed.append((builder.canonicalKey(of: node), place)) }
    keyed.sort { $0.key.lexicographicallyPrecedes($1.key) }
    return keyed.map(\.place)
  }
}

extension ZoneBuilder {
  /// Octets that sort as the canonical order has it: labels from the apex down, in lower case, each behind a zero that no
  /// octet of a label is below (0 and 1 in labels are written as two octets).
  func canonicalKey(of node: Int) -> [UInt8] {
    let start = Int(nodes[node].name)
    let end = start + Int(nodes[node].nameLength)
    var labels: [Range<Int>] = []
    var offset = start
    while offset < end {
      let next = offset + 1 + Int(names[offset])
      labels.append((offset + 1)..<next)
      offset = next
    }
    var key: [UInt8] = []
    for label in labels.reversed() {
      key.append(0)
      for place in label {
        let octet = names[place].asciiLowercased
        if octet < 2 { key.append(1) }
        key.append(octet)
      }
    }
    return key
  }

  /// The hash that a node's name is, when it may own NSEC3 records: one label below the apex, base32 of 20 octets.
  func nsec3Hash(of node: Int) -> [UInt8]? {
    let name = Int(nodes[node].name)
    guard nodes[node].nameLength == 33, names[name] == 32 else { return nil }
    var hash: [UInt8] = []
    var (bits, count) = (UInt32(0), 0)
    for place in (name + 1)..<(name + 33) {
      guard let value = BinaryText.base32HexValue(names[place]) else { return nil }
      bits = bits << 5 | UInt32(value)
      count += 5
      if count >= 8 {
        count -= 8
        hash.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
      }
    }
    return hash
  }
}
