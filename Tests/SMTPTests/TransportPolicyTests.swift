import SMTPClient
import SMTPCore
import Services
import Synchronization
import TestKit
import Testing
import WireKit

@testable import SMTPServer

struct TransportPolicyTests {
  private final class Fetcher: MTASTSFetcher {
    let text = Mutex<String?>(nil)
    let count = Mutex(0)
    struct NoPolicy: Error {}

    func policy(of domain: String) async throws -> String {
      count.withLock { $0 += 1 }
      guard let text = text.withLock({ $0 }) else { throw NoPolicy() }
      return text
    }
  }

  private final class Internet: MailResolver {
    let record = Mutex<String?>("v=STSv1; id=1;")
    func exchanges(of domain: String) async throws(MailResolverError) -> [(preference: UInt16, host: String)] { [] }
    func addresses(of host: String) async throws(MailResolverError) -> [IPAddress] { [] }
    func names(of address: IPAddress) async throws(MailResolverError) -> [String] { [] }
    func texts(of name: String) async throws(MailResolverError) -> [String] {
      guard name == "_mta-sts.b.test", let record = record.withLock({ $0 }) else { throw .noSuchName }
      return [record]
    }
  }

  private static func text(_ mode: String, _ server: String = "mx.b.test") -> String {
    "version: STSv1\nmode: \(mode)\nmx: \(server)\nmax_age: 86400\n"
  }

  @Test func aPolicyIsFetchedOnceAndHeldForItsTime() async {
    let (fetcher, internet, clock) = (Fetcher(), Internet(), ManualClock())
    fetcher.text.withLock { $0 = Self.text("enforce") }
    let policies = TransportPolicies(resolver: internet, fetcher: fetcher, file: nil, clock: clock)
    #expect(await policies.policy(of: "b.test").policy?.mode == .enforce)
    #expect(await policies.policy(of: "b.test").policy?.mode == .enforce)
    #expect(fetcher.count.withLock { $0 } == 1)
    // The record goes, and the policy holds all the same: who takes records away gains nothing (§10.2).
    internet.record.withLock { $0 = nil }
    #expect(await policies.policy(of: "b.test").policy?.mode == .enforce)
    // A new one that can't be fetched: the old one holds, and that is told.
    internet.record.withLock { $0 = "v=STSv1; id=2;" }
    fetcher.text.withLock { $0 = nil }
    let broken = await policies.policy(of: "b.test")
    #expect(broken.policy?.mode == .enforce && broken.failure == "sts-policy-fetch-error")
    let count = fetcher.count.withLock { $0 }
    _ = await policies.policy(of: "b.test")
    #expect(fetcher.count.withLock { $0 } == count, "not again at once")
    clock.advance(by: .seconds(400))
    fetcher.text.withLock { $0 = Self.text("testing") }
    #expect(await policies.policy(of: "b.test").policy?.mode == .testing)
    clock.advance(by: .seconds(90_000))
    internet.record.withLock { $0 = nil }
    #expect(await policies.policy(of: "b.test").policy == nil)
    #expect(await policies.policy(of: "none.test").policy == nil)
  }

  @Test func reportsAreWhatTheRFCHas() throws {
    let book = TLSReportBook(file: nil)
    let policy = try #require(MTASTSPolicy(Self.text("testing")))
    let day = WallTime(seconds: 86_400 * 20_000 + 60)
    func session(_ failure: String?) -> TLSReportBook.Session {
      .init(domain: "b.test", policy: policy, server: "mx.b.test", address: "192.0.2.1", failure: failure)
    }
    for failure in [nil, nil, "certificate-expired", "certificate-expired", "validation-failure"] {
      book.note(session(failure), now: day)
    }
    #expect(book.takeFinished(now: day).isEmpty)
    let finished = book.takeFinished(now: day + .seconds(86_400))
    let tally = try #require(finished.first?.tallies["b.test"])
    #expect(finished.count == 1 && finished[0].day == 20_000 && tally.successes == 2)
    #expect(tally.failures.map(\.count) == [2, 1] && tally.policy.type == "sts")
    #expect(tally.policy.text?.first == "version: STSv1" && tally.policy.servers == ["mx.b.test"])
    #expect(book.takeFinished(now: day + .seconds(86_400)).isEmpty)
  }

  @Test(arguments: [
    ("certificate_verify_failed", "certificate-not-trusted"), ("certificate has expired", "certificate-expired"),
    ("unableToValidateCertificate", "certificate-host-mismatch"), ("wrong version", "validation-failure"),
  ]) func failuresHaveTheirKinds(_ text: String, _ kind: String) {
    #expect(TLSReportBook.type(of: SMTPReply(451, "4.4.1", "x can't be reached: handshake SSL: \(text)")) == kind)
  }

  @Test func otherFailuresAreNoneOfTLS() {
    #expect(TLSReportBook.type(of: SMTPReply(451, "4.4.1", "Connection refused")) == nil)
    #expect(TLSReportBook.type(of: SMTPReply(550, "5.1.1", "SSL")) == nil)
  }
}

struct DemandTests {
  @Test(arguments: [
    ("BY=120;R", "120;R"), ("BY=-5;NT", "-5;NT"), ("BY=5;nt", "5;NT"),
  ]) func deliverBy(_ parameter: String, _ text: String) throws {
    guard case .mail(_, let parameters) = try Command.parse(Array("MAIL FROM:<a@b.test> \(parameter)".utf8)) else {
      Issue.record("no MAIL")
      return
    }
    #expect(parameters.deliverBy?.text == text)
  }

  @Test(arguments: [
    "BY=0;R", "BY=-1;R", "BY=5", "BY=5;X", "BY=5;RX", "BY=99999999999;N", "MT-PRIORITY=10", "MT-PRIORITY=x",
    "MT-PRIORITY=+3", "REQUIRETLS=1",
  ]) func nonsense(_ parameter: String) {
    #expect(throws: Command.Fault.self) { try Command.parse(Array("MAIL FROM:<a@b.test> \(parameter)".utf8)) }
  }
}
