import ConsoleCore
import TestKit
import Testing
import WireKit

@testable import TelnetCore

/// A program that repeats lines, and asks for some of them.
struct Parrot: TerminalProgram {
  var terminal = TerminalDescription()
  var line: [UInt8] = []
  var takesInput: Bool { true }
  var hidesInput = false

  mutating func start(on terminal: TerminalDescription, into actions: inout TerminalActions<String>) {
    self.terminal = terminal
    actions.write("ready\n> ")
    actions.endsWithPrompt = true
  }
  mutating func receive(_ byte: UInt8, into actions: inout TerminalActions<String>) {
    guard byte == 0x0D else {
      if byte != 0, byte != 0x0A { line.append(byte) }
      return
    }
    let text = String(decoding: line, as: UTF8.self)
    line = []
    switch text {
    case "size": actions.write("\(terminal.columns)x\(terminal.rows) \(terminal.type) \(terminal.echoes)\n")
    case "ask": actions.requests.append((7, "question"))
    case "hide": hidesInput = true
    case "bye": actions.hasEnded = true
    default: actions.write("\(text)\n")
    }
  }
  mutating func resume(_ reply: String, for number: UInt64, into actions: inout TerminalActions<String>) {
    actions.write("\(reply) \(number)\n")
  }
  mutating func changed(_ terminal: TerminalDescription, into actions: inout TerminalActions<String>) {
    self.terminal = terminal
  }
  mutating func outputDrained(into actions: inout TerminalActions<String>) {}
  mutating func interrupt(into actions: inout TerminalActions<String>) { actions.write("interrupted\n") }
}

struct ServerSessionTests {
  typealias Session = TelnetServerSession<Parrot>

  private func driver(
    _ security: Session.Security = .init(offersTLS: false, allowsPlainText: true, isSecure: false),
    watched: Bool = false
  ) -> SessionDriver<Session> {
    let driver = SessionDriver<Session>(TelnetServerSession(security: security, isWatched: watched)) { request in
      switch request {
      case .logIn(let attempt):
        if attempt.password.bytes == Array("later".utf8) { return nil }
        if attempt.password.bytes == Array("2f".utf8), attempt.code == nil { return .codeNeeded }
        let isRight = attempt.name == "ann" && (attempt.password.bytes == Array("pw".utf8) || attempt.code != nil)
        return isRight ? .granted(Parrot(), account: "ann@lab.test") : .denied
      case .program(let request, let number): return .program("answer to \(request)", number: number)
      }
    }
    driver.open()
    return driver
  }

  private func text(_ driver: SessionDriver<Session>) -> String {
    var decoder = TelnetDecoder()
    let data = driver.takeOutput().compactMap { byte -> UInt8? in
      if case .data(let byte) = decoder.decode(byte) { byte } else { nil }
    }
    return String(decoding: data, as: UTF8.self)
  }

  private func elements(_ driver: SessionDriver<Session>) -> [TelnetElement] {
    var decoder = TelnetDecoder()
    return driver.takeOutput().compactMap { decoder.decode($0) }.filter { if case .data = $0 { false } else { true } }
  }

  private func logIn(_ driver: SessionDriver<Session>) {
    driver.receive("ann\r\0pw\r\0".utf8)
    _ = driver.takeOutput()
  }

  @Test func somebodyLogsIn() {
    let driver = driver()
    #expect(text(driver).hasSuffix("login: "))
    driver.receive("ann\r\n".utf8)
    driver.receive([255, 253, 1])  // DO ECHO
    #expect(text(driver) == "Password: ")
    driver.receive("pw\r\0".utf8)
    #expect(text(driver) == "\r\nready\r\n> ")
    driver.receive("hello\r\0".utf8)
    #expect(text(driver) == "hello\r\n")
    driver.receive("ask\r\0".utf8)
    #expect(text(driver) == "answer to question 7\r\n")
    driver.receive("bye\r\0".utf8)
    #expect(driver.close == .afterWrites)
  }

  @Test func itIsTheSameHoweverTheBytesCome() {
    let bytes =
      Array("ann\r\npw\r\n".utf8) + [255, 251, 31, 255, 250, 31, 0, 100, 0, 40, 255, 240] + Array("size\r\n".utf8)
    let whole = driver()
    whole.receive(bytes)
    let expected = whole.takeOutput()
    let single = driver()
    for byte in bytes { single.receive([byte]) }
    #expect(single.takeOutput() == expected)
    #expect(String(decoding: expected, as: UTF8.self).contains("100x40"))
  }

  @Test func threeWrongPasswordsHangUp() {
    let driver = driver()
    for _ in 0..<3 { driver.receive("nobody\r\0wrong\r\0".utf8) }
    let known = text(driver)
    #expect(known.components("Log-in incorrect") == 3 && driver.close != nil)
    let other = self.driver()
    for _ in 0..<3 { other.receive("ann\r\0wrong\r\0".utf8) }
    #expect(text(other) == known)
  }

  @Test func aCodeIsAskedFor() {
    let driver = driver()
    driver.receive("ann\r\02f\r\0".utf8)
    #expect(text(driver).hasSuffix("Code: "))
    driver.receive("123 456\r\0".utf8)
    #expect(text(driver).hasSuffix("ready\r\n> "))
  }

  @Test func nothingIsTakenWhileALogInIsJudged() {
    let driver = driver()
    driver.receive("ann\r\0later\r\0show".utf8)
    #expect(driver.requests.count == 1 && driver.pendingCount > 0)
    driver.resume(.granted(Parrot(), account: "ann"), for: Ticket(0))
    driver.receive("\r\0".utf8)
    #expect(text(driver).hasSuffix("> show\r\n"))
  }

  @Test func commandsAreObeyed() {
    let driver = driver()
    logIn(driver)
    driver.receive([255, 246])
    #expect(text(driver).contains("Portside is here"))
    driver.receive([255, 244, 255, 242])
    #expect(text(driver) == "interrupted\r\n")
    driver.receive([255, 253, 6])
    #expect(driver.takeOutput() == [255, 251, 6])
    driver.receive([255, 253, 5, 255, 250, 5, 1, 255, 240])
    let status = driver.takeOutput()
    #expect(Array(status.prefix(7)) == [255, 251, 5, 255, 250, 5, 0] && status.suffix(2) == [255, 240])
  }

  @Test func terminalTypesAreAskedForUntilOneIsKnown() {
    let driver = driver()
    logIn(driver)
    driver.receive([255, 251, 24])
    #expect(elements(driver) == [.subnegotiation(.terminalType, [1])])
    driver.receive([255, 250, 24, 0] + Array("mudlet".utf8) + [255, 240])
    #expect(elements(driver) == [.subnegotiation(.terminalType, [1])])
    driver.receive([255, 250, 24, 0] + Array("xterm-256color".utf8) + [255, 240])
    #expect(elements(driver) == [])
    driver.receive("size\r\0".utf8)
    #expect(text(driver).contains("XTERM-256COLOR"))
  }

  @Test func aClientThatRefusesEverythingIsEchoed() {
    let driver = driver()
    driver.receive([255, 254, 1, 255, 254, 3, 255, 252, 3, 255, 252, 31, 255, 252, 24, 255, 252, 39, 255, 252, 42])
    _ = driver.takeOutput()
    driver.receive("ann".utf8)
    #expect(text(driver) == "ann")
    // One that only refuses ECHO shows what it types by itself.
    let other = self.driver()
    other.receive([255, 254, 1])
    _ = other.takeOutput()
    other.receive("ann".utf8)
    #expect(text(other) == "")
  }

  @Test func lineModeHidesPasswords() {
    let driver = driver()
    driver.receive([255, 253, 1, 255, 251, 34])
    _ = driver.takeOutput()
    driver.receive([255, 250, 34, 1, 1, 255, 240])
    #expect(elements(driver) == [.subnegotiation(.lineMode, [1, 5]), .negotiation(.wont, .echo)])
    driver.receive([255, 254, 1])
    driver.receive("ann\r\n".utf8)
    #expect(elements(driver) == [.negotiation(.will, .echo)])
    driver.receive([255, 253, 1])
    driver.receive("pw\r\n".utf8)
    #expect(elements(driver) == [.negotiation(.wont, .echo)])
  }

  @Test func promptsAreMarkedForWhoWantsIt() {
    let driver = driver()
    driver.receive([255, 253, 25])
    driver.receive("ann\r\0pw\r\0".utf8)
    #expect(driver.takeOutput().suffix(4) == [0x3E, 0x20, 255, 239])
  }

  @Test func withoutTLSNothingIsAsked() {
    let driver = driver(.init(offersTLS: true, allowsPlainText: false, isSecure: false))
    #expect(driver.takeOutput() == [255, 253, 46])
    driver.receive("ann\r\0pw\r\0".utf8)
    #expect(driver.requests.isEmpty && driver.takeOutput().isEmpty)
    driver.receive([255, 252, 46])
    #expect(text(driver).contains("nobody log in without TLS") && driver.close != nil)
    let silent = self.driver(.init(offersTLS: true, allowsPlainText: false, isSecure: false))
    silent.advance(by: .seconds(20))
    #expect(silent.close != nil)
  }

  @Test func TLSBeginsAnew() {
    let driver = driver(.init(offersTLS: true, allowsPlainText: false, isSecure: false))
    driver.receive([255, 251, 46, 255, 250, 46, 1, 255, 240])
    #expect(driver.wantsTLS && driver.takeOutput() == [255, 253, 46, 255, 250, 46, 1, 255, 240])
    driver.establishTLS()
    #expect(text(driver).hasSuffix("login: "))
    // Again, inside TLS, is refused.
    driver.receive([255, 251, 46])
    #expect(elements(driver) == [.negotiation(.dont, .startTLS)])
  }

  /// `FOLLOWS` with more behind it in plain text: an injection, as with every STARTTLS.
  @Test func plainTextBehindFOLLOWSEnds() {
    let driver = driver(.init(offersTLS: true, allowsPlainText: false, isSecure: false))
    driver.receive([255, 251, 46, 255, 250, 46, 1, 255, 240] + Array("ann\r\0".utf8))
    #expect(driver.close == .immediately)
  }

  @Test func whoAsksForEverIsCutOff() {
    let driver = driver()
    for _ in 0..<3000 where driver.close == nil { driver.receive([255, 253, 6]) }
    #expect(driver.close != nil)
    let endless = self.driver()
    endless.receive([255, 250, 24] + [UInt8](repeating: 0x41, count: 70_000))
    #expect(endless.close != nil)
  }

  @Test func nobodyWaitsForEver() {
    let driver = driver()
    driver.advance(by: .seconds(91))
    #expect(driver.close != nil)
    let idle = self.driver()
    logIn(idle)
    idle.advance(by: .seconds(1000))
    idle.receive("x".utf8)
    idle.advance(by: .seconds(1000))
    #expect(idle.close == nil)
    idle.advance(by: .seconds(1000))
    #expect(idle.close != nil)
  }

  @Test func watchersSeeOptionsByName() {
    let driver = driver(watched: true)
    driver.receive([255, 251, 31])
    #expect(driver.events.contains(.said("WILL ECHO")) && driver.events.contains(.heard("WILL NAWS")))
  }

  @Test func theClientUnderstandsTheServer() {
    let driver = driver()
    var client = TelnetClientMachine(columns: 132, rows: 50, terminalType: "VT220")
    var seen = ""
    func exchange() {
      for _ in 0..<10 {
        var answer: [UInt8] = []
        seen += String(decoding: client.receive(driver.takeOutput(), into: &answer), as: UTF8.self)
        if answer.isEmpty { break }
        driver.receive(answer)
      }
    }
    exchange()
    #expect(seen.hasSuffix("login: ") && client.isEchoedByServer)
    for line in ["ann\n", "pw\n", "size\n"] {
      driver.receive(client.encode(Array(line.utf8)))
      exchange()
    }
    #expect(seen.contains("132x50 VT220 true\n"), "\(seen)")
    #expect(client.agreed.contains("WILL NAWS"))
  }
}

extension String {
  /// How often a text stands in it.
  func components(_ part: String) -> Int { ranges(of: part).count }
}
