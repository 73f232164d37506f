import WireKit

/// Groups a node's records into RRsets, and finds what is wrong with them.
struct ZoneChecks {
  /// One RRset: its records in canonical order without duplicates (RFC 4034 §6.3), and the lowest of their TTLs
  /// (RFC 2181 §5.2).
  struct RRset {
    var type: UInt16
    var ttl: UInt32
    var entries: [UInt32]
    /// Whether the next one has the RRSIG records over it.
    var isSigned = false
  }

  private(set) var findings: [ZoneFinding] = []
  private(set) var soa: SOA?
  private(set) var soaTTL: UInt32 = 0
  private let files: [String?]
  private var indices: [UInt32] = []

  init(files: [String?]) { self.files = files }

  mutating func note(_ severity: ZoneFinding.Severity, _ message: String) {
    append(ZoneFinding(severity, file: files.first ?? nil, message))
  }

  private mutating func note(
    _ severity: ZoneFinding.Severity, _ entry: ZoneBuilder.Entry, _ message: @autoclosure () -> String
  ) {
    guard findings.count < 100 else { return }
    let file = Int(entry.file) < files.count ? files[Int(entry.file)] : nil
    append(ZoneFinding(severity, file: file, line: Int(entry.line), message()))
  }

  private mutating func append(_ finding: ZoneFinding) {
    if findings.count < 100 { findings.append(finding) }
  }

  mutating func checkOutOfZone(_ builder: borrowing ZoneBuilder) {
    for (owner, position) in builder.outOfZone {
      let file = Int(position.file) < files.count ? files[Int(position.file)] : nil
      append(
        ZoneFinding(
          .warning, file: file, line: Int(position.line), "\(owner) is not in the zone \(builder.apex): left out"))
    }
  }

  /// The RRsets of a node, in rising order of types.
  mutating func rrsets(of index: Int, _ builder: inout ZoneBuilder) -> [RRset] {
    indices.removeAll(keepingCapacity: true)
    var entry = builder.nodes[index].first
    while entry != ZoneBuilder.none {
      indices.append(entry)
      entry = builder.entries[Int(entry)].next
    }
    if indices.count > 1 {
      indices.sort { Self.key(builder.entries[Int($0)], builder) < Self.key(builder.entries[Int($1)], builder) }
    }
    var rrsets: [RRset] = []
    var start = 0
    while start < indices.count {
      let key = Self.key(builder.entries[Int(indices[start])], builder)
      var end = start + 1
      while end < indices.count, Self.key(builder.entries[Int(indices[end])], builder) == key { end += 1 }
      rrsets.append(rrset(indices[start..<end], builder))
      if key & 1 == 1, rrsets.count > 1, rrsets[rrsets.count - 2].type == UInt16(truncatingIfNeeded: key >> 1) {
        rrsets[rrsets.count - 2].isSigned = true
      }
      start = end
    }
    check(node: index, rrsets, &builder)
    return rrsets
  }

  /// Types in rising order, each with its signatures behind it: RRSIG records are sets by the type that they cover (RFC 4034
  /// §3).
  private static func key(_ entry: ZoneBuilder.Entry, _ builder: borrowing ZoneBuilder) -> UInt32 {
    guard entry.type == RecordType.rrsig.rawValue, entry.length >= 2 else { return UInt32(entry.type) << 1 }
    let place = Int(entry.data)
    return (UInt32(builder.data[place]) << 8 | UInt32(builder.data[place + 1])) << 1 | 1
  }

  private mutating func rrset(_ entries: ArraySlice<UInt32>, _ builder: borrowing ZoneBuilder) -> RRset {
    let first = builder.entries[Int(entries[entries.startIndex])]
    guard entries.count > 1 else { return RRset(type: first.type, ttl: first.ttl, entries: Array(entries)) }
    var keyed = entries.map { (index: $0, key: canonicalData(builder.entries[Int($0)], builder)) }
    keyed.sort { $0.key.lexicographicallyPrecedes($1.key) || $0.key == $1.key && $0.index < $1.index }
    var result = RRset(type: first.type, ttl: first.ttl, entries: [])
    var previous: [UInt8]?
    for (index, key) in keyed {
      let entry = builder.entries[Int(index)]
      if entry.ttl != first.ttl, entry.type != RecordType.rrsig.rawValue {
        note(.warning, entry, "TTL \(entry.ttl) differs from \(first.ttl) in the same set: the lowest is taken")
      }
      result.ttl = min(result.ttl, entry.ttl)
      if key == previous {
        note(.warning, entry, "the same \(RecordType(rawValue: entry.type)) record stands twice")
        continue
      }
      previous = key
      result.entries.append(index)
    }
    return result
  }

  private func canonicalData(_ entry: ZoneBuilder.Entry, _ builder: borrowing ZoneBuilder) -> [UInt8] {
    let wire = Array(builder.data[Int(entry.data)..<(Int(entry.data) + Int(entry.length))])
    return RData(validType: RecordType(rawValue: entry.type), wire: wire).canonical.wire
  }

  private mutating func check(node index: Int, _ rrsets: [RRset], _ builder: inout ZoneBuilder) {
    if index == 0 { checkApex(rrsets, &builder) }
    let flags = NodeFlags(rawValue: builder.nodes[index].flags)
    if flags.contains(.occluded) {
      checkOccluded(index, rrsets, builder)
      return
    }
    for rrset in rrsets {
      let entry = builder.entries[Int(rrset.entries[0])]
      switch RecordType(rawValue: rrset.type) {
      case .soa where index != 0: note(.error, entry, "SOA is not at the zone's apex")
      case .cname:
        let others = rrsets.filter { ![RecordType.cname, .rrsig, .nsec].map(\.rawValue).contains($0.type) }
        if !others.isEmpty { note(.error, entry, "CNAME and other records of the same name (RFC 1034 §3.6.2)") }
        if rrset.entries.count > 1 { note(.error, last(rrset, builder), "more than one CNAME of the same name") }
      case .dname where rrset.entries.count > 1:
        note(.error, last(rrset, builder), "more than one DNAME of the same name")
      case .ns, .mx, .srv: checkTargets(index, rrset, &builder)
      default: break
      }
    }
  }

  /// The record of a set that was written last.
  private func last(_ rrset: RRset, _ builder: borrowing ZoneBuilder) -> ZoneBuilder.Entry {
    builder.entries[Int(rrset.entries.max() ?? rrset.entries[0])]
  }

  private mutating func checkApex(_ rrsets: [RRset], _ builder: inout ZoneBuilder) {
    if !rrsets.contains(where: { $0.type == RecordType.ns.rawValue }) {
      note(.error, "the zone \(builder.apex) has no NS at its apex")
    }
    guard let rrset = rrsets.first(where: { $0.type == RecordType.soa.rawValue }) else {
      note(.error, "the zone \(builder.apex) has no SOA at its apex")
      return
    }
    let entry = builder.entries[Int(rrset.entries[0])]
    if rrset.entries.count > 1 { note(.error, last(rrset, builder), "more than one SOA") }
    let wire = Array(builder.data[Int(entry.data)..<(Int(entry.data) + Int(entry.length))])
    soa = try? RData(validType: .soa, wire: wire).value(as: SOA.self)
    soaTTL = rrset.ttl
  }

  private mutating func checkOccluded(_ index: Int, _ rrsets: [RRset], _ builder: borrowing ZoneBuilder) {
    var above = Int(builder.nodes[index].parent)
    while above != 0, builder.nodes[above].flags & NodeFlags.cut.rawValue == 0 {
      above = Int(builder.nodes[above].parent)
    }
    let isGluePlace = above != 0
    for rrset in rrsets where !(isGluePlace && [RecordType.a, .aaaa].map(\.rawValue).contains(rrset.type)) {
      // Hashed names lie below an apex that has DNAME, too.
      if [RecordType.nsec3, .rrsig].map(\.rawValue).contains(rrset.type) { continue }
      note(
        .warning, builder.entries[Int(rrset.entries[0])],
        "\(RecordType(rawValue: rrset.type)) below a \(isGluePlace ? "delegation" : "DNAME") is never answered")
    }
  }

  /// Targets of NS, MX and SRV are names of hosts: no aliases (RFC 2181 §10.3), no addresses, and with an address here
  /// when they are in this zone.
  private mutating func checkTargets(_ index: Int, _ rrset: RRset, _ builder: inout ZoneBuilder) {
    let type = RecordType(rawValue: rrset.type)
    let skipped = RecordCatalog.standard.schema(of: type)?.additionalNameOffset ?? 0
    for place in rrset.entries {
      let entry = builder.entries[Int(place)]
      let wire = Array(builder.data[(Int(entry.data) + skipped)..<(Int(entry.data) + Int(entry.length))])
      let target = Name(validWire: wire)
      if Self.looksLikeAddress(target) {
        note(.warning, entry, "\(type) leads to \(target), which looks like an address, not a name")
      }
      guard let node = builder.existingNode(wire) else {
        checkMissing(target, type, isApex: index == 0, entry, &builder)
        continue
      }
      let types = Self.types(of: node, builder)
      if types.contains(.cname) {
        note(.warning, entry, "\(type) leads to \(target), which is an alias (RFC 2181 §10.3)")
      }
      if types.isDisjoint(with: [.a, .aaaa, .cname]) {
        checkMissing(target, type, isApex: index == 0, entry, &builder)
      }
    }
  }

  private mutating func checkMissing(
    _ target: Name, _ type: RecordType, isApex: Bool, _ entry: ZoneBuilder.Entry, _ builder: inout ZoneBuilder
  ) {
    guard !target.isRoot, target.isWithin(builder.apex), target != builder.apex || type == .ns else { return }
    var isDelegated = false
    var ancestor = target.parent
    while let name = ancestor, name.isWithin(builder.apex) {
      // A wildcard may have the address, and what lies in a delegated zone is that zone's affair, but for its own servers.
      if builder.existingNode([1, UInt8(ascii: "*")] + name.wire) != nil { return }
      if let node = builder.existingNode(name.wire), builder.nodes[Int(node)].flags & NodeFlags.cut.rawValue != 0 {
        if type != .ns { return }
        isDelegated = true
      }
      ancestor = name.parent
    }
    let severity: ZoneFinding.Severity = type == .ns && isApex && !isDelegated ? .error : .warning
    note(severity, entry, "\(type) leads to \(target), which has no address in this zone")
  }

  private static func types(of node: UInt32, _ builder: borrowing ZoneBuilder) -> Set<RecordType> {
    var types: Set<RecordType> = []
    var entry = builder.nodes[Int(node)].first
    while entry != ZoneBuilder.none {
      types.insert(RecordType(rawValue: builder.entries[Int(entry)].type))
      entry = builder.entries[Int(entry)].next
    }
    return types
  }

  private static func looksLikeAddress(_ name: Name) -> Bool {
    let labels = name.labels
    return labels.count >= 4 && labels.prefix(4).allSatisfy { label in label.allSatisfy { $0 &- 0x30 < 10 } }
  }
}
