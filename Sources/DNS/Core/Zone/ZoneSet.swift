import Synchronization

/// The zones that a server answers for, as a whole: immutable.
///
/// unchecked: its table is written before `init` ends and never again.
public final class ZoneCatalog: @unchecked Sendable {
  public let zones: [Zone]
  private let views: UnsafeMutablePointer<ZoneView>
  /// Place in `views` by hash; −1 is free.
  private let slots: UnsafeMutablePointer<Int32>
  private let slotMask: UInt32
  /// Bit n of the pair: a zone with n labels exists.
  private let labelCounts: (UInt64, UInt64)

  /// A catalog of these zones; of several with the same apex the last one counts.
  public init(_ zones: [Zone] = []) {
    var byApex: [Name: Zone] = [:]
    for zone in zones { byApex[zone.apex] = zone }
    let unique = byApex.values.sorted { $0.apex < $1.apex }
    self.zones = unique
    views = .allocate(capacity: max(1, unique.count))
    var slotCount = 8
    while slotCount < unique.count * 2 { slotCount *= 2 }
    slots = .allocate(capacity: slotCount)
    slots.initialize(repeating: -1, count: slotCount)
    slotMask = UInt32(slotCount - 1)
    var counts: (UInt64, UInt64) = (0, 0)
    for (index, zone) in unique.enumerated() {
      (views + index).initialize(to: zone.view)
      var name = QueryName()
      let wire = zone.apex.wire
      name.read(reply: wire.span.bytes, at: 0)
      var slot = Int(name.hashes[name.labelCount] & slotMask)
      while slots[slot] >= 0 { slot = (slot + 1) & Int(slotMask) }
      slots[slot] = Int32(index)
      if name.labelCount < 64 {
        counts.0 |= 1 << UInt64(name.labelCount)
      } else {
        counts.1 |= 1 << UInt64(name.labelCount - 64)
      }
    }
    labelCounts = counts
  }

  deinit {
    views.deallocate()
    slots.deallocate()
  }

  /// The zone of this very name.
  public func zone(_ apex: Name) -> Zone? { zones.first { $0.apex == apex } }

  /// The zone that a name lies in: the one with the most labels in common, of at most `limit` labels.
  @inline(__always)
  func find(_ name: borrowing QueryName, labels limit: Int) -> ZoneView? {
    var labels = limit
    while labels >= 0 {
      let bits = labels < 64 ? labelCounts.0 >> UInt64(labels) : labelCounts.1 >> UInt64(labels - 64)
      if bits & 1 != 0, let view = find(name, exactly: labels) { return view }
      labels -= 1
    }
    return nil
  }

  private func find(_ name: borrowing QueryName, exactly labels: Int) -> ZoneView? {
    let start = name.offset(ofSuffix: labels)
    let count = name.length - start
    var slot = name.hashes[labels] & slotMask
    while slots[Int(slot)] >= 0 {
      let view = views[Int(slots[Int(slot)])]
      if view.apexLength == count {
        var isEqual = true
        for index in 0..<count where view.apex.load(fromByteOffset: index, as: UInt8.self) != name.bytes[start + index]
        {
          isEqual = false
          break
        }
        if isEqual { return view }
      }
      slot = (slot &+ 1) & slotMask
    }
    return nil
  }
}

/// The place where the current catalog is kept, and replaced as a whole.
public final class ZoneSet: Sendable {
  private let generation = Atomic<UInt64>(1)
  private let catalog: Mutex<ZoneCatalog>

  public init(_ catalog: ZoneCatalog = ZoneCatalog()) { self.catalog = Mutex(catalog) }

  /// What is served at this moment.
  public var current: ZoneCatalog { catalog.withLock { $0 } }

  /// Replaces the catalog. Readers take the new one with their next batch; the old one goes with its last reader.
  public func replace(with new: ZoneCatalog) {
    catalog.withLock { $0 = new }
    generation.add(1, ordering: .releasing)
  }

  /// Brings a reader's own reference up to date; costs one load when nothing changed.
  @inline(__always)
  func refresh(_ held: inout ZoneCatalog, _ seen: inout UInt64) {
    let latest = generation.load(ordering: .acquiring)
    guard latest != seen else { return }
    held = current
    seen = latest
  }
}
