import Services
import WireKit

/// Leases in memory, by the rules of the real stores.
public actor MemoryLeaseStore: LeaseStore {
  private struct Key: Hashable {
    var subnet: IPNetwork
    var address: IPAddress
  }

  private var records: [Key: LeaseRecord] = [:]
  private var fault: StoreError?

  public init() {}

  /// From here on everything fails with this, until `nil`.
  public func setFault(_ fault: StoreError?) { self.fault = fault }

  public func all() async throws(StoreError) -> [LeaseRecord] {
    if let fault, fault.code != .full { throw fault }
    return records.values.sorted {
      ($0.subnet.description, $0.address.description) < ($1.subnet.description, $1.address.description)
    }
  }

  public func page(
    after: LeasePosition?, limit: Int, heldAt: WallTime?
  ) async throws(StoreError) -> [LeaseRecord] {
    let all = try await all().map { (LeasePosition($0.address, $0.subnet), $0) }.sorted { $0.0 < $1.0 }
    let wanted = all.filter { position, record in
      (after.map { position > $0 } ?? true) && (heldAt.map { record.isHeld(at: $0) } ?? true)
    }
    return wanted.prefix(limit).map(\.1)
  }

  public func claim(_ claims: [LeaseClaim], now: WallTime) async throws(StoreError) -> [LeaseRecord?] {
    if let fault { throw fault }
    return claims.map { claim in
      let record = claim.record
      let key = Key(subnet: record.subnet, address: record.address)
      if let other = records[key], other.isHeld(at: now), other.client != record.client, other.client != claim.replaces
      {
        return other
      }
      for (place, other) in records where other.subnet == record.subnet && other.client == record.client && place != key
      {
        records[place] = nil
      }
      records[key] = record
      return nil
    }
  }

  public func remove(subnet: IPNetwork, address: IPAddress) async throws(StoreError) {
    if let fault { throw fault }
    records[Key(subnet: subnet, address: address)] = nil
  }
}
