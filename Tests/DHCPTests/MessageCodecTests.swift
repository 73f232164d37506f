import DHCPCore
import TestKit
import Testing
import WireKit

@Suite struct MessageCodecTests {
  static func decode(_ bytes: [UInt8]) throws(WireError) -> Message { try Message.decode(bytes.span.bytes) }

  static var full: Message {
    var message = Message(.request)
    message.hardwareAddress = [2, 0, 0, 0, 0, 1]
    message.transaction = 0xDEAD_BEEF
    message.seconds = 7
    message.flags = Message.broadcastFlag
    message.clientAddress = IPAddress(10, 0, 0, 1)
    message.yourAddress = IPAddress(10, 0, 0, 2)
    message.nextServer = IPAddress(10, 0, 0, 3)
    message.relayAddress = IPAddress(10, 0, 0, 4)
    message.hops = 1
    message.serverName = Array("server".utf8)
    message.bootFile = Array("pxelinux.0".utf8)
    message.options[.messageType] = [1]
    message.options[.hostName] = Array("host".utf8)
    message.options[.rapidCommit] = []
    message.options[224] = [1, 2, 3]
    return message
  }

  @Test func messagesComeBackAsTheyWere() throws {
    let bytes = Self.full.encoded()
    #expect(bytes.count >= 300)
    #expect(try Self.decode(bytes) == Self.full)
  }

  @Test func longOptionsTravelInParts() throws {
    var message = Self.full
    message.options[.vendorSpecific] = (0..<700).map { UInt8(truncatingIfNeeded: $0) }
    #expect(try Self.decode(message.encoded(limit: 1_472)) == message)
  }

  /// What does not fit the options field goes into `file` and `sname`, and comes back from there.
  @Test func optionsOverflowIntoTheOtherFields() throws {
    var message = Self.full
    message.bootFile = []
    message.serverName = []
    for code in 200...204 as ClosedRange<UInt8> { message.options[code] = [UInt8](repeating: code, count: 50) }
    message.options[205] = [UInt8](repeating: 5, count: 100)
    message.options[206] = [UInt8](repeating: 6, count: 60)
    let bytes = message.encoded(limit: 548)
    #expect(bytes.count <= 548)
    let back = try Self.decode(bytes)
    #expect(Set(back.options.items) == Set(message.options.items))
    #expect(bytes[240...].contains(OptionCode.overload.rawValue))
  }

  @Test func whatFitsNowhereIsLeftOutAndTheRestStands() throws {
    var message = Self.full
    message.options[200] = [UInt8](repeating: 1, count: 2_000)
    let back = try Self.decode(message.encoded(limit: 548))
    #expect(back.options[200] == nil)
    #expect(back.type == .discover)
  }

  @Test func anyCutIsRefusedOrReadAndNothingTraps() throws {
    let bytes = Self.full.encoded()
    for length in 0..<240 { #expect(throws: WireError.self) { _ = try Self.decode(Array(bytes[..<length])) } }
    for length in 240...bytes.count { _ = try? Self.decode(Array(bytes[..<length])) }
    var generator = SeededGenerator(seed: 42)
    for _ in 0..<20_000 {
      var hostile = bytes
      for _ in 0..<Int.random(in: 1...12, using: &generator) {
        let place = Int.random(in: 0..<hostile.count, using: &generator)
        hostile[place] = UInt8.random(in: 0...255, using: &generator)
      }
      if let message = try? Self.decode(hostile) {
        _ = message.summary
        _ = try? Self.decode(message.encoded())
        _ = message.options[.relayAgentInformation].flatMap { RelayInformation($0) }
        _ = message.options[.clientFQDN].flatMap { ClientFQDN($0) }
      }
    }
  }

  @Test(
    arguments: [
      [12, 200, 65], [12], [82, 5, 1, 9, 1], [52, 1, 1, 255], [52, 1, 3, 255], [43, 255],
    ] as [[UInt8]])
  func hostileOptionsAreRefusedOrHarmless(options: [UInt8]) {
    var bytes = Array(Self.full.encoded()[..<240]) + options
    // `file` and `sname` full of an option that does not end.
    for place in 44..<236 { bytes[place] = 12 }
    if let message = try? Self.decode(bytes) { _ = message.summary }
  }

  @Test func subOptionsAndNamesAreBounded() {
    #expect(RelayInformation([1, 9, 1]) == nil)
    #expect(RelayInformation([1, 2, 7, 8, 5, 4, 10, 0, 0, 0])?.linkSelection == IPAddress(10, 0, 0, 0))
    #expect(DomainNames.decode([0xC0, 0x00]) == nil)
    #expect(DomainNames.decode([3, 65, 66, 67, 0xC0, 0x00]) == nil)
    #expect(DomainNames.decode([1, 97, 0, 1, 98, 0xC0, 0]) == ["a", "b.a"])
    #expect(DomainNames.decode([5, 65]) == nil)
    #expect(ClasslessRoute.decode([33, 1, 2, 3, 4, 5]) == nil)
    #expect(ClasslessRoute.decode([24, 10, 1, 2, 10, 0, 0, 1])?.map(\.description) == ["10.1.2.0/24 via 10.0.0.1"])
  }
}

@Suite struct OptionTableTests {
  @Test func codesAndNamesAreUnique() {
    #expect(Set(OptionTable.all.map(\.code)).count == OptionTable.all.count)
    #expect(Set(OptionTable.all.map(\.name)).count == OptionTable.all.count)
  }

  struct Row: Sendable {
    var name: String
    var values: [String]
    var bytes: [UInt8]
    var words: String
  }

  @Test(arguments: [
    Row(
      name: "routers", values: ["10.0.0.1", "10.0.0.2"], bytes: [10, 0, 0, 1, 10, 0, 0, 2], words: "10.0.0.1, 10.0.0.2"),
    Row(name: "time-offset", values: ["-3600"], bytes: [0xFF, 0xFF, 0xF1, 0xF0], words: "-3600"),
    Row(name: "interface-mtu", values: ["1500"], bytes: [5, 220], words: "1500"),
    Row(name: "ip-forwarding", values: ["true"], bytes: [1], words: "true"),
    Row(name: "domain-name", values: ["lab.test"], bytes: Array("lab.test".utf8), words: "lab.test"),
    Row(
      name: "domain-search", values: ["a.b", "c"], bytes: [1, 97, 1, 98, 0, 1, 99, 0], words: "a.b, c"),
    Row(
      name: "classless-static-routes", values: ["10.0.0.0/8 via 10.1.1.1", "0.0.0.0/0 via 10.1.1.2"],
      bytes: [8, 10, 10, 1, 1, 1, 0, 10, 1, 1, 2], words: "10.0.0.0/8 via 10.1.1.1, 0.0.0.0/0 via 10.1.1.2"),
    Row(name: "vendor-encapsulated-options", values: ["06:01:08"], bytes: [6, 1, 8], words: "060108"),
    Row(name: "rapid-commit", values: [], bytes: [], words: ""),
  ])
  func valuesGoThereAndBack(row: Row) throws {
    let definition = try #require(OptionDefinition.named(row.name))
    #expect(try definition.encode(row.values) == row.bytes)
    #expect(definition.describe(row.bytes) == row.words)
  }

  @Test(arguments: [
    ("routers", ["10.0.0"]), ("routers", ["::1"]), ("routers", []), ("interface-mtu", ["70000"]),
    ("subnet-mask", ["255.0.0.0", "255.0.0.0"]), ("ip-forwarding", ["yes"]), ("domain-search", ["a..b"]),
    ("classless-static-routes", ["10.0.0.1/8 via 10.1.1.1"]), ("user-class", ["xyz"]), ("rapid-commit", ["1"]),
  ])
  func wrongValuesSaySo(name: String, values: [String]) throws {
    let definition = try #require(OptionDefinition.named(name))
    #expect(throws: OptionValueError.self) { _ = try definition.encode(values) }
  }

  @Test func noBytesTrapADescription() {
    var generator = SeededGenerator(seed: 7)
    for definition in OptionTable.all {
      for length in 0..<20 {
        _ = definition.describe((0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) })
      }
    }
  }
}
