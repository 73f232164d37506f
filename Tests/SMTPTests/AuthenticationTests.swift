import Crypto
import SASLCore
import SMTPClient
import SMTPCore
import Services
import Testing
import WireKit

@testable import SMTPServer

struct SPFTests {
  private static let internet: FakeInternet = {
    var internet = FakeInternet()
    internet.texts = [
      "a.test": ["v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all"], "b.test": ["v=spf1 include:a.test ~all", "other"],
      "c.test": ["v=spf1 a:mail.c.test mx/28 ?all"], "two.test": ["v=spf1 -all", "v=spf1 +all"],
      "loop.test": ["v=spf1 include:loop.test -all"], "r.test": ["v=spf1 redirect=a.test"],
      "bad.test": ["v=spf1 nonsense -all"], "e.test": ["v=spf1 exists:%{ir}.%{v}.%{l}.e.test -all"],
      "p.test": ["v=spf1 ptr -all"], "void.test": ["v=spf1 a:n1.test a:n2.test a:n3.test -all"],
      "host.test": ["v=spf1 ip4:192.0.2.7/24 -all"],
    ]
    internet.addresses = [
      "mail.c.test": [IPAddress(198, 51, 100, 1)], "mx.c.test": [IPAddress(203, 0, 113, 17)],
      "1.2.0.192.in-addr.ann.e.test": [IPAddress(127, 0, 0, 2)], "host.p.test": [IPAddress(192, 0, 2, 1)],
    ]
    internet.exchanges = ["c.test": [(10, "mx.c.test")]]
    internet.names = [IPAddress(192, 0, 2, 1): ["host.p.test"]]
    internet.broken = ["broken.test"]
    return internet
  }()

  @Test(arguments: [
    ("a.test", IPAddress(192, 0, 2, 1), SPFCheck.Result.pass), ("a.test", IPAddress(192, 0, 3, 1), .fail),
    ("a.test", IPAddress(v6: 0x2001_0DB8 << 96 | 1), .pass), ("b.test", IPAddress(192, 0, 2, 1), .pass),
    ("b.test", IPAddress(192, 0, 3, 1), .softfail), ("c.test", IPAddress(198, 51, 100, 1), .pass),
    ("c.test", IPAddress(203, 0, 113, 30), .pass), ("c.test", IPAddress(203, 0, 113, 33), .neutral),
    ("two.test", IPAddress(192, 0, 2, 1), .permerror), ("loop.test", IPAddress(192, 0, 2, 1), .permerror),
    ("r.test", IPAddress(192, 0, 2, 1), .pass), ("bad.test", IPAddress(192, 0, 2, 1), .permerror),
    ("e.test", IPAddress(192, 0, 2, 1), .pass), ("e.test", IPAddress(192, 0, 2, 2), .fail),
    ("p.test", IPAddress(192, 0, 2, 1), .pass), ("none.test", IPAddress(192, 0, 2, 1), .none),
    ("broken.test", IPAddress(192, 0, 2, 1), .temperror), ("void.test", IPAddress(192, 0, 2, 1), .permerror),
    ("host.test", IPAddress(192, 0, 2, 200), .pass),
  ])
  func results(_ domain: String, _ address: IPAddress, _ wanted: SPFCheck.Result) async {
    let result = await SPFCheck.check(Self.internet, address: address, sender: "ann@\(domain)", hello: "h.test")
    #expect(result == wanted, "\(domain) from \(address)")
  }
}

struct DKIMTests {
  /// RFC 8463, appendix A.
  static let message = """
    DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
     d=football.example.com; i=@football.example.com;
     q=dns/txt; s=brisbane; t=1528637909; h=from : to :
     subject : date : message-id : from : subject : date;
     bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
     b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
     Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
    From: Joe SixPack <joe@football.example.com>
    To: Suzie Q <suzie@shopping.example.net>
    Subject: Is dinner ready?
    Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
    Message-ID: <20030712040037.46341.5F8J@football.example.com>

    Hi.

    We lost the game.  Are you hungry yet?

    Joe.

    """.replacing("\n", with: "\r\n")

  private static let internet: FakeInternet = {
    var internet = FakeInternet()
    internet.texts["brisbane._domainkey.football.example.com"] = [
      "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    ]
    return internet
  }()

  private func verify(_ text: String, _ internet: FakeInternet = internet) async -> [DKIMVerifier.Finding] {
    let bytes = Array(text.utf8)
    return await DKIMVerifier(resolver: internet, now: WallTime(seconds: 1_600_000_000))
      .verify(HeaderBlock(bytes), body: MemoryBody(bytes))
  }

  @Test func theExampleOfTheRFCPasses() async {
    let findings = await verify(Self.message)
    #expect(findings.map(\.result) == [.pass], "\(findings)")
    #expect(findings.first?.domain == "football.example.com")
  }

  @Test func whatWasChangedFails() async {
    for (old, new) in [("hungry", "angry"), ("dinner", "supper"), ("Suzie Q", "Suzie R")] {
      #expect(await verify(Self.message.replacing(old, with: new)).map(\.result) == [.fail], "\(new)")
    }
    // The signature has From, Subject and Date once more than they are there.
    #expect(await verify("From: x@evil.test\r\n" + Self.message).map(\.result) == [.fail])
    // Space may change in the relaxed form.
    #expect(await verify(Self.message.replacing("dinner ready", with: "dinner  ready")).map(\.result) == [.pass])
    #expect(
      await verify(Self.message.replacing("football.example.com; i=", with: "x; i=")).map(\.result) == [.permerror])
    #expect(await verify(Self.message, FakeInternet()).map(\.result) == [.permerror])
  }

  @Test func ourOwnSignaturesPass() async throws {
    let keys = [
      DKIMSigner.Entry(selector: "r", key: try DKIMKey.makeRSA()),
      DKIMSigner.Entry(selector: "e", key: DKIMKey.makeEd25519()),
    ]
    var internet = FakeInternet()
    for entry in keys { internet.texts["\(entry.selector)._domainkey.lab.test"] = [entry.key.record] }
    for body in ["", "\r\n", "hello \t world  \r\n\r\n\r\n", "no line end", "a\r\n\r\nb\r\n"] {
      let text = "From: Ann <ann@lab.test>\r\nTo: bob@x.test\r\nSubject: \r\n folded\r\n\r\n\(body)"
      let bytes = Array(text.utf8)
      let header = HeaderBlock(bytes)
      let signatures = await DKIMSigner(["lab.test": keys]).signatures(
        header.fields, body: MemoryBody(bytes), from: Int64(header.bodyStart), now: WallTime(seconds: 1_500_000_000))
      let findings = await verify(String(decoding: signatures, as: UTF8.self) + text, internet)
      #expect(findings.map(\.result) == [.pass, .pass], "\(body.debugDescription): \(findings)")
    }
    let stored = try #require(DKIMKey(stored: keys[0].key.stored))
    #expect(stored.record == keys[0].key.record)
    #expect(DKIMKey(stored: []) == nil)
  }

  @Test(
    arguments: [
      ("Ann <ann@lab.test>", "lab.test"), ("ann@lab.test", "lab.test"), ("\"x@evil.test\" <ann@lab.test>", "lab.test"),
      ("(x@evil.test) ann@LAB.test", "lab.test"), ("a@lab.test, b@lab.test", "lab.test"), ("a@lab.test, b@x.test", nil),
      ("nobody", nil), ("", nil), ("\"a\\\"b@c.test\" <d@lab.test>", "lab.test"),
    ] as [(String, String?)])
  func theDomainOfFrom(_ value: String, _ domain: String?) { #expect(FromDomain.of(value) == domain) }
}

struct DMARCTests {
  private static let internet: FakeInternet = {
    var internet = FakeInternet()
    internet.texts = [
      "_dmarc.a.test": ["v=DMARC1; p=reject; sp=quarantine"], "_dmarc.s.test": ["v=DMARC1; p=reject; adkim=s; aspf=s"],
      "_dmarc.bad.test": ["v=DMARC1; p=perhaps"],
    ]
    internet.broken = ["_dmarc.broken.test"]
    return internet
  }()

  @Test(
    arguments: [
      ("a.test", "a.test", [], DMARCCheck.Result.pass, DMARCCheck.Policy.reject),
      ("a.test", "mail.a.test", [], .pass, .reject), ("a.test", nil, ["a.test"], .pass, .reject),
      ("a.test", "b.test", ["c.test"], .fail, .reject), ("news.a.test", nil, [], .fail, .quarantine),
      ("news.a.test", nil, ["other.a.test"], .pass, .quarantine), ("s.test", "mail.s.test", [], .fail, .reject),
      ("s.test", nil, ["s.test"], .pass, .reject), ("none.test", nil, [], .none, .none),
      ("bad.test", nil, [], .permerror, .none), ("broken.test", nil, [], .temperror, .none),
    ] as [(String, String?, [String], DMARCCheck.Result, DMARCCheck.Policy)])
  func results(
    _ from: String, _ spf: String?, _ dkim: [String], _ result: DMARCCheck.Result, _ policy: DMARCCheck.Policy
  ) async {
    let finding = await DMARCCheck(resolver: Self.internet).check(from: from, spf: spf, dkim: dkim)
    #expect(finding.result == result && finding.policy == policy, "\(from): \(finding)")
  }
}
