import GRDB
import Services
import TestKit
import Testing

@testable import Stores

/// The store battery, over SQLite and over memory.
struct BatteryTests {
  @Test(arguments: AccountStoreBattery.checks)
  func accountsInSQLite(_ check: StoreCheck<any AccountStore>) async throws {
    let directory = try TemporaryDirectory()
    let store = try SQLiteStore(path: "\(directory.path)/portside.db")
    try await check.run(SQLiteAccountStore(store)) { try await breakStore(store, $0) }
    if (try? await store.integrityCheck()) != nil { #expect(try await store.integrityCheck() == []) }
  }

  @Test(arguments: AccountStoreBattery.checks)
  func accountsInMemory(_ check: StoreCheck<any AccountStore>) async throws {
    let store = MemoryAccountStore()
    try await check.run(store) { await store.setFault(StoreError($0, "injected")) }
  }

  @Test(arguments: AuditStoreBattery.checks)
  func auditInSQLite(_ check: StoreCheck<any AuditStore>) async throws {
    let directory = try TemporaryDirectory()
    let store = try SQLiteStore(path: "\(directory.path)/portside.db")
    try await check.run(SQLiteAuditStore(store)) { try await breakStore(store, $0) }
  }

  @Test(arguments: AuditStoreBattery.checks)
  func auditInMemory(_ check: StoreCheck<any AuditStore>) async throws {
    let store = MemoryAuditStore()
    try await check.run(store) { await store.setFault(StoreError($0, "injected")) }
  }

  @Test(
    arguments: LeaseStoreBattery.checks)
  func leasesInSQLite(_ check: StoreCheck<any LeaseStore>) async throws {
    let directory = try TemporaryDirectory()
    let store = try SQLiteStore(path: "\(directory.path)/portside.db")
    try await check.run(SQLiteLeaseStore(store)) { try await breakStore(store, $0) }
    if (try? await store.integrityCheck()) != nil { #expect(try await store.integrityCheck() == []) }
  }

  @Test(arguments: LeaseStoreBattery.checks)
  func leasesInAJournal(_ check: StoreCheck<any LeaseStore>) async throws {
    let directory = try TemporaryDirectory()
    let path = "\(directory.path)/leases.journal"
    let store = try JournalLeaseStore(path: path)
    try await check.run(store) { _ in store.close() }
    let before = try? await store.all()
    store.close()
    // What was there is there again.
    if let before { #expect(try await JournalLeaseStore(path: path).all() == before) }
  }

  @Test(arguments: LeaseStoreBattery.checks)
  func leasesInMemory(_ check: StoreCheck<any LeaseStore>) async throws {
    let store = MemoryLeaseStore()
    try await check.run(store) { await store.setFault(StoreError($0, "injected")) }
  }

  @Test(arguments: QueueStoreBattery.checks)
  func queueInSQLite(_ check: StoreCheck<any QueueStore>) async throws {
    let directory = try TemporaryDirectory()
    let store = try SQLiteQueueStore(path: "\(directory.path)/queue.db")
    try await check.run(store) { _ in try store.close() }
  }

  /// A page limit is what SQLite itself reports as a full disk.
  private func breakStore(_ store: SQLiteStore, _ code: StoreError.Code) async throws {
    if code == .full {
      try await store.pool.writeWithoutTransaction { database in
        let pages = try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0
        try database.execute(sql: "PRAGMA max_page_count = \(pages)")
      }
    } else {
      try store.close()
    }
  }
}
