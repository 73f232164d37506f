@testable import HTTPCore
import TestKit
import Testing
import WireKit

/// Our client against our server, over a link that cuts the bytes anywhere.
@Suite struct BackToBackTests {
  struct Exchange: Sendable {
    var method = Method.get
    var target = "/"
    var content: [UInt8] = []
    var reply: HTTPReply
    var expected: [UInt8]
    var status: UInt16 = 200
  }

  static let large = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }

  static let exchanges: [Exchange] = [
    Exchange(reply: HTTPReply(.ok, content: .bytes(Array("hi".utf8))), expected: Array("hi".utf8)),
    Exchange(method: .head, reply: HTTPReply(.ok, content: .bytes(large)), expected: []),
    Exchange(target: "/empty", reply: HTTPReply(.noContent), expected: [], status: 204),
    Exchange(
      method: .post, target: "/upload", content: large, reply: HTTPReply(.created, content: .bytes([1])),
      expected: [1], status: 201),
    Exchange(
      target: "/file?x=%20", reply: HTTPReply(.ok, content: .content(TestContent(large), 5..<299_999)),
      expected: Array(large[5..<299_999])),
    Exchange(
      target: "/parts",
      reply: HTTPReply(
        .partialContent, content: .segments([.bytes([1, 2]), .content(TestContent(large), 0..<10), .bytes([3])])),
      expected: [1, 2] + large[0..<10] + [3], status: 206),
    Exchange(target: "/missing", reply: HTTPReply(.notFound), expected: [], status: 404),
    Exchange(
      method: .propfind, target: "/dav", content: [0x3C], reply: HTTPReply(Status(207)), expected: [], status: 207),
    Exchange(reply: HTTPReply(.ok, content: .bytes(large)), expected: large),
  ]

  @Test(arguments: [false, true], [1, 3, 64, 1_500, 70_000])
  func exchanges(_ isHTTP2: Bool, _ piece: Int) throws {
    // Byte by byte, the large contents say nothing that the small ones do not.
    let exchanges =
      piece < 64 ? Self.exchanges.filter { $0.expected.count < 1000 && $0.content.count < 1000 } : Self.exchanges
    // Replies come at once, before an upload is here: let the server read its rest.
    var limits = HTTPLimits()
    limits.discardedContent = 1 << 20
    for seed in 0..<3 as Range<UInt64> {
      var next = 0
      let client = SessionDriver(HTTPClientSession(isHTTP2: isHTTP2)) { _ in
        guard next < exchanges.count else { return .finish }
        defer { next += 1 }
        let exchange = exchanges[next]
        return .perform(
          ClientRequest(exchange.method, authority: "a.test", target: exchange.target, content: exchange.content))
      }
      let server = SessionDriver(
        HTTPServerSession(HTTPSessionConfiguration(limits: limits, dateOffset: 1_700_000_000_000_000_000)),
        answer: { demand in
          guard case .respond(let request) = demand else { return nil }
          let target = request.path + (request.query.map { "?\($0)" } ?? "")
          let match = exchanges.first { $0.target == target && $0.method == request.method }
          return .reply(match?.reply ?? HTTPReply(.internalServerError))
        },
        content: { content, range in
          guard let content = content as? TestContent else { return [] }
          return Array(content.bytes[Int(range.lowerBound)..<Int(range.upperBound)])
        })
      client.open()
      server.open()
      var link = StreamLink(seed: seed, faults: .init(maximumPiece: piece, maximumDelay: .milliseconds(1)))
      _ = link.run(client, server, maximumSteps: 10_000_000)
      var heads: [Ticket: ResponseHead] = [:]
      for event in client.events {
        switch event {
        case .head(let head, let ticket): heads[ticket] = head
        case .failed(_, let diagnosis), .connectionFailed(let diagnosis): Issue.record("\(diagnosis)")
        }
      }
      for (index, exchange) in exchanges.enumerated() {
        let ticket = Ticket(UInt64(index + 1))
        let first = exchanges.firstIndex { $0.target == exchange.target && $0.method == exchange.method }
        let expected = exchanges[first ?? index]
        #expect(heads[ticket]?.status.code == expected.status)
        // As a truth value: the difference of large arrays takes minutes to compute.
        let isEqual = client.bodies[ticket] ?? [] == expected.expected
        #expect(isEqual, "\(index): \(client.bodies[ticket]?.count ?? 0) bytes of \(expected.expected.count)")
        #expect(client.completedBodies.contains(ticket))
        #expect(heads[ticket]?.fields[.date]?.hasSuffix("GMT") == true)
      }
      #expect(server.events.isEmpty)
    }
  }

  /// Whatever comes, nothing traps, and the server ends within its bounds.
  @Test(arguments: 0..<300 as Range<UInt64>)
  func noiseIsSurvived(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let starts: [[UInt8]] = [
      [], Frames.preface + Frames.settings(),
      Array("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8),
      Frames.preface + Frames.settings() + Frames.headers(1, flags: 0x4),
    ]
    let valid =
      Frames.headers(3) + Frames.data(3, 20, end: true) + Frames.ping + Frames.windowUpdate(0, 70_000)
      + Array("5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n\r\n".utf8)
    let driver = ServerDriver(HTTPServerSession(HTTPSessionConfiguration()))
    driver.feed(starts[Int(seed % 4)])
    for _ in 0..<40 where !driver.isClosed {
      var bytes = Array(valid.suffix(Int.random(in: 1...valid.count, using: &generator)))
      for _ in 0..<Int.random(in: 0...4, using: &generator) {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      driver.feed(bytes)
    }
    driver.end()
    driver.advance(.seconds(200))
    #expect(driver.isClosed)
    #expect(driver.mostAlive <= 128)
  }
}
