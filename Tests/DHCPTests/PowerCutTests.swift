import DHCPCore
import Foundation
import PowerCutKit
import Services
import Testing
import WireKit

@testable import DHCPServer
@testable import Stores

/// No address is given to two clients, at whatever point the power is cut.
///
/// The real store's system calls are recorded by strace. For each point between two calls, and for each write done by half, the disk
/// is made as it may be then: with all that was written, and with only what was synchronised. An engine that begins anew with what the
/// store has there must keep every address that a client was told it has.
struct PowerCutTests {
  @Test func everyCutKeepsWhatClientsWereTold() async throws {
    let folder = try Self.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let fixture = Bundle.main.bundleURL.deletingLastPathComponent().appendingPathComponent("NamesFixture").path
    let program = try #require(
      [fixture, ".build/debug/NamesFixture"].first { FileManager.default.isExecutableFile(atPath: $0) })
    let calls = try PowerCut.record([program, "leases", "--store", "\(folder)/l/leases", "--rounds", "60"], in: folder)
    var told: [String: (address: String, expires: Int64)] = [:]
    var disk = Disk()
    var cuts = 0
    for (number, call) in calls.enumerated() {
      if case .acknowledge(let text) = call {
        let words = text.split(separator: " ").map(String.init)
        told[words[0]] = (words[1], Int64(words[2]) ?? 0)
      }
      let matters = disk.matters(call)
      if matters, let half = disk.half(call) {
        try await Self.verify(half, onlySynchronised: false, told, "call \(number) by half")
        cuts += 1
      }
      disk.apply(call)
      guard matters else { continue }
      try await Self.verify(disk, onlySynchronised: false, told, "after call \(number)")
      try await Self.verify(disk, onlySynchronised: true, told, "after call \(number), synchronised only")
      cuts += 2
    }
    #expect(cuts > 240 && told.count == 16, "\(cuts) cuts, \(told.count) clients")
  }

  private static func folder() throws -> String {
    let path = NSTemporaryDirectory() + "leases-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
  }

  private static func verify(
    _ disk: Disk, onlySynchronised: Bool, _ told: [String: (address: String, expires: Int64)], _ place: String
  ) async throws {
    let folder = try Self.folder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try disk.write(to: folder, onlySynchronised: onlySynchronised)
    let store = try JournalLeaseStore(path: "\(folder)/l/leases")
    let records = try await store.all()
    store.close()
    var engine = Engine(Self.policy, leases: records.map { Lease($0) })
    let now: Int64 = 1_500_000
    let held = told.filter { $0.value.expires > now }
    for (client, lease) in held {
      let standing = engine.table.lease(at: try #require(IPAddress(lease.address)))
      #expect(
        standing?.client.bytes.last == UInt8(client), "\(place): \(lease.address) of client \(client) is forgotten")
    }
    // Strangers take whatever the engine has to give: nothing of what is held is among it.
    let taken = Set(held.values.map(\.address))
    var given: Set<String> = []
    for stranger in 0..<90 {
      var message = Message(.request)
      message.hardwareAddress = [6, 0, 0, 0, 0, UInt8(stranger)]
      message.options[.messageType] = [MessageType.discover.rawValue]
      message.options[.rapidCommit] = []
      let server = IPAddress(10, 0, 0, 1)
      let decision = engine.receive(
        message, Arrival(interfaceAddresses: [server], serverAddress: server), now: now)
      guard let address = decision.reply?.yourAddress.description else { continue }
      #expect(!taken.contains(address), "\(place): \(address) is given twice")
      #expect(given.insert(address).inserted, "\(place): \(address) is given twice")
    }
  }

  private static var policy: Policy {
    var policy = Policy()
    let pool = AddressRange(IPAddress(10, 0, 1, 0), IPAddress(10, 0, 1, 79))
    policy.subnets = [Policy.Subnet(Laboratory.network("10.0.0.0/16"), pools: pool.map { [Policy.Pool($0)] } ?? [])]
    return policy
  }
}
