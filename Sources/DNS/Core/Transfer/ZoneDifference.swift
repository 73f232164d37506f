import WireKit

/// What one version of a zone has that another lacks: a step of IXFR (RFC 1995 §4), and of a journal.
public struct ZoneDifference: Hashable, Sendable {
  /// The SOA records before and after.
  public var from: ResourceRecord
  public var to: ResourceRecord
  /// Without the SOA.
  public var removed: [ResourceRecord]
  public var added: [ResourceRecord]

  public init(from: ResourceRecord, to: ResourceRecord, removed: [ResourceRecord] = [], added: [ResourceRecord] = []) {
    self.from = from
    self.to = to
    self.removed = removed
    self.added = added
  }

  public var fromSerial: UInt32 { Self.serial(from) }
  public var toSerial: UInt32 { Self.serial(to) }

  /// The serial of a SOA record; 0 for any other.
  public static func serial(_ record: ResourceRecord) -> UInt32 {
    (try? record.data.value(as: SOA.self).serial) ?? 0
  }

  /// Records in it, SOAs included, as a transfer counts them.
  public var recordCount: Int { removed.count + added.count + 2 }

  /// Octets of its records without compression.
  public var size: Int {
    (removed + added).reduce(from.wireLength + to.wireLength) { $0 + $1.wireLength }
  }

  /// Compares two versions of a zone, node by node; those whose memory is the same are passed over.
  /// - Parameter limit: Most records that differ; `nil` above it, and for versions without SOA.
  public static func between(_ old: Zone, _ new: Zone, limit: Int = 200_000) -> ZoneDifference? {
    if let change = new.change.withLock({ $0 }), change.base == old.number { return change.difference }
    guard let from = old.soaRecord, let to = new.soaRecord else { return nil }
    var difference = ZoneDifference(from: from, to: to)
    withExtendedLifetime((old, new)) {
      let oldHashed = HashedNodes(old.view)
      let newHashed = HashedNodes(new.view)
      forEachNode(old.view) { stop in
        let other = stop.isHashed ? newHashed.find(stop.node) : new.view.find(stop.hash, like: stop.node)
        if let other, isSame(stop.node, other) { return difference.recordCount <= limit }
        difference.compare(stop.node, other, old.apex)
        return difference.recordCount <= limit
      }
      forEachNode(new.view) { stop in
        let other = stop.isHashed ? oldHashed.find(stop.node) : old.view.find(stop.hash, like: stop.node)
        if other == nil { difference.compare(nil, stop.node, new.apex) }
        return difference.recordCount <= limit
      }
    }
    return difference.recordCount <= limit ? difference : nil
  }

  private mutating func compare(_ old: NodeView?, _ new: NodeView?, _ apex: Name) {
    let before = Set(old.map { Self.records(of: $0, apex) } ?? [])
    let after = Set(new.map { Self.records(of: $0, apex) } ?? [])
    removed += before.subtracting(after)
    added += after.subtracting(before)
  }

  private static func records(of node: NodeView, _ apex: Name) -> [ResourceRecord] {
    let owner = Name(
      validWire: Array(UnsafeRawBufferPointer(start: node.name, count: node.nameLength)) + apex.wire)
    var records: [ResourceRecord] = []
    for index in 0..<node.rrsetCount where node.rrset(at: index).type != .soa {
      records += ZoneReaderCursor.records(of: node.rrset(at: index), owner)
    }
    return records
  }

  /// Visits nodes until `body` says `false`.
  private static func forEachNode(_ view: ZoneView, _ body: (ZoneWalk.Stop) -> Bool) {
    var walk = ZoneWalk(view)
    while let stop = walk.current(), body(stop) { walk.advance() }
  }

  /// The nodes of NSEC3 records, by name.
  private struct HashedNodes {
    private var places: [[UInt8]: NodeView] = [:]

    init(_ view: ZoneView) {
      guard let denial = view.denial?.pointee else { return }
      for index in 0..<denial.hashCount {
        let node = view.node(at: denial.hashes[index].place)
        places[Self.key(node)] = node
      }
    }

    func find(_ node: NodeView) -> NodeView? { places[Self.key(node)] }

    private static func key(_ node: NodeView) -> [UInt8] {
      UnsafeRawBufferPointer(start: node.name, count: node.nameLength).map(\.asciiLowercased)
    }
  }

  private static func isSame(_ one: NodeView, _ other: NodeView) -> Bool {
    let (left, right) = (one.octets, other.octets)
    // The flags do not travel.
    return left.count == right.count && left[0] == right[0] && left[2...].elementsEqual(right[2...])
  }
}

extension NodeView {
  /// Everything of the node in the arena.
  var octets: UnsafeRawBufferPointer {
    var count = 4 + nameLength + rrsetCount * 8
    for index in 0..<rrsetCount { count += RRsetView(row: base + 4 + nameLength + index * 8, data: base).length }
    return UnsafeRawBufferPointer(start: base, count: count)
  }
}

extension ZoneView {
  /// The node with the name of another zone's node; the apexes are the same.
  func find(_ hash: UInt32, like other: NodeView) -> NodeView? {
    if other.nameLength == 0 { return node(at: apexNode) }
    let wanted = UnsafeRawBufferPointer(start: other.name, count: other.nameLength)
    var slot = hash & slotMask
    while true {
      let entry = slots[Int(slot)]
      if entry == Self.freeSlot { return nil }
      if UInt32(truncatingIfNeeded: entry >> 32) == hash {
        let node = node(at: UInt32(truncatingIfNeeded: entry))
        let name = UnsafeRawBufferPointer(start: node.name, count: node.nameLength)
        if name.count == wanted.count, zip(name, wanted).allSatisfy({ $0.asciiLowercased == $1.asciiLowercased }) {
          return node
        }
      }
      slot = (slot &+ 1) & slotMask
    }
  }
}

extension Zone {
  /// The SOA record.
  public var soaRecord: ResourceRecord? {
    withExtendedLifetime(self) {
      view.node(at: view.apexNode).rrset(.soa).flatMap { ZoneReaderCursor.records(of: $0, apex).first }
    }
  }

  /// A number that says, for all that is worth, whether two versions of a zone hold the same records besides their SOA.
  public var contentDigest: UInt64 {
    if let known = knownDigest.withLock({ $0 }) { return known }
    let digest = withExtendedLifetime(self) {
      var sum: UInt64 = 0
      var walk = ZoneWalk(view)
      while let node = walk.current()?.node {
        // Added up, so that the order of the nodes does not matter.
        sum &+= Self.digest(of: node)
        walk.advance()
      }
      return sum
    }
    knownDigest.withLock { $0 = digest }
    return digest
  }

  /// A node's part of the digest.
  static func digest(of node: NodeView) -> UInt64 {
    var sum: UInt64 = 0
    for index in 0..<node.rrsetCount {
      let rrset = node.rrset(at: index)
      guard rrset.type != .soa else { continue }
      var state: UInt64 = 0xCBF2_9CE4_8422_2325
      for octet in UnsafeRawBufferPointer(start: node.name, count: node.nameLength) {
        state = (state ^ UInt64(octet)) &* 0x100_0000_01B3
      }
      for octet in UnsafeRawBufferPointer(start: rrset.data, count: rrset.length) {
        state = (state ^ UInt64(octet)) &* 0x100_0000_01B3
      }
      sum &+= (state ^ state >> 29) &* 0xBF58_476D_1CE4_E5B9
    }
    return sum
  }

  /// The next version, in which these names have these records and no others; `nil` where that is more than a patch (see
  /// `replacing`). The step from this version is noted with it.
  public func patched(_ changes: [Name: [ResourceRecord]], serial: UInt32) -> Zone? {
    guard let from = soaRecord else { return nil }
    var value = soa
    value.serial = serial
    let to = ResourceRecord(apex, ttl: from.ttl, RData(value))
    guard let zone = replacing(changes, soa: to) else { return nil }
    var difference = ZoneDifference(from: from, to: to)
    for (name, records) in changes {
      let before = Set(self.records(of: name).filter { $0.type != .soa })
      let after = Set(zone.records(of: name).filter { $0.type != .soa })
      difference.removed += before.subtracting(after)
      difference.added += after.subtracting(before)
    }
    let step = Change(base: number, difference: difference)
    zone.change.withLock { $0 = step }
    return zone
  }

  /// The next version of the zone. `nil` when the difference does not belong to this one: another serial, or records to be
  /// removed that are not there.
  public func applying(_ difference: ZoneDifference) -> Zone? {
    guard difference.fromSerial == soa.serial else { return nil }
    var removed = Set(difference.removed.map(\.canonical))
    var builder = ZoneBuilder(apex: apex)
    builder.add(difference.to)
    forEachRecord { record in
      guard record.type != .soa, removed.isEmpty || removed.remove(record.canonical) == nil else { return }
      builder.add(record)
    }
    guard removed.isEmpty else { return nil }
    for record in difference.added { builder.add(record) }
    return builder.build().zone
  }
}

extension ZoneBuilder {
  /// Adds a record that no file holds.
  public mutating func add(_ record: ResourceRecord) {
    add(owner: record.name.wire, type: record.type, ttl: record.ttl, data: record.data.wire, at: ZoneFilePosition())
  }
}

extension ResourceRecord {
  /// With names in lower case: equal records have equal ones.
  public var canonical: ResourceRecord { ResourceRecord(name, recordClass, ttl: ttl, data.canonical) }

  /// Octets without compression.
  public var wireLength: Int { name.wire.count + 10 + data.wire.count }
}
