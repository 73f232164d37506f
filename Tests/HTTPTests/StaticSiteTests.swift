import Foundation
import HTTPClient
import HTTPCore
@testable import HTTPServer
import Testing
import Transport
import WireKit

@Suite struct StaticSiteTests {
  static func started(_ tree: TemporaryTree, _ change: (inout HTTPServerConfiguration) -> Void = { _ in }) async throws
    -> TestServer
  {
    var configuration = HTTPServerConfiguration(
      sites: [SiteConfiguration(names: ["localhost", "127.0.0.1"], content: .directory(.init(root: tree.path)))])
    change(&configuration)
    var server = try await TestServer.start(configuration)
    server.tree = tree
    return server
  }

  static func fetch(
    _ server: TestServer, _ target: String, _ method: HTTPCore.Method = .get, host: String = "localhost",
    fields: [String: String] = [:]
  ) async throws -> HTTPExchange {
    var url = try #require(HTTPURL("http://\(host)/"))
    url.target = target
    var all = Fields()
    for (name, value) in fields { all.append(name, value) }
    let client = HTTPClient(group: TestServer.group, configuration: .init(endpoint: server.plain))
    return try await client.perform(method, url, fields: all)
  }

  @Test func filesAndWhatSurroundsThem() async throws {
    let tree = try TemporaryTree([
      "index.html": "<p>home", "a b/ü.txt": "text", "docs/index.html": "docs", "empty/x": "", ".env": "secret",
      ".well-known/token": "proof", "a.svg": "<svg/>",
    ])
    try tree.link("out", to: "/etc")
    try tree.link("passwd", to: "/etc/passwd")
    try tree.link("up", to: "../../../../../../etc/passwd")
    try tree.link("in", to: "docs/index.html")
    #expect(mkfifo(tree.path + "/fifo", 0o600) == 0)
    let server = try await Self.started(tree)
    let table: [(String, UInt16, String?)] = [
      ("/", 200, "<p>home"), ("/index.html", 200, "<p>home"), ("/a%20b/%C3%BC.txt", 200, "text"), ("/docs", 301, nil),
      ("/docs/", 200, "docs"), ("/docs/../index.html", 200, "<p>home"), ("/./docs//", 200, "docs"),
      ("/in", 200, "docs"),
      ("/empty/", 404, nil), ("/empty/x", 200, ""), ("/missing", 404, nil), ("/index.html/", 404, nil),
      ("/index.html/x", 404, nil), ("/.env", 404, nil), ("/%2eenv", 404, nil), ("/.well-known/token", 200, "proof"),
      ("/out/passwd", 404, nil), ("/out", 404, nil), ("/passwd", 404, nil), ("/up", 404, nil), ("/fifo", 404, nil),
      ("/../etc/passwd", 400, nil), ("/%2e%2e/%2e%2e/etc/passwd", 400, nil), ("/docs%2findex.html", 400, nil),
      ("/a%00", 400, nil), ("/" + String(repeating: "x", count: 5000), 404, nil), ("/a.svg?x=1", 200, "<svg/>"),
    ]
    for (target, status, content) in table {
      for _ in 0..<2 {
        let exchange = try await Self.fetch(server, target)
        #expect(exchange.response.status.code == status, "\(target)")
        #expect(exchange.response.fields[.xContentTypeOptions] == "nosniff", "\(target)")
        if let content { #expect(exchange.text == content, "\(target)") }
        #expect(!exchange.text.contains("root:"))
      }
    }
    let redirect = try await Self.fetch(server, "//docs?a=<b>")
    #expect(redirect.response.fields[.location] == "/docs/?a=<b>")
    #expect(!redirect.text.contains("<b>"))
    #expect(try await Self.fetch(server, "/a.svg").response.fields[.contentType] == "image/svg+xml")
    #expect(try await Self.fetch(server, "/empty/x").response.fields[.contentLength] == "0")
  }

  @Test func methods() async throws {
    let server = try await Self.started(try TemporaryTree(["index.html": "home"]))
    let head = try await Self.fetch(server, "/", .head)
    #expect(head.response.fields[.contentLength] == "4" && head.content.isEmpty)
    let put = try await Self.fetch(server, "/", .put)
    #expect(put.response.status == .methodNotAllowed && put.response.fields[.allow] == "GET, HEAD, OPTIONS")
    #expect(try await Self.fetch(server, "/", .options).response.status == .noContent)
    #expect(try await Self.fetch(server, "/", .trace).response.status == .notImplemented)
    #expect(try await Self.fetch(server, "*", .options).response.status == .noContent)
  }

  @Test func conditionsAndRanges() async throws {
    let tree = try TemporaryTree(["small": "0123456789"])
    let large = Data((0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7) })
    try tree.write("large", large)
    let server = try await Self.started(tree)
    for (name, bytes) in [("/small", Data("0123456789".utf8)), ("/large", large)] {
      let whole = try await Self.fetch(server, name)
      let isEqual = Data(whole.content) == bytes
      #expect(isEqual)
      let tag = try #require(whole.response.fields[.etag])
      let modified = try #require(whole.response.fields[.lastModified])
      for (field, status) in [
        (["If-None-Match": tag], 304), (["If-None-Match": "W/" + tag], 304), (["If-None-Match": "\"x\""], 200),
        (["If-Modified-Since": modified], 304), (["If-Match": "\"x\""], 412), (["If-Match": tag], 200),
        (["Range": "bytes=2-4", "If-Range": tag], 206), (["Range": "bytes=2-4", "If-Range": "\"x\""], 200),
        (["Range": "bytes=2-4", "If-Range": modified], 206), (["Range": "bytes=900000-"], 416),
        (["Range": "lines=1-2"], 200), (["If-None-Match": tag, "Range": "bytes=2-4"], 304),
      ] as [([String: String], UInt16)] {
        let exchange = try await Self.fetch(server, name, fields: field)
        #expect(exchange.response.status.code == status, "\(field)")
        if status == 304 { #expect(exchange.response.fields[.etag] == tag && exchange.content.isEmpty) }
        if status == 206 {
          #expect(Data(exchange.content) == bytes[2...4])
          #expect(exchange.response.fields[.contentRange] == "bytes 2-4/\(bytes.count)")
        }
        if status == 416 { #expect(exchange.response.fields[.contentRange] == "bytes */\(bytes.count)") }
      }
      let last = try await Self.fetch(server, name, fields: ["Range": "bytes=-3"])
      #expect(Data(last.content) == bytes.suffix(3))
      let parts = try await Self.fetch(server, name, fields: ["Range": "bytes=0-1,5-6,-1"])
      let type = try #require(parts.response.fields[.contentType])
      #expect(type.hasPrefix("multipart/byteranges; boundary="))
      let boundary = type.dropFirst("multipart/byteranges; boundary=".count)
      let pieces = Data(parts.content).split(separator: Data("\r\n--\(boundary)".utf8))
      #expect(pieces.count == 4 && Data(pieces[3]) == Data("--\r\n".utf8))
      #expect(Data(pieces[0]).suffix(2) == bytes[0...1] && Data(pieces[1]).suffix(2) == bytes[5...6])
      #expect(parts.response.fields[.contentLength] == "\(parts.content.count)")
    }
  }

  @Test func aChangedFileIsSeen() async throws {
    let tree = try TemporaryTree(["f": "one"])
    let server = try await Self.started(tree)
    let first = try await Self.fetch(server, "/f")
    try tree.write("f", Data("second".utf8))
    var last = first
    for _ in 0..<100 where last.text == "one" {
      try await Task.sleep(for: .milliseconds(50))
      last = try await Self.fetch(server, "/f")
    }
    #expect(last.text == "second")
    #expect(last.response.fields[.etag] != first.response.fields[.etag])
    try FileManager.default.removeItem(atPath: tree.path + "/f")
    for _ in 0..<100 where last.response.status == .ok {
      try await Task.sleep(for: .milliseconds(50))
      last = try await Self.fetch(server, "/f")
    }
    #expect(last.response.status == .notFound)
  }

  struct Fixed: SiteHandler {
    let text: String
    func answer(_ request: HTTPRequest, on connection: Connection) -> HTTPReply? {
      HTTPReply(.ok, content: .bytes(Array(text.utf8)))
    }
  }

  struct Echo: SiteHandler {
    func handle(_ request: HTTPRequest, body: RequestBody, on connection: Connection) async -> HTTPReply {
      var bytes: [UInt8] = []
      do {
        for try await piece in body { bytes += piece.readableBytesView }
      } catch {
        return HTTPReply(.badRequest)
      }
      return HTTPReply(.ok, content: .bytes(bytes))
    }
  }

  @Test func hostsMountsAndReload() async throws {
    let tree = try TemporaryTree(["index.html": "files"])
    var configuration = HTTPServerConfiguration(
      sites: [
        SiteConfiguration(names: ["files.test", "*.Files.test"], content: .directory(.init(root: tree.path))),
        SiteConfiguration(
          names: ["app.test"], content: .handler(Fixed(text: "app")), mounts: [Mount("/echo", Echo())],
          strictTransportSeconds: 60),
        SiteConfiguration(names: ["old.test"], content: .redirect(origin: "https://new.test")),
        SiteConfiguration(names: ["safe.test"], content: .handler(Fixed(text: "safe")), redirectsToHTTPS: true),
      ], mounts: [Mount("/.well-known/acme-challenge", Fixed(text: "challenge"))], httpsPort: 8443)
    let server = try await TestServer.start(configuration)
    let table: [(String, String, UInt16, String)] = [
      ("files.test", "/", 200, "files"), ("FILES.test.", "/", 200, "files"), ("x.files.test:99", "/", 200, "files"),
      ("x.y.files.test", "/", 404, ""), ("app.test", "/anything", 200, "app"), ("unknown.test", "/", 404, ""),
      ("safe.test", "/.well-known/acme-challenge/x", 200, "challenge"),
      ("safe.test", "/.well-known/acme-challengex", 301, ""), ("files.test", "/echo", 404, ""),
    ]
    for (host, target, status, text) in table {
      let exchange = try await Self.fetch(server, target, host: host)
      #expect(exchange.response.status.code == status, "\(host) \(target)")
      if !text.isEmpty { #expect(exchange.text == text) }
    }
    let moved = try await Self.fetch(server, "/a%20b?c", host: "old.test")
    #expect(moved.response.fields[.location] == "https://new.test/a%20b?c")
    let safe = try await Self.fetch(server, "/x?y", .post, host: "safe.test")
    #expect(safe.response.status == .permanentRedirect)
    #expect(safe.response.fields[.location] == "https://safe.test:8443/x?y")
    #expect(try await Self.fetch(server, "/", host: "app.test").response.fields[.strictTransportSecurity] == nil)

    let large = [UInt8](repeating: 0x61, count: 2_000_000)
    for versions in [HTTPClient.Versions.http11, .http2] {
      let client = HTTPClient(
        group: TestServer.group, configuration: .init(versions: versions, endpoint: server.plain))
      let url = try #require(HTTPURL("http://app.test/echo"))
      let echo = try await client.perform(.post, url, content: large)
      let isEqual = echo.content == large
      #expect(isEqual)
      #expect(echo.response.version == (versions == .http2 ? .http2 : .http11))
    }

    let before = server.server.counters.requests
    configuration.sites[1].content = .handler(Fixed(text: "changed"))
    try server.server.reload(configuration)
    #expect(try await Self.fetch(server, "/", host: "app.test").text == "changed")
    #expect(server.server.counters.requests == before + 1)
    configuration.sites[0].content = .directory(.init(root: "/does/not/exist"))
    #expect(throws: HTTPServerError.self) { try server.server.reload(configuration) }
    #expect(try await Self.fetch(server, "/", host: "files.test").text == "files")
    await server.server.drain(within: .seconds(5))
  }

  @Test func badConfigurationsAreRefused() throws {
    let caches = FileCaches(clock: SystemClock())
    let site = { (names: [String]) in SiteConfiguration(names: names, content: .handler(Fixed(text: ""))) }
    for configuration in [
      HTTPServerConfiguration(sites: [site(["a"]), site(["A."])]), HTTPServerConfiguration(sites: [site(["a b"])]),
      HTTPServerConfiguration(sites: [site([""])]), HTTPServerConfiguration(sites: [site(["*."])]),
      HTTPServerConfiguration(sites: [site(["a"])], defaultSite: "b"),
    ] {
      #expect(throws: HTTPServerError.self) {
        try SiteTable(
          configuration, previous: nil, desk: LogInDesk(context: Nobody.context()), caches: caches,
          context: Nobody.context())
      }
    }
  }
}

/// Directory pages, and files in other codings.
@Suite struct StaticSiteFormsTests {
  @Test func aDirectoryIsListedWhenAskedFor() async throws {
    let tree = try TemporaryTree([
      "d/b.txt": "bb", "d/<i>.txt": "x", "d/a/x": "", "d/.hidden": "", "d/javascript:alert(1)": "",
      "e/index.html": "index",
    ])
    var site = StaticSite.Configuration(root: tree.path)
    site.lists = true
    let configuration = site
    let server = try await StaticSiteTests.started(tree) {
      $0.sites = [SiteConfiguration(names: ["localhost"], content: .directory(configuration))]
    }
    let page = try await StaticSiteTests.fetch(server, "/d/")
    #expect(
      page.response.status == .ok
        && page.response.fields[.contentSecurityPolicy]?.hasPrefix("default-src 'none'") == true)
    #expect(page.text.contains("<a href=\"./a/\">a/</a>") && page.text.contains("&lt;i&gt;.txt"))
    #expect(!page.text.contains("hidden") && !page.text.contains("<i>") && !page.text.contains("href=\"javascript"))
    let position = { (text: String, name: String) in text.range(of: ">\(name)<")?.lowerBound }
    let bySize = try await StaticSiteTests.fetch(server, "/d/?sort=size&desc").text
    #expect(try #require(position(bySize, "b.txt")) < #require(position(bySize, "&lt;i&gt;.txt")))
    #expect(try await StaticSiteTests.fetch(server, "/e/").text == "index")
    #expect(try await StaticSiteTests.fetch(server, "/f/").response.status == .notFound)
  }

  @Test func filesInOtherCodings() async throws {
    let text = String(repeating: "a line of text\n", count: 1000)
    let tree = try TemporaryTree(["a.html": text, "small.txt": "x", "a.png": text])
    try tree.write("long.txt", Data(String(repeating: text, count: 10).utf8))
    try tree.write("b.css", Data(text.utf8))
    try tree.write("b.css.br", Data("made by brotli".utf8))
    let server = try await StaticSiteTests.started(tree)
    let fetch = { (name: String, coding: String) in
      try await StaticSiteTests.fetch(server, name, fields: ["Accept-Encoding": coding])
    }
    let packed = try await fetch("/a.html", "gzip, br;q=0.5")
    #expect(packed.response.fields[.contentEncoding] == "gzip" && packed.content.count < text.utf8.count / 5)
    #expect(packed.content.prefix(2) == [0x1F, 0x8B] && packed.response.fields[.vary] == "Accept-Encoding")
    let plain = try await fetch("/a.html", "identity")
    #expect(plain.text == text && plain.response.fields[.vary] == "Accept-Encoding")
    #expect(plain.response.fields[.etag] != packed.response.fields[.etag])
    let brotli = try await fetch("/b.css", "gzip;q=0.5, br")
    #expect(brotli.text == "made by brotli" && brotli.response.fields[.contentType] == "text/css; charset=utf-8")
    #expect(try await fetch("/b.css", "gzip").response.fields[.contentEncoding] == "gzip")
    #expect(try await fetch("/long.txt", "gzip").content.count < 5000)
    for name in ["/small.txt", "/a.png"] {
      #expect(try await fetch(name, "gzip").response.fields[.contentEncoding] == nil)
    }
    let again = try await StaticSiteTests.fetch(
      server, "/a.html",
      fields: ["Accept-Encoding": "gzip", "If-None-Match": try #require(packed.response.fields[.etag])])
    #expect(again.response.status == .notModified && again.content.isEmpty)
    let part = try await StaticSiteTests.fetch(
      server, "/a.html", fields: ["Accept-Encoding": "gzip", "Range": "bytes=2-5"])
    #expect(part.response.status == .partialContent && part.text == "line")
  }
}
