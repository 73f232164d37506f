import Services
import Testing
import WireKit

@Suite struct CertificateNameTests {
  @Test(arguments: [
    ("imap.lab.test", "imap.lab.test"), ("IMAP.Lab.Test.", "imap.lab.test"), ("*.lab.test", "*.lab.test"),
    ("localhost", "localhost"), ("_dmarc.lab.test", "_dmarc.lab.test"), ("xn--bcher-kva.test", "xn--bcher-kva.test"),
    ("192.0.2.1", "192.0.2.1"), ("2001:DB8:0::1", "2001:db8::1"), ("[2001:db8::1]", "2001:db8::1"),
  ]) func readsNames(text: String, canonical: String) {
    #expect(CertificateName(text)?.description == canonical)
  }

  @Test(arguments: [
    "", ".", "a..b", ".a", "-a.test", "a-.test", "a b.test", "bücher.test", "*", "*.test", "*.*.test", "a.*.test",
    "f*.lab.test", "1.2.3", "256.1.1.1", "a/b.test", "a\0b.test", "[192.0.2.1", "a:b",
    String(repeating: "a", count: 64) + ".test", String(repeating: "a.", count: 127) + "aa",
  ]) func refusesWhatIsNoName(text: String) {
    #expect(CertificateName(text) == nil)
  }

  @Test(arguments: [
    ("*.lab.test", "imap.lab.test", true), ("*.lab.test", "IMAP.LAB.TEST", true), ("*.lab.test", "lab.test", false),
    ("*.lab.test", "a.b.lab.test", false), ("*.lab.test", "*.lab.test", true), ("*.lab.test", "*.imap.lab.test", false),
    ("lab.test", "lab.test", true), ("lab.test", "a.lab.test", false), ("192.0.2.1", "192.0.2.1", true),
    ("*.0.2.1x", "192.0.2.1", false), ("::1", "0:0::1", true), ("*.evillab.test", "a.lab.test", false),
  ]) func coversOneLabel(pattern: String, asked: String, expected: Bool) throws {
    #expect(try #require(CertificateName(pattern)).covers(try #require(CertificateName(asked))) == expected)
  }
}

@Suite struct IdentityIndexTests {
  /// The names and services of an identity; its key is told by its place.
  static func identity(_ names: [String], _ services: Set<ServiceName> = [], mark: UInt8) -> TLSIdentity {
    TLSIdentity(names: names, services: services, chain: [[mark]], privateKey: Secret([mark]))
  }

  static let index = IdentityIndex([
    identity(["*.lab.test"], mark: 0),
    identity(["imap.lab.test", "192.0.2.1"], mark: 1),
    identity(["smtp.lab.test"], [.smtp], mark: 2),
    identity(["imap.lab.test"], [.imap], mark: 3),
    identity(["Web.Lab.Test", "2001:db8::1"], [.https], mark: 4),
    identity(["imap.lab.test"], mark: 5),
  ])

  struct Case: Sendable {
    var asked: String?
    var service: ServiceName
    var address: IPAddress?
    var mark: UInt8
    var match: IdentityIndex.Match
  }

  static let cases = [
    Case(asked: "imap.lab.test", service: .pop3, mark: 1, match: .exact),
    Case(asked: "imap.lab.test", service: .imap, mark: 3, match: .exact),
    Case(asked: "IMAP.LAB.TEST.", service: .imap, mark: 3, match: .exact),
    Case(asked: "web.lab.test", service: .https, mark: 4, match: .exact),
    // Another service's certificate does not answer; the wildcard does.
    Case(asked: "web.lab.test", service: .imap, mark: 0, match: .wildcard),
    Case(asked: "other.lab.test", service: .imap, mark: 0, match: .wildcard),
    Case(asked: "a.b.lab.test", service: .pop3, mark: 0, match: .fallback),
    Case(asked: "evil.example", service: .smtp, mark: 2, match: .fallback),
    Case(asked: "evil.example", service: .pop3, mark: 0, match: .fallback),
    Case(asked: "\u{1B}[31m\0", service: .pop3, mark: 0, match: .fallback),
    Case(asked: "*.lab.test", service: .pop3, mark: 0, match: .fallback),
    Case(asked: nil, service: .pop3, mark: 0, match: .fallback),
    Case(asked: nil, service: .pop3, address: IPAddress(192, 0, 2, 1), mark: 1, match: .exact),
    Case(asked: nil, service: .pop3, address: IPAddress("::ffff:192.0.2.1"), mark: 1, match: .exact),
    Case(asked: nil, service: .https, address: IPAddress("2001:db8::1"), mark: 4, match: .exact),
    Case(asked: "192.0.2.1", service: .pop3, mark: 1, match: .exact),
    Case(asked: nil, service: .pop3, address: IPAddress(192, 0, 2, 9), mark: 0, match: .fallback),
  ]

  @Test(arguments: cases) func answers(one: Case) throws {
    let answer = try #require(
      Self.index.identity(for: one.asked, service: one.service, localAddress: one.address))
    #expect(answer.identity.chain == [[one.mark]])
    #expect(answer.match == one.match)
  }

  @Test func hasNoAnswerForAServiceWithoutIdentity() {
    let index = IdentityIndex([Self.identity(["smtp.lab.test"], [.smtp], mark: 2)])
    #expect(index.identity(for: "smtp.lab.test", service: .imap) == nil)
    #expect(IdentityIndex([]).identity(for: nil, service: .https) == nil)
  }
}
