import Services
import WireKit

/// Leases in memory, by the rules of `LeaseStore.claim`: in a subnet, an address and a client stand once each.
public struct LeaseSet: Sendable {
  private struct Place: Hashable {
    var subnet: IPNetwork
    var address: IPAddress
  }

  private struct Holder: Hashable {
    var subnet: IPNetwork
    var client: [UInt8]
  }

  private var records: [Place: LeaseRecord] = [:]
  private var addresses: [Holder: IPAddress] = [:]

  public init() {}

  public var count: Int { records.count }

  /// Every record, in no order.
  public var unordered: some Collection<LeaseRecord> { records.values }

  /// Every record, by subnet and address.
  public var all: [LeaseRecord] {
    records.values.sorted {
      ($0.subnet.address, $0.subnet.prefixLength, $0.address) < ($1.subnet.address, $1.subnet.prefixLength, $1.address)
    }
  }

  /// The first ones behind a position, in the order of `LeasePosition`: one walk over all places with no more in hand than two pages of
  /// them. Nothing is sorted but those, and a record is looked at only where its place is among the first.
  public func page(after: LeasePosition?, limit: Int, heldAt: WallTime?) -> [LeaseRecord] {
    guard limit > 0 else { return [] }
    var best: [LeasePosition] = []
    best.reserveCapacity(2 * limit)
    var bound: LeasePosition?
    for place in records.keys {
      let position = LeasePosition(place.address, place.subnet)
      if let after, position <= after { continue }
      if let bound, position >= bound { continue }
      if let heldAt, records[place]?.isHeld(at: heldAt) != true { continue }
      best.append(position)
      guard best.count == 2 * limit else { continue }
      best.sort()
      best.removeLast(limit)
      bound = best[limit - 1]
    }
    return best.sorted().prefix(limit).compactMap { records[Place(subnet: $0.subnet, address: $0.address)] }
  }

  /// What came of a claim.
  public enum Outcome: Sendable {
    /// It stands; what gave way for it, at its address and of its client.
    case stands(Replaced)
    /// This one stands against it.
    case refused(LeaseRecord)
  }

  /// What gave way for a record.
  public struct Replaced: Sendable {
    var record: LeaseRecord
    var atAddress: LeaseRecord?
    var ofClient: LeaseRecord?
  }

  /// Has a record stand, if nothing that is held stands against it.
  public mutating func claim(_ claim: LeaseClaim, now: WallTime) -> Outcome {
    let record = claim.record
    if let other = records[Place(subnet: record.subnet, address: record.address)], other.client != record.client,
      other.isHeld(at: now), other.client != claim.replaces
    {
      return .refused(other)
    }
    return .stands(enter(record))
  }

  /// Has a record stand, whatever stood there. The client's other record in the subnet goes.
  @discardableResult
  public mutating func enter(_ record: LeaseRecord) -> Replaced {
    let holder = Holder(subnet: record.subnet, client: record.client)
    let place = Place(subnet: record.subnet, address: record.address)
    var replaced = Replaced(record: record)
    if let old = records.updateValue(record, forKey: place) {
      replaced.atAddress = old
      if old.client != record.client { addresses[Holder(subnet: old.subnet, client: old.client)] = nil }
    }
    if let other = addresses.updateValue(record.address, forKey: holder), other != record.address {
      replaced.ofClient = records.removeValue(forKey: Place(subnet: record.subnet, address: other))
    }
    return replaced
  }

  /// Has everything be as before a claim; of several, the last one first.
  mutating func undo(_ replaced: Replaced) {
    remove(subnet: replaced.record.subnet, address: replaced.record.address)
    for case let old? in [replaced.atAddress, replaced.ofClient] { enter(old) }
  }

  /// Forgets an address. Returns what stood there.
  @discardableResult
  public mutating func remove(subnet: IPNetwork, address: IPAddress) -> LeaseRecord? {
    guard let old = records.removeValue(forKey: Place(subnet: subnet, address: address)) else { return nil }
    addresses[Holder(subnet: subnet, client: old.client)] = nil
    return old
  }
}
