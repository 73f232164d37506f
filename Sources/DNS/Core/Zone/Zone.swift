import Synchronization
import WireKit

/// A zone, ready to be answered from: immutable, packed, without an object per node.
///
/// Made by `ZoneBuilder`; swapped as a whole in a `ZoneSet`.
///
/// unchecked: its memory is written before `init` ends and never again, and freed when the last reference goes.
public final class Zone: @unchecked Sendable {
  public let apex: Name
  public let soa: SOA
  /// Records in it.
  public let recordCount: Int
  /// Names in it, empty non-terminals included.
  public let nodeCount: Int
  /// Octets of memory that it holds.
  public let memory: Int
  let view: ZoneView
  /// Octets of the arena in use, and how many of them are of nodes that were replaced.
  let arenaLength: Int
  let garbage: Int
  /// `contentDigest`, once somebody wanted it.
  let knownDigest: Mutex<UInt64?>
  /// How it came from the version before; set before it is served.
  let change = Mutex<Change?>(nil)
  /// Another one for each zone that was ever made: says whose `change` starts where.
  let number = Zone.numbers.add(1, ordering: .relaxed).newValue

  private static let numbers = Atomic<UInt64>(0)

  /// A step from the zone of a number.
  struct Change {
    let base: UInt64
    let difference: ZoneDifference
  }

  init(
    apex: Name, soa: SOA, recordCount: Int, nodeCount: Int, memory: Int, view: ZoneView, arenaLength: Int,
    garbage: Int = 0, digest: UInt64? = nil
  ) {
    self.arenaLength = arenaLength
    self.garbage = garbage
    knownDigest = Mutex(digest)
    self.apex = apex
    self.soa = soa
    self.recordCount = recordCount
    self.nodeCount = nodeCount
    self.memory = memory
    self.view = view
  }

  deinit {
    view.arena.deallocate()
    view.slots.deallocate()
    view.apex.deallocate()
    if let denial = view.denial {
      denial.pointee.deallocate()
      denial.deallocate()
    }
  }

  /// Whether it proves what is not there: it is signed, and has a whole chain of NSEC or NSEC3 records.
  public var isSigned: Bool { view.denial?.pointee.proves ?? false }

  /// Whether it only says that there is such a zone of ours, which can't be answered from at the moment.
  public var isPlaceholder: Bool { view.isUnavailable }

  /// A zone that is ours, and can't be answered from: its names get SERVFAIL.
  public static func placeholder(_ apex: Name) -> Zone {
    var builder = ZoneBuilder(apex: apex)
    builder.isUnavailable = true
    let soa = SOA(primary: .root, mailbox: .root, serial: 0, refresh: 0, retry: 0, expire: 0, minimum: 0)
    builder.add(ResourceRecord(apex, ttl: 0, RData(soa)))
    guard let zone = builder.build().zone else { preconditionFailure("a SOA makes a zone") }
    return zone
  }

  /// Reads a zone file and makes the zone of it. The zone is `nil` when there is an error among the findings.
  public static func load(
    _ source: RawSpan, apex: Name, file: String? = nil, includes: (any ZoneFileIncludes)? = nil,
    limits: ZoneFile.Limits = ZoneFile.Limits()
  ) -> (zone: Zone?, findings: [ZoneFinding]) {
    var builder = ZoneBuilder(apex: apex)
    let result = ZoneFile.parse(source, origin: apex, file: file, includes: includes, limits: limits, into: &builder)
    let (zone, findings) = builder.build(files: result.files)
    let all = result.findings + findings
    return (all.contains { $0.severity == .error } ? nil : zone, all)
  }

  /// Every record of the zone, the SOA first, as it was written.
  public func forEachRecord(_ body: (ResourceRecord) -> Void) {
    ZoneReaderCursor.forEachRecord(of: self, body)
  }

  /// Where a listing that was broken off goes on, within this very zone.
  public struct RecordPlace: Sendable, Hashable {
    public var node: Int
    public var record: Int

    public init(node: Int = 0, record: Int = 0) {
      self.node = node
      self.record = record
    }
  }

  /// The records from a place on, for listings page by page: `body` says whether it takes more. Returns where the next page begins, or
  /// `nil` at the end. What it costs is what it hands out, wherever it begins.
  public func forEachRecord(from place: RecordPlace, _ body: (ResourceRecord) -> Bool) -> RecordPlace? {
    ZoneReaderCursor.forEachRecord(of: self, from: place, body)
  }
}
