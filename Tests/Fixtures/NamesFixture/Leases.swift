import Services
import Stores
import WireKit

/// NamesFixture leases --store FILE --rounds N
///
/// Claims addresses of 10.0.0.0/16 in groups and says of each lease that is durable `ACK CLIENT ADDRESS EXPIRES`, or 0 when it is
/// given back. Clients renew, leave and come again, and the file is written anew on the way.
func claimLeases(_ arguments: Arguments) async {
  do {
    let store = try JournalLeaseStore(
      path: arguments.first("store") ?? "leases.journal", growth: 4_096, rewrittenAbove: 6_000)
    guard let subnet = IPNetwork("10.0.0.0/16") else { arguments.fail("no subnet") }
    var moves = [Int](repeating: 0, count: 16)
    for round in 0..<(arguments.first("rounds").flatMap { Int($0) } ?? 10) {
      let now = WallTime(seconds: 1_000_000 + Int64(round))
      let records = (0..<4).map { index in
        // Sixteen clients; each comes again every fourth round, sometimes to give its address back: its next one is another.
        let client = (round * 4 + index) % 16
        let address = IPAddress(v4: 0x0A00_0100 + UInt32((client + moves[client] * 16) % 80))
        var record = LeaseRecord(
          subnet: subnet, address: address, client: [0, 1, 2, 0, 0, 0, 0, UInt8(client)], state: .bound, starts: now,
          expires: WallTime(seconds: 2_000_000 + Int64(round)), hardwareAddress: [2, 0, 0, 0, 0, UInt8(client)],
          hostName: String(repeating: "x", count: 20 + client))
        if (round + index) % 7 == 6 {
          (record.state, record.expires) = (.released, now)
          moves[client] += 1
          // It counts on the address no longer when it says so.
          put("ACK \(client) \(address) 0")
        }
        return record
      }
      let results = try await store.claim(records.map { LeaseClaim($0) }, now: now)
      for (record, standing) in zip(records, results) where standing == nil && record.state == .bound {
        put("ACK \(record.client[7]) \(record.address) \(record.expires.seconds)")
      }
    }
    store.close()
  } catch { arguments.fail("\(error)") }
}
