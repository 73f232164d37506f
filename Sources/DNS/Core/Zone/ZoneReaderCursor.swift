import WireKit

/// Reads packed RRsets back into records, for exports, tests and everything that is no hot path.
enum ZoneReaderCursor {
  static func forEachRecord(of zone: Zone, _ body: (ResourceRecord) -> Void) {
    let view = zone.view
    let apex = view.node(at: view.apexNode)
    forEachRecord(of: apex, zone.apex, body)
    for slot in 0...Int(view.slotMask) where view.slots[slot] != ZoneView.freeSlot {
      let place = UInt32(truncatingIfNeeded: view.slots[slot])
      if place != view.apexNode { forEachRecord(of: view.node(at: place), zone.apex, body) }
    }
    guard let denial = view.denial?.pointee else { return }
    for index in 0..<denial.hashCount { forEachRecord(of: view.node(at: denial.hashes[index].place), zone.apex, body) }
  }

  /// The records from a place on, node by node, until `body` wants no more of them; returns where to go on, or `nil` at the end.
  static func forEachRecord(of zone: Zone, from place: Zone.RecordPlace, _ body: (ResourceRecord) -> Bool)
    -> Zone.RecordPlace?
  {
    let view = zone.view
    let slots = Int(view.slotMask) + 1
    let hashes = view.denial?.pointee.hashCount ?? 0
    var index = max(0, place.node)
    var skipped = max(0, place.record)
    while index < 1 + slots + hashes {
      if let node = Self.node(at: index, of: view, slots) {
        var (number, isEnough) = (0, false)
        forEachRecord(of: node, zone.apex) { record in
          guard !isEnough, number >= skipped else {
            if !isEnough { number += 1 }
            return
          }
          number += 1
          isEnough = !body(record)
        }
        if isEnough { return Zone.RecordPlace(node: index, record: number) }
      }
      skipped = 0
      index += 1
    }
    return nil
  }

  /// The nodes in the order of `forEachRecord(of:_:)`: the apex, the slots of the table, then what proves denials.
  private static func node(at index: Int, of view: ZoneView, _ slots: Int) -> NodeView? {
    if index == 0 { return view.node(at: view.apexNode) }
    if index > slots { return view.denial.map { view.node(at: $0.pointee.hashes[index - slots - 1].place) } }
    guard view.slots[index - 1] != ZoneView.freeSlot else { return nil }
    let place = UInt32(truncatingIfNeeded: view.slots[index - 1])
    return place == view.apexNode ? nil : view.node(at: place)
  }

  private static func forEachRecord(of node: NodeView, _ apex: Name, _ body: (ResourceRecord) -> Void) {
    let relative = UnsafeRawBufferPointer(start: node.name, count: node.nameLength)
    let owner = Name(validWire: Array(relative) + apex.wire)
    let sets = (0..<node.rrsetCount).map { node.rrset(at: $0) }
    for rrset in sets where rrset.type == .soa { records(of: rrset, owner).forEach(body) }
    for rrset in sets where rrset.type != .soa { records(of: rrset, owner).forEach(body) }
  }

  /// The records of a packed RRset: it is put behind the question that it was packed for, and decoded like a message.
  static func records(of rrset: RRsetView, _ owner: Name) -> [ResourceRecord] {
    var message = [UInt8](repeating: 0, count: 12) + owner.wire + [0, 0, 0, 0]
    let start = message.count
    message.append(contentsOf: UnsafeRawBufferPointer(start: rrset.data, count: rrset.length))
    var reader = WireReader(message.span.bytes)
    var records: [ResourceRecord] = []
    do throws(WireError) {
      try reader.seek(to: start, "RRset")
      while !reader.isAtEnd {
        try reader.skip(2, "owner")
        let type = RecordType(rawValue: try reader.readUInt16("TYPE"))
        let recordClass = RecordClass(rawValue: try reader.readUInt16("CLASS"))
        let ttl = try reader.readUInt32("TTL")
        let length = Int(try reader.readUInt16("RDLENGTH"))
        let wire = try RDataWire.decode(type, from: &reader, length: length)
        records.append(ResourceRecord(owner, recordClass, ttl: ttl, RData(validType: type, wire: wire)))
      }
    } catch {
      preconditionFailure("a packed RRset can't be read: \(error)")
    }
    return records
  }
}
