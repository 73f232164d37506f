import Testing
import WireKit

@testable import Transport

@Suite struct ProxyHeaderTests {
  private static let v2: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
  private static let v4Addresses: [UInt8] = [192, 0, 2, 7, 198, 51, 100, 9, 0x11, 0x22, 0, 25]

  private func parse(_ bytes: [UInt8]) -> ProxyHeader.Outcome { ProxyHeader.parse(bytes.span.bytes) }

  private func header(_ source: String, _ destination: String, _ length: Int) throws -> ProxyHeader.Outcome {
    .complete(
      ProxyHeader(
        endpoints: .init(
          source: try #require(Endpoint(source)), destination: try #require(Endpoint(destination))), length: length))
  }

  @Test func binary() throws {
    let tlv: [UInt8] = [0x04, 0, 2, 1, 2]
    let v4 = Self.v2 + [0x21, 0x11, 0, 12] + Self.v4Addresses
    #expect(parse(v4 + [1, 2, 3]) == (try header("192.0.2.7:4386", "198.51.100.9:25", 28)))
    #expect(
      parse(Self.v2 + [0x21, 0x11, 0, 17] + Self.v4Addresses + tlv)
        == (try header("192.0.2.7:4386", "198.51.100.9:25", 33)))
    let v6 = [UInt8](repeating: 0, count: 15) + [1] + [UInt8](repeating: 0, count: 15) + [2, 0, 7, 0, 25]
    #expect(parse(Self.v2 + [0x21, 0x21, 0, 36] + v6) == (try header("[::1]:7", "[::2]:25", 52)))
    #expect(parse(Self.v2 + [0x20, 0, 0, 0]) == .complete(ProxyHeader(endpoints: nil, length: 16)))
    for length in 0..<v4.count { #expect(parse(Array(v4.prefix(length))) == .incomplete, "\(length)") }
  }

  @Test(arguments: [
    v2 + [0x11, 0x11, 0, 12] + v4Addresses, v2 + [0x22, 0x11, 0, 12] + v4Addresses,
    v2 + [0x21, 0x11, 0, 4, 1, 2, 3, 4],
    v2 + [0x21, 0x99, 0, 0], v2 + [0x21, 0x11, 0xFF, 0xFF], Array("EHLO x\r\n".utf8), [0x0D, 0x0A, 0x0D, 0x0B],
    Array("PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n".utf8), Array("PROXY TCP4 ::1 ::2 1 2\r\n".utf8),
    Array("PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n".utf8), Array("PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n".utf8),
    Array("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n".utf8), Array("PROXY \(String(repeating: "x", count: 200))\r\n".utf8),
    Array("PROXI".utf8),
  ]) func malformed(bytes: [UInt8]) { #expect(parse(bytes) == .malformed) }

  @Test func text() throws {
    let line = Array("PROXY TCP4 192.0.2.7 198.51.100.9 4386 25\r\n".utf8)
    #expect(parse(line + [1]) == (try header("192.0.2.7:4386", "198.51.100.9:25", line.count)))
    #expect(parse(Array("PROXY TCP6 ::1 ::2 7 25\r\n".utf8)) == (try header("[::1]:7", "[::2]:25", 25)))
    #expect(parse(Array("PROXY UNKNOWN what ever\r\n".utf8)) == .complete(ProxyHeader(endpoints: nil, length: 25)))
    for length in 1..<line.count { #expect(parse(Array(line.prefix(length))) == .incomplete, "\(length)") }
  }
}

@Suite struct ConnectionCounterTests {
  private let address = IPAddress(192, 0, 2, 1)
  private func second(_ number: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: number * 1_000_000_000) }

  @Test func countsBySourceAndInAll() {
    let counter = ConnectionCounter(SourceLimits(maximumConnections: 3, maximumConnectionsPerSource: 2))
    let source = IPNetwork(address)
    #expect(counter.admit(address, now: second(1)) == .admitted(source: source))
    #expect(counter.admit(address, now: second(1)) == .admitted(source: source))
    #expect(counter.admit(address, now: second(1)) == .tooManyFromSource)
    #expect(counter.admit(IPAddress(192, 0, 2, 2), now: second(1)) != .tooMany)
    #expect(counter.admit(IPAddress(192, 0, 2, 3), now: second(1)) == .tooMany)
    counter.release(source)
    #expect(counter.admit(address, now: second(1)) == .admitted(source: source))
    #expect(counter.total == 3)
  }

  @Test func oneHouseholdIsOneSource() throws {
    let counter = ConnectionCounter(SourceLimits(maximumConnectionsPerSource: 1))
    #expect(counter.admit(try #require(IPAddress("2001:db8::1")), now: second(1)) != .tooManyFromSource)
    #expect(counter.admit(try #require(IPAddress("2001:db8::2")), now: second(1)) == .tooManyFromSource)
    #expect(counter.admit(try #require(IPAddress("2001:db8:0:1::1")), now: second(1)) != .tooManyFromSource)
    #expect(counter.admit(address, now: second(1)) != .tooManyFromSource)
    #expect(counter.admit(try #require(IPAddress("::ffff:192.0.2.1")), now: second(1)) == .tooManyFromSource)
  }

  @Test func countsPerSecond() {
    let counter = ConnectionCounter(SourceLimits(connectionsPerSecond: 2))
    let source = IPNetwork(address)
    for _ in 0..<2 {
      #expect(counter.admit(address, now: second(1)) == .admitted(source: source))
      counter.release(source)
    }
    #expect(counter.admit(address, now: second(1)) == .tooFast)
    #expect(counter.admit(address, now: second(2)) == .admitted(source: source))
  }

  @Test func exemptNetworksAreHeldBackByTheTotalAlone() {
    let exempt = [IPNetwork(address)]
    let counter = ConnectionCounter(
      SourceLimits(
        maximumConnections: 5, maximumConnectionsPerSource: 1, connectionsPerSecond: 1, exempt: exempt))
    for _ in 0..<5 { #expect(counter.admit(address, now: second(1)) == .admitted(source: nil)) }
    #expect(counter.admit(address, now: second(1)) == .tooMany)
  }
}
