import IMAPCore
import SASLCore
import TestKit
import Testing
import WireKit

/// A session whose requests are answered by a script.
private func driver(
  isEncrypted: Bool = true, offersStartTLS: Bool = false, limits: IMAPLimits = IMAPLimits()
) -> SessionDriver<ServerSession> {
  let session = ServerSession(
    ServerSessionConfiguration(
      hostName: "h", isEncrypted: isEncrypted, offersStartTLS: offersStartTLS, limits: limits))
  let driver = SessionDriver(session) { request in
    switch request {
    case .authenticate(.password(let proof)):
      proof.password == SASLSecret(Array("secret".utf8))
        ? .authentication(.granted(account: proof.name)) : .authentication(.failed(.denied))
    case .authenticate: .authentication(.failed(.denied))
    case .command(.select, _, _):
      {
        var output = CommandOutput(.ok("SELECT completed", .readWrite))
        output.effect = .selected
        return .output(output)
      }()
    case .command(let command, _, _):
      {
        var output = CommandOutput(.ok("Done"))
        output.write { $0.append(contentsOf: "* \(command)".utf8.prefix(40) + [13, 10]) }
        return .output(output)
      }()
    case .stage, .watch: nil
    case .more, .appendTarget, .stageURL, .append, .abandonAppend: .output(CommandOutput(.ok("Done")))
    }
  }
  driver.open()
  return driver
}

private func text(_ driver: SessionDriver<ServerSession>) -> String {
  String(decoding: driver.takeOutput(), as: UTF8.self)
}

extension SessionDriver where Session == ServerSession {
  fileprivate func say(_ line: String) -> String {
    receive(Array(line.utf8))
    return String(decoding: takeOutput(), as: UTF8.self)
  }
}

@Suite struct ServerSessionTests {
  @Test func greetsWithItsCapabilities() {
    let driver = driver()
    let greeting = text(driver)
    #expect(greeting.hasPrefix("* OK [CAPABILITY IMAP4rev1 IMAP4rev2 "))
    #expect(greeting.contains(" AUTH=SCRAM-SHA-256 AUTH=PLAIN AUTH=LOGIN]"))
    #expect(!greeting.contains("STARTTLS"))
  }

  @Test func commandsHaveTheirStates() {
    let driver = driver()
    _ = text(driver)
    #expect(driver.say("a SELECT INBOX\r\n") == "a BAD Log in first\r\n")
    #expect(driver.say("b LOGIN ann wrong\r\n").hasPrefix("b NO [AUTHENTICATIONFAILED] "))
    #expect(driver.say("c LOGIN ann secret\r\n").hasPrefix("c OK [CAPABILITY "))
    #expect(driver.say("d FETCH 1 FLAGS\r\n") == "d BAD Select a mailbox first\r\n")
    #expect(driver.say("e LOGIN ann secret\r\n") == "e BAD Not in this state\r\n")
    #expect(driver.say("f SELECT INBOX\r\n") == "f OK [READ-WRITE] SELECT completed\r\n")
    #expect(driver.say("g CHECK\r\n").hasSuffix("g OK Done\r\n"))
    #expect(driver.say("h LOGOUT\r\n") == "* BYE Until next time\r\nh OK LOGOUT completed\r\n")
    #expect(driver.close != nil)
  }

  @Test func noPasswordInPlainText() {
    let driver = driver(isEncrypted: false, offersStartTLS: true)
    #expect(text(driver).contains(" STARTTLS LOGINDISABLED]"))
    #expect(driver.say("a LOGIN ann secret\r\n").hasPrefix("a NO [PRIVACYREQUIRED]"))
    #expect(driver.say("b AUTHENTICATE PLAIN AGFubgBzZWNyZXQ=\r\n").hasPrefix("b NO [PRIVACYREQUIRED]"))
    #expect(driver.say("c STARTTLS\r\n") == "c OK Begin TLS now\r\n")
    #expect(driver.wantsTLS)
    driver.establishTLS()
    #expect(driver.say("d CAPABILITY\r\n").contains("AUTH=PLAIN"))
    #expect(driver.say("e STARTTLS\r\n").hasPrefix("e BAD"))
  }

  @Test func plainTextBehindStartTLSEndsTheConnection() {
    let driver = driver(isEncrypted: false, offersStartTLS: true)
    _ = text(driver)
    #expect(driver.say("a STARTTLS\r\nb NOOP\r\n") == "")
    #expect(driver.close != nil)
  }

  @Test func saslInPieces() {
    let driver = driver()
    _ = text(driver)
    #expect(driver.say("a AUTHENTICATE PLAIN\r\n") == "+ \r\n")
    #expect(driver.say("*\r\n") == "a BAD The exchange was given up\r\n")
    #expect(driver.say("b AUTHENTICATE LOGIN\r\n") == "+ VXNlcm5hbWU6\r\n")
    #expect(driver.say("YW5u\r\n") == "+ UGFzc3dvcmQ6\r\n")
    #expect(driver.say("c2VjcmV0\r\n").hasPrefix("b OK "))
  }

  @Test func saslWithInitialResponse() {
    let driver = driver()
    _ = text(driver)
    #expect(driver.say("a AUTHENTICATE PLAIN AGFubgBzZWNyZXQ=\r\n").hasPrefix("a OK "))
  }

  /// Secrets are in no event.
  @Test func eventsMaskSecrets() {
    let driver = driver()
    _ = driver.say("a LOGIN ann secret\r\n")
    _ = driver.say("b AUTHENTICATE PLAIN AGFubgBzZWNyZXQ=\r\n")
    var lines: [String] = []
    for event in driver.events {
      if case .received(let line, _) = event { lines.append(String(decoding: line, as: UTF8.self)) }
    }
    #expect(lines == ["a LOGIN •••• ••••", "b AUTHENTICATE PLAIN ••••"])
  }

  @Test func literalsBeforeLogInAreTiny() {
    let first = driver()
    _ = text(first)
    #expect(first.say("a LOGIN {1025}\r\n").hasPrefix("a BAD [TOOBIG]"))
    #expect(first.say("b LOGIN {3}\r\n") == "+ OK\r\n")
    #expect(first.say("ann {6}\r\n") == "+ OK\r\n")
    #expect(first.say("secret\r\n").hasPrefix("b OK"))
    let second = driver()
    _ = text(second)
    #expect(second.say("a LOGIN {99999999999999999999999999+}\r\n").contains("BYE"))
    #expect(second.close != nil)
  }

  @Test func httpIsNotAnswered() {
    let driver = driver()
    _ = text(driver)
    #expect(driver.say("GET / HTTP/1.1\r\nHost: x\r\n\r\n") == "")
    #expect(driver.close != nil)
  }

  @Test func bareLineEndsEndTheConnection() {
    let driver = driver()
    _ = text(driver)
    #expect(driver.say("a NOOP\nb NOOP\r\n") == "* BYE Lines end with CR and LF\r\n")
  }

  @Test func badCommandsAreCounted() {
    let driver = driver()
    _ = text(driver)
    for _ in 0..<4 { #expect(driver.say("a BOGUS\r\n") == "a BAD There is no such command\r\n") }
    #expect(driver.say("a BOGUS\r\n").contains("* BYE"))
  }

  /// The message passes by in pieces, and belongs to the request; the command ends when it is staged.
  @Test func appendStreams() throws {
    let driver = driver()
    _ = driver.say("a LOGIN ann secret\r\n")
    #expect(driver.say("b APPEND INBOX (\\Seen) {10}\r\n") == "+ OK\r\n")
    #expect(driver.say("01234") == "")
    #expect(driver.say("56789") == "")
    let stage = try #require(driver.requests.first)
    #expect(driver.bodies[stage.ticket] == Array("0123456789".utf8))
    #expect(driver.completedBodies.contains(stage.ticket))
    // Nothing behind it is looked at before the store has the message.
    #expect(driver.say(" {3+}\r\nabc\r\nc NOOP\r\n") == "")
    driver.resume(.output(CommandOutput(.ok("Staged"))), for: stage.ticket)
    let second = try #require(driver.requests.first)
    #expect(driver.bodies[second.ticket] == Array("abc".utf8))
    driver.resume(.output(CommandOutput(.ok("Staged"))), for: second.ticket)
    #expect(text(driver) == "b OK Done\r\nc OK NOOP completed\r\n")
  }

  /// A message that is refused is swallowed where the client does not wait, and what stands behind it is a command again.
  @Test func refusedMessagesAreSwallowed() {
    var limits = IMAPLimits()
    limits.message = 5
    let driver = driver(limits: limits)
    _ = driver.say("a LOGIN ann secret\r\n")
    #expect(driver.say("b APPEND INBOX {6}\r\n") == "b NO [TOOBIG] The message is too big\r\n")
    #expect(
      driver.say("c APPEND INBOX {8+}\r\nd NOOP\r\n\r\ne NOOP\r\n")
        == "c NO [TOOBIG] The message is too big\r\ne OK NOOP completed\r\n")
  }

  @Test func idleWaitsForDone() throws {
    let driver = driver()
    _ = driver.say("a LOGIN ann secret\r\nb SELECT INBOX\r\n")
    #expect(driver.say("c IDLE\r\n") == "+ idling\r\n")
    let watch = try #require(driver.requests.first)
    var output = CommandOutput()
    output.write { $0.append(untagged: 3, "EXISTS") }
    driver.resume(.output(output), for: watch.ticket)
    #expect(text(driver) == "* 3 EXISTS\r\n")
    driver.advance(by: .seconds(121))
    #expect(text(driver) == "* OK Still here\r\n")
    let next = try #require(driver.requests.first)
    #expect(driver.say("DONE\r\nd NOOP\r\n") == "")
    #expect(driver.cancelled == [next.ticket])
    driver.resume(.output(CommandOutput()), for: next.ticket)
    #expect(text(driver).hasPrefix("c OK IDLE completed\r\n"))
  }

  @Test func timers() {
    let silent = driver()
    _ = text(silent)
    silent.advance(by: .seconds(61))
    #expect(text(silent).hasPrefix("* BYE "))
    let idle = driver()
    _ = idle.say("a LOGIN ann secret\r\n")
    idle.advance(by: .seconds(1799))
    #expect(idle.close == nil)
    idle.advance(by: .seconds(2))
    #expect(text(idle).hasPrefix("* BYE "))
  }

  /// However the bytes are cut, the answers are the same.
  @Test func everySplit() {
    let script = Array(
      ("a CAPABILITY\r\nb LOGIN {3+}\r\nann {6+}\r\nsecret\r\nc ENABLE IMAP4rev2\r\nd SELECT INBOX\r\n"
        + "e FETCH 1:* (FLAGS BODY[HEADER.FIELDS (\"a b\")])\r\nf SEARCH SUBJECT {0+}\r\n\r\ng BOGUS\r\nh LOGOUT\r\n")
        .utf8)
    let whole = driver()
    whole.receive(script)
    let expected = text(whole)
    #expect(expected.contains("h OK LOGOUT"))
    for cut in 1..<script.count {
      let driver = driver()
      driver.receive(script[..<cut])
      driver.receive(script[cut...])
      #expect(text(driver) == expected, "cut at \(cut)")
    }
    let single = driver()
    for byte in script { single.receive([byte]) }
    #expect(text(single) == expected)
  }

  /// Thousands of parts in one line must not nest calls.
  @Test func manyParts() {
    let driver = driver()
    _ = driver.say("a LOGIN ann secret\r\n")
    let parts = Array(repeating: "URL x", count: 9_000).joined(separator: " ")
    #expect(driver.say("b APPEND INBOX CATENATE (\(parts))\r\n") == "b OK Done\r\n")
  }
}
