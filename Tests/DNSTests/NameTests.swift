import DNSCore
import Testing
import WireKit

@Suite struct NameTests {
  @Test func caseIsKeptAndIgnored() throws {
    let name = try Name("WwW.Example.")
    #expect("\(name)" == "WwW.Example.")
    #expect(name == (try Name("www.example.")))
    #expect(Set([name, try Name("www.EXAMPLE.")]).count == 1)
    #expect(name.lowercased.wire == Array("\u{3}www\u{7}example\0".utf8))
  }

  /// The list of RFC 4034 §6.1.
  @Test func canonicalOrder() throws {
    let names = try [
      "example.", "a.example.", "yljkjljk.a.example.", "Z.a.example.", "zABC.a.EXAMPLE.", "z.example.",
      "\\001.z.example.", "*.z.example.", "\\200.z.example.",
    ].map { try Name($0) }
    #expect(names.shuffled().sorted() == names)
  }

  @Test func lengths() throws {
    let label = String(repeating: "a", count: 63)
    let longest = "\(label).\(label).\(label).\(String(repeating: "b", count: 61))."
    #expect(try Name(longest).wire.count == 255)
    #expect(throws: PresentationError.self) { try Name("b" + longest) }
    #expect(throws: PresentationError.self) { try Name("a\(label).") }
    #expect(throws: WireError.self) { try Name("b.").appending(try Name(longest)) }
    for bad in ["", "..", "a..b.", ".a", "\\", "a\\25", "a\\300."] {
      #expect(throws: PresentationError.self, "'\(bad)'") { try Name(bad) }
    }
  }

  @Test func relatives() throws {
    let origin = try Name("lab.test.")
    #expect(try Name("www", origin: origin) == Name("www.lab.test."))
    #expect(try Name("@", origin: origin) == origin)
    #expect(try Name("www.lab.test.").isWithin(origin))
    #expect(try origin.isWithin(origin) && origin.isWithin(.root))
    #expect(try !Name("xlab.test.").isWithin(origin))
    #expect(try Name("www.lab.test.").parent == origin)
    #expect(Name.root.parent == nil)
    #expect(try Name("*.lab.test.").isWildcard && !origin.isWildcard)
    #expect("\(Name(reverseOf: IPAddress(192, 0, 2, 1)))" == "1.2.0.192.in-addr.arpa.")
    let v6 = try #require(IPAddress("2001:db8::567:89ab"))
    #expect(
      "\(Name(reverseOf: v6))" == "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.")
  }

  @Test func pointersGoBackwardsOnly() throws {
    // Octet 0: "a" and root; octet 3: "b" and a pointer to octet 0.
    let good: [UInt8] = [1, 0x61, 0, 1, 0x62, 0xC0, 0]
    var reader = WireReader(good.span.bytes)
    try reader.seek(to: 3, "name")
    #expect("\(try Name(from: &reader))" == "b.a.")
    let isAtEnd = reader.isAtEnd
    #expect(isAtEnd)
    let bad: [(bytes: [UInt8], start: Int)] = [
      ([0xC0, 0], 0), ([0xC0, 2, 0], 0), ([1, 0x61, 0xC0, 0], 0), ([0xC0], 0), ([5, 0x61], 0), ([0x80, 0], 0),
      ([0x40, 0], 0), ([0xC0, 2, 0xC0, 0], 2), ([1, 0x61, 0xC0, 4, 0xC0, 0], 4), ([], 0),
    ]
    for (bytes, start) in bad {
      #expect(throws: WireError.self, "\(bytes)") {
        var reader = WireReader(bytes.span.bytes)
        try reader.seek(to: start, "name")
        _ = try Name(from: &reader)
      }
    }
  }

  @Test func compressionCannotMakeALongName() {
    // Each piece: a label of 63 octets and a pointer to the piece before.
    var bytes: [UInt8] = [0]
    var last = 0
    for _ in 0..<4 {
      let here = bytes.count
      bytes += [63] + [UInt8](repeating: 0x61, count: 63) + [0xC0 | UInt8(last >> 8), UInt8(last & 255)]
      last = here
    }
    #expect(throws: WireError.self) {
      var reader = WireReader(bytes.span.bytes)
      try reader.seek(to: last, "name")
      _ = try Name(from: &reader)
    }
  }
}
