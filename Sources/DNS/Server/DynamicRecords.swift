import DNSCore

/// Records that a program puts into zones beside what their files say: the names of DHCP clients.
///
/// They never stand at a name for which the zone's own file has anything: what a person wrote goes first, also when it is
/// written later.
struct DynamicRecords: Sendable {
  /// By whoever put them there: the key of one client's records.
  private var byKey: [String: [ResourceRecord]] = [:]
  /// The last serial of a zone with such records.
  private var serials: [Name: UInt32] = [:]

  var isEmpty: Bool { byKey.isEmpty }

  /// Puts records in the place of those that stood under each key.
  /// - Returns: Every name that was touched.
  mutating func update(_ changes: [String: [ResourceRecord]]) -> Set<Name> {
    var touched: Set<Name> = []
    for (key, records) in changes where byKey[key] ?? [] != records {
      touched.formUnion((byKey[key] ?? []).map(\.name))
      touched.formUnion(records.map(\.name))
      byKey[key] = records.isEmpty ? nil : records
    }
    return touched
  }

  /// The next serial of a zone that begins no lower than this one.
  mutating func raiseSerial(of apex: Name, to floor: UInt32) {
    serials[apex] = serials[apex].map { Self.later($0, floor) } ?? floor
  }

  /// The zone as its file has it, with what belongs into it; the same zone when nothing ever did.
  mutating func compose(_ zone: Zone, among apexes: [Name]) -> Zone {
    let own = byKey.values.joined().filter { Self.home(of: $0.name, among: apexes) == zone.apex }
    guard !own.isEmpty || serials[zone.apex] != nil else { return zone }
    var written: Set<Name> = []
    var builder = ZoneBuilder(apex: zone.apex)
    let serial = Self.later(serials[zone.apex] ?? zone.soa.serial, zone.soa.serial) &+ 1
    zone.forEachRecord { record in
      written.insert(record.name)
      var data = record.data
      if record.type == .soa {
        var soa = zone.soa
        soa.serial = serial
        data = RData(soa)
      }
      builder.add(owner: record.name.wire, type: record.type, ttl: record.ttl, data: data.wire, at: ZoneFilePosition())
    }
    for record in own where !written.contains(record.name) {
      builder.add(
        owner: record.name.wire, type: record.type, ttl: record.ttl, data: record.data.wire, at: ZoneFilePosition())
    }
    // What a person wrote is served in any case.
    guard let composed = builder.build(files: [nil]).zone else { return zone }
    serials[zone.apex] = serial
    return composed
  }

  /// The zone that a name belongs into: the one with the most labels.
  static func home(of name: Name, among apexes: [Name]) -> Name? {
    apexes.filter { name.isWithin($0) }.max { $0.labelCount < $1.labelCount }
  }

  /// The later one of two serials (RFC 1982).
  private static func later(_ one: UInt32, _ other: UInt32) -> UInt32 {
    Int32(bitPattern: one &- other) >= 0 ? one : other
  }
}
