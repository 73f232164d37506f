import DNSCore
import TestKit
import Testing
import WireKit

@Suite struct DNSStreamSessionTests {
  private func driver(
    _ limits: DNSStreamSession.Limits = .init(), isWatched: Bool = false
  ) throws -> SessionDriver<DNSStreamSession> {
    let zones = try Answering([("lab.test.", exampleZone)]).zones
    let driver = SessionDriver(
      DNSStreamSession(responder: Responder(zones: zones), limits: limits, isWatched: isWatched))
    driver.open()
    return driver
  }

  private func framed(_ name: String, id: UInt16, type: RecordType = .a) throws -> [UInt8] {
    let message = try Message(header: Header(id: id), questions: [Question(try Name(name), type)], edns: EDNS())
      .encoded()
    return [UInt8(message.count >> 8), UInt8(message.count & 255)] + message
  }

  private func messages(_ bytes: [UInt8]) throws -> [Message] {
    var reader = WireReader(bytes.span.bytes)
    var messages: [Message] = []
    while !reader.isAtEnd {
      let length = Int(try reader.readUInt16("length"))
      messages.append(try Message.decode(try reader.readSpan(length, "message")))
    }
    return messages
  }

  @Test func pipelinedAndCutAnywhere() throws {
    let input =
      try framed("ns1.lab.test.", id: 1) + framed("nothing.lab.test.", id: 2)
      + framed("big.lab.test.", id: 3, type: .txt)
    let whole = try driver()
    whole.receive(input)
    let expected = whole.takeOutput()
    let replies = try messages(expected)
    #expect(replies.map(\.header.id) == [1, 2, 3])
    #expect(replies.map(\.responseCode) == [.noError, .nxDomain, .noError])
    #expect(replies[2].answers.count == 1)
    for cut in 1..<input.count {
      let parts = try driver()
      parts.receive(input[..<cut])
      parts.receive(input[cut...])
      #expect(parts.takeOutput() == expected)
    }
    let single = try driver()
    for byte in input { single.receive([byte]) }
    #expect(single.takeOutput() == expected)
    #expect(single.pendingCount == 0 && single.close == nil)
  }

  @Test func idleConnectionsEnd() throws {
    let driver = try driver()
    driver.advance(by: .seconds(9))
    driver.receive(try framed("ns1.lab.test.", id: 1))
    driver.advance(by: .seconds(9))
    #expect(driver.close == nil)
    // Half a message is no sign of life.
    driver.receive([0])
    driver.advance(by: .seconds(2))
    #expect(driver.close == .afterWrites)
    #expect(driver.events.last == .idle)
  }

  @Test func whatIsNoQueryEndsTheConnection() throws {
    let short = try driver()
    short.receive([0, 5, 1, 2, 3, 4, 5])
    #expect(short.close == .immediately && short.takeOutput().isEmpty)
    #expect(short.events == [.malformed])
    let http = try driver()
    http.receive("GET / HTTP/1.1\r\n\r\n".utf8)
    #expect(http.takeOutput().isEmpty)
    // A reply is never answered: only what came before it is.
    let reply = try driver()
    var response = try framed("ns1.lab.test.", id: 2)
    response[4] |= 0x80
    reply.receive(try framed("ns1.lab.test.", id: 1) + response + framed("ns1.lab.test.", id: 3))
    #expect(try messages(reply.takeOutput()).map(\.header.id) == [1])
    #expect(reply.close == .afterWrites)
  }

  @Test func queriesPerConnectionAreBounded() throws {
    var limits = DNSStreamSession.Limits()
    limits.queries = 2
    let driver = try driver(limits)
    driver.receive(try framed("ns1.lab.test.", id: 1) + framed("ns1.lab.test.", id: 2) + framed("ns1.lab.test.", id: 3))
    #expect(try messages(driver.takeOutput()).map(\.header.id) == [1, 2])
    #expect(driver.close == .afterWrites)
  }

  @Test func talliesAndConversations() throws {
    let driver = try driver(isWatched: true)
    driver.receive(try framed("ns1.lab.test.", id: 1) + framed("x.lab.test.", id: 2))
    var tally = ResponderTally()
    tally.queries = 2
    tally.noError = 1
    tally.nxDomain = 1
    #expect(driver.events.last == .answered(tally, since: driver.now))
    #expect(driver.events.count == 3)
    driver.closeInput()
    #expect(driver.close == .afterWrites)
  }
}
