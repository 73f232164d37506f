import POP3Core
import SASLCore
import TestKit
import Testing
import WireKit

/// A maildrop of texts.
private final class TextMaildrop: Maildrop {
  let texts: [String]
  init(_ texts: [String]) { self.texts = texts }
  var count: Int { texts.count }
  func size(of index: Int) -> Int64 { Int64(texts[index].utf8.count) }
  func uniqueID(of index: Int) -> String { "7.\(index + 1)" }
}

struct SessionTests {
  private static let texts = ["Subject: one\r\n\r\nfirst\r\n.dot\r\nlast", "Subject: two\r\n\r\nsecond\r\n"]

  private final class Log {
    var deleted: [Int]?
    var retrieved: [Int]?
  }

  private func driver(
    _ texts: [String] = texts, isEncrypted: Bool = true, allowsPlaintext: Bool = false, log: Log = Log(),
    limits: POP3Limits = POP3Limits()
  ) -> SessionDriver<POP3ServerSession> {
    let profile = POP3Profile(hostname: "srv.test", limits: limits, offersTLS: true, allowsPlaintext: allowsPlaintext)
    let driver = SessionDriver(POP3ServerSession(profile: profile, isEncrypted: isEncrypted)) { request in
      switch request {
      case .authenticate(.password(let proof)):
        let isRight = proof.name == "ann" && proof.password.bytes == Array("secret".utf8)
        return .sasl(isRight ? .granted(account: "ann@lab.test") : .failed(.denied))
      case .authenticate: return .sasl(.failed(.denied))
      case .open: return .maildrop(TextMaildrop(texts))
      case .read(let maildrop, let transfer, let maximum):
        guard let maildrop = maildrop as? TextMaildrop else { return nil }
        let bytes = Array(maildrop.texts[transfer.index].utf8)
        let end = min(bytes.count, Int(transfer.offset) + maximum)
        return .piece(Array(bytes[Int(transfer.offset)..<end]), isEnd: end == bytes.count)
      case .update(_, let indices, let retrieved):
        (log.deleted, log.retrieved) = (indices, retrieved)
        return .updated
      }
    }
    driver.open()
    return driver
  }

  private func say(_ driver: SessionDriver<POP3ServerSession>, _ text: String) -> String {
    _ = driver.takeOutput()
    driver.receive(Array((text + "\r\n").utf8))
    return String(decoding: driver.takeOutput(), as: UTF8.self)
  }

  private static let conversation =
    "CAPA\r\nUSER ann\r\nPASS secret\r\nSTAT\r\nLIST\r\nUIDL\r\nLIST 2\r\nUIDL 1\r\nRETR 1\r\nTOP 1 1\r\nTOP 2 0\r\nDELE 1\r\n"
    + "RETR 1\r\nLIST\r\nRSET\r\nDELE 2\r\nNOOP\r\nQUIT\r\n"

  private static let answers = """
    +OK srv.test POP3\r
    +OK Capabilities\r
    TOP\r
    UIDL\r
    RESP-CODES\r
    AUTH-RESP-CODE\r
    PIPELINING\r
    EXPIRE NEVER\r
    UTF8 USER\r
    LANG\r
    USER\r
    SASL SCRAM-SHA-256 PLAIN LOGIN\r
    IMPLEMENTATION Portside\r
    .\r
    +OK Password, please\r
    +OK 2 messages\r
    +OK 2 57\r
    +OK 2 messages\r
    1 33\r
    2 24\r
    .\r
    +OK 2 messages\r
    1 7.1\r
    2 7.2\r
    .\r
    +OK 2 24\r
    +OK 1 7.1\r
    +OK 33 octets\r
    Subject: one\r
    \r
    first\r
    ..dot\r
    last\r
    .\r
    +OK 33 octets\r
    Subject: one\r
    \r
    first\r
    .\r
    +OK 24 octets\r
    Subject: two\r
    \r
    .\r
    +OK Message 1 goes at QUIT\r
    -ERR No such message\r
    +OK 1 messages\r
    2 24\r
    .\r
    +OK Nothing will be deleted\r
    +OK Message 2 goes at QUIT\r
    +OK\r
    +OK Bye, 1 deleted\r

    """

  /// All of it pipelined, in pieces of every size.
  @Test(arguments: [1, 2, 3, 5, 7, 11, 1_000])
  func aWholeConversation(_ piece: Int) {
    let log = Log()
    var limits = POP3Limits()
    limits.listingLines = 1
    limits.pieceBytes = piece
    let driver = driver(log: log, limits: limits)
    var rest = Array(Self.conversation.utf8)[...]
    while !rest.isEmpty {
      driver.receive(rest.prefix(piece))
      rest = rest.dropFirst(piece)
    }
    #expect(String(decoding: driver.takeOutput(), as: UTF8.self) == Self.answers)
    #expect(log.deleted == [1])
    #expect(driver.close != nil)
  }

  @Test func onlyQuitDeletes() {
    for ending in ["close", "timer", "drain", "error"] {
      let log = Log()
      let driver = driver(log: log)
      _ = say(driver, "USER ann\r\nPASS secret\r\nDELE 1")
      switch ending {
      case "close": driver.closeInput()
      case "timer": driver.advance(by: .seconds(601))
      case "drain": driver.drain()
      default: driver.receive(Array("NOOP\n".utf8))
      }
      #expect(driver.close != nil, "\(ending)")
      #expect(log.deleted == nil, "\(ending)")
    }
  }

  @Test func aClientThatHangsUpAfterQuitIsStillObeyed() {
    let log = Log()
    let profile = POP3Profile(hostname: "srv.test", offersTLS: true, allowsPlaintext: false)
    let driver = SessionDriver(POP3ServerSession(profile: profile, isEncrypted: true)) { request -> POP3Answer? in
      switch request {
      case .authenticate: return .sasl(.granted(account: "ann@lab.test"))
      case .open: return .maildrop(TextMaildrop(Self.texts))
      case .update(_, let indices, _):
        log.deleted = indices
        return nil
      case .read: return nil
      }
    }
    driver.open()
    driver.receive(Array("USER a\r\nPASS b\r\nDELE 1\r\nQUIT\r\n".utf8))
    driver.closeInput()
    #expect(log.deleted == [0] && driver.close == nil)
    driver.resume(.updated, for: driver.requests[0].ticket)
    #expect(driver.close != nil)
  }

  /// What was fetched whole is told at QUIT where fetched messages expire; TOP fetches nothing.
  @Test func policiesAreTold() {
    var limits = POP3Limits()
    limits.expireAfterDays = 0
    limits.logInDelay = .seconds(300)
    let log = Log()
    let driver = driver(log: log, limits: limits)
    _ = say(driver, "USER ann")
    _ = say(driver, "PASS secret")
    let capabilities = say(driver, "CAPA")
    #expect(capabilities.contains("\r\nEXPIRE 0\r\n") && capabilities.contains("\r\nLOGIN-DELAY 300\r\n"))
    _ = say(driver, "TOP 2 5")
    _ = say(driver, "RETR 1")
    _ = say(driver, "QUIT")
    #expect(log.deleted == [] && log.retrieved == [0])
  }

  @Test func passwordsNeedTLS() {
    let driver = driver(isEncrypted: false)
    for line in ["USER ann", "PASS secret", "AUTH PLAIN AGFubgBzZWNyZXQ=", "AUTH LOGIN"] {
      #expect(say(driver, line).hasPrefix("-ERR"), "\(line)")
    }
    let capabilities = say(driver, "CAPA")
    #expect(capabilities.contains("STLS") && !capabilities.contains("SASL") && !capabilities.contains("\r\nUSER"))
    #expect(say(driver, "STLS").hasPrefix("+OK"))
    #expect(driver.wantsTLS)
    driver.establishTLS()
    #expect(say(driver, "CAPA").contains("SASL"))
    #expect(say(driver, "STLS").hasPrefix("-ERR"))
    #expect(say(driver, "AUTH PLAIN AGFubgBzZWNyZXQ=").hasPrefix("+OK 2"))
  }

  @Test func whatFollowsSTLSInTheSamePacketEndsTheConnection() {
    let driver = driver(isEncrypted: false)
    _ = driver.takeOutput()
    driver.receive(Array("STLS\r\nNOOP\r\n".utf8))
    #expect(driver.close == .immediately)
    #expect(driver.takeOutput().isEmpty)
  }

  @Test func logInByLOGINInSteps() {
    let driver = driver()
    #expect(say(driver, "AUTH LOGIN") == "+ VXNlcm5hbWU6\r\n")
    #expect(say(driver, "YW5u") == "+ UGFzc3dvcmQ6\r\n")
    #expect(say(driver, "c2VjcmV0").hasPrefix("+OK 2"))
    #expect(say(driver, "USER ann").hasPrefix("-ERR"))
    #expect(say(driver, "AUTH").hasPrefix("-ERR"))
  }

  @Test func guessingEndsTheConnection() {
    let driver = driver()
    #expect(say(driver, "PASS secret").hasPrefix("-ERR"))
    for attempt in 1...3 {
      #expect(driver.close == nil)
      let answer = say(driver, "USER ann\r\nPASS wrong\(attempt)")
      #expect(answer.contains("-ERR [AUTH]"))
    }
    #expect(driver.close != nil)
  }

  @Test func secretsAreInNoEvent() {
    let driver = driver()
    _ = say(driver, "USER ann\r\nPASS hunter2\r\nAUTH PLAIN AGFubgBodW50ZXIy\r\nhunter2")
    let text = driver.events.map { "\($0)" }.joined()
    #expect(!text.contains("hunter2") && !text.contains("AGFubg"))
  }

  @Test func foreignProtocolsAreSentAwayWithoutAWord() {
    for line in ["GET / HTTP/1.1", "POST /x HTTP/1.0", "\u{16}\u{3}\u{1}"] {
      let driver = driver()
      #expect(say(driver, line) == "", "\(line)")
      #expect(driver.close == .immediately)
    }
  }

  @Test func hostileLines() {
    let driver = driver()
    for line in ["", "RETR", "X", "USER", "TOP 1", "LIST -1", "USER a\0b", "RETR 99999999999999999999", "LANG x y"] {
      #expect(say(driver, line).hasPrefix("-ERR"), "\(line)")
    }
    _ = say(driver, "USER ann\r\nPASS secret")
    for line in ["RETR 0", "RETR 3", "LIST 99", "TOP 1 -1", "DELE 0", "UIDL 3", "RETR +1"] {
      #expect(say(driver, line).hasPrefix("-ERR"), "\(line)")
    }
    let long = self.driver()
    _ = say(long, "USER " + String(repeating: "a", count: 20_000))
    #expect(long.close != nil)
    let many = self.driver()
    for _ in 0..<20 { _ = say(many, "WHAT") }
    #expect(many.close != nil)
  }

  @Test func whoNeverLogsInLeaves() {
    let driver = driver()
    for _ in 0..<7 {
      driver.advance(by: .seconds(9))
      _ = say(driver, "CAPA")
    }
    #expect(driver.close != nil)
    #expect(driver.events.contains(.leftWithoutLogIn))
  }

  @Test func languages() {
    let driver = driver()
    #expect(say(driver, "LANG").contains("en English\r\n"))
    #expect(say(driver, "LANG *").hasPrefix("+OK en"))
    #expect(say(driver, "LANG tlh").hasPrefix("-ERR"))
    #expect(say(driver, "UTF8").hasPrefix("+OK"))
  }

  /// What is relayed has no bare CR or LF, and no line that ends the answer early.
  @Test(arguments: [1, 2, 3, 64])
  func transfersAreStuffedHoweverTheyAreCut(_ piece: Int) {
    for (text, wanted) in [
      ("", ".\r\n"), (".", "..\r\n.\r\n"), ("a\n.\nb", "a\r\n..\r\nb\r\n.\r\n"), ("a\r\n.\r\n", "a\r\n..\r\n.\r\n"),
      ("a\r.\r\nb", "a\r\n..\r\nb\r\n.\r\n"), ("a\r", "a\r\n.\r\n"), ("\r\n\r\n", "\r\n\r\n.\r\n"),
      ("a\r\r\n", "a\r\n\r\n.\r\n"),
    ] {
      var transfer = MessageTransfer(index: 0)
      var output: [UInt8] = []
      var rest = Array(text.utf8)[...]
      while !rest.isEmpty {
        transfer.take(Array(rest.prefix(piece)), into: &output)
        rest = rest.dropFirst(piece)
      }
      transfer.finish(into: &output)
      #expect(String(decoding: output, as: UTF8.self) == wanted, "\(text.debugDescription)")
      #expect(transfer.offset == Int64(text.utf8.count))
    }
  }
}
