import DNSCore
import DNSSecurity
import WireKit

/// The zones that the DNS targets answer from: one of everything that the responder treats in its own way.
enum SampleZones {
  /// A set that holds the zone `lab.test.`, and the same signed as `nsec.test.` and `nsec3.test.`.
  static func make() throws -> ZoneSet {
    let bytes = Array(text.utf8)
    let (zone, findings) = Zone.load(bytes.span.bytes, apex: try Name("lab.test."))
    guard let zone else { throw BrokenInvariant("the sample zone is wrong: \(findings)") }
    return ZoneSet(ZoneCatalog([zone, try signed("nsec.test.", .nsec), try signed("nsec3.test.", .nsec3)]))
  }

  /// The same content, signed.
  private static func signed(_ apex: String, _ denial: SigningPolicy.Denial) throws -> Zone {
    let bytes = Array(text.replacing("lab.test.", with: apex).utf8)
    let (zone, findings) = Zone.load(bytes.span.bytes, apex: try Name(apex))
    guard let zone else { throw BrokenInvariant("the sample zone is wrong: \(findings)") }
    let key = try SigningKey(.ecdsaP256, flags: 257)
    let keys = ZoneKeys(published: [key.record], keySigning: [key], zoneSigning: [key], announced: [])
    var signer = ZoneSigner()
    return try signer.sign(zone, keys: keys, policy: SigningPolicy(denial: denial), serial: 1, now: 1_800_000_000)
  }

  static let text = """
    $ORIGIN lab.test.
    $TTL 1h
    @         SOA    ns1 hostmaster 2024010101 2h 1h 2w 5m
              NS     ns1
              NS     ns.other.example.
              MX     10 mail
              TXT    "v=spf1 -all"
              CAA    0 issue "ca.example"
    ns1       A      192.0.2.1
              AAAA   2001:db8::1
    mail      A      192.0.2.2
    www       CNAME  web
    web       A      192.0.2.3
              A      192.0.2.4
    out       CNAME  www.other.example.
    dangling  CNAME  missing
    chain1    CNAME  chain2
    chain2    CNAME  chain3
    chain3    CNAME  www
    loop1     CNAME  loop2
    loop2     CNAME  loop1
    self      CNAME  self
    _imap._tcp SRV   0 1 143 mail
    deep.ent.in.here A 192.0.2.5
    *.wild    A      192.0.2.6
              MX     5 mail
    *.alias   CNAME  web
    *.inner.wild TXT "inner"
    sub       NS     ns.sub
              NS     ns1
              NS     ns.other.example.
              DS     1 13 2 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF
    ns.sub    A      192.0.2.7
              AAAA   2001:db8::7
    tree      DNAME  elsewhere
    www.elsewhere A  192.0.2.8
    far       DNAME  other.example.
    tocut     CNAME  host.sub
    big       TXT    \((0..<20).map { "\"\($0)\(String(repeating: "x", count: 200))\"" }.joined(separator: " "))
    svc       SVCB   1 mail alpn=dot
    https     HTTPS  1 . alpn=h2
    UPPER     A      192.0.2.9

    """
}
