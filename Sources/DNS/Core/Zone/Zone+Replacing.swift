import WireKit

extension Zone {
  /// Names that one change may touch and still be patched in.
  public static let patchLimit = 200

  /// The next version of the zone, in which these names have these records and no others: a copy of its memory with the nodes of
  /// these names put behind it, where building it anew would look at every record.
  ///
  /// - Returns: `nil` where more would change than those nodes (signed zones; cuts, DNAME; names above that come or go;
  ///   wildcards), or so much was put behind before that it is time to pack anew.
  func replacing(_ changes: [Name: [ResourceRecord]], soa: ResourceRecord) -> Zone? {
    guard view.denial == nil, !view.isUnavailable, soa.name == apex, changes.count <= Self.patchLimit,
      let next = try? soa.data.value(as: SOA.self)
    else { return nil }
    return withExtendedLifetime(self) {
      var top = records(of: apex).filter { $0.type != .soa }
      if let wanted = changes[apex] { top = wanted.filter { $0.type != .soa } }
      guard !top.contains(where: { $0.type == .dname || $0.type == .cname }) else { return nil }
      // The changed nodes alone, packed as in any zone: a node's memory speaks of no other node.
      var builder = ZoneBuilder(apex: apex)
      builder.add(soa)
      for record in top { builder.add(record) }
      for (name, records) in changes where name != apex {
        // A name that comes or goes together with the one above it would be looked at twice.
        if let parent = name.parent, parent != apex, changes[parent] != nil { return nil }
        guard isPatchable(name, records) else { return nil }
        for record in records { builder.add(record) }
      }
      guard let small = builder.build().zone, small.view.denial == nil else { return nil }
      return withExtendedLifetime(small) { () -> Zone? in
        var patch = ZonePatch(of: self, room: small.arenaLength)
        patch.replaceApex(small.view.node(at: small.view.apexNode))
        for (name, records) in changes where name != apex {
          var query = QueryName()
          let wire = name.wire
          query.read(reply: wire.span.bytes, at: 0)
          let old = view.find(query, labels: query.labelCount)
          let new = records.isEmpty ? nil : small.view.find(query, labels: query.labelCount)
          if old == nil, new != nil, let above = view.find(query, labels: query.labelCount - 1) {
            patch.noteChild(of: above, in: view)
          }
          guard patch.replace(old, new, hash: query.hashes[query.labelCount]) else { return patch.discard() }
        }
        return patch.finish(next, apex, self)
      }
    }
  }

  /// Whether nothing but the name's own node changes with its records.
  private func isPatchable(_ name: Name, _ records: [ResourceRecord]) -> Bool {
    guard name.isWithin(apex), !name.isWildcard, records.allSatisfy({ $0.name == name }),
      !records.contains(where: { [.ns, .dname, .soa, .nsec, .nsec3, .rrsig, .nsec3param].contains($0.type) })
    else { return false }
    let special: NodeFlags = [.cut, .redirection, .occluded]
    var query = QueryName()
    let wire = name.wire
    query.read(reply: wire.span.bytes, at: 0)
    if let old = view.find(query, labels: query.labelCount) {
      guard old.flags.isDisjoint(with: special) else { return false }
      // A name with others below it stays, without records of its own.
      guard !records.isEmpty || old.flags.isDisjoint(with: [.hasChildren, .wildcardParent]) else { return false }
    }
    for labels in view.apexLabels..<query.labelCount {
      guard let above = view.find(query, labels: labels), above.flags.isDisjoint(with: special) else { return false }
      // It would go with its last child.
      if above.rrsetCount == 0, records.isEmpty { return false }
    }
    return true
  }
}

/// The memory of a zone's next version while it is made.
private struct ZonePatch {
  private let arena: UnsafeMutableRawPointer
  private var slots: UnsafeMutablePointer<UInt64>
  private let slotMask: UInt32
  private let room: Int
  /// Octets in use.
  private var count: Int
  private var apexNode: UInt32
  private var nodes: Int
  private var records: Int
  private var digest: UInt64
  private var garbage: Int

  init(of zone: Zone, room extra: Int) {
    let view = zone.view
    room = zone.arenaLength + extra + 64
    arena = .allocate(byteCount: room, alignment: 16)
    arena.copyMemory(from: view.arena, byteCount: zone.arenaLength)
    slotMask = view.slotMask
    slots = .allocate(capacity: Int(slotMask) + 1)
    slots.initialize(from: view.slots, count: Int(slotMask) + 1)
    count = (zone.arenaLength + 7) & ~7
    apexNode = view.apexNode
    nodes = zone.nodeCount
    records = zone.recordCount
    digest = zone.contentDigest
    garbage = zone.garbage
  }

  mutating func replaceApex(_ node: NodeView) {
    let old = NodeView(base: UnsafeRawPointer(arena) + Int(apexNode) * 8)
    forget(old)
    let place = append(node, flags: old.flags)
    for slot in 0...Int(slotMask) where UInt32(truncatingIfNeeded: slots[slot]) == apexNode && slots[slot] != .max {
      slots[slot] = slots[slot] & 0xFFFF_FFFF_0000_0000 | UInt64(place)
      break
    }
    apexNode = place
  }

  /// A node of the version before, which is not replaced itself, has names below it from now on.
  mutating func noteChild(of node: NodeView, in view: ZoneView) {
    // The apex has been replaced, and never goes.
    guard node.nameLength > 0 else { return }
    let flags = node.flags.union(.hasChildren)
    arena.storeBytes(of: flags.rawValue, toByteOffset: node.base - view.arena + 1, as: UInt8.self)
  }

  /// `false` where the table is too full for one more.
  mutating func replace(_ old: NodeView?, _ new: NodeView?, hash: UInt32) -> Bool {
    if let old {
      guard let slot = slot(hash, like: old) else { return false }
      forget(old)
      guard let new else {
        remove(slot)
        nodes -= 1
        return true
      }
      var flags = old.flags
      flags.remove(.alias)
      let place = append(new, flags: flags.union(new.flags.intersection(.alias)))
      slots[slot] = UInt64(hash) << 32 | UInt64(place)
      return true
    }
    guard let new else { return true }
    guard (nodes + 1) * 3 <= (Int(slotMask) + 1) * 2 else { return false }
    let place = append(new, flags: new.flags.intersection(.alias))
    var slot = Int(hash & slotMask)
    while slots[slot] != ZoneView.freeSlot { slot = (slot + 1) & Int(slotMask) }
    slots[slot] = UInt64(hash) << 32 | UInt64(place)
    nodes += 1
    return true
  }

  private mutating func forget(_ node: NodeView) {
    garbage += node.octets.count
    digest &-= Zone.digest(of: node)
    for index in 0..<node.rrsetCount { records -= Int(node.rrset(at: index).count) }
  }

  private mutating func append(_ node: NodeView, flags: NodeFlags) -> UInt32 {
    let octets = node.octets
    if let start = octets.baseAddress { (arena + count).copyMemory(from: start, byteCount: octets.count) }
    arena.storeBytes(of: flags.rawValue, toByteOffset: count + 1, as: UInt8.self)
    digest &+= Zone.digest(of: node)
    for index in 0..<node.rrsetCount { records += Int(node.rrset(at: index).count) }
    defer { count = (count + octets.count + 7) & ~7 }
    return UInt32(truncatingIfNeeded: count / 8)
  }

  /// The slot of a node of the version before.
  private func slot(_ hash: UInt32, like old: NodeView) -> Int? {
    var slot = Int(hash & slotMask)
    while slots[slot] != ZoneView.freeSlot {
      if UInt32(truncatingIfNeeded: slots[slot] >> 32) == hash {
        let node = NodeView(base: UnsafeRawPointer(arena) + Int(UInt32(truncatingIfNeeded: slots[slot])) * 8)
        let (one, other) = (
          UnsafeRawBufferPointer(start: node.name, count: node.nameLength),
          UnsafeRawBufferPointer(start: old.name, count: old.nameLength)
        )
        if one.count == other.count, one.elementsEqual(other) { return slot }
      }
      slot = (slot + 1) & Int(slotMask)
    }
    return nil
  }

  /// Frees a slot; those behind it that would not be found any more move up.
  private mutating func remove(_ slot: Int) {
    let mask = Int(slotMask)
    var (hole, next) = (slot, (slot + 1) & mask)
    while slots[next] != ZoneView.freeSlot {
      let home = Int(UInt32(truncatingIfNeeded: slots[next] >> 32) & slotMask)
      if (next - home) & mask >= (next - hole) & mask {
        slots[hole] = slots[next]
        hole = next
      }
      next = (next + 1) & mask
    }
    slots[hole] = ZoneView.freeSlot
  }

  func discard() -> Zone? {
    arena.deallocate()
    slots.deallocate()
    return nil
  }

  func finish(_ soa: SOA, _ apex: Name, _ old: Zone) -> Zone? {
    // Half of it would be what nobody reads any more.
    guard garbage * 2 < count || count < 1 << 16, count / 8 < Int(UInt32.max) else { return discard() }
    let name = UnsafeMutableRawPointer.allocate(byteCount: old.view.apexLength, alignment: 1)
    name.copyMemory(from: old.view.apex, byteCount: old.view.apexLength)
    let node = NodeView(base: UnsafeRawPointer(arena) + Int(apexNode) * 8)
    let ttl = node.rrset(.soa).flatMap { ZoneReaderCursor.records(of: $0, apex).first?.ttl } ?? 0
    let view = ZoneView(
      arena: UnsafeRawPointer(arena), slots: UnsafePointer(slots), slotMask: slotMask, apex: UnsafeRawPointer(name),
      apexLength: old.view.apexLength, apexLabels: old.view.apexLabels, apexNode: apexNode,
      negativeTTL: min(ttl, soa.minimum), denial: nil)
    return Zone(
      apex: apex, soa: soa, recordCount: records, nodeCount: nodes, memory: room + (Int(slotMask) + 1) * 8, view: view,
      arenaLength: count, garbage: garbage, digest: digest)
  }
}
