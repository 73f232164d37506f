import TestKit
import Testing
import WireKit

@testable import FTPCore

/// A server's session under the driver, with answers as a small disk would give them.
@Suite struct ServerSessionTests {
  static func driver(_ policy: FTPPolicy = .init(acceptsPlainLogIn: true), _ limits: FTPLimits = .init())
    -> SessionDriver<FTPServerSession>
  {
    let driver = SessionDriver(FTPServerSession(policy: policy, limits: limits), answer: answer)
    driver.open()
    return driver
  }

  static func answer(_ request: FTPRequest) -> FTPOutcome? {
    switch request {
    case .logIn(_, let password, let isAnonymous):
      if isAnonymous { return .loggedIn }
      return switch String(decoding: password, as: UTF8.self) {
      case "right": .loggedIn
      case "half": .codeNeeded
      case "hammer": .penalised(seconds: 30)
      case "away": .unavailable
      default: .denied
      }
    case .secondFactor(let code): return code == Array("123456".utf8) ? .loggedIn : .denied
    case .workingDirectory: return .path(Array("/in \"x\"".utf8))
    case .passive: return .passive(Endpoint(IPAddress(10, 0, 0, 1), 1025))
    case .active(let endpoint): return endpoint.address == IPAddress(10, 0, 0, 9) ? .done : .failed(.forbiddenAddress)
    case .begin, .run: return nil
    case .progress: return .progress(bytes: 17)
    case .size: return .number(25)
    case .modified, .change: return .time(FTPTime(seconds: 0))
    case .hash(_, _, let first, _): return .hash([0xAB, 1], from: first, through: 9)
    case .facts: return .lines([Array("type=file; x".utf8)])
    case .makeDirectory(let path), .changeDirectory(let path): return .path(path)
    case .delete: return .failed(.notFound)
    case .available: return .number(1_000)
    default: return .done
    }
  }

  static func text(_ driver: SessionDriver<FTPServerSession>) -> String {
    String(decoding: driver.takeOutput(), as: UTF8.self)
  }

  static func codes(_ driver: SessionDriver<FTPServerSession>) -> [Int] {
    text(driver).split(separator: "\r\n").compactMap { line in
      line.count > 3 && line[line.index(line.startIndex, offsetBy: 3)] == " " ? Int(line.prefix(3)) : nil
    }
  }

  static func loggedIn(_ policy: FTPPolicy = .init(acceptsPlainLogIn: true)) -> SessionDriver<FTPServerSession> {
    let driver = driver(policy)
    driver.receive("USER ann\r\nPASS right\r\n".utf8)
    #expect(codes(driver) == [220, 331, 230])
    return driver
  }

  @Test func cutAnywhereTheSameRepliesLeave() {
    let input = Array("USER ann\r\nPASS right\r\nPWD\r\nTYPE I\r\nSIZE a b\r\nEPSV\r\nNOPE\r\nFEAT\r\nQUIT\r\n".utf8)
    let whole = Self.driver()
    whole.receive(input)
    let expected = Self.text(whole)
    #expect(expected.contains("257 \"/in \"\"x\"\"\" is") && expected.contains("229 ") && whole.close == .afterWrites)
    for cut in 1..<input.count {
      let parts = Self.driver()
      parts.receive(input[..<cut])
      parts.receive(input[cut...])
      #expect(Self.text(parts) == expected, "cut at \(cut)")
    }
    let single = Self.driver()
    for byte in input { single.receive([byte]) }
    #expect(Self.text(single) == expected)
  }

  /// CCC, RFC 4217 §6.
  @Test func tlsEndsOnTheControlConnectionWhereThatIsAllowed() {
    let driver = Self.driver(.init(allowsClearCommands: true))
    driver.receive("AUTH TLS\r\n".utf8)
    driver.establishTLS()
    driver.receive("CCC\r\nUSER ann\r\nPASS right\r\nPBSZ 0\r\nPROT P\r\nCCC\r\n".utf8)
    #expect(Self.codes(driver) == [220, 234, 530, 331, 230, 200, 200, 200])
    #expect(driver.endsTLS && driver.close == nil)
    driver.stopTLS()
    // Data connections stay as they were decided on, and nobody can change that now.
    driver.receive("PROT C\r\nPWD\r\nCCC\r\nRETR x\r\n".utf8)
    #expect(Self.codes(driver) == [503, 257, 533])
    guard case .begin(let transfer)? = driver.requests.last?.request else {
      Issue.record("no transfer")
      return
    }
    #expect(transfer.isProtected)
  }

  @Test func afterTLSHasEndedDataIsStillProtectedAndLogInStillNeedsTLS() {
    let driver = Self.driver(.init(allowsClearCommands: true))
    driver.receive("AUTH TLS\r\n".utf8)
    driver.establishTLS()
    driver.receive("USER ann\r\nPASS right\r\nCCC\r\n".utf8)
    driver.stopTLS()
    driver.receive("EPSV\r\nRETR x\r\nREIN\r\nUSER ann\r\n".utf8)
    #expect(Self.codes(driver) == [220, 234, 331, 230, 200, 229, 522, 220, 530])
  }

  @Test func withoutLeaveTheControlConnectionStaysEncrypted() {
    let driver = Self.driver()
    driver.receive("AUTH TLS\r\n".utf8)
    driver.establishTLS()
    driver.receive("USER ann\r\nPASS right\r\nCCC\r\nFEAT\r\n".utf8)
    let text = Self.text(driver)
    #expect(text.contains("534 ") && !text.contains(" CCC") && !driver.endsTLS)
  }

  @Test func logInNeedsTLSUnlessTheListenerSaysOtherwise() {
    let driver = Self.driver(.init())
    driver.receive("USER ann\r\nPASS right\r\n".utf8)
    #expect(Self.codes(driver) == [220, 530, 503])
    driver.receive("AUTH TLS\r\n".utf8)
    #expect(Self.codes(driver) == [234] && driver.wantsTLS)
    driver.establishTLS()
    driver.receive("USER ann\r\nPASS right\r\n".utf8)
    #expect(Self.codes(driver) == [331, 230])
    // Data in plain text is refused before anything is opened.
    driver.receive("PROT C\r\nPBSZ 0\r\nPROT C\r\nEPSV\r\nRETR x\r\nPROT P\r\n".utf8)
    #expect(Self.codes(driver) == [503, 200, 534, 229, 522, 200])
    #expect(driver.requests.isEmpty)
  }

  @Test func whatStandsBehindAUTHIsAnInjection() {
    let driver = Self.driver(.init())
    driver.receive("AUTH TLS\r\nUSER ann\r\n".utf8)
    #expect(driver.close == .immediately)
    #expect(!Self.text(driver).contains("331"))
    // What was said before TLS counts for nothing after it.
    let second = Self.driver()
    second.receive("USER ann\r\n".utf8)
    second.receive("AUTH TLS\r\n".utf8)
    second.establishTLS()
    _ = Self.text(second)
    second.receive("PASS right\r\n".utf8)
    #expect(Self.codes(second) == [503])
  }

  @Test func otherProtocolsGetNoWord() {
    for line in [
      "GET /<script> HTTP/1.1\r\n", "POST / HTTP/1.0\r\n", "EHLO x\r\n", "\u{16}\u{3}\u{1}\r\n", "Host: x HTTP/1.1\r\n",
    ] {
      let driver = Self.driver()
      _ = Self.text(driver)
      driver.receive(Array(line.utf8) + Array("USER ann\r\nPASS right\r\n".utf8))
      #expect(driver.close == .immediately && Self.text(driver).isEmpty, "\(line)")
      #expect(driver.events.last == .ended(.foreignProtocol))
    }
  }

  @Test func logInEnds() {
    let guesses = Self.driver()
    guesses.receive("USER a\r\nPASS x\r\nUSER a\r\nPASS y\r\nUSER a\r\nPASS z\r\nUSER a\r\n".utf8)
    #expect(Self.codes(guesses) == [220, 331, 530, 331, 530, 331, 530] && guesses.close == .afterWrites)
    let hammer = Self.driver()
    hammer.receive("USER a\r\nPASS hammer\r\n".utf8)
    #expect(Self.codes(hammer) == [220, 331, 421] && hammer.close == .afterWrites)
    let away = Self.driver()
    away.receive("USER a\r\nPASS away\r\n".utf8)
    #expect(Self.codes(away) == [220, 331, 421])
    let factor = Self.driver()
    factor.receive("ACCT 123456\r\nUSER a\r\nPASS half\r\nACCT 123456\r\n".utf8)
    #expect(Self.codes(factor) == [220, 503, 331, 332, 230])
    let errors = Self.driver(.init(acceptsPlainLogIn: true), FTPLimits(commandErrors: 5))
    errors.receive(Array(repeating: Array("X\r\n".utf8), count: 9).joined())
    #expect(Self.codes(errors) == [220, 500, 500, 500, 500, 500, 421])
    #expect(!guesses.events.contains { "\($0)".contains("PASS x") })
  }

  @Test func timeLimits() {
    let late = Self.driver()
    late.advance(by: .seconds(61))
    #expect(Self.codes(late) == [220, 421] && late.events.last == .ended(.logInTime))
    // Commands before log-in win no time.
    let busy = Self.driver()
    for _ in 0..<4 {
      busy.advance(by: .seconds(16))
      busy.receive("NOOP\r\n".utf8)
    }
    #expect(busy.close != nil)
    let idle = Self.loggedIn()
    idle.advance(by: .seconds(299))
    idle.receive("NOOP\r\n".utf8)
    idle.advance(by: .seconds(299))
    #expect(idle.close == nil)
    idle.advance(by: .seconds(2))
    #expect(idle.close == .afterWrites && idle.events.last == .ended(.idle))
  }

  @Test func theTableSaysWhen() {
    let before = Self.driver(.init(acceptsPlainLogIn: true), FTPLimits(commandErrors: 1_000))
    _ = Self.text(before)
    for verb in FTPVerb.all where verb.rule.stage == .afterLogIn {
      before.receive("\(verb.name) x\r\n".utf8)
      #expect(Self.codes(before) == [530], "\(verb.name)")
    }
    let after = Self.loggedIn()
    for verb in FTPVerb.all where verb.rule.argument == .required && verb.rule.stage != .beforeLogIn {
      after.receive("\(verb.name)\r\n".utf8)
      #expect(Self.codes(after) == [501], "\(verb.name)")
    }
    after.receive("USER bob\r\nPASS right\r\n".utf8)
    #expect(Self.codes(after) == [530, 530])
    after.receive("CWD a\u{0}b\r\nMKD a\rb\r\n".utf8)
    #expect(Self.codes(after) == [501, 501])
    after.receive("REIN\r\nPWD\r\n".utf8)
    #expect(Self.codes(after) == [220, 530])
  }

  @Test func overlongLinesEndTheConnection() {
    let driver = Self.driver()
    _ = Self.text(driver)
    driver.receive([UInt8](repeating: 0x41, count: 10_000))
    #expect(Self.codes(driver) == [500] && driver.close == .afterWrites)
  }

  @Test func valuesOfCommands() {
    let driver = Self.loggedIn()
    driver.receive("TYPE A N\r\nTYPE L 8\r\nTYPE E\r\nSTRU F\r\nSTRU R\r\nMODE S\r\nMODE Z\r\nMODE B\r\n".utf8)
    #expect(Self.codes(driver) == [200, 200, 504, 200, 504, 200, 200, 504])
    driver.receive("PORT 10,0,0,9,4,0\r\nPORT 10,0,0,9,3,255\r\nPORT 10,0,0,8,4,1\r\nEPRT |1|10.0.0.9|1024|\r\n".utf8)
    #expect(Self.codes(driver) == [200, 501, 501, 200])
    driver.receive("EPSV ALL\r\nPASV\r\nPORT 10,0,0,9,4,0\r\nEPSV 9\r\nEPSV\r\n".utf8)
    #expect(Self.codes(driver) == [200, 501, 501, 522, 229])
    driver.receive("OPTS MLST size;nothing;\r\nOPTS HASH CRC32\r\nOPTS HASH MD4\r\nOPTS MODE Z LEVEL 10\r\n".utf8)
    #expect(
      Self.text(driver) == "200 MLST OPTS size;\r\n200 CRC32\r\n504 SHA-256 or CRC32\r\n501 OPTS MODE Z LEVEL <1…9>\r\n"
    )
    driver.receive("HASH x\r\nMFMT 20260325081530 a b\r\nMFF modify=1;\r\nMFF UNIX.mode=4755; x\r\n".utf8)
    #expect(Self.codes(driver) == [213, 213, 501, 213])
    driver.receive(
      "SITE CHMOD 999 x\r\nSITE CHMOD 644 x\r\nSITE UTIME a 20260325081530 20260325081530 20260325081530 UTC\r\n".utf8)
    #expect(Self.codes(driver) == [501, 200, 200])
    driver.receive("RNTO b\r\nRNFR a\r\nNOOP\r\nRNTO b\r\nRNFR a\r\nRNTO b\r\nDELE x\r\n".utf8)
    #expect(Self.codes(driver) == [503, 350, 200, 503, 350, 250, 550])
  }

  // MARK: Transfers

  @Test func aTransferAndWhatWaitsForIt() throws {
    let driver = Self.loggedIn()
    driver.receive("TYPE I\r\nEPSV\r\nREST 7\r\nRETR a b\r\nPWD\r\n".utf8)
    #expect(Self.codes(driver) == [200, 229, 350])
    let (begin, first) = try #require(driver.requests.first)
    #expect(begin == .begin(FTPTransfer(.retrieve(Array("a b".utf8), from: 7, through: nil))))
    driver.resume(.began(size: 18, name: nil), for: first)
    #expect(Self.codes(driver) == [150])
    let (run, second) = try #require(driver.requests.first)
    #expect(run == .run && driver.pendingCount > 0)
    driver.advance(by: .seconds(3_600))
    #expect(driver.close == nil, "a transfer has its own limits")
    driver.resume(.transferred(bytes: 18), for: second)
    #expect(Self.codes(driver) == [226, 257], "what waited is answered behind it")
    // REST is spent.
    driver.receive("EPSV\r\nRETR x\r\n".utf8)
    #expect(driver.requests.first?.request == .begin(FTPTransfer(.retrieve([0x78], from: 0, through: nil))))
  }

  @Test func abortAndStatusWhileItRuns() throws {
    let driver = Self.loggedIn()
    driver.receive("EPSV\r\nSTOR x\r\n".utf8)
    driver.resume(.began(size: nil, name: nil), for: try #require(driver.requests.first).ticket)
    _ = Self.text(driver)
    driver.receive("STAT\r\n".utf8)
    #expect(Self.text(driver) == "213 A transfer runs: 17 bytes so far.\r\n")
    let ticket = try #require(driver.requests.first).ticket
    driver.receive([0xFF, 0xF4, 0xFF, 0xF2] + Array("ABOR\r\n".utf8))
    #expect(driver.cancelled == [ticket])
    driver.resume(.failed(.aborted), for: ticket)
    #expect(Self.codes(driver) == [426, 226])
    driver.receive("ABOR\r\n".utf8)
    #expect(Self.codes(driver) == [226])
  }

  @Test func abortBeforeItRuns() throws {
    let driver = Self.loggedIn()
    driver.receive("EPSV\r\nLIST -la sub\r\nABOR\r\n".utf8)
    _ = Self.text(driver)
    let (request, ticket) = try #require(driver.requests.first)
    #expect(request == .begin(FTPTransfer(.list(Array("sub".utf8), .long))))
    driver.resume(.began(size: nil, name: nil), for: ticket)
    #expect(driver.cancelled.count == 1)
    driver.resume(.failed(.aborted), for: driver.cancelled[0])
    #expect(Self.codes(driver) == [150, 426, 226])
  }

  @Test func offsetsAreNotForText() {
    let driver = Self.loggedIn()
    driver.receive(
      "REST 7\r\nEPSV\r\nRETR x\r\nRANG 5 2\r\nRANG 0 9\r\nHASH x\r\nTYPE I\r\nRANG 2 5\r\nEPSV\r\nRETR x\r\n".utf8)
    #expect(Self.codes(driver) == [350, 229, 504, 501, 350, 213, 200, 350, 229])
    #expect(driver.requests.first?.request == .begin(FTPTransfer(.retrieve([0x78], from: 2, through: 5))))
  }

  @Test func drainingWaitsForTheTransfer() throws {
    let idle = Self.loggedIn()
    idle.drain()
    #expect(Self.codes(idle) == [421] && idle.close == .afterWrites)
    let busy = Self.loggedIn()
    busy.receive("EPSV\r\nSTOR x\r\n".utf8)
    busy.resume(.began(size: nil, name: nil), for: try #require(busy.requests.first).ticket)
    busy.drain()
    #expect(busy.close == nil)
    busy.resume(.transferred(bytes: 1), for: try #require(busy.requests.first).ticket)
    #expect(Self.codes(busy) == [229, 150, 226, 421] && busy.close == .afterWrites)
  }

  @Test func everyFailureHasAReply() {
    let failures: [FTPFailure] = [
      .notFound, .permissionDenied, .exists, .isDirectory, .notDirectory, .notEmpty, .noSpace, .quotaExceeded,
      .tooLarge, .invalidName, .unsupported, .tooManyOpen, .busy, .local, .noDataPort, .noPort, .needsExtended(.v6),
      .forbiddenAddress, .dataConnectionFailed, .dataConnectionLost, .dataTLSFailed, .stalled, .aborted, .sizeDiffers,
      .restartBeyondEnd, .corruptStream,
    ]
    for failure in failures { #expect((400...599).contains(FTPReply(failure).code), "\(failure)") }
  }
}
