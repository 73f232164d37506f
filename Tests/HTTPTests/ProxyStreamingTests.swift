import Foundation
import Glibc
import HTTPCore
@testable import HTTPServer
import Testing
import Transport
import WireKit

/// Both directions of a proxied exchange at once, hints before the response, and clients that keep their upstream.
@Suite(.timeLimit(.minutes(2))) struct ProxyStreamingTests {
  /// A blocking connection over loopback.
  final class Wire {
    let number: Int32

    init(_ endpoint: Endpoint) throws {
      number = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = endpoint.port.bigEndian
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      var limit = timeval(tv_sec: 30, tv_usec: 0)
      setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
      let status = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          Glibc.connect(number, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      try #require(status == 0)
    }

    deinit { Glibc.close(number) }

    func send(_ text: String) { _ = Glibc.send(number, text, text.utf8.count, Int32(MSG_NOSIGNAL)) }

    func receive(until text: String) -> String {
      var result: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 65_536)
      while !String(decoding: result, as: UTF8.self).contains(text) {
        let count = recv(number, &buffer, buffer.count, 0)
        guard count > 0 else { break }
        result += buffer.prefix(count)
      }
      return String(decoding: result, as: UTF8.self)
    }
  }

  /// Gives back each piece of the request's content as it comes; with hints first where the path says so.
  final class Echo: SiteHandler {
    func handle(_ request: HTTPRequest, body: RequestBody, on connection: Connection) async -> HTTPReply {
      if request.path == "/hints" {
        var fields = Fields()
        fields.append(.link, "</style.css>; rel=preload")
        var reply = HTTPReply(.earlyHints, fields: fields)
        reply.later = Later()
        return reply
      }
      if request.path == "/refuse" { return HTTPReply(Status(409), content: .bytes(Array("no".utf8))) }
      body.detach()
      var reply = HTTPReply(.ok, content: .stream(Pieces(body)))
      reply.readsOn = true
      return reply
    }

    final class Later: HTTPLateReply {
      func reply() async -> HTTPReply { HTTPReply(.ok, content: .bytes(Array("final".utf8))) }
    }

    final class Pieces: HTTPContentStream {
      let body: RequestBody
      init(_ body: RequestBody) { self.body = body }
      func next(atMost limit: Int) async throws -> [UInt8] {
        var iterator = body.makeAsyncIterator()
        return try await iterator.next().map { Array(buffer: $0) } ?? []
      }
    }
  }

  private func pair() async throws -> (front: TestServer, behind: TestServer) {
    let behind = try await TestServer.start(
      HTTPServerConfiguration(sites: [SiteConfiguration(names: ["app.test"], content: .handler(Echo()))]))
    let proxy = ProxyConfiguration(upstreams: [.init(host: "127.0.0.1", port: behind.plain.port)])
    let front = try await TestServer.start(
      HTTPServerConfiguration(sites: [SiteConfiguration(names: ["app.test"], content: .proxy(proxy))]))
    return (front, behind)
  }

  /// The answer to the first piece comes before the second is sent: directly, and through the proxy.
  @Test func theAnswerComesWhileTheUploadGoesOn() async throws {
    let (front, behind) = try await pair()
    for server in [behind, front] {
      let (first, second, after) = try await onThread {
        let wire = try Wire(server.plain)
        wire.send("POST /echo HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        let first = wire.receive(until: "one")
        wire.send("3\r\ntwo\r\n")
        let second = wire.receive(until: "two")
        wire.send("0\r\n\r\n")
        _ = wire.receive(until: "0\r\n\r\n")
        // The connection is good for another.
        wire.send("POST /refuse HTTP/1.1\r\nHost: app.test\r\nContent-Length: 2\r\n\r\nhi")
        return (first, second, wire.receive(until: "no"))
      }
      #expect(first.hasPrefix("HTTP/1.1 200 ") && first.contains("one"), "\(first)")
      #expect(second.contains("two"), "\(second)")
      #expect(after.hasPrefix("HTTP/1.1 409 "), "\(after)")
    }
  }

  @Test func hintsComeFirst() async throws {
    let (front, behind) = try await pair()
    for server in [behind, front] {
      let text = try await onThread {
        let wire = try Wire(server.plain)
        wire.send("GET /hints HTTP/1.1\r\nHost: app.test\r\n\r\n")
        return wire.receive(until: "final")
      }
      #expect(
        text.hasPrefix("HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\n"),
        "\(text)")
      // HTTP/1.0 knows no interim response.
      let old = try await onThread {
        let wire = try Wire(server.plain)
        wire.send("GET /hints HTTP/1.0\r\nHost: app.test\r\n\r\n")
        return wire.receive(until: "final")
      }
      #expect(old.hasPrefix("HTTP/1.1 200 OK\r\n"), "\(old)")
    }
  }

  @Test func aCookieKeepsTheUpstream() async throws {
    let servers = try await [Self.named("a"), Self.named("b"), Self.named("c")]
    let proxy = ProxyConfiguration(
      upstreams: servers.map { .init(host: "127.0.0.1", port: $0.plain.port) }, balance: .cookie)
    let front = try await TestServer.start(
      HTTPServerConfiguration(sites: [SiteConfiguration(names: ["localhost"], content: .proxy(proxy))]))
    let first = try await StaticSiteTests.fetch(front, "/")
    let cookie = try #require(first.response.fields[.setCookie]?.split(separator: ";").first.map(String.init))
    for _ in 0..<6 {
      let again = try await StaticSiteTests.fetch(front, "/", fields: ["Cookie": "other=1; \(cookie)"])
      #expect(again.text == first.text && again.response.fields[.setCookie] == nil)
    }
    let wrong = try await StaticSiteTests.fetch(
      front, "/", fields: ["Cookie": "\(UpstreamAffinity.cookieName)=nonsense"])
    #expect(wrong.response.status == .ok && wrong.response.fields[.setCookie] != nil)
  }

  private static func named(_ name: String) async throws -> TestServer {
    struct Named: SiteHandler {
      let name: String
      func answer(_ request: HTTPRequest, on connection: Connection) -> HTTPReply? {
        HTTPReply(.ok, content: .bytes(Array(name.utf8)))
      }
    }
    return try await TestServer.start(
      HTTPServerConfiguration(
        sites: [SiteConfiguration(names: ["localhost"], content: .handler(Named(name: name)))]))
  }
}
