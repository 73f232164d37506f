import SASLCore
import SMTPCore
import TestKit
import Testing
import WireKit

/// The client against our own server, and against others that behave in other ways.
struct ClientSessionTests {
  private static func plan(_ recipients: [String] = ["bob@x.test"], security: ClientPlan.Security = .never) throws
    -> ClientPlan
  {
    let envelope = Envelope(
      sender: .address(try #require(MailAddress("ann@lab.test"))),
      recipients: try recipients.map { .init(try #require(MailAddress($0))) })
    return ClientPlan(helloName: "c.test", security: security, envelope: envelope, size: 3)
  }

  private static func driver(_ plan: ClientPlan) -> SessionDriver<ClientSession> {
    let driver = SessionDriver(ClientSession(plan: plan))
    driver.open()
    return driver
  }

  private static func say(_ text: String, _ driver: SessionDriver<ClientSession>) -> String {
    driver.receive(Array(text.utf8))
    return String(decoding: driver.takeOutput(), as: UTF8.self)
  }

  private static func outcome(_ driver: SessionDriver<ClientSession>) -> DeliveryOutcome? {
    driver.events.compactMap { if case .finished(let outcome) = $0 { outcome } else { nil } }.first
  }

  @Test func aMessageIsSentByPipeline() throws {
    let driver = Self.driver(try Self.plan(["bob@x.test", "no@x.test"]))
    #expect(Self.say("220 hi\r\n", driver) == "EHLO c.test\r\n")
    #expect(
      Self.say("250-x\r\n250-PIPELINING\r\n250 SIZE 1000\r\n", driver)
        == "MAIL FROM:<ann@lab.test> SIZE=3\r\nRCPT TO:<bob@x.test>\r\nRCPT TO:<no@x.test>\r\n")
    #expect(Self.say("250 ok\r\n250 ok\r\n550 5.1.1 no\r\n", driver) == "DATA\r\n")
    _ = Self.say("354 go\r\n", driver)
    driver.resume(.bytes(Array(".a\n".utf8)), for: try #require(driver.requests.first?.ticket))
    #expect(String(decoding: driver.takeOutput(), as: UTF8.self) == "..a\r\n")
    driver.resume(.end, for: try #require(driver.requests.last?.ticket))
    #expect(String(decoding: driver.takeOutput(), as: UTF8.self) == ".\r\n")
    #expect(Self.say("250 2.0.0 kept\r\n", driver) == "QUIT\r\n")
    let outcome = try #require(Self.outcome(driver))
    #expect(outcome.replies.map(\.code) == [250, 550] && outcome.failure == nil)
    #expect(outcome.replies[0].enhanced == "2.0.0" && outcome.replies[1].enhanced == "5.1.1")
  }

  @Test func aConnectionServesForMore() throws {
    var plan = try Self.plan()
    plan.keepsConnection = true
    let driver = Self.driver(plan)
    _ = Self.say("220 hi\r\n", driver)
    _ = Self.say("250-x\r\n250 PIPELINING\r\n", driver)
    _ = Self.say("250 ok\r\n250 ok\r\n", driver)
    _ = Self.say("354 go\r\n", driver)
    driver.resume(.end, for: try #require(driver.requests.last?.ticket))
    _ = driver.takeOutput()
    #expect(Self.say("250 2.0.0 kept\r\n", driver).isEmpty)
    #expect(try #require(Self.outcome(driver)).replies.map(\.code) == [250])
    // Another, all of whose recipients are refused; then the last.
    driver.resume(.plan(try Self.plan(["no@x.test"]).kept), for: try #require(driver.requests.last?.ticket))
    #expect(
      String(decoding: driver.takeOutput(), as: UTF8.self) == "MAIL FROM:<ann@lab.test>\r\nRCPT TO:<no@x.test>\r\n")
    #expect(Self.say("250 ok\r\n550 5.1.1 no\r\n", driver) == "RSET\r\n")
    #expect(Self.say("250 ok\r\n", driver).isEmpty)
    driver.resume(.end, for: try #require(driver.requests.last?.ticket))
    #expect(String(decoding: driver.takeOutput(), as: UTF8.self) == "QUIT\r\n")
    let outcomes = driver.events.compactMap { if case .finished(let outcome) = $0 { outcome } else { nil } }
    #expect(outcomes.count == 2 && outcomes[1].replies.map(\.code) == [550] && outcomes[1].failure == nil)
  }

  /// A server that ended the connection while it waited has said nothing about the next message.
  @Test func anEndWhileNothingIsUnderWayIsNoFailure() throws {
    var plan = try Self.plan()
    plan.keepsConnection = true
    let driver = Self.driver(plan)
    _ = Self.say("220 hi\r\n", driver)
    _ = Self.say("250 x\r\n", driver)
    _ = Self.say("250 ok\r\n", driver)
    _ = Self.say("250 ok\r\n", driver)
    _ = Self.say("354 go\r\n", driver)
    driver.resume(.end, for: try #require(driver.requests.last?.ticket))
    _ = Self.say("250 2.0.0 kept\r\n", driver)
    driver.closeInput()
    let outcomes = driver.events.compactMap { if case .finished(let outcome) = $0 { outcome } else { nil } }
    #expect(outcomes.count == 1 && outcomes[0].failure == nil)
  }

  @Test func whatASenderDemandsIsPassedOnOrRefused() throws {
    var plan = try Self.plan()
    plan.envelope?.parameters.deliverBy = DeliverBy(seconds: 120, mode: .returned, traces: true)
    plan.envelope?.parameters.priority = 3
    let able = Self.driver(plan)
    _ = Self.say("220 hi\r\n", able)
    #expect(
      Self.say("250-x\r\n250-MT-PRIORITY\r\n250 DELIVERBY\r\n", able)
        == "MAIL FROM:<ann@lab.test> BY=120;RT MT-PRIORITY=3\r\n")
    let unable = Self.driver(plan)
    _ = Self.say("220 hi\r\n250 x\r\n", unable)
    #expect(try #require(Self.outcome(unable)).failure?.enhanced == "5.3.3")
    plan.envelope?.parameters = MailParameters()
    plan.envelope?.parameters.requiresTLS = true
    let plain = Self.driver(plan)
    _ = Self.say("220 hi\r\n250-x\r\n250 REQUIRETLS\r\n", plain)
    #expect(try #require(Self.outcome(plain)).failure?.enhanced == "5.7.30")
  }

  @Test func withoutPipeliningEachCommandWaits() throws {
    let driver = Self.driver(try Self.plan())
    _ = Self.say("220 hi\r\n", driver)
    #expect(Self.say("502 what?\r\n", driver) == "HELO c.test\r\n")
    #expect(Self.say("250 x\r\n", driver) == "MAIL FROM:<ann@lab.test>\r\n")
    #expect(Self.say("250 ok\r\n", driver) == "RCPT TO:<bob@x.test>\r\n")
    #expect(Self.say("250 ok\r\n", driver) == "DATA\r\n")
  }

  @Test(arguments: [
    "554 go away\r\n", "hello\r\n", "220 hi\r\n250 x\r\n550 5.7.1 no\r\n", "220 hi\r\n421 later\r\n",
    "220 hi\r\n250-SIZE 2\r\n250 SIZE 2\r\n",
  ])
  func whatFailsFailsForAll(_ text: String) throws {
    let driver = Self.driver(try Self.plan())
    _ = Self.say(text, driver)
    let outcome = try #require(Self.outcome(driver))
    #expect(outcome.failure != nil && outcome.replies.count == 1, "\(text)")
  }

  @Test func withoutTLSNothingIsSentWhereItIsRequired() throws {
    let driver = Self.driver(try Self.plan(security: .required))
    _ = Self.say("220 hi\r\n250 x\r\n", driver)
    #expect(try #require(Self.outcome(driver)).failure?.enhanced == "4.7.5")
  }

  @Test func aPasswordWaitsForTLS() throws {
    var plan = try Self.plan(security: .opportunistic)
    plan.credential = .password(name: "ann", SASLSecret(Array("secret".utf8)))
    let driver = Self.driver(plan)
    #expect(!Self.say("220 hi\r\n250-x\r\n250 AUTH PLAIN\r\n", driver).contains("AUTH"))
    #expect(try #require(Self.outcome(driver)).failure?.enhanced == "4.7.0")
    let secure = Self.driver(plan)
    #expect(Self.say("220 hi\r\n250-x\r\n250 STARTTLS\r\n", secure).hasSuffix("STARTTLS\r\n"))
    _ = Self.say("220 go\r\n", secure)
    #expect(secure.wantsTLS)
    secure.establishTLS()
    _ = secure.takeOutput()
    #expect(Self.say("250-x\r\n250 AUTH LOGIN PLAIN\r\n", secure) == "AUTH PLAIN AGFubgBzZWNyZXQ=\r\n")
    #expect(Self.say("235 ok\r\n", secure).hasPrefix("MAIL FROM"))
    for case .sent(let line) in secure.events { #expect(!line.contains("AGFub")) }
  }

  @Test func repliesAreBounded() throws {
    let driver = Self.driver(try Self.plan())
    driver.receive(Array(String(repeating: "220-x\r\n", count: 1000).utf8))
    #expect(try #require(Self.outcome(driver)).failure != nil)
    let long = Self.driver(try Self.plan())
    long.receive([UInt8](repeating: 0x32, count: 10_000))
    #expect(try #require(Self.outcome(long)).failure != nil)
  }
}

extension ClientPlan {
  fileprivate var kept: ClientPlan {
    var plan = self
    plan.keepsConnection = true
    return plan
  }
}
