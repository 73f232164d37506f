import DNSCore
import DNSServer
import Services
import TestKit
import Testing
import Transport

/// The same numbers in each run (SplitMix64).
private struct Chance: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}

/// Versions of a zone that are patched, beside the same ones made anew.
@Suite struct ZonePatchTests {
  private static let apex = "lab.test."

  private func zone(_ records: [ResourceRecord]) throws -> Zone {
    var builder = ZoneBuilder(apex: try Name(Self.apex))
    for record in records { builder.add(record) }
    return try #require(builder.build().zone)
  }

  private func soa(_ serial: UInt32) throws -> ResourceRecord {
    ResourceRecord(try Name(Self.apex), ttl: 300, try RData("ns1.lab.test. h.lab.test. \(serial) 1 2 3 60", type: .soa))
  }

  private func all(_ zone: Zone) -> Set<ResourceRecord> {
    var records: Set<ResourceRecord> = []
    zone.forEachRecord { records.insert($0) }
    return records
  }

  /// Thousands of changes at chance, one on top of the other: what is there, what is found by name, counts, digest, and the
  /// step that secondaries get.
  @Test func patchedVersionsAreThoseMadeAnew() throws {
    var chance = Chance(state: 20_261_125)
    let apex = try Name(Self.apex)
    // Half of them below the others: a name without records stays while others are below it.
    let names = try (0..<60).map { try Name($0 < 30 ? "host\($0).\(Self.apex)" : "a.host\($0 - 30).\(Self.apex)") }
    var content: [Name: [ResourceRecord]] = [
      apex: [ResourceRecord(apex, ttl: 300, try RData("ns1.lab.test.", type: .ns))],
      try Name("sub.lab.test."): [
        ResourceRecord(try Name("sub.lab.test."), ttl: 5, try RData("ns1.lab.test.", type: .ns))
      ],
    ]
    var zone = try zone([try soa(1)] + content.values.flatMap { $0 })
    var patched = 0
    for serial in UInt32(2)..<1_500 {
      var changes: [Name: [ResourceRecord]] = [:]
      for _ in 0..<Int.random(in: 1...3, using: &chance) {
        let name = names.randomElement(using: &chance) ?? apex
        changes[name] = try (0..<Int.random(in: 0...3, using: &chance)).map { number in
          let isMail = Bool.random(using: &chance)
          let data =
            try isMail
            ? RData("\(number) host\(Int.random(in: 0..<60, using: &chance)).lab.test.", type: .mx)
            : RData("192.0.2.\(Int.random(in: 0...255, using: &chance))", type: .a)
          return ResourceRecord(name, ttl: 60, data)
        }
        // The same record twice is one.
        changes[name] = Array(Set(changes[name] ?? []))
      }
      for (name, records) in changes { content[name] = records.isEmpty ? nil : records }
      let anew = try self.zone([try soa(serial)] + content.values.flatMap { $0 })
      let before = zone
      if let next = zone.patched(changes, serial: serial) {
        patched += 1
        zone = next
        #expect(next.recordCount == anew.recordCount && next.nodeCount == anew.nodeCount)
        #expect(next.contentDigest == anew.contentDigest && next.soa == anew.soa)
        let step = try #require(ZoneDifference.between(before, next))
        let walked = try #require(ZoneDifference.between(before, anew))
        #expect(Set(step.removed) == Set(walked.removed) && Set(step.added) == Set(walked.added))
        #expect(step.from == walked.from && step.to == walked.to)
      } else {
        zone = anew
      }
      if serial % 50 == 0 {
        #expect(all(zone) == all(anew))
        for name in names { #expect(Set(zone.records(of: name)) == Set(content[name] ?? [])) }
      }
    }
    #expect(patched > 500, "\(patched)")
  }

  /// What would change more than the names' own nodes is not patched.
  @Test func whatReachesFurtherIsMadeAnew() throws {
    let lines = ["deep.er A 192.0.2.1", "cut NS ns1", "*.w A 192.0.2.2", "d DNAME x.test."]
    let text =
      "@ 300 SOA ns1 h 1 2 3 4 60\n@ 300 NS ns1\nns1 300 A 192.0.2.9\n"
      + lines.map { $0.replacing(" ", with: " 300 ", maxReplacements: 1) }.joined(separator: "\n") + "\n"
    let bytes = Array(text.utf8)
    let zone = try #require(Zone.load(bytes.span.bytes, apex: try Name(Self.apex)).zone)
    func patch(_ name: String, _ type: RecordType, _ data: String?) throws -> Zone? {
      let name = try Name("\(name).\(Self.apex)")
      return zone.patched(
        [name: try data.map { [ResourceRecord(name, ttl: 60, try RData($0, type: type))] } ?? []], serial: 2)
    }
    #expect(try patch("new", .a, "192.0.2.3") != nil)
    #expect(try patch("new.below.nothing", .a, "192.0.2.3") == nil)
    #expect(try patch("deep.er", .a, nil) == nil)
    #expect(try patch("cut", .a, "192.0.2.3") == nil)
    #expect(try patch("below.cut", .a, "192.0.2.3") == nil)
    #expect(try patch("below.d", .a, "192.0.2.3") == nil)
    #expect(try patch("new", .ns, "ns1.lab.test.") == nil)
    #expect(try patch("*.w", .a, "192.0.2.3") == nil)
    #expect(try patch("*", .a, "192.0.2.3") == nil)
  }
}
