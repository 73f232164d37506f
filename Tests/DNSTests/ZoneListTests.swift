import DNSCore
import Testing
import WireKit

@Suite struct ZoneListTests {
  /// The example of RFC 8976 §A.1, and what changes with it.
  @Test func digestOfTheStandard() throws {
    let text = """
      example. 86400 IN SOA ns1.example. admin.example. 2018031900 1800 900 604800 86400
      example. 86400 IN NS ns1.example.
      example. 86400 IN NS ns2.example.
      example. 86400 IN ZONEMD 2018031900 1 1 c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c
      ns1.example. 3600 IN A 203.0.113.63
      ns2.example. 3600 IN AAAA 2001:db8::63

      """
    let zone = try TransferTests.zone(text, apex: "example.")
    #expect(ZoneDigest.verify(zone) == .right)
    let other = try TransferTests.zone(text.replacing("203.0.113.63", with: "203.0.113.64"), apex: "example.")
    #expect(ZoneDigest.verify(other) == .wrong)
    let mended = try #require(ZoneDigest.adding(to: other))
    #expect(ZoneDigest.verify(mended) == .right)
    let late = try TransferTests.zone(text.replacing("ZONEMD 2018031900", with: "ZONEMD 2018031901"), apex: "example.")
    #expect(ZoneDigest.verify(late) == .unknown)
    let plain = try TransferTests.zone(TransferTests.text(serial: 1, []))
    #expect(ZoneDigest.verify(plain) == .absent)
  }

  @Test func catalogs() throws {
    let good =
      CatalogZone.text + "b.zones PTR two.test.\na.zones PTR one.test.\ngroup.a.zones TXT x\nother.x PTR no.test.\n"
    let members = try CatalogZone.members(of: try TransferTests.zone(good, apex: "catalog.test."))
    #expect(members == [try Name("one.test."), try Name("two.test.")])
    for broken in [
      good.replacing("\"2\"", with: "\"3\""), good + "a.zones PTR three.test.\n", good + "c.zones PTR one.test.\n",
      good.replacing("version", with: "versions"),
    ] {
      let zone = try TransferTests.zone(broken, apex: "catalog.test.")
      #expect(throws: CatalogZone.Problem.self) { try CatalogZone.members(of: zone) }
    }
  }
}
