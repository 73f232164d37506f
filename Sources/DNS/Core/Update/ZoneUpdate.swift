import WireKit

/// A dynamic update (RFC 2136): what must hold, and what shall change.
public struct ZoneUpdate: Sendable {
  /// The zone that it is for.
  public let zone: Name
  let prerequisites: [ResourceRecord]
  let changes: [ResourceRecord]

  /// Why an update is not carried out: the response code, and a reason for the log.
  public struct Refusal: Error, Sendable {
    public let code: ResponseCode
    public let reason: StaticString

    public init(_ code: ResponseCode, _ reason: StaticString) {
      self.code = code
      self.reason = reason
    }
  }

  /// Reads an update's message (§2, §3.1.1).
  public init(_ message: Message) throws(Refusal) {
    guard message.header.opcode == .update, message.questions.count == 1, let zone = message.questions.first,
      zone.type == .soa
    else { throw Refusal(.formErr, "the zone section is not one SOA") }
    guard zone.recordClass == .in else { throw Refusal(.notAuth, "another class") }
    self.zone = zone.name
    prerequisites = message.answers
    changes = message.authorities
  }

  /// Names and types that it wants to change.
  public var targets: [(name: Name, type: RecordType)] { changes.map { ($0.name, $0.type) } }

  /// Checks the prerequisites (§3.2) and makes the zone's updated records out of those that are there (§3.4).
  ///
  /// Records that came by update are the update's own; all others, which a person wrote or another service put there, are
  /// not touched: an update that would remove one is refused as a whole.
  /// - Parameters:
  ///   - served: What is served now.
  ///   - own: The records that came by updates.
  public func apply(to served: Zone, own: [ResourceRecord]) throws(Refusal) -> [ResourceRecord] {
    try checkPrerequisites(served)
    for change in changes { try precheck(change) }
    var state = UpdatedRecords(served, own: own)
    for change in changes {
      switch change.recordClass {
      case .in: try state.add(change)
      case .any: try state.remove(change.name, change.type == .any ? nil : change.type)
      default: try state.remove(change)
      }
    }
    return state.own
  }

  // MARK: Prerequisites

  private func checkPrerequisites(_ served: Zone) throws(Refusal) {
    var wanted: [RRsetKey: Set<RData>] = [:]
    for record in prerequisites {
      guard record.ttl == 0 else { throw Refusal(.formErr, "a prerequisite with a TTL") }
      guard record.name.isWithin(zone) else { throw Refusal(.notZone, "a prerequisite outside of the zone") }
      let there = served.records(of: record.name)
      switch record.recordClass {
      case .any:
        guard record.data.wire.isEmpty else { throw Refusal(.formErr, "a prerequisite with data") }
        if record.type == .any {
          guard !there.isEmpty else { throw Refusal(.nxDomain, "the name is not in use") }
        } else if !there.contains(where: { $0.type == record.type }) {
          throw Refusal(.nxRRSet, "the RRset does not exist")
        }
      case .none:
        guard record.data.wire.isEmpty else { throw Refusal(.formErr, "a prerequisite with data") }
        if record.type == .any {
          guard there.isEmpty else { throw Refusal(.yxDomain, "the name is in use") }
        } else if there.contains(where: { $0.type == record.type }) {
          throw Refusal(.yxRRSet, "the RRset exists")
        }
      case .in:
        guard !record.type.isMeta else { throw Refusal(.formErr, "a prerequisite of such a type") }
        wanted[RRsetKey(name: record.name, type: record.type), default: []].insert(record.data.canonical)
      default: throw Refusal(.formErr, "a prerequisite of such a class")
      }
    }
    for (key, data) in wanted {
      let there = Set(served.records(of: key.name).filter { $0.type == key.type }.map(\.data.canonical))
      guard there == data else { throw Refusal(.nxRRSet, "the RRset is another one") }
    }
  }

  private struct RRsetKey: Hashable {
    var name: Name
    var type: RecordType
  }

  // MARK: Changes

  /// §3.4.1: what is no change at all.
  private func precheck(_ change: ResourceRecord) throws(Refusal) {
    guard change.name.isWithin(zone) else { throw Refusal(.notZone, "a change outside of the zone") }
    switch change.recordClass {
    case .in:
      guard !change.type.isMeta else { throw Refusal(.formErr, "a record of such a type") }
    case .any:
      guard change.ttl == 0, change.data.wire.isEmpty, change.type == .any || !change.type.isMeta else {
        throw Refusal(.formErr, "a removal with TTL or data")
      }
    case .none:
      guard change.ttl == 0, !change.type.isMeta else { throw Refusal(.formErr, "a removal with TTL") }
    default: throw Refusal(.formErr, "a change of such a class")
    }
  }
}

/// The records of a zone while an update is carried out.
private struct UpdatedRecords {
  private let served: Zone
  /// Those that came by updates, as they are to be.
  private(set) var own: [ResourceRecord]
  /// By name: all records, as they are to be, of the names that the update touches.
  private var all: [Name: [ResourceRecord]] = [:]
  private let before: Set<ResourceRecord>

  init(_ served: Zone, own: [ResourceRecord]) {
    self.served = served
    self.own = own
    before = Set(own.map(\.withoutTTL))
  }

  private mutating func there(_ name: Name) -> [ResourceRecord] {
    if let records = all[name] { return records }
    let records = served.records(of: name)
    all[name] = records
    return records
  }

  /// §3.4.2.2.
  mutating func add(_ record: ResourceRecord) throws(ZoneUpdate.Refusal) {
    let present = there(record.name)
    let isApex = record.name == served.apex
    if record.type == .soa {
      throw ZoneUpdate.Refusal(.refused, "the SOA belongs to whoever wrote the zone; its serial rises by itself")
    }
    // An alias stands alone; what breaks that is passed over silently.
    if record.type == .cname {
      if isApex || present.contains(where: { ![.cname, .rrsig, .nsec].contains($0.type) }) { return }
      if let old = present.first(where: { $0.type == .cname }) { try remove(old) }
    } else if present.contains(where: { $0.type == .cname }), ![.rrsig, .nsec].contains(record.type) {
      return
    }
    let key = record.withoutTTL
    if present.contains(where: { $0.withoutTTL == key }) {
      // The same record: its TTL is the new one, if it is ours.
      guard let index = own.firstIndex(where: { $0.withoutTTL == key }) else { return }
      own[index].ttl = record.ttl
    } else {
      own.append(record)
    }
    // A set has one TTL (RFC 2181 §5.2), the newest.
    for index in own.indices where own[index].name == record.name && own[index].type == record.type {
      own[index].ttl = record.ttl
    }
    all[record.name, default: []].removeAll { $0.withoutTTL == key }
    all[record.name, default: []].append(record)
  }

  /// §3.4.2.3: a set, or with `nil` all sets of a name; never SOA and NS of the apex.
  mutating func remove(_ name: Name, _ type: RecordType?) throws(ZoneUpdate.Refusal) {
    let isApex = name == served.apex
    if isApex, type == .soa || type == .ns { return }
    for record in there(name) where type == nil || record.type == type {
      if isApex, record.type == .soa || record.type == .ns { continue }
      try remove(record)
    }
  }

  /// §3.4.2.4: one record.
  mutating func remove(_ record: ResourceRecord) throws(ZoneUpdate.Refusal) {
    let key = record.withoutTTL
    let present = there(record.name)
    guard present.contains(where: { $0.withoutTTL == key }) else { return }
    if record.type == .soa { return }
    if record.type == .ns, record.name == served.apex, present.filter({ $0.type == .ns }).count == 1 { return }
    guard let index = own.firstIndex(where: { $0.withoutTTL == key }) else {
      // What signs the zone makes these anew by itself.
      if [.rrsig, .nsec, .nsec3].contains(record.type) { return }
      throw ZoneUpdate.Refusal(.refused, "the record belongs to another owner")
    }
    own.remove(at: index)
    all[record.name, default: []].removeAll { $0.withoutTTL == key }
  }
}

extension ResourceRecord {
  /// Name and data alone: what makes two records the same one (RFC 2136 §1.1).
  var withoutTTL: ResourceRecord { ResourceRecord(name, .in, ttl: 0, data.canonical) }
}

extension Zone {
  /// The records of one name; empty where there are none. Names below cuts count as well.
  public func records(of name: Name) -> [ResourceRecord] {
    guard name.isWithin(apex) else { return [] }
    var query = QueryName()
    let wire = name.wire
    query.read(reply: wire.span.bytes, at: 0)
    return withExtendedLifetime(self) {
      guard let node = view.find(query, labels: query.labelCount) else { return [] }
      return (0..<node.rrsetCount).flatMap { ZoneReaderCursor.records(of: node.rrset(at: $0), name) }
    }
  }
}
