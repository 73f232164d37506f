import DNSCore

/// Records that stand in zones beside what their files say: the names of DHCP clients, and what came by updates.
///
/// Those of programs never stand at a name for which the zone's own file has anything, also when it is written later: what a person
/// wrote goes first. Those of a service (`DynamicPlacement.freeTypes`) may stand beside others there, but not beside the file's own of the same
/// type. Those of updates may stand beside others, as RFC 2136 has it, and remove none of them.
struct DynamicRecords: Sendable {
  /// By whoever put them there: the key of one client's records.
  private var byKey: [String: [ResourceRecord]] = [:]
  /// The keys whose records go by `freeTypes`.
  private var besideKeys: Set<String> = []
  /// The last serial of a zone with such records.
  private var serials: [Name: UInt32] = [:]
  /// By zone: what came by updates.
  var updated: [Name: [ResourceRecord]] = [:]
  /// By zone: what was served before a restart.
  var known: [Name: KnownVersion] = [:]

  var isEmpty: Bool { byKey.isEmpty }

  /// Whose records stand at a name.
  func owners(of name: Name) -> [String] {
    var owners = Set<String>()
    for (key, records) in byKey where records.contains(where: { $0.name == name }) {
      owners.insert(key.split(separator: " ").first.map(String.init) ?? key)
    }
    if updated.values.contains(where: { $0.contains { $0.name == name } }) { owners.insert("update") }
    return owners.sorted()
  }

  /// Puts records in the place of those that stood under each key.
  /// - Returns: Every name that was touched.
  mutating func update(_ changes: [String: [ResourceRecord]], _ placement: DynamicPlacement = .freeNames) -> Set<Name> {
    var touched: Set<Name> = []
    for (key, records) in changes where byKey[key] ?? [] != records {
      touched.formUnion((byKey[key] ?? []).map(\.name))
      touched.formUnion(records.map(\.name))
      byKey[key] = records.isEmpty ? nil : records
      if placement == .freeTypes, !records.isEmpty { besideKeys.insert(key) } else { besideKeys.remove(key) }
    }
    return touched
  }

  /// The next serial of a zone that begins no lower than this one.
  mutating func raiseSerial(of apex: Name, to floor: UInt32) {
    serials[apex] = serials[apex].map { Self.later($0, floor) } ?? floor
  }

  /// The next version of a zone of which some names alone may have changed; `nil` where it must be put together anew.
  /// - Parameters:
  ///   - zone: As its file has it: the one that `served` was made of.
  ///   - served: What is served now, before it is signed.
  mutating func patch(_ served: Zone, of zone: Zone, at names: Set<Name>, among apexes: [Name]) -> Zone? {
    guard names.count <= Zone.patchLimit, serials[zone.apex] == served.soa.serial else { return nil }
    let touched = names.filter { Self.home(of: $0, among: apexes) == zone.apex }
    var wanted: [Name: [ResourceRecord]] = [:]
    for name in touched { wanted[name] = zone.records(of: name).filter { $0.type != .soa } }
    var placed = wanted.mapValues { !$0.isEmpty }
    let services = byKey.filter { besideKeys.contains($0.key) }.sorted { $0.key < $1.key }.flatMap(\.value)
      .filter { touched.contains($0.name) }
    if !services.isEmpty {
      var places = FreePlaces(of: services)
      for records in wanted.values { for record in records { places.take(record) } }
      for record in places.free {
        wanted[record.name, default: []].append(record)
        placed[record.name] = true
      }
    }
    for (key, records) in byKey where !besideKeys.contains(key) {
      for record in records where touched.contains(record.name) && placed[record.name] != true {
        wanted[record.name, default: []].append(record)
      }
    }
    for record in updated[zone.apex] ?? [] where touched.contains(record.name) {
      wanted[record.name, default: []].append(record)
    }
    guard let next = served.patched(wanted, serial: served.soa.serial &+ 1) else { return nil }
    if next.contentDigest == served.contentDigest { return served }
    serials[zone.apex] = next.soa.serial
    return next
  }

  /// The zone as its file has it, with what belongs into it; the same zone when nothing ever did.
  /// - Parameter served: What is served now; it goes on being served when nothing has changed.
  mutating func compose(_ zone: Zone, among apexes: [Name], served: Zone? = nil) -> Zone {
    let own = byKey.filter { !besideKeys.contains($0.key) }.values.joined()
      .filter { Self.home(of: $0.name, among: apexes) == zone.apex }
    let services = byKey.filter { besideKeys.contains($0.key) }.sorted { $0.key < $1.key }.flatMap(\.value)
      .filter { Self.home(of: $0.name, among: apexes) == zone.apex }
    let updates = updated[zone.apex] ?? []
    guard !own.isEmpty || !services.isEmpty || !updates.isEmpty || serials[zone.apex] != nil else {
      guard let served, served !== zone, served.soa == zone.soa, served.contentDigest == zone.contentDigest else {
        return zone
      }
      return served
    }
    let known = served == nil ? known[zone.apex] : nil
    let last = Self.later(serials[zone.apex] ?? zone.soa.serial, known?.serial ?? zone.soa.serial)
    let serial = Self.later(last, zone.soa.serial) &+ 1
    // What a person wrote is served in any case.
    guard var composed = Self.build(zone, own, services, updates, serial) else { return zone }
    let digest = composed.contentDigest
    if let served, serials[zone.apex] == served.soa.serial, served.soa.isSameBesidesSerial(as: composed.soa),
      !Self.isLater(zone.soa.serial, than: served.soa.serial), digest == served.contentDigest
    {
      return served
    }
    if let known, known.digest == digest,
      !Self.isLater(zone.soa.serial, than: known.serial),
      let same = Self.build(zone, own, services, updates, known.serial)
    {
      composed = same
    }
    serials[zone.apex] = composed.soa.serial
    return composed
  }

  private static func build(
    _ zone: Zone, _ own: [ResourceRecord], _ services: [ResourceRecord], _ updates: [ResourceRecord],
    _ serial: UInt32
  ) -> Zone? {
    var written: Set<Name> = []
    var places = FreePlaces(of: services)
    var builder = ZoneBuilder(apex: zone.apex)
    zone.forEachRecord { record in
      written.insert(record.name)
      places.take(record)
      var record = record
      if record.type == .soa {
        var soa = zone.soa
        soa.serial = serial
        record.data = RData(soa)
      }
      builder.add(record)
    }
    for record in places.free {
      written.insert(record.name)
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

/// Where records of a program may stand in a zone.
public enum DynamicPlacement: Sendable {
  /// At names for which the zone's file has nothing: names of machines.
  case freeNames
  /// Also beside records of other types, and beside texts of another kind (`v=spf1`): what a service publishes.
  case freeTypes
}

/// Finds out which records of services a zone's file leaves room for.
private struct FreePlaces {
  private let wanted: [ResourceRecord]
  private let names: Set<Name>
  /// What the file has at those names.
  private var types: [Name: [RecordType: UInt32]] = [:]
  private var marks: [Name: Set<String>] = [:]

  init(of wanted: [ResourceRecord]) {
    self.wanted = wanted
    names = Set(wanted.map(\.name))
  }

  /// Notes a record of the file.
  mutating func take(_ record: ResourceRecord) {
    guard names.contains(record.name) else { return }
    types[record.name, default: [:]][record.type] = record.ttl
    if record.type == .txt { marks[record.name, default: []].insert(Self.mark(of: record.data)) }
  }

  /// The records for which there is room. Nothing stands beside an alias (RFC 1034 §3.6.2); a set of records has one TTL
  /// (RFC 2181 §5.2).
  var free: [ResourceRecord] {
    var aliases: Set<Name> = []
    var used: Set<Name> = []
    return wanted.compactMap { record in
      let there = types[record.name] ?? [:]
      if there[.cname] != nil || aliases.contains(record.name) { return nil }
      if record.type == .cname {
        guard there.isEmpty, !used.contains(record.name) else { return nil }
        aliases.insert(record.name)
        return record
      }
      used.insert(record.name)
      guard let ttl = there[record.type] else { return record }
      guard record.type == .txt, marks[record.name]?.contains(Self.mark(of: record.data)) != true else { return nil }
      var record = record
      record.ttl = ttl
      return record
    }
  }

  /// The kind of a text: `v=spf1`; empty for what has none.
  private static func mark(of data: RData) -> String {
    guard let text = try? data.value(as: TXT.self) else { return "" }
    let whole = String(decoding: text.strings.joined(), as: UTF8.self)
    return whole.hasPrefix("v=") ? String(whole.prefix { $0 != ";" && $0 != " " }).lowercased() : whole
  }
}
