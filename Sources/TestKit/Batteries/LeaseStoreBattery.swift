import Services
import WireKit

/// What every store of leases must do.
public enum LeaseStoreBattery {
  private static let now = WallTime(seconds: 1_000)

  private static func subnet(_ third: UInt8 = 2) throws -> IPNetwork {
    guard let network = IPNetwork(containing: IPAddress(192, 0, third, 0), prefixLength: 24) else {
      throw BatteryFailure(description: "no network")
    }
    return network
  }

  private static func record(
    _ host: UInt8, client: [UInt8], expires: Int64 = 2_000, third: UInt8 = 2
  ) throws -> LeaseRecord {
    LeaseRecord(
      subnet: try subnet(third), address: IPAddress(192, 0, third, host), client: client, state: .bound, starts: now,
      expires: WallTime(seconds: expires))
  }

  public static let checks: [StoreCheck<any LeaseStore>] = [
    StoreCheck("records come back as they were claimed") { store in
      try expectEqual(try await store.all(), [])
      var full = try record(7, client: [0, 1, 2], expires: .max)
      (full.hardwareType, full.hardwareAddress, full.hostName, full.place) = (6, [1, 2], "é", [9, 0])
      full.state = .declined
      let other = try record(7, client: [0, 1, 2], third: 3)
      try expectEqual(try await store.claim([LeaseClaim(full), LeaseClaim(other)], now: now), [nil, nil])
      try expectEqual(try await store.all(), [full, other])
      try await store.remove(subnet: full.subnet, address: full.address)
      try expectEqual(try await store.all(), [other])
    },
    StoreCheck("pages follow the addresses by number, and end") { store in
      let hosts: [UInt8] = [100, 2, 10, 1, 20]
      var records = try hosts.map { try record($0, client: [$0]) }
      records.append(try record(2, client: [2], expires: 900, third: 1))
      _ = try await store.claim(records.map { LeaseClaim($0) }, now: WallTime(seconds: 1))
      let ordered = records.sorted { $0.address < $1.address }
      var position: LeasePosition?
      var seen: [LeaseRecord] = []
      while true {
        let page = try await store.page(after: position, limit: 2, heldAt: nil)
        guard let last = page.last else { break }
        seen += page
        position = LeasePosition(last.address, last.subnet)
      }
      try expectEqual(seen, ordered)
      try expectEqual(try await store.page(after: nil, limit: 9, heldAt: now), Array(ordered.dropFirst()))
    },
    StoreCheck("an address that another holds is refused, and the rest of the group stands") { store in
      let first = try record(7, client: [1])
      let own = try record(9, client: [2])
      _ = try await store.claim([LeaseClaim(first), LeaseClaim(own)], now: now)
      let third = try record(8, client: [3])
      let result = try await store.claim([LeaseClaim(try record(7, client: [2])), LeaseClaim(third)], now: now)
      try expectEqual(result, [first, nil])
      // Who was refused keeps what it had.
      try expectEqual(try await store.all(), [first, third, own])
    },
    StoreCheck("a client has one address in a subnet, and renews it") { store in
      _ = try await store.claim([LeaseClaim(try record(7, client: [1]))], now: now)
      let moved = try record(8, client: [1])
      try expectEqual(try await store.claim([LeaseClaim(moved)], now: now), [nil])
      let renewed = try record(8, client: [1], expires: 9_000)
      try expectEqual(try await store.claim([LeaseClaim(renewed)], now: now), [nil])
      try expectEqual(try await store.all(), [renewed])
    },
    StoreCheck("what has ended or was released gives way") { store in
      let ended = try record(7, client: [1], expires: 1_000)
      var released = try record(8, client: [2])
      released.state = .released
      _ = try await store.claim([LeaseClaim(ended), LeaseClaim(released)], now: WallTime(seconds: 1))
      let heirs = [try record(7, client: [3]), try record(8, client: [4])]
      try expectEqual(try await store.claim(heirs.map { LeaseClaim($0) }, now: now), [nil, nil])
      try expectEqual(try await store.all(), heirs)
    },
    StoreCheck("a declined address takes its client's place") { store in
      _ = try await store.claim([LeaseClaim(try record(7, client: [1]))], now: now)
      var declined = try record(7, client: [2, 192, 0, 2, 7])
      declined.state = .declined
      try expectEqual(try await store.claim([LeaseClaim(declined, replaces: [1])], now: now), [nil])
      try expectEqual(try await store.claim([LeaseClaim(try record(7, client: [5]))], now: now), [declined])
    },
    StoreCheck("two claims of one group for one address: the first has it") { store in
      let claims = [LeaseClaim(try record(7, client: [1])), LeaseClaim(try record(7, client: [2]))]
      try expectEqual(try await store.claim(claims, now: now), [nil, claims[0].record])
    },
    StoreCheck(breaking: "a store that is gone says so") { store, breaking in
      try await breaking(.unavailable)
      let claim = LeaseClaim(try record(7, client: [1]))
      try await expectFailure(.unavailable) { () throws(StoreError) in try await store.claim([claim], now: now) }
      try await expectFailure(.unavailable) { () throws(StoreError) in try await store.all() }
    },
  ]
}
