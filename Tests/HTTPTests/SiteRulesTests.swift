import Foundation
import HTTPClient
import HTTPCore
@testable import HTTPServer
import Services
import TestKit
import Testing
import Transport
import WireKit

/// What sites do with requests before their content sees them, and with replies after.
@Suite(.timeLimit(.minutes(2))) struct SiteRulesTests {
  /// One account, ann with the password `pass:word`.
  struct OneAccount: Accounts {
    func authenticate(_ attempt: LogInAttempt) async throws(ServiceUnavailable) -> LogInResult {
      guard case .password(let secret) = attempt.credential else { return .denied }
      let isRight = secret.withBytes { $0 == Array("pass:word".utf8) }
      if attempt.name == "away" { throw ServiceUnavailable("away") }
      if attempt.name == "slow" { return .penalised(retryAfterSeconds: 7) }
      guard isRight, attempt.name == "ann" else { return .denied }
      return .granted(AccountIdentity(name: "ann@lab.test", roles: ["staff"], permissions: ["web:intranet"]))
    }

    func acceptsPublicKey(_ key: [UInt8], account: String, peer: IPAddress) async throws(ServiceUnavailable) -> Bool {
      false
    }
  }

  private static func started(
    _ rules: SiteRules, files: [String: String] = ["index.html": "home", "private/a.txt": "secret", "v2/x.txt": "two"],
    tryFiles: [String] = [], parts: [String: String] = [:], plainText: Bool = true, log: AccessLog.Configuration? = nil
  ) async throws -> TestServer {
    let tree = try TemporaryTree(files)
    var context = Nobody.context()
    context.accounts = OneAccount()
    let desk = LogInDesk(context: context) { _ in plainText }
    var server = try await TestServer.start(
      HTTPServerConfiguration(
        sites: [
          SiteConfiguration(
            names: ["localhost"], content: .directory(.init(root: tree.path, lists: true, tryFiles: tryFiles)),
            parts: parts.map { .init($0.key, .directory(.init(root: tree.path + $0.value))) }, rules: rules)
        ], accessLog: log), desk: desk)
    server.tree = tree
    return server
  }

  private static func basic(_ text: String) -> [String: String] {
    ["Authorization": "Basic \(Data(text.utf8).base64EncodedString())"]
  }

  @Test func redirectsAndRewritesGoByTheLongestPath() async throws {
    let server = try await Self.started(
      SiteRules(
        redirects: [
          PathRule(from: "/old", to: "/new"), PathRule(from: "/docs/*", to: "https://docs.test/*"),
          PathRule(from: "/docs/old/*", to: "/archive/*"), PathRule(from: "/open/*", to: "/*"),
        ], rewrites: [PathRule(from: "/app/*", to: "/v2/*")]))
    let table = [
      ("/old?x=1", "/new?x=1"), ("/docs/a/b", "https://docs.test/a/b"), ("/docs/old/c", "/archive/c"),
      ("/open//evil.test/", "/evil.test/"),
    ]
    for (path, location) in table {
      let reply = try await StaticSiteTests.fetch(server, path).response
      #expect(reply.status.code == 301 && reply.fields[.location] == location, "\(path): \(reply)")
    }
    #expect(try await StaticSiteTests.fetch(server, "/old", .post).response.status.code == 308)
    #expect(try await StaticSiteTests.fetch(server, "/app/x.txt").text == "two")
    #expect(try await StaticSiteTests.fetch(server, "/oldest").response.status.code == 404)
  }

  @Test func filesAreTriedInOrderAndNothingLeadsOut() async throws {
    let server = try await Self.started(
      SiteRules(), files: ["index.html": "home", "page.html": "page", "a/index.html": "a"],
      tryFiles: ["{path}.html", "../{path}", "/index.html"])
    for (path, text) in [("/page", "page"), ("/anything/else", "home"), ("/a/", "a"), ("/page.html", "page")] {
      let exchange = try await StaticSiteTests.fetch(server, path)
      #expect(exchange.text == text && exchange.response.status == .ok, "\(path)")
    }
    #expect(try await StaticSiteTests.fetch(server, "/.env").response.status == .notFound)
  }

  @Test func partsSeeTheRestOfThePath() async throws {
    let server = try await Self.started(SiteRules(), parts: ["/inner": "/v2", "/inner/deep": "/private"])
    #expect(try await StaticSiteTests.fetch(server, "/inner/x.txt").text == "two")
    #expect(try await StaticSiteTests.fetch(server, "/inner/deep/a.txt").text == "secret")
    let bare = try await StaticSiteTests.fetch(server, "/inner").response
    #expect(bare.status.code == 301 && bare.fields[.location] == "/inner/")
    #expect(try await StaticSiteTests.fetch(server, "/innermost/x.txt").response.status == .notFound)
    #expect(try await StaticSiteTests.fetch(server, "/inner/../index.html").response.status == .badRequest)
  }

  @Test func fieldsAndErrorPages() async throws {
    let page = try TemporaryTree(["404.html": "<p>nothing here"])
    let server = try await Self.started(
      SiteRules(
        fields: ["X-Frame-Options": "DENY", "content-type": "text/x-own", "X-Own": "1", "X-Content-Type-Options": ""],
        errorPages: [404: page.path + "/404.html", 403: "/nonexistent"]))
    let found = try await StaticSiteTests.fetch(server, "/index.html")
    #expect(found.response.fields[.contentType] == "text/x-own" && found.response.fields[.xFrameOptions] == "DENY")
    #expect(found.response.fields["X-Own"] == "1" && found.response.fields[.xContentTypeOptions] == nil)
    #expect(found.response.fields[.etag] != nil && found.text == "home")
    let missing = try await StaticSiteTests.fetch(server, "/missing")
    #expect(missing.text == "<p>nothing here" && missing.response.status == .notFound)
  }

  @Test func logInWithPermission() async throws {
    let rule = LogInRule(realm: "a\"b", permission: "web:intranet", paths: [PathPattern("/private/*")])
    let server = try await Self.started(SiteRules(logIn: rule))
    #expect(try await StaticSiteTests.fetch(server, "/").response.status == .ok)
    for path in ["/private/a.txt", "/private", "/%70rivate/a.txt", "/x/../private/a.txt", "//private/a.txt"] {
      let asked = try await StaticSiteTests.fetch(server, path).response
      #expect(asked.status == .unauthorized, "\(path)")
      #expect(asked.fields[.wwwAuthenticate] == "Basic realm=\"ab\", charset=\"UTF-8\"")
    }
    for _ in 0..<2 {
      let granted = try await StaticSiteTests.fetch(server, "/private/a.txt", fields: Self.basic("ann:pass:word"))
      #expect(granted.text == "secret")
    }
    for (words, status) in [
      ("ann:wrong", 401), ("bob:pass:word", 401), ("ann", 401), ("away:x", 503), ("slow:x", 429), ("an\u{7}n:x", 401),
    ] as [(String, UInt16)] {
      let reply = try await StaticSiteTests.fetch(server, "/private/a.txt", fields: Self.basic(words)).response
      #expect(reply.status.code == status, "\(words)")
    }
    let narrow = try await Self.started(SiteRules(logIn: LogInRule(permission: "web:other")))
    #expect(
      try await StaticSiteTests.fetch(narrow, "/", fields: Self.basic("ann:pass:word")).response.status == .forbidden)
  }

  /// Nobody is asked for a password where others could read it, and none that comes is looked at.
  @Test func noLogInOverPlainText() async throws {
    let server = try await Self.started(SiteRules(logIn: LogInRule()), plainText: false)
    for fields in [[:], Self.basic("ann:pass:word")] {
      let reply = try await StaticSiteTests.fetch(server, "/", fields: fields).response
      #expect(reply.status == .forbidden && reply.fields[.wwwAuthenticate] == nil)
    }
  }

  @Test func ratesNetworksAndSizes() async throws {
    let limited = try await Self.started(SiteRules(rate: RateRule(requests: 1, per: .seconds(3600), burst: 3)))
    var statuses: [UInt16] = []
    for _ in 0..<5 { statuses.append(try await StaticSiteTests.fetch(limited, "/").response.status.code) }
    #expect(statuses == [200, 200, 200, 429, 429])
    let reply = try await StaticSiteTests.fetch(limited, "/").response
    #expect((Int(reply.fields[.retryAfter] ?? "") ?? 0) > 3000)
    let foreign = try await Self.started(SiteRules(networks: [try #require(IPNetwork("192.0.2.0/24"))]))
    #expect(try await StaticSiteTests.fetch(foreign, "/").response.status == .forbidden)
  }

  @Test func theAccessLogHasALineForEachAndNothingForgesOne() async throws {
    let folder = try TemporaryTree()
    for format in [AccessLog.Format.combined, .json] {
      let path = "\(folder.path)/\(format.rawValue).log"
      let server = try await Self.started(
        SiteRules(logIn: LogInRule()), log: .init(path: path, format: format))
      var fields = Self.basic("ann:pass:word")
      fields["User-Agent"] = "a\"b\\c é"
      fields["Referer"] = "http://x.test/"
      _ = try await StaticSiteTests.fetch(server, "/index.html?q=1", fields: fields)
      _ = try await StaticSiteTests.fetch(server, "/index.html", .head, fields: fields)
      let isThere = try await eventuallyTrue {
        (try? String(contentsOfFile: path, encoding: .utf8))?.split(separator: "\n").count == 2
      }
      #expect(isThere)
      // Renamed: the next line begins another file.
      try FileManager.default.moveItem(atPath: path, toPath: path + ".1")
      try server.server.reload(
        HTTPServerConfiguration(accessLog: .init(path: path, format: format)))
      _ = try await StaticSiteTests.fetch(server, "/gone", fields: fields)
      #expect(try await eventuallyTrue { FileManager.default.fileExists(atPath: path) })
      let lines = try String(contentsOfFile: path + ".1", encoding: .utf8).split(separator: "\n").map(String.init)
      if format == .combined {
        #expect(lines[0].hasPrefix("127.0.0.1 - ann@lab.test ["))
        #expect(
          lines[0].hasSuffix(
            "] \"GET /index.html?q=1 HTTP/1.1\" 200 4 \"http://x.test/\" \"a\\x22b\\x5Cc \\xC3\\xA9\""), "\(lines[0])")
        #expect(lines[1].contains("\"HEAD /index.html HTTP/1.1\" 200 0 "))
      } else {
        let object = try #require(try JSONSerialization.jsonObject(with: Data(lines[0].utf8)) as? [String: Any])
        #expect(object["agent"] as? String == "a\"b\\c é" && object["status"] as? Int == 200)
        #expect(object["account"] as? String == "ann@lab.test" && object["bytes"] as? Int == 4)
      }
    }
  }

  @Test func everyCodingIsMadeAndReadBack() async throws {
    let text = String(repeating: "Portside answers, and answers well. ", count: 400)
    let large = String(repeating: text, count: 10)
    let server = try await Self.started(SiteRules(), files: ["a.txt": text, "large.txt": large])
    for coding in ["gzip", "br", "zstd"] {
      for (path, whole) in [("/a.txt", text), ("/large.txt", large)] {
        for _ in 0..<2 {
          let exchange = try await StaticSiteTests.fetch(server, path, fields: ["Accept-Encoding": coding])
          #expect(exchange.response.fields[.contentEncoding] == coding)
          #expect(exchange.content.count < whole.utf8.count / 10)
          #expect(try await unpacked(exchange.content, coding) == whole, "\(coding) \(path)")
        }
      }
      let tag = try await StaticSiteTests.fetch(server, "/a.txt", fields: ["Accept-Encoding": coding]).response
      let again = try await StaticSiteTests.fetch(
        server, "/a.txt",
        fields: ["Accept-Encoding": coding, "If-None-Match": tag.fields[.etag] ?? ""])
      #expect(again.response.status == .notModified)
    }
  }

  /// By the programs that everybody has.
  private func unpacked(_ bytes: [UInt8], _ coding: String) async throws -> String {
    let folder = try TemporaryTree()
    try folder.write("x", Data(bytes))
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [["gzip": "gzip", "br": "brotli", "zstd": "zstd"][coding] ?? "", "-dc"]
    process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: folder.path + "/x"))
    _ = FileManager.default.createFile(atPath: folder.path + "/y", contents: nil)
    process.standardOutput = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.path + "/y"))
    try process.run()
    #expect(try await eventuallyTrue { !process.isRunning })
    return try String(contentsOfFile: folder.path + "/y", encoding: .utf8)
  }
}

/// Looks until something is so, for half a minute at most.
func eventuallyTrue(_ condition: () async throws -> Bool) async throws -> Bool {
  let end = ContinuousClock.now + .seconds(30)
  while ContinuousClock.now < end {
    if try await condition() { return true }
    try await Task.sleep(for: .milliseconds(10))
  }
  return false
}

/// Runs what blocks on a thread of its own: the tasks' threads are few, and the server needs them.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
  try await withCheckedThrowingContinuation { continuation in
    Thread.detachNewThread { continuation.resume(with: Result { try body() }) }
  }
}
