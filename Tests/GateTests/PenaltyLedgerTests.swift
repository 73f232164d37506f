import Services
import Testing
import WireKit

@testable import Gate

struct PenaltyLedgerTests {
  private let source = IPAddress(192, 0, 2, 1)

  private func at(_ seconds: Int) -> MonotonicTime { MonotonicTime(nanoseconds: UInt64(seconds) * 1_000_000_000) }

  private func ledger(_ change: (inout PenaltySettings) -> Void = { _ in }) -> PenaltyLedger {
    var settings = PenaltySettings()
    change(&settings)
    return PenaltyLedger(settings)
  }

  @Test func penaltiesAddUpAndAreEnforcedFromTheMinimum() {
    var ledger = ledger()
    #expect(ledger.report(.authfail, by: source, service: .ssh, now: at(100)) == [])
    #expect(ledger.report(.invaliduser, by: source, service: .imap, now: at(100)) == [])
    #expect(ledger.penalty(for: source, now: at(100)) == nil)
    let changes = ledger.report(.authfail, by: source, service: .ftp, now: at(100))
    #expect(changes == [.enforced(IPNetwork(source), until: at(115))])
    #expect(ledger.penalty(for: source, now: at(100)) == .seconds(15))
    #expect(ledger.penalty(for: source, now: at(114)) == .seconds(1))
    #expect(ledger.penalty(for: source, now: at(115)) == nil)
  }

  @Test func timeForgives() {
    var ledger = ledger()
    for second in [0, 6, 12, 18, 24] {
      #expect(ledger.report(.authfail, by: source, service: .ssh, now: at(100 + second)) == [], "\(second)")
    }
    // Slower than it is forgiven, a source is never turned away; faster, it is.
    for second in [30, 31, 32] { _ = ledger.report(.authfail, by: source, service: .ssh, now: at(100 + second)) }
    #expect(ledger.penalty(for: source, now: at(132)) == nil)
    _ = ledger.report(.authfail, by: source, service: .ssh, now: at(133))
    #expect(ledger.penalty(for: source, now: at(133)) == .seconds(17))
  }

  @Test func onceEnforcedItLastsToItsEnd() {
    var ledger = ledger()
    _ = ledger.report(.crash, by: source, service: .ssh, now: at(0))
    // 1 second is left, far below the minimum: still turned away.
    #expect(ledger.penalty(for: source, now: at(89)) == .seconds(1))
    _ = ledger.report(.noauth, by: source, service: .ssh, now: at(89))
    #expect(ledger.penalty(for: source, now: at(89)) == .seconds(2))
    // Forgiven, it begins from nothing.
    #expect(ledger.report(.noauth, by: source, service: .ssh, now: at(91)) == [])
    #expect(ledger.penalty(for: source, now: at(91)) == nil)
  }

  @Test func thereIsAMaximum() {
    var ledger = ledger()
    for _ in 0..<20 { _ = ledger.report(.crash, by: source, service: .rdp, now: at(50)) }
    #expect(ledger.penalty(for: source, now: at(50)) == .seconds(600))
  }

  @Test(arguments: [
    (Misbehaviour.authfail, 5), (.invaliduser, 5), (.noauth, 1), (.graceExceeded, 10), (.crash, 90),
  ])
  func everyClassHasItsCost(_ misbehaviour: Misbehaviour, _ seconds: Int) {
    var ledger = ledger { $0.minimum = .seconds(1) }
    _ = ledger.report(misbehaviour, by: source, service: .ssh, now: at(0))
    #expect(ledger.penalty(for: source, now: at(0)) == .seconds(seconds))
    #expect(ledger.list(now: at(0)).map(\.reason) == [misbehaviour])
  }

  @Test func aClassWithoutCostIsNotCounted() {
    var ledger = ledger { $0.costs[.noauth] = .zero }
    _ = ledger.report(.noauth, by: source, service: .ssh, now: at(0))
    #expect(ledger.count == 0)
  }

  @Test func aSourceIsAnAddressOrAPrefix() throws {
    var ledger = ledger { $0.minimum = .seconds(1) }
    let first = try #require(IPAddress("2001:db8:0:1::1"))
    let neighbour = try #require(IPAddress("2001:db8:0:1:ffff::2"))
    let other = try #require(IPAddress("2001:db8:0:2::1"))
    _ = ledger.report(.crash, by: first, service: .ssh, now: at(0))
    #expect(ledger.penalty(for: neighbour, now: at(0)) == .seconds(90))
    #expect(ledger.penalty(for: other, now: at(0)) == nil)
    let mapped = try #require(IPAddress("::ffff:192.0.2.1"))
    _ = ledger.report(.crash, by: mapped, service: .ssh, now: at(0))
    #expect(ledger.penalty(for: source, now: at(0)) == .seconds(90))
    #expect(ledger.penalty(for: IPAddress(192, 0, 2, 2), now: at(0)) == nil)
  }

  @Test func exemptNetworksAreNeverPenalised() throws {
    let network = try #require(IPNetwork("192.0.2.0/24"))
    var ledger = ledger { $0.exempt = [network] }
    for _ in 0..<100 { #expect(ledger.report(.crash, by: source, service: .ssh, now: at(0)) == []) }
    let mapped = try #require(IPAddress("::ffff:192.0.2.9"))
    _ = ledger.report(.crash, by: mapped, service: .ssh, now: at(0))
    #expect(ledger.count == 0)
    #expect(ledger.penalty(for: source, now: at(0)) == nil)
    _ = ledger.report(.crash, by: IPAddress(192, 0, 3, 1), service: .ssh, now: at(0))
    #expect(ledger.count == 1)
  }

  @Test func aFullTableForgetsWhatEndsFirst() {
    var ledger = ledger { $0.maximumSources = 3 }
    let reports: [(UInt8, Misbehaviour)] = [(1, .crash), (2, .authfail), (3, .authfail), (4, .graceExceeded)]
    for (octet, misbehaviour) in reports {
      _ = ledger.report(misbehaviour, by: IPAddress(10, 0, 0, octet), service: .ssh, now: at(0))
    }
    // Two ended first, at the same moment: the lower address went.
    #expect(ledger.list(now: at(0)).map(\.source.address) == [1, 3, 4].map { IPAddress(10, 0, 0, $0) })
    // An enforced one that is forgotten is told to those who enforce.
    for octet in [5, 6] as [UInt8] {
      _ = ledger.report(.crash, by: IPAddress(10, 0, 0, octet), service: .ssh, now: at(0))
    }
    let changes = ledger.report(.crash, by: IPAddress(10, 0, 0, 7), service: .ssh, now: at(0))
    #expect(changes.first == .lifted(IPNetwork(IPAddress(10, 0, 0, 1))))
    #expect(ledger.count == 3)
  }

  @Test func aFloodStaysBounded() {
    var ledger = ledger { $0.maximumSources = 256 }
    for number in 0..<10_000 {
      _ = ledger.report(.crash, by: IPAddress(v4: UInt32(number)), service: .dns, now: at(number / 100))
    }
    #expect(ledger.count <= 256)
  }

  @Test func clearingForgives() throws {
    var ledger = ledger()
    let addresses = ["10.0.0.1", "10.0.1.1", "192.0.2.1", "2001:db8::1"].compactMap { IPAddress($0) }
    for address in addresses { _ = ledger.report(.crash, by: address, service: .ssh, now: at(0)) }
    #expect(ledger.clear(IPNetwork("10.0.0.0/24")) == [.lifted(IPNetwork(addresses[0]))])
    // An address clears the prefix that it was penalised with.
    #expect(ledger.clear(IPNetwork("2001:db8::77")) == [.lifted(try #require(IPNetwork("2001:db8::/64")))])
    #expect(ledger.penalty(for: addresses[3], now: at(0)) == nil)
    #expect(ledger.clear(nil).count == 2)
    #expect(ledger.list(now: at(0)) == [])
  }

  @Test func theClocksEndsDoNotTrap() {
    var ledger = ledger { $0.maximum = .seconds(Int64.max) }
    let end = MonotonicTime(nanoseconds: .max)
    _ = ledger.report(.crash, by: source, service: .ssh, now: end)
    #expect(ledger.penalty(for: source, now: end) == nil)
    _ = ledger.report(.crash, by: source, service: .ssh, now: MonotonicTime(nanoseconds: 0))
    #expect(ledger.penalty(for: source, now: MonotonicTime(nanoseconds: 0)) != nil)
  }
}
