import SMTPCore
import Testing

struct CommandTests {
  private func parse(_ line: String) throws(Command.Fault) -> Command { try Command.parse(Array(line.utf8)) }

  @Test func commandsAreTakenApart() throws {
    #expect(try parse("EHLO client.test") == .hello(.ehlo, name: "client.test"))
    #expect(try parse("helo [192.0.2.1]") == .hello(.helo, name: "[192.0.2.1]"))
    #expect(try parse("DATA") == .data)
    #expect(try parse("BDAT 86 LAST") == .chunk(size: 86, isLast: true))
    #expect(try parse("bdat 0") == .chunk(size: 0, isLast: false))
    #expect(try parse("NOOP whatever") == .noop)
    #expect(try parse("AUTH PLAIN AGEAYg==") == .authenticate(mechanism: "PLAIN", initial: [0, 97, 0, 98]))
    #expect(try parse("AUTH LOGIN") == .authenticate(mechanism: "LOGIN", initial: nil))
    #expect(try parse("AUTH SCRAM-SHA-256 =") == .authenticate(mechanism: "SCRAM-SHA-256", initial: []))
  }

  @Test func mailHasItsParameters() throws {
    let line = "MAIL FROM:<ann@lab.test> SIZE=1000 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ+2B1 AUTH=<> HOLDFOR=60"
    // `<>` is no xtext of a mailbox, but legal for AUTH (RFC 4954 §5).
    guard case .mail(let sender, let parameters) = try parse(line) else {
      Issue.record("no MAIL")
      return
    }
    #expect(sender.description == "ann@lab.test")
    #expect(parameters.size == 1000 && parameters.body == .eightBitMIME && parameters.isUTF8)
    #expect(parameters.returns == .headers && parameters.envelopeID == "QQ+1" && parameters.holdSeconds == 60)
    #expect(try parse("MAIL FROM:<>") == .mail(.null, MailParameters()))
    #expect(try parse("mail from: <a@b.c>") == .mail(.address(#require(MailAddress("a@b.c"))), MailParameters()))
  }

  @Test func recipientsHaveTheirs() throws {
    let line = "RCPT TO:<bob@lab.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Bob+40lab.test"
    guard case .recipient(let recipient) = try parse(line) else {
      Issue.record("no RCPT")
      return
    }
    #expect(recipient.address.description == "bob@lab.test")
    #expect(recipient.parameters.notify == [.success, .delay])
    #expect(recipient.parameters.original == "rfc822;Bob@lab.test")
    #expect(try parse("RCPT TO:<Postmaster>") == .postmaster(RecipientParameters()))
    guard case .recipient(let routed) = try parse("RCPT TO:<@a.test,@b.test:joe@c.test>") else {
      Issue.record("no RCPT")
      return
    }
    #expect(routed.address.description == "joe@c.test")
  }

  @Test(arguments: [
    "", "XYZZY", "EHLO", "MAIL", "MAIL FROM", "MAIL FROM:", "MAIL FROM:<a@b.c", "MAIL FROM:<a@b.c>SIZE=1",
    "MAIL FROM:<a b@c.d>", "MAIL FROM:<@>", "MAIL FROM:<a@>", "MAIL FROM:<a@-b.c>", "MAIL FROM:<a@b..c>",
    "MAIL FROM:<a@b.c> SIZE=x", "MAIL FROM:<a@b.c> SIZE=-1", "MAIL FROM:<a@b.c> SIZE=99999999999999999999999",
    "MAIL FROM:<a@b.c> BODY=BINARYMIME", "MAIL FROM:<a@b.c> ENVID=+0D+0A", "MAIL FROM:<a@b.c> X=Y", "RCPT TO:<>",
    "RCPT TO:<a@b.c> NOTIFY=NEVER,SUCCESS", "RCPT TO:<a@b.c> NOTIFY=", "RCPT TO:<a@b.c> ORCPT=rfc822", "BDAT",
    "BDAT x", "BDAT -1", "BDAT 1 FIRST", "BDAT 99999999999999", "DATA now", "AUTH", "AUTH PLAIN !!!",
    "MAIL FROM:<\"a\u{1}\"@b.c>", "MAIL FROM:<a@b.c\u{0}>",
  ])
  func nonsenseIsRefused(_ line: String) {
    #expect(throws: Command.Fault.self) { try parse(line) }
  }

  @Test(arguments: [
    "ann@lab.test", "\"ann x\"@lab.test", "\"a\\\"b\"@lab.test", "ann+tag@lab.test", "a@[192.0.2.1]", "ü@täst.test",
  ])
  func addressesComeBack(_ text: String) throws {
    let address = try #require(MailAddress(text))
    #expect(MailAddress(address.description) == address)
  }

  @Test func aBrowserIsKnown() {
    for line in ["GET / HTTP/1.1", "POST /", "Host: x"] {
      #expect(throws: Command.Fault.foreign) { try parse(line) }
    }
  }
}
