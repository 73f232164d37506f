/// All nodes of a zone, one by one, the apex first: for transfers, comparisons and exports. A name that is the hash of an NSEC3
/// record comes with that record alone, and once more with what else it has.
struct ZoneWalk: BitwiseCopyable {
  private let view: ZoneView
  /// The next slot of the table; −1 is the apex.
  private var slot = -1
  /// The next one of the hashed nodes, behind the last slot.
  private var hashed = 0

  init(_ view: ZoneView) { self.view = view }

  /// A node, and how to find the like of it in another version.
  struct Stop: BitwiseCopyable {
    let node: NodeView
    /// The mixed hash of its name.
    let hash: UInt32
    let isHashed: Bool
  }

  /// The node at hand; `nil` behind the last one. Whoever asks holds the zone.
  func current() -> Stop? {
    if slot < 0 { return Stop(node: view.node(at: view.apexNode), hash: 0, isHashed: false) }
    if slot <= Int(view.slotMask) {
      let entry = view.slots[slot]
      return Stop(
        node: view.node(at: UInt32(truncatingIfNeeded: entry)), hash: UInt32(truncatingIfNeeded: entry >> 32),
        isHashed: false)
    }
    guard let denial = view.denial?.pointee, hashed < denial.hashCount else { return nil }
    return Stop(node: view.node(at: denial.hashes[hashed].place), hash: 0, isHashed: true)
  }

  mutating func advance() {
    guard slot <= Int(view.slotMask) else {
      hashed += 1
      return
    }
    repeat { slot += 1 } while slot <= Int(view.slotMask) && isPassedOver
  }

  private var isPassedOver: Bool {
    let entry = view.slots[slot]
    return entry == ZoneView.freeSlot || UInt32(truncatingIfNeeded: entry) == view.apexNode
  }
}
