import Services
import WireKit

/// A place among leases, in the order in which people read them: by address, then by subnet.
public struct LeasePosition: Sendable, Hashable, Comparable {
  public var address: IPAddress
  public var subnet: IPNetwork

  public init(_ address: IPAddress, _ subnet: IPNetwork) {
    self.address = address
    self.subnet = subnet
  }

  public static func < (left: LeasePosition, right: LeasePosition) -> Bool {
    if left.address != right.address { return left.address < right.address }
    if left.subnet.address != right.subnet.address { return left.subnet.address < right.subnet.address }
    return left.subnet.prefixLength < right.subnet.prefixLength
  }
}

extension LeaseSet {
  /// A page in the order of `LeasePosition`: at most `limit` records of those behind a position. One walk over all of them with no more in
  /// hand than two pages; nothing is sorted but the page.
  /// - Parameter heldAt: Only what is held at this time; `nil` for everything.
  public func page(after start: LeasePosition?, limit: Int, heldAt now: WallTime?) -> [LeaseRecord] {
    guard limit > 0 else { return [] }
    var best: [(position: LeasePosition, record: LeaseRecord)] = []
    best.reserveCapacity(2 * limit)
    var bound: LeasePosition?
    for record in unordered {
      let position = LeasePosition(record.address, record.subnet)
      if let start, position <= start { continue }
      if let bound, position >= bound { continue }
      if let now, !record.isHeld(at: now) { continue }
      best.append((position, record))
      guard best.count == 2 * limit else { continue }
      best.sort { $0.position < $1.position }
      best.removeLast(limit)
      bound = best[limit - 1].position
    }
    return best.sorted { $0.position < $1.position }.prefix(limit).map(\.record)
  }
}
