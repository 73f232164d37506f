import Services
import WireKit

/// What every store of the audit trail must do. Hashes are made up here: to chain them truly is not the store's task.
public enum AuditStoreBattery {
  private static func record(_ sequence: Int64, _ change: (inout AuditEntry) -> Void = { _ in }) -> AuditRecord {
    var entry = AuditEntry(time: WallTime(seconds: 1000 + sequence, nanoseconds: 999_999_999), actor: "a", action: "b")
    change(&entry)
    return AuditRecord(sequence: sequence, entry: entry, previousHash: hash(sequence - 1), hash: hash(sequence))
  }

  private static func hash(_ sequence: Int64) -> [UInt8] {
    sequence == 0 ? AuditHead.empty.hash : [UInt8](repeating: UInt8(truncatingIfNeeded: sequence), count: 32)
  }

  private static let full = record(1) { entry in
    (entry.subject, entry.before, entry.after) = ("s", "", "é\n")
    (entry.session, entry.service) = (SessionID(.max), .imaps)
    entry.peer = Endpoint(IPAddress(v6: 1), 65_535)
  }

  public static let checks: [StoreCheck<any AuditStore>] = [
    StoreCheck("records come back as they were stored, in both directions") { store in
      try expectEqual(try await store.head(), .empty)
      try expectEqual(try await store.page(AuditFilter(), from: .before(nil), limit: 10), [])
      try await store.append([full, record(2)])
      try await store.append([record(3)])
      try expectEqual(try await store.head(), AuditHead(sequence: 3, hash: hash(3)))
      let all = [full, record(2), record(3)]
      try expectEqual(try await store.page(AuditFilter(), from: .after(0), limit: 10), all)
      try expectEqual(try await store.page(AuditFilter(), from: .after(1), limit: 1), [all[1]])
      try expectEqual(try await store.page(AuditFilter(), from: .before(nil), limit: 2), [all[2], all[1]])
      try expectEqual(try await store.page(AuditFilter(), from: .before(2), limit: 2), [all[0]])
    },
    StoreCheck("what does not follow the head is refused, all of it") { store in
      try await store.append([record(1)])
      var foreign = record(2)
      foreign.previousHash = hash(7)
      let refused: [[AuditRecord]] = [[record(1)], [record(3)], [foreign], [record(2), record(4)]]
      for records in refused {
        try await expectFailure(.conflict) { () throws(StoreError) in try await store.append(records) }
      }
      try expectEqual(try await store.head().sequence, 1)
      try await store.append([record(2)])
      try await store.append([])
      try expectEqual(try await store.head().sequence, 2)
    },
    StoreCheck("records are found by account, service, peer and time") { store in
      let peer = IPAddress(192, 0, 2, 1)
      try await store.append([
        record(1) { $0.actor = "ann" }, record(2) { $0.subject = "ann" },
        record(3) { ($0.service, $0.peer) = (.ssh, Endpoint(peer, 1)) },
        record(4) { $0.peer = Endpoint(peer, 2) },
      ])
      let found = { (filter: AuditFilter) async throws(StoreError) in
        try await store.page(filter, from: .after(0), limit: 10).map(\.sequence)
      }
      try expectEqual(try await found(AuditFilter(account: "ann")), [1, 2])
      try expectEqual(try await found(AuditFilter(service: .ssh)), [3])
      try expectEqual(try await found(AuditFilter(peer: peer)), [3, 4])
      try expectEqual(try await found(AuditFilter(service: .ssh, peer: peer)), [3])
      let third = WallTime(seconds: 1003, nanoseconds: 999_999_999)
      try expectEqual(try await found(AuditFilter(since: third)), [3, 4])
      try expectEqual(try await found(AuditFilter(until: third)), [1, 2])
      try expectEqual(try await found(AuditFilter(since: third, until: third)), [])
    },
    StoreCheck(breaking: "a full store says so and keeps what it has") { store, breaking in
      try await store.append([record(1)])
      try await breaking(.full)
      let large = record(2) { $0.after = String(repeating: "x", count: 500_000) }
      try await expectFailure(.full) { () throws(StoreError) in try await store.append([large]) }
      try expectEqual(try await store.head().sequence, 1)
    },
    StoreCheck(breaking: "a store that is gone says so") { store, breaking in
      try await breaking(.unavailable)
      try await expectFailure(.unavailable) { () throws(StoreError) in try await store.append([record(1)]) }
      try await expectFailure(.unavailable) { () throws(StoreError) in try await store.head() }
    },
  ]
}
