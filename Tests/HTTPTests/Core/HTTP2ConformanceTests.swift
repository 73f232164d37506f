@testable import HTTPCore
import Testing
import WireKit

typealias Driver2 = ServerDriver<HTTP2ServerSession>

/// What h2spec tests (https://github.com/summerwind/h2spec, by RFC 9113's sections), as raw frames against the session.
@Suite struct HTTP2ConformanceTests {
  enum Outcome: Equatable, Sendable {
    case goAway(UInt32)
    case reset(UInt32, stream: UInt32)
    case answered(stream: UInt32)
    case pong
    case acknowledged
    case open
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let frames: [UInt8]
    let outcome: Outcome
    var handlerAnswers = true
    var testDescription: String { name }

    init(_ name: String, _ frames: [[UInt8]], _ outcome: Outcome, handlerAnswers: Bool = true) {
      self.name = name
      self.frames = Array(frames.joined())
      self.outcome = outcome
      self.handlerAnswers = handlerAnswers
    }
  }

  typealias F = Frames
  static let protocolError: UInt32 = 1
  static let flowControl: UInt32 = 3
  static let streamClosed: UInt32 = 5
  static let frameSize: UInt32 = 6
  static let compression: UInt32 = 9

  static let frameCases: [Case] = [
    Case("4.1 unknown type is ignored", [F.frame(0x16, 0, 0, [1, 2, 3]), F.ping], .pong),
    Case("4.1 undefined flags are ignored", [F.frame(6, 0x16, 0, [1, 2, 3, 4, 5, 6, 7, 8])], .pong),
    Case("4.1 reserved bit is ignored", [F.frame(6, 0, 0x8000_0000, [1, 2, 3, 4, 5, 6, 7, 8])], .pong),
    Case("4.2 DATA of 2^14", [F.headers(1, F.post, flags: 4), F.data(1, 16_384, end: true)], .answered(stream: 1)),
    Case("4.2 DATA above 2^14", [F.headers(1, F.post, flags: 4), F.data(1, 16_385)], .goAway(frameSize)),
    Case("4.2 HEADERS above 2^14", [F.frame(1, 5, 1, [UInt8](repeating: 0, count: 16_385))], .goAway(frameSize)),
    Case("4.3 invalid section", [F.frame(1, 5, 1, [0x40, 0x01])], .goAway(compression)),
    Case("4.3 index outside the tables", [F.frame(1, 5, 1, [0xFF, 0x7F])], .goAway(compression)),
    Case(
      "4.3 PRIORITY within a section", [F.headers(1, flags: 1), F.frame(2, 0, 1, [0, 0, 0, 0, 1])],
      .goAway(protocolError)),
    Case("4.3 HEADERS of another stream within", [F.headers(1, flags: 1), F.headers(3)], .goAway(protocolError)),
    Case("5.1 idle: DATA", [F.data(1, 1)], .goAway(protocolError)),
    Case("5.1 idle: RST_STREAM", [F.reset(1)], .goAway(protocolError)),
    Case("5.1 idle: WINDOW_UPDATE", [F.windowUpdate(1, 100)], .goAway(protocolError)),
    Case("5.1 idle: CONTINUATION", [F.frame(9, 4, 1, F.section(F.get))], .goAway(protocolError)),
    Case(
      "5.1 half-closed: DATA", [F.headers(1), F.data(1, 1)], .reset(streamClosed, stream: 1), handlerAnswers: false),
    Case(
      "5.1 half-closed: HEADERS", [F.headers(1), F.headers(1)], .reset(streamClosed, stream: 1), handlerAnswers: false),
    Case(
      "5.1 half-closed: CONTINUATION", [F.headers(1), F.frame(9, 4, 1, F.section(F.get))], .goAway(protocolError),
      handlerAnswers: false),
    Case(
      "5.1 closed by RST_STREAM: DATA", [F.headers(1, F.post, flags: 4), F.reset(1), F.data(1, 1)],
      .reset(streamClosed, stream: 1), handlerAnswers: false),
    Case(
      "5.1 closed by RST_STREAM: HEADERS", [F.headers(1, F.post, flags: 4), F.reset(1), F.headers(1)],
      .reset(streamClosed, stream: 1), handlerAnswers: false),
    Case("5.1 closed: DATA", [F.headers(1), F.data(1, 1)], .goAway(streamClosed)),
    Case("5.1 closed: HEADERS", [F.headers(1), F.headers(1)], .goAway(streamClosed)),
    Case("5.1 closed: CONTINUATION", [F.headers(1), F.frame(9, 4, 1, F.section(F.get))], .goAway(protocolError)),
    Case("5.1 closed: PRIORITY is fine", [F.headers(1), F.frame(2, 0, 1, [0, 0, 0, 0, 1]), F.ping], .pong),
    Case("5.1 closed: WINDOW_UPDATE is ignored", [F.headers(1), F.windowUpdate(1, 1), F.ping], .pong),
    Case("5.1 closed: RST_STREAM is ignored", [F.headers(1), F.reset(1), F.ping], .pong),
    Case("5.1.1 even stream", [F.headers(2)], .goAway(protocolError)),
    Case("5.1.1 smaller number", [F.headers(5), F.headers(3)], .goAway(protocolError)),
    Case(
      "5.3.1 HEADERS depends on itself", [F.frame(1, 0x25, 1, [0, 0, 0, 1, 5] + F.section(F.get))],
      .goAway(protocolError)),
    Case(
      "5.3.1 PRIORITY depends on itself", [F.headers(1), F.frame(2, 0, 1, [0, 0, 0, 1, 5])],
      .reset(protocolError, stream: 1), handlerAnswers: false),
    Case("5.5 unknown type within a section", [F.headers(1, flags: 1), F.frame(0x16)], .goAway(protocolError)),
    Case("6.1 DATA on stream 0", [F.data(0, 1)], .goAway(protocolError)),
    Case(
      "6.1 padding as long as the payload", [F.headers(1, F.post, flags: 4), F.frame(0, 9, 1, [6, 1, 2, 3, 4, 5])],
      .goAway(protocolError)),
    Case(
      "6.1 padded DATA", [F.headers(1, F.post, flags: 4), F.frame(0, 9, 1, [2, 0x61, 0, 0])], .answered(stream: 1)),
    Case("6.1 padded DATA without a length", [F.headers(1, F.post, flags: 4), F.frame(0, 9, 1)], .goAway(frameSize)),
    Case("6.2 HEADERS on stream 0", [F.headers(0)], .goAway(protocolError)),
    Case("6.2 padding too long", [F.frame(1, 0xD, 1, [200] + F.section(F.get))], .goAway(protocolError)),
    Case(
      "6.2 padded with priority", [F.frame(1, 0x2D, 1, [1, 0, 0, 0, 0, 9] + F.section(F.get) + [0])],
      .answered(stream: 1)),
    Case("6.2 too short for priority", [F.frame(1, 0x25, 1, [0, 0])], .goAway(frameSize)),
    Case("6.2 frame within a section", [F.headers(1, flags: 1), F.ping], .goAway(protocolError)),
    Case("6.2 in three parts", sectionInParts(), .answered(stream: 1)),
    Case("6.3 PRIORITY on stream 0", [F.frame(2, 0, 0, [0, 0, 0, 0, 1])], .goAway(protocolError)),
    Case(
      "6.3 PRIORITY of four octets", [F.headers(1), F.frame(2, 0, 1, [0, 0, 0, 1])], .reset(frameSize, stream: 1),
      handlerAnswers: false),
    Case("6.4 RST_STREAM on stream 0", [F.reset(0)], .goAway(protocolError)),
    Case(
      "6.4 RST_STREAM of three octets", [F.headers(1, F.post, flags: 4), F.frame(3, 0, 1, [0, 0, 0])],
      .goAway(frameSize)),
    Case("6.5 SETTINGS ack with payload", [F.frame(4, 1, 0, [0])], .goAway(frameSize)),
    Case("6.5 SETTINGS on a stream", [F.frame(4, 0, 1)], .goAway(protocolError)),
    Case("6.5 SETTINGS of three octets", [F.frame(4, 0, 0, [0, 0, 0])], .goAway(frameSize)),
    Case("6.5.2 ENABLE_PUSH 2", [F.settings([(2, 2)])], .goAway(protocolError)),
    Case("6.5.2 INITIAL_WINDOW_SIZE too large", [F.settings([(4, 0x8000_0000)])], .goAway(flowControl)),
    Case("6.5.2 MAX_FRAME_SIZE too small", [F.settings([(5, 16_383)])], .goAway(protocolError)),
    Case("6.5.2 MAX_FRAME_SIZE too large", [F.settings([(5, 16_777_216)])], .goAway(protocolError)),
    Case("6.5.2 unknown setting", [F.settings([(0xFF, 1)]), F.ping], .pong),
    Case("6.5.3 SETTINGS are acknowledged", [F.settings([(3, 100)])], .acknowledged),
    Case("6.6 PUSH_PROMISE", [F.frame(5, 4, 1, [0, 0, 0, 2])], .goAway(protocolError)),
    Case("6.7 PING", [F.ping], .pong),
    Case("6.7 PING ack is not answered", [F.frame(6, 1, 0, [8, 7, 6, 5, 4, 3, 2, 1])], .open),
    Case("6.7 PING on a stream", [F.frame(6, 0, 1, [1, 2, 3, 4, 5, 6, 7, 8])], .goAway(protocolError)),
    Case("6.7 PING of six octets", [F.frame(6, 0, 0, [1, 2, 3, 4, 5, 6])], .goAway(frameSize)),
    Case("6.8 GOAWAY on a stream", [F.frame(7, 0, 1, [0, 0, 0, 0, 0, 0, 0, 0])], .goAway(protocolError)),
    Case("6.9 WINDOW_UPDATE of zero, connection", [F.windowUpdate(0, 0)], .goAway(protocolError)),
    Case(
      "6.9 WINDOW_UPDATE of zero, stream", [F.headers(1), F.windowUpdate(1, 0)], .reset(protocolError, stream: 1),
      handlerAnswers: false),
    Case("6.9 WINDOW_UPDATE of three octets", [F.frame(8, 0, 0, [0, 0, 1])], .goAway(frameSize)),
    Case(
      "6.9.1 connection window overflows", [F.windowUpdate(0, 0x7FFF_FFFF), F.windowUpdate(0, 0x7FFF_FFFF)],
      .goAway(flowControl)),
    Case(
      "6.9.1 stream window overflows", [F.headers(1), F.windowUpdate(1, 0x7FFF_FFFF)], .reset(flowControl, stream: 1),
      handlerAnswers: false),
    Case("6.10 CONTINUATION on stream 0", [F.headers(1, flags: 1), F.frame(9, 4, 0, [])], .goAway(protocolError)),
    Case(
      "6.10 CONTINUATION after END_HEADERS", [F.headers(1, F.post, flags: 4), F.frame(9, 4, 1)], .goAway(protocolError)),
    Case("6.10 DATA instead of CONTINUATION", [F.headers(1, F.post, flags: 0), F.data(1, 1)], .goAway(protocolError)),
  ]

  static func sectionInParts() -> [[UInt8]] {
    let section = F.section(F.get + [("x-long", String(repeating: "y", count: 50))])
    return [
      F.frame(1, 1, 1, Array(section.prefix(3))), F.frame(9, 0, 1, Array(section[3..<20])),
      F.frame(9, 4, 1, Array(section[20...])),
    ]
  }

  static func malformed(_ name: String, _ fields: [(String, String)]) -> Case {
    Case(name, [F.headers(1, fields)], .reset(protocolError, stream: 1))
  }

  static let requestCases: [Case] = [
    malformed("8.2.1 upper case", F.get + [("X-Test", "a")]),
    malformed("8.2.1 space in a name", F.get + [("x test", "a")]),
    malformed("8.2.1 empty name", F.get + [("", "a")]),
    malformed("8.2.1 NUL in a value", F.get + [("x", "a\u{0}b")]),
    malformed("8.2.1 LF in a value", F.get + [("x", "a\nb")]),
    malformed("8.2.1 CR in a value", F.get + [("x", "a\rb")]),
    malformed("8.2.1 white space before a value", F.get + [("x", " a")]),
    malformed("8.2.1 white space after a value", F.get + [("x", "a\t")]),
    malformed("8.2.2 Connection", F.get + [("connection", "keep-alive")]),
    malformed("8.2.2 Transfer-Encoding", F.post + [("transfer-encoding", "chunked")]),
    malformed("8.2.2 Keep-Alive", F.get + [("keep-alive", "1")]),
    malformed("8.2.2 Proxy-Connection", F.get + [("proxy-connection", "close")]),
    malformed("8.2.2 Upgrade", F.get + [("upgrade", "h2c")]),
    malformed("8.2.2 TE other than trailers", F.get + [("te", "trailers, deflate")]),
    malformed("8.3 unknown pseudo-field", F.get + [(":test", "a")]),
    malformed("8.3 response pseudo-field", F.get + [(":status", "200")]),
    malformed(
      "8.3 pseudo-field after a regular one",
      [(":method", "GET"), (":scheme", "http"), ("x", "y"), (":path", "/"), (":authority", "a")]),
    malformed("8.3.1 empty path", [(":method", "GET"), (":scheme", "http"), (":path", ""), (":authority", "a")]),
    malformed("8.3.1 no method", [(":scheme", "http"), (":path", "/"), (":authority", "a")]),
    malformed("8.3.1 no scheme", [(":method", "GET"), (":path", "/"), (":authority", "a")]),
    malformed("8.3.1 no path", [(":method", "GET"), (":scheme", "http"), (":authority", "a")]),
    malformed("8.3.1 two methods", F.get + [(":method", "GET")]),
    malformed("8.3.1 two schemes", F.get + [(":scheme", "http")]),
    malformed("8.3.1 two paths", F.get + [(":path", "/")]),
    malformed("8.3.1 two authorities", F.get + [(":authority", "a")]),
    malformed("8.3.1 no authority at all", [(":method", "GET"), (":scheme", "http"), (":path", "/")]),
    malformed("8.3.1 Host contradicts", F.get + [("host", "b")]),
    malformed("8.3.1 two Hosts", F.get + [("host", "a"), ("host", "a")]),
    malformed(
      "8.3.1 user information", [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "u@a")]),
    malformed(
      "8.3.1 path without slash", [(":method", "GET"), (":scheme", "http"), (":path", "x"), (":authority", "a")]),
    malformed(
      "8.3.1 space in the path", [(":method", "GET"), (":scheme", "http"), (":path", "/a b"), (":authority", "a")]),
    malformed(
      "8.3.1 request line in the method",
      [(":method", "GET / HTTP/1.1"), (":scheme", "http"), (":path", "/"), (":authority", "a")]),
    malformed(
      "8.5 CONNECT with a path", [(":method", "CONNECT"), (":scheme", "http"), (":path", "/"), (":authority", "a:1")]),
    malformed("8.1.1 Content-Length without content", F.post + [("content-length", "5")]),
    malformed("8.1.1 two Content-Lengths", F.get + [("content-length", "0"), ("content-length", "0")]),
    malformed("8.1.1 Content-Length malformed", F.get + [("content-length", "+0")]),
    Case(
      "8.1.1 Content-Length too small",
      [F.headers(1, F.post + [("content-length", "1")], flags: 4), F.data(1, 4, end: true)],
      .reset(protocolError, stream: 1), handlerAnswers: false),
    Case(
      "8.1.1 Content-Length too small, two frames",
      [F.headers(1, F.post + [("content-length", "1")], flags: 4), F.data(1, 1), F.data(1, 1)],
      .reset(protocolError, stream: 1), handlerAnswers: false),
    Case(
      "8.1.1 Content-Length too large",
      [F.headers(1, F.post + [("content-length", "5")], flags: 4), F.data(1, 4, end: true)],
      .reset(protocolError, stream: 1), handlerAnswers: false),
    Case(
      "8.1 trailers without END_STREAM", [F.headers(1, F.post, flags: 4), F.headers(1, [("x", "y")], flags: 4)],
      .reset(protocolError, stream: 1), handlerAnswers: false),
    Case(
      "8.1 pseudo-field in trailers", [F.headers(1, F.post, flags: 4), F.headers(1, [(":method", "GET")])],
      .reset(protocolError, stream: 1), handlerAnswers: false),
    Case(
      "8.1 trailers", [F.headers(1, F.post, flags: 4), F.data(1, 3), F.headers(1, [("x", "y")])], .open,
      handlerAnswers: false),
    Case("GET", [F.headers(1)], .answered(stream: 1)),
    Case("GET with TE: trailers", [F.headers(1, F.get + [("te", "trailers")])], .answered(stream: 1)),
    Case(
      "Host instead of :authority",
      [F.headers(1, [(":method", "GET"), (":scheme", "http"), (":path", "/"), ("host", "a")])], .answered(stream: 1)),
    Case("Host equal to :authority", [F.headers(1, F.get + [("host", "A")])], .answered(stream: 1)),
    Case(
      "OPTIONS *", [F.headers(1, [(":method", "OPTIONS"), (":scheme", "http"), (":path", "*"), (":authority", "a")])],
      .answered(stream: 1)),
    Case("CONNECT", [F.headers(1, [(":method", "CONNECT"), (":authority", "a:1")])], .answered(stream: 1)),
    Case(
      "HEAD", [F.headers(1, [(":method", "HEAD"), (":scheme", "http"), (":path", "/"), (":authority", "a")])],
      .answered(stream: 1)),
    Case("number far above the last", [F.headers(1), F.headers(0x7FFF_FFFF)], .answered(stream: 0x7FFF_FFFF)),
  ]

  @Test(arguments: frameCases + requestCases) func conforms(_ test: Case) {
    for size in [Int.max, 1, 11] {
      // Frames that come together are judged before the handler has answered: the stream is not closed yet then.
      if test.outcome == .goAway(Self.streamClosed), size == .max { continue }
      let driver = Driver2()
      if !test.handlerAnswers { driver.respond = { _ in nil } }
      driver.feed(bytes: F.preface + F.settings() + F.settingsAck + test.frames, by: size)
      let frames = F.parse(driver.output)
      switch test.outcome {
      case .goAway(let code):
        let last = frames.last
        #expect(last?.type == 7 && last?.number(at: 4) == code, "\(frames.map(\.type)) \(driver.events)")
        #expect(driver.isClosed)
      case .reset(let code, let stream):
        #expect(frames.contains { $0.type == 3 && $0.stream == stream && $0.number(at: 0) == code }, "\(frames)")
        #expect(!driver.isClosed)
      case .answered(let stream):
        #expect(frames.contains { $0.type == 1 && $0.stream == stream && $0.fields[.pseudoStatus] == "200" })
        #expect(frames.contains { $0.stream == stream && $0.flags & 1 == 1 })
        #expect(!driver.isClosed)
      case .pong:
        #expect(frames.contains { $0.type == 6 && $0.flags == 1 && $0.payload == [1, 2, 3, 4, 5, 6, 7, 8] })
        #expect(!driver.isClosed)
      case .acknowledged: #expect(frames.filter { $0.type == 4 && $0.flags == 1 }.count == 2)
      case .open: #expect(!driver.isClosed && !frames.contains { $0.type == 3 || $0.type == 6 })
      }
    }
  }

  @Test(arguments: [
    Frames.frame(6, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]), Frames.headers(1), Frames.settingsAck,
  ])
  func theFirstFrameMustBeSettings(_ frame: [UInt8]) {
    let driver = Driver2()
    driver.feed(Frames.preface + frame)
    #expect(Frames.parse(driver.output).last?.number(at: 4) == Self.protocolError)
    #expect(driver.isClosed)
  }

  @Test func thePrefaceMustBeRight() {
    let driver = Driver2()
    driver.feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(driver.isClosed)
    #expect(driver.requests.isEmpty)
  }
}

extension ServerDriver where Session: ~Copyable {
  func feed(bytes: [UInt8], by size: Int) {
    var rest = bytes[...]
    while !rest.isEmpty {
      feed(Array(rest.prefix(size)))
      rest = rest.dropFirst(size)
    }
  }
}
