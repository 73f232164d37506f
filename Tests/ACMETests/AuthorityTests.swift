import ACMECore
@testable import ACMEServer
import Synchronization
import Testing
import WireKit

@Suite struct AuthorityTests {
  final class MemoryStore: ACMEStore {
    private let all = Mutex<[String: [UInt8]]>([:])
    func load(_ kind: String, _ id: String) -> [UInt8]? { all.withLock { $0["\(kind)/\(id)"] } }
    func save(_ bytes: [UInt8], as kind: String, _ id: String) throws { all.withLock { $0["\(kind)/\(id)"] = bytes } }
    func remove(_ kind: String, _ id: String) { all.withLock { $0["\(kind)/\(id)"] = nil } }
    func all(_ kind: String) -> [String] {
      all.withLock { $0.keys.filter { $0.hasPrefix(kind + "/") }.map { String($0.dropFirst(kind.count + 1)) } }
    }
  }

  private static let configuration = ACMEServerConfiguration(networks: [], domains: ["lab.test"])

  @Test func noncesAreGoodOnceAndForAnHour() {
    let book = NonceBook()
    let nonce = book.make(now: 1000)
    #expect(book.use(nonce, now: 1001) && !book.use(nonce, now: 1002))
    #expect(!book.use(book.make(now: 1000), now: 5000))
    #expect(!book.use(NonceBook().make(now: 1000), now: 1000))
    #expect(!book.use("", now: 0) && !book.use(String(repeating: "A", count: 48), now: 0))
    // Neither when the generations turn.
    let late = book.make(now: 4600)
    #expect(book.use(late, now: 4600) && !book.use(late, now: 8199))
  }

  @Test func onlyNamesOfTheDomains() {
    for name in ["lab.test", "a.lab.test", "a-1.b.lab.test"] { #expect(Self.configuration.permits(name), "\(name)") }
    for name in [
      "", "test", "evillab.test", "lab.test.evil.test", "*.lab.test", "a..lab.test", ".lab.test", "A.lab.test",
      "a/b.lab.test",
    ] {
      #expect(!Self.configuration.permits(name), "\(name)")
    }
  }

  @Test func anOrderGoesItsWay() throws {
    let book = OrderBook(MemoryStore(), Self.configuration)
    let key = AccountKey().publicKey
    let account = try book.makeAccount(key, contacts: [], now: 0)
    #expect(try book.makeAccount(key, contacts: [], now: 1) == account && book.account(of: key) == account)
    let order = try book.makeOrder(account, names: ["a.lab.test", "b.lab.test"], now: 0)
    #expect(order.status(at: 0) == "pending" && order.status(at: order.expires) == "invalid")
    let ready = try book.change(order.id) { order in
      for index in order.authorizations.indices { order.authorizations[index].status = "valid" }
    }
    #expect(ready.status(at: 1) == "ready" && book.order(order.id) == ready)
    #expect(Set(order.authorizations.map(\.token)).count == 2)
    #expect(book.order("../\(order.id)") == nil && book.account("") == nil)
    #expect(throws: ACMEProblem.self) {
      for _ in 0...Self.configuration.maximumPendingOrders {
        _ = try book.makeOrder(account, names: ["a.lab.test"], now: 0)
      }
    }
    // A week later there is room again.
    _ = try book.makeOrder(account, names: ["a.lab.test"], now: 8 * 86_400)
    #expect(book.order(order.id) == nil)
  }
}
