import SASLCore
import SMTPCore
import TestKit
import Testing
import WireKit

struct ServerSessionTests {
  private static func driver(
    _ role: ServerProfile.Role = .relay, isEncrypted: Bool = false, allowsPlaintext: Bool = false,
    limits: SMTPLimits = SMTPLimits()
  ) -> SessionDriver<ServerSession> {
    let profile = ServerProfile(
      role: role, hostname: "srv.test", limits: limits, offersTLS: true, allowsPlaintext: allowsPlaintext)
    let driver = SessionDriver(ServerSession(profile: profile, isEncrypted: isEncrypted)) { request in
      switch request {
      case .authenticate(.password(let proof)):
        .sasl(
          proof.password.bytes == Array("right".utf8) ? .granted(account: "ann@lab.test") : .failed(.denied))
      case .authenticate: .sasl(.failed(.denied))
      case .sender: .reply(SMTPReply(250, "2.1.0", "OK"))
      case .recipient(let recipient, _, _):
        .reply(recipient.address.local == "no" ? SMTPReply(550, "5.1.1", "no") : SMTPReply(250, "2.1.5", "OK"))
      case .postmaster: .reply(SMTPReply(550, "5.1.1", "no"))
      case .message: nil
      }
    }
    driver.open()
    return driver
  }

  private static func output(_ driver: SessionDriver<ServerSession>) -> String {
    String(decoding: driver.takeOutput(), as: UTF8.self)
  }

  private static func codes(_ text: String) -> [String] {
    text.split(separator: "\r\n").filter { $0.dropFirst(3).first == " " }.map { String($0.prefix(3)) }
  }

  @Test func requireTLSIsOfferedAndTakenInsideTLSAlone() {
    for isEncrypted in [false, true] {
      let driver = Self.driver(isEncrypted: isEncrypted)
      driver.receive(Array("EHLO c.test\r\nMAIL FROM:<a@b.test> REQUIRETLS\r\n".utf8))
      let output = Self.output(driver)
      #expect(output.contains("REQUIRETLS\r\n") == isEncrypted)
      #expect(Self.codes(output).last == (isEncrypted ? "250" : "530"))
    }
  }

  private static let exchange =
    "EHLO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<bob@lab.test>\r\nRCPT TO:<no@lab.test>\r\nDATA\r\n"
    + "Subject: x\r\n\r\n..dot\r\nend\r\n.\r\n"

  /// The same exchange, cut at every byte, and whole.
  @Test func anExchangeCutAnywhere() throws {
    let bytes = Array(Self.exchange.utf8)
    for cut in 0...bytes.count {
      let driver = Self.driver()
      driver.receive(bytes[..<cut])
      driver.receive(bytes[cut...])
      #expect(Self.codes(Self.output(driver)) == ["220", "250", "250", "250", "550", "354"], "cut at \(cut)")
      let (request, ticket) = try #require(driver.requests.first)
      guard case .message(let envelope, let client) = request else {
        Issue.record("no message")
        return
      }
      #expect(envelope.recipients.map(\.address.local) == ["bob"] && client.helloName == "c.test")
      #expect(driver.completedBodies.contains(ticket))
      #expect(String(decoding: driver.bodies[ticket] ?? [], as: UTF8.self) == "Subject: x\r\n\r\n.dot\r\nend\r\n")
      driver.resume(.reply(SMTPReply(250, "2.0.0", "kept")), for: ticket)
      #expect(Self.output(driver) == "250 2.0.0 kept\r\n")
    }
  }

  @Test func byteByByte() {
    let driver = Self.driver()
    for byte in Self.exchange.utf8 { driver.receive([byte]) }
    #expect(Self.codes(Self.output(driver)) == ["220", "250", "250", "250", "550", "354"])
  }

  /// What is pipelined behind the end of the message waits for its answer.
  @Test func answersKeepTheirOrder() throws {
    let driver = Self.driver()
    driver.receive(Array((Self.exchange + "NOOP\r\nQUIT\r\n").utf8))
    #expect(Self.codes(Self.output(driver)).last == "354")
    driver.resume(.reply(SMTPReply(250, "2.0.0", "kept")), for: try #require(driver.requests.first?.ticket))
    #expect(Self.codes(Self.output(driver)) == ["250", "250", "221"])
    #expect(driver.close != nil)
  }

  @Test func chunksMakeAMessage() throws {
    let driver = Self.driver()
    driver.receive(
      Array("EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<bob@lab.test>\r\nBDAT 6\r\na\r\n.\r\nBDAT 3 LAST\r\nb\r\n".utf8))
    #expect(Self.codes(Self.output(driver)) == ["220", "250", "250", "250", "250"])
    let ticket = try #require(driver.requests.first?.ticket)
    #expect(driver.completedBodies.contains(ticket))
    #expect(String(decoding: driver.bodies[ticket] ?? [], as: UTF8.self) == "a\r\n.\r\nb\r\n")
  }

  @Test func chunksWithoutARecipientArePassedOver() {
    let driver = Self.driver()
    driver.receive(Array("EHLO c\r\nMAIL FROM:<>\r\nBDAT 5 LAST\r\nab\r\nxQUIT\r\n".utf8))
    // "x" at the end: a bare CR would be an end of the connection, plain bytes are dropped.
    #expect(Self.codes(Self.output(driver)) == ["220", "250", "250", "554", "221"])
  }

  @Test(arguments: ["\n.\n", "\r\n.\n", "\n.\r\n", "\r.\r", "\r\n.\r"])
  func smugglingEndsTheConnection(_ end: String) {
    let driver = Self.driver()
    driver.receive(
      Array("EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<bob@lab.test>\r\nDATA\r\nx\(end)MAIL FROM:<evil@x.test>\r\n".utf8))
    let output = Self.output(driver)
    #expect(Self.codes(output).last == "550", "\(output)")
    #expect(driver.close != nil && driver.completedBodies.isEmpty && driver.events.contains(.bareLineEnd))
  }

  @Test func bareLineEndsInCommandsEndTheConnection() {
    let driver = Self.driver()
    driver.receive(Array("EHLO c\nMAIL FROM:<a@b.c>\r\n".utf8))
    #expect(Self.codes(Self.output(driver)) == ["220", "500"])
    #expect(driver.close != nil)
  }

  @Test func tooLargeIsSaidOnce() throws {
    var limits = SMTPLimits()
    limits.messageSize = 10
    let driver = Self.driver(limits: limits)
    driver.receive(Array("EHLO c\r\nMAIL FROM:<> SIZE=11\r\nMAIL FROM:<>\r\nRCPT TO:<bob@lab.test>\r\nDATA\r\n".utf8))
    driver.receive(Array("0123456789\r\n0123456789\r\n.\r\nNOOP\r\n".utf8))
    #expect(Self.codes(Self.output(driver)) == ["220", "250", "552", "250", "250", "354", "552", "250"])
    #expect(driver.completedBodies.isEmpty)
  }

  @Test func submissionWantsTLSAndALogIn() {
    let driver = Self.driver(.submission)
    driver.receive(Array("EHLO c\r\nMAIL FROM:<a@b.c>\r\nAUTH PLAIN AGFubgByaWdodA==\r\n".utf8))
    let output = Self.output(driver)
    #expect(Self.codes(output) == ["220", "250", "530", "530"])
    #expect(!output.contains("AUTH PLAIN") && output.contains("STARTTLS"))
    let secure = Self.driver(.submission, isEncrypted: true)
    secure.receive(Array("EHLO c\r\nMAIL FROM:<a@b.c>\r\nAUTH PLAIN AGFubgByaWdodA==\r\nMAIL FROM:<a@b.c>\r\n".utf8))
    let second = Self.output(secure)
    #expect(Self.codes(second) == ["220", "250", "530", "235", "250"], "\(second)")
    #expect(!second.contains("STARTTLS"))
    for event in secure.events {
      if case .received(let line) = event { #expect(!line.contains("AGFub")) }
    }
  }

  @Test func threeFailedLogInsEndIt() {
    let driver = Self.driver(.submission, allowsPlaintext: true)
    driver.receive(Array("EHLO c\r\n".utf8))
    for _ in 0..<3 { driver.receive(Array("AUTH LOGIN\r\nYW5u\r\nd3Jvbmc=\r\n".utf8)) }
    #expect(
      Self.codes(Self.output(driver)) == [
        "220", "250", "334", "334", "535", "334", "334", "535", "334", "334", "535", "421",
      ])
    #expect(driver.close != nil)
  }

  @Test func startTLSBehindWhichSomethingStandsIsTheEnd() {
    let driver = Self.driver()
    driver.receive(Array("EHLO c\r\nSTARTTLS\r\nNOOP\r\n".utf8))
    #expect(!Self.output(driver).contains("220 2.0.0"))
    #expect(driver.close != nil)
  }

  @Test func afterTLSNothingIsRemembered() {
    let driver = Self.driver()
    driver.receive(Array("EHLO c\r\nSTARTTLS\r\n".utf8))
    #expect(driver.wantsTLS)
    driver.establishTLS(TLSParameters(version: "TLSv1.3"))
    _ = driver.takeOutput()
    driver.receive(Array("MAIL FROM:<a@b.c>\r\n".utf8))
    #expect(Self.codes(Self.output(driver)) == ["503"])
  }

  @Test func aBrowserGetsNothing() {
    let driver = Self.driver()
    _ = driver.takeOutput()
    driver.receive(Array("GET /<script> HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
    #expect(driver.takeOutput().isEmpty && driver.close != nil)
  }

  @Test func faultsAndLongLinesAreCounted() {
    let driver = Self.driver()
    driver.receive(Array((String(repeating: "x", count: 100_000) + "\r\nNOOP\r\n").utf8))
    #expect(Self.codes(Self.output(driver)) == ["220", "500", "250"])
    for _ in 0..<20 { driver.receive(Array("XYZZY\r\n".utf8)) }
    #expect(Self.codes(Self.output(driver)).last == "421")
    #expect(driver.close != nil)
  }

  @Test func silenceIsEnded() {
    let driver = Self.driver()
    _ = driver.takeOutput()
    driver.advance(by: .seconds(301))
    #expect(Self.codes(Self.output(driver)) == ["421"])
  }

  @Test func lmtpAnswersForEachRecipient() throws {
    let driver = Self.driver(.lmtp)
    driver.receive(
      Array("EHLO c\r\nLHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.c>\r\nRCPT TO:<d@b.c>\r\nDATA\r\n.\r\n".utf8))
    #expect(Self.codes(Self.output(driver)) == ["220", "500", "250", "250", "250", "250", "354"])
    let replies = ServerAnswer.replies([SMTPReply(250, "2.0.0", "one"), SMTPReply(452, "4.2.2", "two")])
    driver.resume(replies, for: try #require(driver.requests.first?.ticket))
    #expect(Self.codes(Self.output(driver)) == ["250", "452"])
  }
}
