import DNSCore
import WireKit

/// The records of a zone by name and type, with what signing adds to them.
struct SignedContent {
  struct RecordSet {
    var ttl: UInt32
    var data: [RData]
    /// Whether signatures stand beside it: not for NS at a cut, nor for glue (RFC 4035 §2.2).
    var isSigned = true
  }

  private(set) var nodes: [Name: [RecordType: RecordSet]] = [:]
  private let apex: Name
  private let policy: SigningPolicy
  /// The TTL of negative answers, and so of what proves them (RFC 9077).
  private let denialTTL: UInt32
  /// Names at which the zone ends, or goes elsewhere: what lies below them is not the zone's.
  private var cuts: Set<Name> = []
  private var redirections: Set<Name> = []

  init(_ zone: Zone, policy: SigningPolicy, serial: UInt32) {
    apex = zone.apex
    self.policy = policy
    var soaTTL: UInt32 = 0
    let made: Set<RecordType> = [.rrsig, .nsec, .nsec3, .nsec3param]
    var nodes: [Name: [RecordType: RecordSet]] = [:]
    zone.forEachRecord { record in
      guard !made.contains(record.type) else { return }
      var data = record.data
      if record.type == .soa {
        var soa = zone.soa
        soa.serial = serial
        data = RData(soa)
        soaTTL = record.ttl
      }
      nodes[record.name, default: [:]][record.type, default: RecordSet(ttl: record.ttl, data: [])].data.append(data)
    }
    self.nodes = nodes
    denialTTL = min(soaTTL, zone.soa.minimum)
    for (name, sets) in nodes {
      if name != apex, sets[.ns] != nil { cuts.insert(name) }
      if sets[.dname] != nil { redirections.insert(name) }
    }
    for name in nodes.keys {
      let isGlue = isBelowCut(name)
      let isCut = cuts.contains(name)
      for type in nodes[name, default: [:]].keys where isGlue || isCut && type != .ds {
        self.nodes[name]?[type]?.isSigned = false
      }
    }
  }

  /// Whether a name lies below a cut or DNAME: it is glue, or hidden.
  private func isBelowCut(_ name: Name) -> Bool {
    guard !cuts.isEmpty || !redirections.isEmpty else { return false }
    var above = name.parent
    while let ancestor = above, ancestor.isWithin(apex) {
      if cuts.contains(ancestor) || redirections.contains(ancestor) { return true }
      above = ancestor.parent
    }
    return false
  }

  /// DNSKEY, CDS and CDNSKEY at the apex. Keys that the zone file has stay: others may sign the same zone, too.
  mutating func addKeys(_ keys: ZoneKeys) {
    add(.dnskey, keys.published.map { RData($0) })
    guard !keys.announced.isEmpty else { return }
    nodes[apex]?[.cds] = nil
    nodes[apex]?[.cdnskey] = nil
    add(.cds, keys.announced.compactMap { DS(of: $0, zone: apex).map { Self.retyped(RData($0), .cds) } })
    add(.cdnskey, keys.announced.map { Self.retyped(RData($0), .cdnskey) })
  }

  private mutating func add(_ type: RecordType, _ data: [RData]) {
    var set = nodes[apex]?[type] ?? RecordSet(ttl: policy.keyTTL, data: [])
    set.ttl = policy.keyTTL
    for data in data where !set.data.contains(data) { set.data.append(data) }
    nodes[apex, default: [:]][type] = set
  }

  /// CDS and CDNSKEY look as DS and DNSKEY do (RFC 7344 §3).
  private static func retyped(_ data: RData, _ type: RecordType) -> RData {
    (try? RData(type: type, wire: data.wire.span.bytes)) ?? data
  }

  /// The chain of NSEC or NSEC3 records.
  mutating func addDenial() {
    var names = nodes.keys.filter { !isBelowCut($0) }
    switch policy.denial {
    case .nsec:
      names.sort { $0.canonicalKey.lexicographicallyPrecedes($1.canonicalKey) }
      for (index, name) in names.enumerated() {
        let types = Set(nodes[name, default: [:]].keys).union([.rrsig, .nsec])
        let next = names[(index + 1) % names.count]
        let record = NSEC(next: next, types: cuts.contains(name) ? cutTypes(types) : types)
        nodes[name, default: [:]][.nsec] = RecordSet(ttl: denialTTL, data: [RData(record)])
      }
    case .nsec3: addHashes(names, flags: 0)
    case .optOut: addHashes(names.filter { !isInsecureCut($0) }, flags: NSEC3.optOutFlag)
    }
  }

  private func cutTypes(_ types: Set<RecordType>) -> Set<RecordType> {
    types.intersection([.ns, .ds, .rrsig, .nsec])
  }

  /// Whether a name is a child zone that is not signed: what opting out leaves out (RFC 5155 §7.1).
  private func isInsecureCut(_ name: Name) -> Bool { cuts.contains(name) && nodes[name]?[.ds] == nil }

  private mutating func addHashes(_ names: [Name], flags: UInt8) {
    nodes[apex]?[.nsec3param] = RecordSet(ttl: 0, data: [RData(NSEC3PARAM())])
    var hashed: [[UInt8]: Set<RecordType>] = [:]
    for name in names {
      var types = Set(nodes[name, default: [:]].keys)
      if cuts.contains(name) { types.formIntersection([.ns, .ds]) }
      if types != [.ns] || name == apex { types.insert(.rrsig) }
      hashed[NSEC3.hash(name, iterations: 0, salt: [])] = types
      // Empty names above it are in the chain as well (RFC 5155 §7.1).
      var above = name == apex ? nil : name.parent
      while let ancestor = above, ancestor != apex, nodes[ancestor] == nil {
        let hash = NSEC3.hash(ancestor, iterations: 0, salt: [])
        if hashed[hash] != nil { break }
        hashed[hash] = []
        above = ancestor.parent
      }
    }
    let order = hashed.keys.sorted { $0.lexicographicallyPrecedes($1) }
    for (index, hash) in order.enumerated() {
      guard let owner = NSEC3.owner(hash, in: apex) else { continue }
      let record = NSEC3(flags: flags, next: order[(index + 1) % order.count], types: hashed[hash] ?? [])
      nodes[owner, default: [:]][.nsec3] = RecordSet(ttl: denialTTL, data: [RData(record)])
    }
  }
}
