import HTTPCore
import Testing
import WireKit

typealias Driver1 = ServerDriver<HTTP1ServerSession>

@Suite struct HTTP1ServerSessionTests {
  @Test func answersInOrderAndKeepsTheConnection() {
    let driver = Driver1()
    driver.respond = { HTTPReply(.ok, content: .bytes(Array($0.path.utf8))) }
    driver.feed("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2?q=x HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(
      driver.text
        == "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n/1HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n/2")
    #expect(!driver.isClosed)
    #expect(driver.requests.map(\.request.query) == [nil, "q=x"])
  }

  @Test func pipelinedRequestsWaitForAnAsynchronousAnswer() {
    let driver = Driver1()
    driver.respond = { _ in nil }
    driver.feed("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(driver.requests.count == 1)
    driver.answer(driver.requests[0].ticket, .reply(HTTPReply(.noContent)))
    #expect(driver.requests.count == 2)
    #expect(driver.text == "HTTP/1.1 204 No Content\r\n\r\n")
  }

  struct Refusal: CustomTestStringConvertible, Sendable {
    var head: String
    var status: Int
    init(_ head: String, _ status: Int = 400) {
      self.head = head
      self.status = status
    }
    var testDescription: String { String(head.prefix(60)).debugDescription }
  }

  /// Everything that two readers could understand differently, and everything beyond a limit: one refusal, then the end.
  static let refusals: [Refusal] = [
    .init("GET / HTTP/1.1\nHost: a\n\n"), .init("GET / HTTP/1.1\r\nHost: a\r\n\n"),
    .init("GET / HTTP/1.1\r\nHost: a\n\r\n"),
    .init("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"), .init("GET / HTTP/1.1\r\n\r\n"),
    .init("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"), .init("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n"),
    .init("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), .init("GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    .init("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"), .init("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    .init("GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n"), .init("GET / HTTP/1.1\r\nHost: a:x\r\n\r\n"),
    .init("GET / HTTP/1.1\r\nHost:\r\n\r\n"), .init("GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
    .init("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), .init("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n"),
    .init("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n\tc\r\n\r\n"), .init("GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"),
    .init("GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n"), .init("GET / HTTP/1.1\r\nHost: a\r\nX: \u{0}\r\n\r\n"),
    .init("GET / HTTP/1.1\r\nHost: a\r\nX: \u{1B}[31m\r\n\r\n"), .init("GET / HTTP/1.1\r\nHost: a\r\nX(: b\r\n\r\n"),
    .init("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), .init("GET /  HTTP/1.1\r\nHost: a\r\n\r\n"),
    .init("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"), .init("GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
    .init("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"), .init("GET /\u{7F} HTTP/1.1\r\nHost: a\r\n\r\n"),
    .init("GET /ü HTTP/1.1\r\nHost: a\r\n\r\n"), .init("GET /#x HTTP/1.1\r\nHost: a\r\n\r\n"),
    .init("GET a HTTP/1.1\r\nHost: a\r\n\r\n"), .init("GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
    .init("CONNECT /x HTTP/1.1\r\nHost: a\r\n\r\n"), .init("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    .init("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"), .init("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    .init("GET /\r\n\r\n"), .init("GET / http/1.1\r\nHost: a\r\n\r\n"), .init("GET / HTTP/1.1.1\r\nHost: a\r\n\r\n"),
    .init("GET / HTTP/1,1\r\nHost: a\r\n\r\n"), .init("GET / HTTPS/1.1\r\nHost: a\r\n\r\n"),
    .init("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505), .init("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    .init("G(T / HTTP/1.1\r\nHost: a\r\n\r\n"), .init(" GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    .init("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), .init("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}"),
    .init("\u{0}"), .init("{\"json\":1}\r\n\r\n"),
    // Framing.
    .init("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
    .init("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"),
    .init("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"),
    .init("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n"),
    .init("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n"),
    .init("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"),
    .init("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\n"),
    .init("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 1\r\n\r\n"),
    .init("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n"),
    .init("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n"),
    .init("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n", 413),
    .init("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
    .init("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n"),
    .init("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n"),
    .init("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n"),
    .init("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"),
    .init("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n"),
    .init("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n"),
    .init("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n"),
    .init("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    .init("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
    .init("POST / HTTP/1.1\r\nHost: a\r\nExpect: a-pony\r\nContent-Length: 1\r\n\r\n", 417),
    // Limits.
    .init("GET /" + String(repeating: "x", count: 9000) + " HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    .init("GET /" + String(repeating: "x", count: 9000), 414),
    .init("GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "x", count: 40_000), 431),
    .init("GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X: y\r\n", count: 200) + "\r\n", 431),
  ]

  @Test(arguments: refusals) func refuses(_ refusal: Refusal) {
    for size in [Int.max, 1, 7] {
      let driver = Driver1()
      driver.feed(refusal.head, by: size)
      #expect(driver.text.hasPrefix("HTTP/1.1 \(refusal.status) "), "\(driver.text)")
      #expect(driver.text.contains("\r\nConnection: close\r\n"))
      #expect(driver.isClosed)
      #expect(driver.requests.isEmpty)
    }
  }

  /// What a refused request has behind it is never read as a request.
  @Test(arguments: [
    "+5\r\nhello\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n", "5;a\nb\r\nhello\r\n0\r\n\r\n", "5\nhello\n0\n\n",
    "5\r\nhelloXX0\r\n\r\n", "-5\r\nhello\r\n", " 5\r\nhello\r\n", "5 \r\nhello\r\n0\r\n\r\n", "\r\nhello",
    "fffffffffffffffff\r\n", "8000000000000000\r\n", "5\r\nhello\r\n0\r\nbad trailer\r\n\r\n", "5\rhello",
    "5\r\nhello\n0\r\n\r\n", "g\r\n", "5;x=\u{0}\r\nhello\r\n0\r\n\r\n", "0\r\n a: b\r\n\r\n",
    "1;" + String(repeating: "x", count: 300) + "\r\n",
  ])
  func refusesBadChunks(_ chunks: String) {
    for size in [Int.max, 1, 3] {
      let driver = Driver1()
      driver.respond = { _ in nil }
      driver.feed("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", by: size)
      driver.feed(chunks + "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", by: size)
      #expect(driver.text.hasPrefix("HTTP/1.1 400 "), "\(driver.text)")
      #expect(driver.isClosed)
      #expect(driver.requests.count == 1)
    }
  }

  @Test func takesChunksWithExtensionsAndTrailers() {
    for size in [Int.max, 1, 2, 5] {
      let driver = Driver1()
      driver.respond = { _ in nil }
      driver.feed(
        "POST /up HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
          + "5;name=\"value\"\r\nhello\r\n00A ;x\r\n, world...\r\n0\r\nX-Sum: 1\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
        by: size)
      #expect(driver.requests.count == 1)
      let ticket = driver.requests[0].ticket
      #expect(driver.bodies[ticket] == Array("hello, world...".utf8))
      #expect(driver.complete.contains(ticket))
      driver.answer(ticket, .reply(HTTPReply(.created)))
      #expect(driver.requests.count == 2)
      #expect(driver.text.hasPrefix("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"))
    }
  }

  @Test func takesContentByLength() {
    for size in [Int.max, 1, 3] {
      let driver = Driver1()
      driver.respond = { _ in nil }
      driver.feed(
        "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: a\r\n\r\n", by: size)
      let ticket = driver.requests[0].ticket
      #expect(driver.requests[0].request.content == .length(5))
      #expect(driver.bodies[ticket] == Array("hello".utf8))
      driver.answer(ticket, .reply(HTTPReply(.noContent)))
      #expect(driver.requests.count == 2)
    }
  }

  @Test func headAndBodilessStatusesHaveNoContent() {
    let driver = Driver1()
    driver.respond = { request in
      HTTPReply(request.path == "/304" ? .notModified : .ok, content: .bytes(Array("hello".utf8)))
    }
    driver.feed("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(driver.text == "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
    driver.output = []
    driver.feed("GET /304 HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(driver.text == "HTTP/1.1 304 Not Modified\r\n\r\n")
  }

  @Test(arguments: [
    ("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "Connection: close", true),
    ("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, CLOSE\r\n\r\n", "Connection: close", true),
    ("GET / HTTP/1.0\r\n\r\n", "Connection: close", true),
    ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "Connection: keep-alive", false),
  ])
  func persistence(_ head: String, _ field: String, _ closes: Bool) {
    let driver = Driver1()
    driver.feed(head)
    #expect(driver.text.contains(field))
    #expect(driver.isClosed == closes)
  }

  @Test func hostRules() {
    let driver = Driver1()
    driver.feed("GET http://WWW.Example.ORG.:8080/x?y HTTP/1.1\r\nHost: other\r\n\r\n")
    driver.feed("GET http://a?y HTTP/1.1\r\nHost: a\r\n\r\n")
    driver.feed("OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n")
    driver.feed("CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n")
    driver.feed("\r\nGET / HTTP/1.1\r\nHost: a:\r\n\r\n")
    let requests = driver.requests.map(\.request)
    #expect(requests.map(\.host) == ["www.example.org", "a", "[::1]", "h", "a"])
    #expect(requests.map(\.port) == [8080, 0, 80, 443, 0])
    #expect(requests.map(\.path) == ["/x", "/", "", "", "/"])
    #expect(requests[1].withPath { $0.byteCount } == 1 && requests[1].query == "y")
    #expect(requests.map(\.form) == [.absolute, .absolute, .asterisk, .authority, .origin])
  }

  @Test func expectContinueIsAnsweredOnlyWithoutAReply() {
    let driver = Driver1()
    driver.respond = { _ in nil }
    driver.feed("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n")
    #expect(driver.text == "")
    driver.advance(.zero)
    #expect(driver.text == "HTTP/1.1 100 Continue\r\n\r\n")
    driver.feed("hi")
    driver.answer(driver.requests[0].ticket, .reply(HTTPReply(.ok)))
    #expect(driver.text.hasSuffix("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    #expect(!driver.isClosed)

    let refusing = Driver1()
    refusing.respond = { _ in HTTPReply(.methodNotAllowed) }
    refusing.feed("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    refusing.advance(.zero)
    #expect(refusing.text == "HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    #expect(refusing.isClosed)
  }

  @Test func anEarlyReplyDrainsAShortRestAndClosesOnALongOne() {
    let driver = Driver1()
    driver.respond = { _ in HTTPReply(.methodNotAllowed) }
    driver.feed("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab")
    #expect(!driver.isClosed)
    driver.feed("cdGET / HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(driver.requests.count == 2)
    let long = Driver1()
    long.respond = driver.respond
    long.feed("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nab")
    #expect(long.isClosed)
    #expect(long.text.contains("Connection: close"))
  }

  @Test func streamsInChunksOrUntilTheEnd() {
    for (version, expected) in [
      ("1.1", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
      ("1.0", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc"),
    ] {
      let driver = Driver1()
      driver.respond = { _ in HTTPReply(.ok, content: .stream(TestStream())) }
      driver.feed("GET / HTTP/\(version)\r\nHost: a\r\n\r\n")
      driver.answer(driver.pulls[0], .piece(Array("abc".utf8)))
      driver.answer(driver.pulls[0], .piece([]))
      #expect(driver.text == expected)
      #expect(driver.isClosed == (version == "1.0"))
    }
  }

  @Test func aBrokenStreamBreaksTheConnection() {
    let driver = Driver1()
    driver.respond = { _ in HTTPReply(.ok, content: .stream(TestStream())) }
    driver.feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    driver.answer(driver.pulls[0], .piece(Array("abc".utf8)))
    driver.answer(driver.pulls[0], .broken)
    #expect(driver.isClosed)
    #expect(!driver.text.contains("0\r\n\r\n"))
  }

  @Test func largeContentGoesOutInBoundedSlices() {
    let driver = Driver1()
    let bytes = (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    driver.drains = false
    driver.respond = { _ in
      HTTPReply(.ok, content: .segments([.bytes([1, 2]), .content(TestContent(bytes), 1..<4_999_999), .bytes([3])]))
    }
    driver.feed("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(driver.mostWaiting <= 1 << 20 + 200)
    var turns = 0
    while driver.requests.count < 2, turns < 20 {
      driver.release()
      turns += 1
    }
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 5000001\r\n\r\n"
    #expect(driver.output.prefix(head.utf8.count + 2).suffix(2) == [1, 2])
    #expect(driver.output.dropFirst(head.utf8.count + 2).prefix(4_999_998).elementsEqual(bytes[1..<4_999_999]))
    #expect(driver.mostWaiting <= 1 << 20 + 200)
    #expect(turns < 20)
  }

  @Test func pipeliningWithoutReadingIsBounded() {
    let driver = Driver1()
    driver.drains = false
    driver.respond = { _ in HTTPReply(.ok, content: .bytes([UInt8](repeating: 0x61, count: 50_000))) }
    driver.feed(String(repeating: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", count: 1000))
    #expect(driver.mostWaiting < 400_000)
    #expect(driver.requests.count < 10)
  }

  @Test func timeOuts() {
    let slow = Driver1()
    slow.feed("GET / HTTP/1.1\r\nHo")
    for _ in 0..<5 {
      slow.advance(.seconds(3))
      slow.feed("s")
    }
    #expect(slow.isClosed)
    #expect(slow.text.hasPrefix("HTTP/1.1 408 "))

    let idle = Driver1()
    idle.feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    idle.advance(.seconds(60))
    #expect(!idle.isClosed)
    idle.feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    idle.advance(.seconds(60))
    #expect(!idle.isClosed)
    idle.advance(.seconds(20))
    #expect(idle.isClosed)

    let stalled = Driver1()
    stalled.respond = { _ in nil }
    stalled.feed("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab")
    stalled.advance(.seconds(40))
    #expect(stalled.isClosed)
    #expect(stalled.cancelled.count == 1)

    let working = Driver1()
    working.respond = { _ in nil }
    working.feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    working.advance(.seconds(1000))
    #expect(!working.isClosed)
  }

  @Test func drainingEndsAfterThePresentRequest() {
    let driver = Driver1()
    driver.respond = { _ in nil }
    driver.feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    driver.drain()
    #expect(!driver.isClosed)
    driver.answer(driver.requests[0].ticket, .reply(HTTPReply(.ok)))
    #expect(driver.isClosed)
    #expect(driver.text.contains("Connection: close"))
  }

  @Test func replyFieldsCannotBreakTheFraming() {
    let driver = Driver1()
    driver.respond = { _ in
      var fields = Fields()
      fields.append(.location, "/a\r\nSet-Cookie: x=1")
      fields.append("Bad Name", "x")
      fields.append(.contentLength, "99")
      return HTTPReply(.found, fields: fields)
    }
    driver.feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(
      driver.text == "HTTP/1.1 302 Found\r\nLocation: /a  Set-Cookie: x=1\r\nContent-Length: 0\r\n\r\n")
  }
}

extension ServerDriver where Session: ~Copyable {
  /// Feeds a text in pieces of this size.
  func feed(_ text: String, by size: Int) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      feed(Array(rest.prefix(size)))
      rest = rest.dropFirst(size)
    }
  }
}
