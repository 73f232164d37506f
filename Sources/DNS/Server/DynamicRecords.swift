import DNSCore

/// Records that stand in zones beside what their files say: the names of DHCP clients, and what came by updates.
///
/// Those of programs never stand at a name for which the zone's own file has anything: what a person wrote goes first, also
/// when it is written later. Those of updates may stand beside others, as RFC 2136 has it, and remove none of them.
struct DynamicRecords: Sendable {
  /// By whoever put them there: the key of one client's records.
  private var byKey: [String: [ResourceRecord]] = [:]
  /// The last serial of a zone with such records.
  private var serials: [Name: UInt32] = [:]
  /// By zone: what came by updates.
  var updated: [Name: [ResourceRecord]] = [:]
  /// By zone: what was served before a restart.
  var known: [Name: KnownVersion] = [:]

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
  /// - Parameter served: What is served now; it goes on being served when nothing has changed.
  mutating func compose(_ zone: Zone, among apexes: [Name], served: Zone? = nil) -> Zone {
    let own = byKey.values.joined().filter { Self.home(of: $0.name, among: apexes) == zone.apex }
    let updates = updated[zone.apex] ?? []
    guard !own.isEmpty || !updates.isEmpty || serials[zone.apex] != nil else {
      guard let served, served !== zone, served.soa == zone.soa, served.contentDigest == zone.contentDigest else {
        return zone
      }
      return served
    }
    let serial = Self.later(serials[zone.apex] ?? zone.soa.serial, zone.soa.serial) &+ 1
    // What a person wrote is served in any case.
    guard var composed = Self.build(zone, own, updates, serial) else { return zone }
    let digest = composed.contentDigest
    if let served, serials[zone.apex] == served.soa.serial, served.soa.isSameBesidesSerial(as: composed.soa),
      !Self.isLater(zone.soa.serial, than: served.soa.serial), digest == served.contentDigest
    {
      return served
    }
    if served == nil, let known = known[zone.apex], known.digest == digest,
      !Self.isLater(zone.soa.serial, than: known.serial), let same = Self.build(zone, own, updates, known.serial)
    {
      composed = same
    }
    serials[zone.apex] = composed.soa.serial
    return composed
  }

  private static func build(
    _ zone: Zone, _ own: [ResourceRecord], _ updates: [ResourceRecord], _ serial: UInt32
  ) -> Zone? {
    var written: Set<Name> = []
    var builder = ZoneBuilder(apex: zone.apex)
    zone.forEachRecord { record in
      written.insert(record.name)
      var record = record
      if record.type == .soa {
        var soa = zone.soa
        soa.serial = serial
        record.data = RData(soa)
      }
      builder.add(record)
    }
    for record in own where !written.contains(record.name) { builder.add(record) }
    for record in updates { builder.add(record) }
    return builder.build(files: [nil]).zone
  }

  /// The zone that a name belongs into: the one with the most labels.
  static func home(of name: Name, among apexes: [Name]) -> Name? {
    apexes.filter { name.isWithin($0) }.max { $0.labelCount < $1.labelCount }
  }

  /// The later one of two serials (RFC 1982).
  private static func later(_ one: UInt32, _ other: UInt32) -> UInt32 {
    isLater(other, than: one) ? other : one
  }

  private static func isLater(_ one: UInt32, than other: UInt32) -> Bool { Int32(bitPattern: one &- other) > 0 }
}

extension SOA {
  func isSameBesidesSerial(as other: SOA) -> Bool {
    var other = other
    other.serial = serial
    return self == other
  }
}
