import TestKit
import Testing
import WireKit

@Suite struct IPAddressTests {
  /// RFC 5952 §4 and RFC 4291 §2.2, text in and canonical text out.
  @Test(arguments: [
    ("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
    ("::", "::"), ("::1", "::1"), ("2001:db8::1", "2001:db8::1"), ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
    ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
    ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
    ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("1::", "1::"), ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
    ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("fe80::abcd:0:0:1", "fe80::abcd:0:0:1"),
  ]) func readsAndPrints(text: String, canonical: String) {
    #expect(IPAddress(text)?.description == canonical)
  }

  @Test(arguments: [
    "", "1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256", "1.2.3.+4", " 1.2.3.4", "1..2.3", "0x1.2.3.4", ":", ":::",
    "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1::", "12345::", "fe80::1%eth0", "::g", "1:2:3:4:5:6:7:8::", "::1.2.3",
    "::ffff:1.2.3.04", "1:", ":1",
  ]) func refuses(text: String) {
    #expect(IPAddress(text) == nil)
  }

  @Test func roundTripsEveryShape() {
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<2_000 {
      var octets = (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }
      for index in 0..<8 where generator.chance(0.5) { (octets[2 * index], octets[2 * index + 1]) = (0, 0) }
      let address = IPAddress(octets: octets)
      #expect(address.flatMap { IPAddress($0.description) } == address)
      #expect(address?.octets == octets)
    }
  }

  @Test func knowsItsKinds() throws {
    #expect(try #require(IPAddress("127.9.9.9")).isLoopback)
    #expect(try #require(IPAddress("::ffff:127.0.0.1")).isLoopback)
    #expect(!(try #require(IPAddress("128.0.0.1")).isLoopback))
    #expect(try #require(IPAddress("fe80::1")).isLinkLocal)
    #expect(try #require(IPAddress("ff02::1")).isMulticast)
    #expect(try #require(IPAddress("::ffff:10.0.0.1")).unmapped == IPAddress(10, 0, 0, 1))
  }
}

@Suite struct IPNetworkTests {
  @Test func contains() throws {
    let office = try #require(IPNetwork("192.168.10.0/24"))
    #expect(office.contains(IPAddress(192, 168, 10, 255)))
    #expect(!office.contains(IPAddress(192, 168, 11, 0)))
    #expect(office.contains(try #require(IPAddress("::ffff:192.168.10.7"))))
    #expect(office.lastAddress == IPAddress(192, 168, 10, 255))
    #expect(try #require(IPNetwork("0.0.0.0/0")).contains(IPAddress(8, 8, 8, 8)))
    #expect(!(try #require(IPNetwork("0.0.0.0/0")).contains(try #require(IPAddress("2001:db8::1")))))
    #expect(try #require(IPNetwork("::/0")).contains(try #require(IPAddress("2001:db8::1"))))
    #expect(try #require(IPNetwork("10.0.0.0/8")).contains(try #require(IPNetwork("10.1.0.0/16"))))
    #expect(try #require(IPNetwork("2001:db8::/64")).lastAddress.description == "2001:db8::ffff:ffff:ffff:ffff")
  }

  @Test(arguments: ["192.168.10.1/24", "1.2.3.4/33", "::/129", "1.2.3.4/", "/8", "1.2.3.4/+8", "1.2.3.4/8/8"])
  func refuses(text: String) { #expect(IPNetwork(text) == nil) }
}

@Suite struct EndpointTests {
  @Test(arguments: ["127.0.0.1:53", "[::1]:853", "[2001:db8::1]:0"])
  func roundTrips(text: String) { #expect(Endpoint(text)?.description == text) }

  @Test(arguments: ["127.0.0.1", "::1:53", "[127.0.0.1]:53", "127.0.0.1:65536", "127.0.0.1:", "127.0.0.1:-1"])
  func refuses(text: String) { #expect(Endpoint(text) == nil) }
}

@Suite struct MonotonicTimeTests {
  @Test func neverOverflows() {
    let late = MonotonicTime(nanoseconds: .max - 5)
    #expect(late + .seconds(1) == MonotonicTime(nanoseconds: .max))
    #expect(MonotonicTime(nanoseconds: 5) + .seconds(-1) == MonotonicTime(nanoseconds: 0))
    #expect(late - MonotonicTime(nanoseconds: 0) == .nanoseconds(Int64.max))
    #expect(MonotonicTime(nanoseconds: 1) - MonotonicTime(nanoseconds: 3) == .nanoseconds(-2))
    #expect(Duration.seconds(Int64.max).wholeNanoseconds == .max)
  }
}

@Suite struct SessionActionsTests {
  @Test func writesGatherUntilSomethingStandsBetween() {
    var actions = SessionActions<Never, Never, Never>()
    actions.write("ab")
    actions.write([0x63] as [UInt8])
    actions.startTLS()
    actions.write("d")
    var shape: [String] = []
    for action in actions.actions {
      switch action {
      case .write(let range): shape.append(String(decoding: actions.output[range], as: UTF8.self))
      case .startTLS: shape.append("TLS")
      default: shape.append("?")
      }
    }
    #expect(shape == ["abc", "TLS", "d"])
    actions.removeAll()
    #expect(actions.isEmpty && actions.output.isEmpty)
  }
}
