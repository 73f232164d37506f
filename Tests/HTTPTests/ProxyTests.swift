import Foundation
import Glibc
import HTTPClient
import HTTPCore
@testable import HTTPServer
import Synchronization
import Testing
import Transport
import WireKit

/// The proxy between two servers of our own, over loopback.
@Suite(.timeLimit(.minutes(2))) struct ProxyTests {
  /// What stands behind the proxy: echoes, counts, streams, and leaves HTTP.
  final class Behind: SiteHandler {
    let requests = Atomic(0)

    func handle(_ request: HTTPRequest, body: RequestBody, on connection: Connection) async -> HTTPReply {
      requests.add(1, ordering: .relaxed)
      if request.path == "/tunnel" {
        var fields = Fields()
        fields.append(.upgrade, "echo" as StaticString)
        return HTTPReply(.switchingProtocols, fields: fields, content: .stream(EchoTunnel()))
      }
      var count = 0
      do { for try await chunk in body { count += chunk.readableBytes } } catch { return HTTPReply(.badRequest) }
      if request.path == "/long" { return HTTPReply(.ok, content: .bytes([UInt8](repeating: 7, count: 3_000_000))) }
      var text = "\(request.methodName) \(request.path)?\(request.query ?? "") \(count)\n"
      for index in 0..<request.fields.count {
        text += "\(request.fields.name(at: index)): \(request.fields.value(at: index))\n"
      }
      var fields = Fields()
      fields.append("X-Behind", "yes")
      return HTTPReply(request.path == "/none" ? .noContent : .ok, fields: fields, content: .bytes(Array(text.utf8)))
    }
  }

  /// Gives back what it is given.
  final class EchoTunnel: HTTPTunnel {
    private let (pieces, sink) = AsyncStream<[UInt8]>.makeStream()

    func take(_ bytes: [UInt8]) async {
      if bytes.isEmpty { sink.finish() } else { sink.yield(bytes) }
    }

    func next(atMost limit: Int) async throws -> [UInt8] {
      for await piece in pieces { return piece }
      return []
    }
  }

  private struct Pair {
    var front: TestServer
    var behind: TestServer
    var handler: Behind

    func get(
      _ target: String, _ method: HTTPCore.Method = .get, fields: [String: String] = [:], content: [UInt8] = []
    ) async throws -> HTTPExchange {
      var url = try #require(HTTPURL("http://app.test/"))
      url.target = target
      var all = Fields()
      for (name, value) in fields { all.append(name, value) }
      let client = HTTPClient(group: TestServer.group, configuration: .init(endpoint: front.plain))
      return try await client.perform(method, url, fields: all, content: content)
    }
  }

  private func started(
    _ upstreams: (Endpoint) -> [Endpoint] = { [$0] }, _ change: (inout ProxyConfiguration) -> Void = { _ in }
  ) async throws -> Pair {
    let handler = Behind()
    let behind = try await TestServer.start(
      HTTPServerConfiguration(
        sites: [SiteConfiguration(names: ["app.test", "127.0.0.1"], content: .handler(handler))]))
    var proxy = ProxyConfiguration(
      upstreams: upstreams(behind.plain).map { .init(host: $0.address.description, port: $0.port) })
    change(&proxy)
    let front = try await TestServer.start(
      HTTPServerConfiguration(sites: [SiteConfiguration(names: ["app.test"], content: .proxy(proxy))]))
    return Pair(front: front, behind: behind, handler: handler)
  }

  @Test func whatPassesAndWhatDoesNot() async throws {
    let pair = try await started()
    let exchange = try await pair.get(
      "/a%20b?x=1",
      fields: ["X-Own": "1", "X-Forwarded-For": "6.6.6.6", "Forwarded": "for=6.6.6.6", "TE": "trailers"])
    let text = exchange.text.lowercased()
    #expect(exchange.text.hasPrefix("GET /a%20b?x=1 0\n"))
    #expect(text.contains("x-own: 1") && text.contains("x-forwarded-for: 127.0.0.1\n"))
    #expect(text.contains("x-forwarded-proto: http\n") && text.contains("host: app.test\n"))
    // Nobody vouches for what a stranger says of himself.
    #expect(!text.contains("6.6.6.6") && !text.contains("\nte:"))
    #expect(exchange.response.fields["X-Behind"] == "yes")
    let head = try await pair.get("/a", .head)
    #expect(head.content.isEmpty && (Int(head.response.fields[.contentLength] ?? "") ?? 0) > 0)
    let none = try await pair.get("/none")
    #expect(none.response.status == .noContent && none.content.isEmpty)
  }

  @Test func contentStreamsBothWays() async throws {
    let pair = try await started()
    for size in [0, 1, 70_000, 2_000_000] {
      let exchange = try await pair.get("/up", .post, content: [UInt8](repeating: 1, count: size))
      #expect(exchange.text.hasPrefix("POST /up? \(size)\n"))
    }
    for _ in 0..<3 {
      let exchange = try await pair.get("/long")
      #expect(exchange.content.count == 3_000_000 && exchange.response.fields[.contentLength] == "3000000")
    }
  }

  @Test func anUpstreamThatIsAwayIsPassedOver() async throws {
    let dead = Endpoint(IPAddress(127, 0, 0, 1), 1)
    let pair = try await started({ [dead, $0] }) { $0.quarantine = .seconds(60) }
    for _ in 0..<5 { #expect(try await pair.get("/").response.status == .ok) }
    let alone = try await started { _ in [dead] }
    #expect(try await alone.get("/").response.status == .badGateway)
  }

  @Test func aSilentUpstreamTimesOut() async throws {
    let pair = try await started()
    // A listener that takes connections and says nothing.
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { Glibc.close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = Glibc.bind(descriptor, $0, length)
        _ = Glibc.listen(descriptor, 10)
        _ = getsockname(descriptor, $0, &length)
      }
    }
    let silent = ProxyConfiguration(
      upstreams: [.init(host: "127.0.0.1", port: UInt16(bigEndian: address.sin_port))],
      responseTimeout: .milliseconds(300))
    try pair.front.server.reload(
      HTTPServerConfiguration(sites: [SiteConfiguration(names: ["app.test"], content: .proxy(silent))]))
    #expect(try await pair.get("/", .post, content: [1]).response.status == .gatewayTimeout)
  }

  @Test func connectionsAreUsedAgain() async throws {
    let pair = try await started()
    for _ in 0..<20 { _ = try await pair.get("/") }
    #expect(pair.behind.server.connectionCount <= 2)
    #expect(pair.handler.requests.load(ordering: .relaxed) == 20)
  }

  /// Client, proxy and upstream leave HTTP; bytes pass both ways until one end closes.
  @Test func aTunnelPasses() async throws {
    let pair = try await started()
    let port = pair.front.plain.port
    let output = try await onThread { () -> [UInt8] in
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      defer { Glibc.close(descriptor) }
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      let status = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      try #require(status == 0)
      let head = "GET /tunnel HTTP/1.1\r\nHost: app.test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: echo\r\n\r\n"
      let sent = Array((head + "one two three").utf8)
      try #require(Glibc.send(descriptor, sent, sent.count, 0) == sent.count)
      var result: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 4096)
      while !String(decoding: result, as: UTF8.self).hasSuffix("one two three") {
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { break }
        result += buffer.prefix(count)
      }
      shutdown(descriptor, Int32(SHUT_WR))
      // The echo's end comes back as the connection's end.
      #expect(recv(descriptor, &buffer, buffer.count, 0) == 0)
      return result
    }
    let text = String(decoding: output, as: UTF8.self)
    #expect(text.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n") && text.contains("\r\nUpgrade: echo\r\n"))
    #expect(text.hasSuffix("\r\n\r\none two three"))
  }
}
