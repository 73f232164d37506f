/// All nodes of a zone, one by one, the apex first: for transfers, comparisons and exports.
struct ZoneWalk: BitwiseCopyable {
  private let view: ZoneView
  /// The next slot of the table; −1 is the apex.
  private var slot = -1

  init(_ view: ZoneView) { self.view = view }

  /// The node at hand, and the mixed hash of its name; `nil` behind the last one. Whoever asks holds the zone.
  func current() -> (node: NodeView, hash: UInt32)? {
    if slot < 0 { return (view.node(at: view.apexNode), 0) }
    guard slot <= Int(view.slotMask) else { return nil }
    let entry = view.slots[slot]
    return (view.node(at: UInt32(truncatingIfNeeded: entry)), UInt32(truncatingIfNeeded: entry >> 32))
  }

  mutating func advance() {
    repeat { slot += 1 } while slot <= Int(view.slotMask) && isPassedOver
  }

  private var isPassedOver: Bool {
    let entry = view.slots[slot]
    return entry == ZoneView.freeSlot || UInt32(truncatingIfNeeded: entry) == view.apexNode
  }
}
