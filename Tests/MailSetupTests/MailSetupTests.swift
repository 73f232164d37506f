import DNSCore
import MailSetup
import SMTPCore
import Services
import Testing

struct MailSetupTests {
  private func publication() -> MailPublication {
    let domain = MailPublication.Domain(
      "acme.example", keys: [.init(selector: "ed1", record: "v=DKIM1; k=ed25519; p=AAAA")])
    var publication = MailPublication(hostname: "srv.acme.example", domains: [domain, .init("sub.example", keys: [])])
    publication.services = [
      .init(.imaps, port: 993, isImplicit: true), .init(.submissions, port: 465, isImplicit: true),
      .init(.submission, port: 587, isImplicit: false),
    ]
    publication.transportPolicy = .testing
    return publication
  }

  @Test func aDomainPublishesAllThatOthersLookFor() throws {
    let publication = publication()
    let lines = publication.records(of: publication.domains[0]).map(\.line)
    for wanted in [
      "acme.example. 3600 IN MX 10 srv.acme.example.", "acme.example. 3600 IN TXT \"v=spf1 mx -all\"",
      "ed1._domainkey.acme.example. 3600 IN TXT \"v=DKIM1; k=ed25519; p=AAAA\"",
      "_dmarc.acme.example. 3600 IN TXT \"v=DMARC1; p=quarantine; rua=mailto:postmaster@acme.example\"",
      "_smtp._tls.acme.example. 3600 IN TXT \"v=TLSRPTv1; rua=mailto:postmaster@acme.example\"",
      "_submissions._tcp.acme.example. 3600 IN SRV 0 1 465 srv.acme.example.",
      "_imaps._tcp.acme.example. 3600 IN SRV 0 1 993 srv.acme.example.",
      // RFC 6186 §3.4: what is not offered says so.
      "_pop3._tcp.acme.example. 3600 IN SRV 0 0 0 .", "autoconfig.acme.example. 3600 IN CNAME srv.acme.example.",
      "mta-sts.acme.example. 3600 IN CNAME srv.acme.example.",
    ] { #expect(lines.contains(wanted), "\(wanted)\n\(lines.joined(separator: "\n"))") }
    for record in publication.records(of: publication.domains[0]) {
      let text = record.line.split(separator: " ", maxSplits: 4)[4]
      #expect(try RData(String(text), type: record.data.type, origin: .root) == record.data, "\(record.line)")
    }
  }

  @Test func theWebIsNotPromisedWhereItDoesNotAnswer() {
    var publication = publication()
    publication.isOnWeb = false
    let lines = publication.records(of: publication.domains[0]).map(\.line)
    #expect(!lines.contains { $0.contains("mta-sts") || $0.contains("autoconfig") })
  }

  @Test func reportsToAnotherDomainAreAgreedTo() {
    var publication = publication()
    publication.reports = "r@sub.example"
    let lines = publication.records(of: publication.domains[0]).map(\.line)
    #expect(lines.contains("acme.example._report._dmarc.sub.example. 3600 IN TXT \"v=DMARC1\""))
  }

  @Test func thePolicyIsReadAsItIsWritten() throws {
    let publication = publication()
    let policy = try #require(publication.policy)
    #expect(MTASTSPolicy(policy.text) == policy)
    #expect(policy.text.hasPrefix("version: STSv1\r\nmode: testing\r\nmx: srv.acme.example\r\n"))
    var other = publication
    other.transportPolicy = .enforce
    #expect(other.policyID != publication.policyID)
    #expect(MTASTSRecord(["v=STSv1; id=\(publication.policyID ?? "");"])?.id == publication.policyID)
  }

  @Test(arguments: [
    ("version: STSv1\nmode: enforce\nmx: a.test\nmx: *.b.test\nmax_age: 86400\n", true),
    ("version: STSv1\r\nmode: none\r\nmax_age: 0\r\n", true), ("mode: enforce\nmx: a.test\nmax_age: 1\n", false),
    ("version: STSv1\nmode: enforce\nmax_age: 1\n", false), ("version: STSv1\nmode: maybe\nmx: a\nmax_age: 1", false),
    ("version: STSv1\nmode: testing\nmx: a\nmax_age: -1", false),
    ("version: STSv1\nmode: testing\nmx: a\nmax_age: 99999999999999", false), ("", false), ("<html>", false),
  ]) func policies(_ text: String, _ isValid: Bool) { #expect((MTASTSPolicy(text) != nil) == isValid) }

  @Test func serversAreMatchedByWholeLabels() throws {
    let policy = try #require(
      MTASTSPolicy("version: STSv1\nmode: enforce\nmx: mail.a.test\nmx: *.b.test\nmax_age: 86400\n"))
    #expect(policy.permits("MAIL.a.test.") && policy.permits("x.b.test"))
    #expect(!policy.permits("b.test") && !policy.permits("x.y.b.test") && !policy.permits("xmail.a.test"))
  }

  @Test func recordsOfPoliciesAndReports() {
    #expect(MTASTSRecord(["v=STSv1; id=20160831085700Z;", "v=spf1 -all"])?.id == "20160831085700Z")
    #expect(MTASTSRecord(["v=STSv1; id=1;", "v=STSv1; id=2;"]) == nil)
    #expect(MTASTSRecord(["v=STSv1; id=a-b;"]) == nil && MTASTSRecord(["v=STSv1;"]) == nil)
    #expect(
      TLSReportRecord(["v=TLSRPTv1; rua=mailto:a@b.test, https://c.test/x"])?.destinations
        == ["mailto:a@b.test", "https://c.test/x"])
    #expect(TLSReportRecord(["v=TLSRPTv1; rua=ftp://x"]) == nil)
  }

  @Test func addressesAreTakenOnlyWhenTheyArePlain() {
    #expect(SetupAddress(query: "emailaddress=ann%40acme.example")?.address == "ann@acme.example")
    let request =
      "<?xml version=\"1.0\"?><A xmlns=\"x\"><Request><EMailAddress> ann@acme.example\n</EMailAddress></Request>"
    #expect(SetupAddress(autodiscover: Array(request.utf8))?.domain == "acme.example")
    for hostile in ["a<b@c.test", "a@b@c.test", "\"a\"@c.test", "a&b@c.test", "@c.test", "a@", "a@c .test"] {
      #expect(SetupAddress(hostile) == nil, "\(hostile)")
    }
  }

  @Test func settingsNeverOfferWhatIsNotThere() throws {
    let publication = publication()
    let thunderbird = publication.thunderbird("acme.example")
    #expect(thunderbird.contains("<port>993</port>") && !thunderbird.contains("pop3"))
    let address = try #require(SetupAddress("ann@acme.example"))
    #expect(publication.outlook(address).contains("<LoginName>ann@acme.example</LoginName>"))
    let profile = try #require(publication.appleProfile(address))
    #expect(profile.contains("<integer>465</integer>") && profile == publication.appleProfile(address))
    var none = publication
    none.services = []
    #expect(none.appleProfile(address) == nil)
  }
}
