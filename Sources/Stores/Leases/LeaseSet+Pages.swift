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
  /// A page in the order of `LeasePosition`: at most `limit` records of those behind a position. One walk over all places with no more
  /// in hand than two pages of them; nothing is sorted but those, and records are looked at only where their place is among the first.
  /// - Parameter heldAt: Only what is held at this time; `nil` for everything.
  public func page(after start: LeasePosition?, limit: Int, heldAt now: WallTime?) -> [LeaseRecord] {
    guard limit > 0 else { return [] }
    var best: [LeasePosition] = []
    best.reserveCapacity(2 * limit)
    var bound: LeasePosition?
    for place in records.keys {
      if let start, place.address < start.address { continue }
      if let bound, place.address > bound.address { continue }
      let position = LeasePosition(place.address, place.subnet)
      if let start, position <= start { continue }
      if let bound, position >= bound { continue }
      if let now, records[place]?.isHeld(at: now) != true { continue }
      best.append(position)
      guard best.count == 2 * limit else { continue }
      best.sort()
      best.removeLast(limit)
      bound = best[limit - 1]
    }
    return best.sorted().prefix(limit).compactMap { records[Place(subnet: $0.subnet, address: $0.address)] }
  }
}
