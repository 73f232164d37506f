import DNSCore
import Testing
import WireKit

@Suite struct RecordTests {
  @Test func everyKnownTypeHasARow() {
    let covered = Set(recordTextTable.compactMap { RecordType($0.type) })
    let known = (0...511).map { RecordType(rawValue: $0) }.filter { !"\($0)".hasPrefix("TYPE") && !$0.isMeta }
    #expect(known.count > 45)
    #expect(known.filter { !covered.contains($0) }.map(\.description) == [])
  }

  @Test(arguments: recordTextTable.indices)
  func textAndWireMakeEachOther(row: Int) throws {
    let (typeText, text, otherwise) = recordTextTable[row]
    let type = try #require(RecordType(typeText))
    #expect("\(type)" == typeText)
    let data = try RData(text, type: type)
    #expect("\(data)" == (otherwise == "\\# 4 0A000001" ? "10.0.0.1" : text))
    if let otherwise { #expect(try RData(otherwise, type: type).wire == data.wire) }
    #expect(try RData(type: type, wire: data.wire.span.bytes) == data)
    let generic = "\\# \(data.wire.count) " + data.wire.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    #expect(try RData(generic, type: type) == data)
  }

  /// Cut short, lengthened and with any octet changed, data decodes or throws, and what decodes prints and parses back.
  @Test(arguments: recordTextTable.indices)
  func hostileVariantsNeverTrap(row: Int) throws {
    let (typeText, text, _) = recordTextTable[row]
    let type = try #require(RecordType(typeText))
    let wire = try RData(text, type: type).wire
    var variants = (0..<wire.count).map { Array(wire[..<$0]) } + [wire + [0], wire + [255, 255]]
    for index in wire.indices {
      for value: UInt8 in [0, 1, 63, 64, 0xC0, 255] {
        var changed = wire
        changed[index] = value
        variants.append(changed)
      }
    }
    for variant in variants {
      guard let data = try? RData(type: type, wire: variant.span.bytes) else { continue }
      let again = try RData("\(data)", type: type)
      #expect(again.wire == data.wire, "\(type) \(data)")
    }
  }

  @Test(arguments: badRecordTextTable.indices)
  func badTextIsRefused(row: Int) throws {
    let (typeText, text) = badRecordTextTable[row]
    let type = try #require(RecordType(typeText))
    #expect(throws: PresentationError.self, "\(typeText) \(text)") { try RData(text, type: type) }
  }

  @Test func typedValuesRoundTrip() throws {
    let mx = MX(preference: 10, exchange: try Name("mail.example."))
    #expect(try RData(mx).value(as: MX.self) == mx)
    let soa = SOA(
      primary: try Name("ns."), mailbox: try Name("who."), serial: 1, refresh: 2, retry: 3, expire: 4, minimum: 5)
    #expect("\(RData(soa))" == "ns. who. 1 2 3 4 5")
    #expect(try RData(soa).value(as: SOA.self) == soa)
    let srv = SRV(priority: 1, weight: 2, port: 3, target: .root)
    #expect(try RData(srv).value(as: SRV.self) == srv)
    let txt = TXT(String(repeating: "x", count: 300))
    #expect(txt.strings.map(\.count) == [255, 45])
    #expect(try RData(txt).value(as: TXT.self) == txt)
    let caa = try #require(CAA(flags: 0, tag: "issue", value: "ca.example"))
    #expect("\(RData(caa))" == "0 issue \"ca.example\"")
    #expect(try RData(caa).value(as: CAA.self) == caa)
    #expect("\(RData(A(IPAddress(192, 0, 2, 1))))" == "192.0.2.1")
    #expect(throws: WireError.self) { try RData(mx).value(as: SOA.self) }
  }

  @Test func canonicalFormFoldsTheNamesThatRFC4034Lists() throws {
    #expect("\(try RData("10 MAIL.Example.", type: .mx).canonical)" == "10 mail.example.")
    #expect("\(try RData("HOST.Example. A", type: .nsec).canonical)" == "HOST.Example. A")
  }
}
