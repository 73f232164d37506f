import DNSCore
import Testing
import WireKit

@Suite struct UpdateTests {
  private static let zone = Result {
    try TransferTests.zone(
      TransferTests.text(serial: 1, ["www A 192.0.2.7", "alias CNAME www", "@ MX 10 www", "@ TXT \"by hand\""]))
  }

  private func record(_ name: String, _ type: RecordType, _ text: String, ttl: UInt32 = 60) throws -> ResourceRecord {
    ResourceRecord(try Name(name, origin: try Name("lab.test.")), ttl: ttl, try RData(text, type: type, origin: .root))
  }

  private func empty(_ name: String, _ type: RecordType, _ recordClass: RecordClass) throws -> ResourceRecord {
    ResourceRecord(
      try Name(name, origin: try Name("lab.test.")), recordClass, ttl: 0,
      try noData(type))
  }

  private func update(
    _ changes: [ResourceRecord], when prerequisites: [ResourceRecord] = [], own: [ResourceRecord] = []
  ) throws -> [ResourceRecord] {
    let message = Message(
      header: Header(id: 1, opcode: .update), questions: [Question(try Name("lab.test."), .soa)],
      answers: prerequisites, authorities: changes)
    let decoded = try Message.decode(try message.encoded())
    let served = try Self.zone.get()
    var builder = ZoneBuilder(apex: served.apex)
    served.forEachRecord { builder.add($0) }
    for record in own { builder.add(record) }
    let zone = try #require(builder.build().zone)
    return try ZoneUpdate(decoded).apply(to: zone, own: own)
  }

  private func code(_ body: () throws -> [ResourceRecord]) -> ResponseCode? {
    do {
      _ = try body()
      return nil
    } catch { return (error as? ZoneUpdate.Refusal)?.code }
  }

  @Test func recordsComeAndGo() throws {
    let one = try record("new", .a, "192.0.2.1")
    let two = try record("new", .a, "192.0.2.2")
    #expect(try update([one, two]) == [one, two])
    // Again with another TTL: the whole set has it.
    let longer = try record("NEW", .a, "192.0.2.1", ttl: 90)
    #expect(try update([longer], own: [one, two]).map(\.ttl) == [90, 90])
    var gone = one
    gone.recordClass = .none
    gone.ttl = 0
    #expect(try update([gone], own: [one, two]) == [two])
    #expect(try update([empty("new", .a, .any)], own: [one, two]) == [])
    #expect(try update([empty("new", .any, .any)], own: [one, two]) == [])
    #expect(try update([empty("new", .txt, .any)], own: [one, two]) == [one, two])
    // In order: away, then there.
    #expect(try update([empty("new", .any, .any), two], own: [one]) == [two])
  }

  @Test func whatOthersWroteStays() throws {
    #expect(try code { try update([empty("www", .a, .any)]) } == .refused)
    #expect(try code { try update([empty("www", .any, .any)]) } == .refused)
    var gone = try record("www", .a, "192.0.2.7")
    gone.recordClass = .none
    gone.ttl = 0
    #expect(try code { try update([gone]) } == .refused)
    #expect(try code { try update([try record("@", .soa, "a. b. 9 1 1 1 1")]) } == .refused)
    // SOA and NS of the apex are passed over (RFC 2136 §3.4.2.3).
    #expect(try update([empty("@", .ns, .any), empty("@", .soa, .any)]) == [])
    // Beside it, one's own is welcome, and may go again; the same record is nobody's news.
    let beside = try record("www", .a, "192.0.2.8")
    #expect(try update([beside]) == [beside])
    #expect(try update([try record("www", .a, "192.0.2.7")]) == [])
    #expect(try code { try update([empty("www", .a, .any)], own: [beside]) } == .refused)
    // Aliases stand alone (§3.4.2.2).
    #expect(try update([try record("www", .cname, "x.")]) == [])
    #expect(try update([try record("alias", .a, "192.0.2.8")]) == [])
    #expect(try code { try update([try record("alias", .cname, "x.")]) } == .refused)
    let mine = try record("mine", .cname, "x.")
    let other = try record("mine", .cname, "y.")
    #expect(try update([other], own: [mine]) == [other])
  }

  @Test func prerequisites() throws {
    let change = [try record("new", .a, "192.0.2.1")]
    #expect(try code { try update(change, when: [empty("www", .any, .none)]) } == .yxDomain)
    #expect(try code { try update(change, when: [empty("no", .any, .any)]) } == .nxDomain)
    #expect(try code { try update(change, when: [empty("www", .a, .none)]) } == .yxRRSet)
    #expect(try code { try update(change, when: [empty("www", .txt, .any)]) } == .nxRRSet)
    #expect(try update(change, when: [empty("www", .a, .any), empty("no", .any, .none)]) == change)
    let same = try record("www", .a, "192.0.2.7", ttl: 0)
    #expect(try update(change, when: [same]) == change)
    #expect(try code { try update(change, when: [same, try record("www", .a, "192.0.2.9", ttl: 0)]) } == .nxRRSet)
    #expect(try code { try update(change, when: [try record("www", .a, "192.0.2.7")]) } == .formErr)
    let foreign = ResourceRecord(try Name("a.other."), .any, ttl: 0, try empty("x", .a, .any).data)
    #expect(try code { try update(change, when: [foreign]) } == .notZone)
    #expect(try code { try update([foreign]) } == .notZone)
  }
}

/// Data without octets: as updates have it. The way of a message is the only one that makes such records.
private func noData(_ type: RecordType) throws -> RData {
  let record: [UInt8] = [0, UInt8(type.rawValue >> 8), UInt8(type.rawValue & 255), 0, 255, 0, 0, 0, 0, 0, 0]
  return try Message.decode([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0] + record).answers[0].data
}
