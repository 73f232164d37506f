import Services
import Testing
import WireKit

@testable import Stores

struct LeasePageTests {
  private func record(_ address: IPAddress, _ client: UInt8, expires: Int64 = 2_000) throws -> LeaseRecord {
    let subnet = try #require(IPNetwork(containing: address, prefixLength: address.family == .v4 ? 24 : 64))
    return LeaseRecord(
      subnet: subnet, address: address, client: [client], state: .bound, starts: WallTime(seconds: 0),
      expires: WallTime(seconds: expires))
  }

  @Test func pagesFollowTheAddressesByNumberAndEnd() throws {
    var leases = LeaseSet()
    for host: UInt8 in [100, 2, 10, 1, 20, 200, 33] { leases.enter(try record(IPAddress(192, 0, 2, host), host)) }
    leases.enter(try record(IPAddress(192, 0, 1, 9), 1, expires: 10))
    leases.enter(try record(IPAddress(v6: 5), 1))
    for limit in 1...10 {
      var seen: [LeaseRecord] = []
      var position: LeasePosition?
      while let last = {
        seen += leases.page(after: position, limit: limit, heldAt: nil); return seen.last
      }(),
        position != LeasePosition(last.address, last.subnet)
      {
        position = LeasePosition(last.address, last.subnet)
      }
      #expect(seen.map(\.address) == leases.unordered.map(\.address).sorted(), "\(limit)")
    }
    let held = leases.page(after: nil, limit: 100, heldAt: WallTime(seconds: 100))
    #expect(held.count == 8 && !held.contains { $0.address == IPAddress(192, 0, 1, 9) })
    #expect(leases.page(after: nil, limit: 0, heldAt: nil).isEmpty)
  }
}
