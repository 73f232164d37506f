import WireKit

extension ZoneBuilder {
  /// Checks the records and packs them. Without a SOA at the apex there is no zone.
  public consuming func build(files: [String?] = [nil]) -> (zone: Zone?, findings: [ZoneFinding]) {
    markFlags()
    var checks = ZoneChecks(files: files)
    checks.checkOutOfZone(self)
    if overflow { checks.note(.error, "the zone is larger than 4 GiB") }
    var size = 16
    // A node whose name is a hash may be packed twice: for what it proves, and for what else it has.
    for node in nodes { size += (node.nameLength == 33 ? 2 : 1) * (4 + Int(node.nameLength) + 8) }
    size += entries.count * 20 + data.count
    let arena = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    var slotCount = 16
    while slotCount * 2 < nodes.count * 3 { slotCount *= 2 }
    let slots = UnsafeMutablePointer<UInt64>.allocate(capacity: slotCount)
    slots.initialize(repeating: ZoneView.freeSlot, count: slotCount)
    var packer = ZonePacker(arena: arena, apex: apexWire)
    var recordCount = 0
    var soa: SOA?
    var denial = DenialGathering()
    for index in nodes.indices {
      var rrsets = checks.rrsets(of: index, &self)
      if index == 0 { soa = checks.soa }
      if let proof = gather(&denial, index, &rrsets, UInt32(truncatingIfNeeded: packer.count / 8)) {
        recordCount += packer.pack(node: index, proof, self)
        // A name that only proves something is none of the zone's (RFC 5155 §7.2.8).
        if rrsets.isEmpty, nodes[index].flags & NodeFlags.hasChildren.rawValue == 0 { continue }
      }
      let place = UInt32(truncatingIfNeeded: packer.count / 8)
      if nodes[index].flags & NodeFlags.occluded.rawValue == 0,
        rrsets.contains(where: { $0.type == RecordType.nsec.rawValue })
      {
        denial.noteNSEC(node: index, place: place)
      }
      recordCount += packer.pack(node: index, rrsets, self)
      let hash = nodes[index].hash
      var slot = Int(hash) & (slotCount - 1)
      while slots[slot] != ZoneView.freeSlot { slot = (slot + 1) & (slotCount - 1) }
      slots[slot] = UInt64(hash) << 32 | UInt64(place)
    }
    let apexCopy = UnsafeMutableRawPointer.allocate(byteCount: apexWire.count, alignment: 1)
    apexCopy.copyMemory(from: apexWire, byteCount: apexWire.count)
    var view = ZoneView(
      arena: arena, slots: slots, slotMask: UInt32(slotCount - 1), apex: apexCopy, apexLength: apexWire.count,
      apexLabels: apex.labelCount, apexNode: 0, negativeTTL: min(checks.soaTTL, soa?.minimum ?? 0),
      denial: denial.table(self))
    view.isUnavailable = isUnavailable
    let zone = Zone(
      apex: apex,
      soa: soa ?? SOA(primary: .root, mailbox: .root, serial: 0, refresh: 0, retry: 0, expire: 0, minimum: 0),
      recordCount: recordCount, nodeCount: nodes.count, memory: packer.count + slotCount * 8, view: view,
      arenaLength: packer.count)
    return (soa == nil ? nil : zone, checks.findings)
  }

  /// Takes the NSEC3 records (with their signatures) out of a node's sets, and notes where they are going to be packed; notes
  /// the zone's parameters. `nil` for all nodes that have no such records.
  private borrowing func gather(
    _ denial: inout DenialGathering, _ index: Int, _ rrsets: inout [ZoneChecks.RRset], _ place: UInt32
  ) -> [ZoneChecks.RRset]? {
    if index == 0 {
      for rrset in rrsets where rrset.type == RecordType.nsec3param.rawValue {
        for entry in rrset.entries.map({ entries[Int($0)] }) {
          denial.noteParameters(data[Int(entry.data)..<(Int(entry.data) + Int(entry.length))])
        }
      }
    }
    guard let start = rrsets.firstIndex(where: { $0.type == RecordType.nsec3.rawValue }),
      let hash = nsec3Hash(of: index)
    else { return nil }
    let end = start + (rrsets[start].isSigned ? 2 : 1)
    let proof = Array(rrsets[start..<end])
    rrsets.removeSubrange(start..<end)
    denial.noteNSEC3(hash: hash, place: place)
    return proof
  }

  /// Sets what each node is. Parents stand before their children, so one pass is enough.
  private mutating func markFlags() {
    for index in nodes.indices {
      var flags: NodeFlags = []
      var entry = nodes[index].first
      while entry != Self.none {
        switch RecordType(rawValue: entries[Int(entry)].type) {
        case .ns where index != 0: flags.insert(.cut)
        case .dname: flags.insert(.redirection)
        case .cname: flags.insert(.alias)
        default: break
        }
        entry = entries[Int(entry)].next
      }
      if index != 0 {
        let parent = Int(nodes[index].parent)
        let above = NodeFlags(rawValue: nodes[parent].flags)
        if !above.isDisjoint(with: [.cut, .redirection, .occluded]) { flags.insert(.occluded) }
        nodes[parent].flags |= NodeFlags.hasChildren.rawValue
        let name = Int(nodes[index].name)
        if nodes[index].nameLength >= 2, names[name] == 1, names[name + 1] == UInt8(ascii: "*") {
          nodes[parent].flags |= NodeFlags.wildcardParent.rawValue
        }
      }
      nodes[index].flags |= flags.rawValue
    }
  }
}

/// Writes nodes into the arena.
struct ZonePacker: ~Copyable {
  private let arena: UnsafeMutableRawPointer
  private let apex: [UInt8]
  /// Octets written; a multiple of eight between nodes.
  private(set) var count = 0
  private var owner: [UInt8] = []
  private var block: [UInt8] = []
  /// Where suffixes of names that later names may point to stand: offset in the reply, and the suffix.
  private var known: [(offset: Int, suffix: ArraySlice<UInt8>)] = []

  init(arena: UnsafeMutableRawPointer, apex: [UInt8]) {
    self.arena = arena
    self.apex = apex
  }

  /// Packs a node and its RRsets; returns the number of records.
  mutating func pack(node index: Int, _ rrsets: [ZoneChecks.RRset], _ builder: borrowing ZoneBuilder) -> Int {
    let node = builder.nodes[index]
    let name = Int(node.name)..<(Int(node.name) + Int(node.nameLength))
    put(UInt8(node.nameLength))
    put(node.flags)
    put(UInt16(truncatingIfNeeded: rrsets.count))
    for place in name { put(builder.names[place]) }
    var row = count
    count += rrsets.count * 8
    var records = 0
    for rrset in rrsets {
      let hasPointers = pack(rrset, name, builder)
      arena.storeBytes(of: rrset.type, toByteOffset: row, as: UInt16.self)
      arena.storeBytes(of: UInt16(truncatingIfNeeded: rrset.entries.count), toByteOffset: row + 2, as: UInt16.self)
      let word =
        UInt32(truncatingIfNeeded: block.count) | (hasPointers ? RRsetView.pointerBit : 0)
        | (rrset.isSigned ? RRsetView.signedBit : 0)
      arena.storeBytes(of: word, toByteOffset: row + 4, as: UInt32.self)
      row += 8
      block.withUnsafeBytes { bytes in
        if let start = bytes.baseAddress { (arena + count).copyMemory(from: start, byteCount: bytes.count) }
      }
      count += block.count
      records += rrset.entries.count
    }
    count = (count + 7) & ~7
    return records
  }

  private mutating func put<Value: BitwiseCopyable>(_ value: Value) {
    arena.storeBytes(of: value, toByteOffset: count, as: Value.self)
    count += MemoryLayout<Value>.size
  }

  /// Makes the packed form of an RRset in `block`; returns whether it has pointers in its data.
  private mutating func pack(
    _ rrset: ZoneChecks.RRset, _ name: Range<Int>, _ builder: borrowing ZoneBuilder
  ) -> Bool {
    block.removeAll(keepingCapacity: true)
    let type = RecordType(rawValue: rrset.type)
    let layout = CompressibleLayout(type)
    if layout != nil { rememberOwner(name, builder) }
    var hasPointers = false
    for entry in rrset.entries {
      let entry = builder.entries[Int(entry)]
      block.appendInteger(UInt16(0xC00C))
      block.appendInteger(rrset.type)
      block.appendInteger(RecordClass.in.rawValue)
      block.appendInteger(rrset.ttl)
      let lengthPlace = block.count
      let data = Int(entry.data)..<(Int(entry.data) + Int(entry.length))
      block.appendInteger(entry.length)
      guard let layout else {
        block.append(contentsOf: builder.data[data])
        continue
      }
      var offset = data.lowerBound + layout.prefix
      block.append(contentsOf: builder.data[data.lowerBound..<offset])
      for _ in 0..<layout.names {
        if append(nameAt: &offset, builder) { hasPointers = true }
      }
      block.append(contentsOf: builder.data[offset..<data.upperBound])
      block.setInteger(UInt16(truncatingIfNeeded: block.count - lengthPlace - 2), at: lengthPlace)
    }
    return hasPointers
  }

  private mutating func rememberOwner(_ name: Range<Int>, _ builder: borrowing ZoneBuilder) {
    owner = builder.names[name].map(\.asciiLowercased) + apex
    known.removeAll(keepingCapacity: true)
    var offset = 0
    // What follows from `*` is another name in each reply, so nothing may point at the whole of a wildcard's owner.
    if owner.count > 2, owner[0] == 1, owner[1] == UInt8(ascii: "*") { offset = 2 }
    while owner[offset] != 0 {
      known.append((12 + offset, owner[offset...]))
      offset += 1 + Int(owner[offset])
    }
  }

  /// Appends the name at `offset` of the data, ending in a pointer where one fits; returns whether it does.
  private mutating func append(nameAt offset: inout Int, _ builder: borrowing ZoneBuilder) -> Bool {
    var end = offset
    while builder.data[end] != 0 { end += 1 + Int(builder.data[end]) }
    let lowered = builder.data[offset...end].map(\.asciiLowercased)
    let base = 12 + owner.count + 4
    var place = 0
    while lowered[place] != 0 {
      let suffix = lowered[place...]
      if let hit = known.first(where: { $0.suffix.elementsEqual(suffix) }) {
        block.appendInteger(UInt16(0xC000 | hit.offset))
        offset = end + 1
        return true
      }
      // Half of what a pointer reaches, so that the RRset may also stand further down in a reply.
      if base + block.count < 0x2000, known.count < 64 { known.append((base + block.count, suffix)) }
      let next = place + 1 + Int(lowered[place])
      block.append(contentsOf: builder.data[(offset + place)..<(offset + next)])
      place = next
    }
    block.append(0)
    offset = end + 1
    return false
  }
}

/// Where compressible names stand in the data of a type (RFC 1035 §3.3; RFC 3597 §4 allows no others).
struct CompressibleLayout: BitwiseCopyable {
  /// Octets before the first name.
  let prefix: Int
  let names: Int

  init?(_ type: RecordType) {
    switch type {
    case .ns, .cname, .ptr, .mb, .mg, .mr: (prefix, names) = (0, 1)
    case .mx: (prefix, names) = (2, 1)
    case .soa, .minfo: (prefix, names) = (0, 2)
    default: return nil
    }
  }
}
