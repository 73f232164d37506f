import Files
import Foundation
import HTTPClient
import HTTPCore
@testable import HTTPServer
import Services
import TestKit
import Testing
import Transport
import WireKit

@Suite struct WebDAVValuesTests {
  @Test func xmlThatIsReadAndWritten() throws {
    let text = """
      <?xml version="1.0"?><!-- c --><a xmlns="u:" xmlns:d="DAV:" d:k="1"><d:b>x &amp; &#233;<![CDATA[<y>]]></d:b><c xmlns="v:"/></a>
      """
    let element = try #require(XMLElement(Array(text.utf8)))
    #expect(element.name == XMLName("u:", "a") && element.attributes == [.dav("k"): "1"])
    #expect(element.first(.dav("b"))?.text == "x & é<y>" && element.elements.last?.name == XMLName("v:", "c"))
    #expect(XMLElement(element.document) == element)
  }

  @Test(arguments: [
    "", "<a>", "<a></b>", "<a b></a>", "<a b=1/>", "<p:a/>", "<a xmlns:p=\"\"><p:b/></a>", "<!DOCTYPE a><a/>",
    "<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>", "<a>&x;</a>", "<a>&#0;</a>", "<a/><b/>", "text", "<a b='<'/>",
    "<a b='1' b='2'/>", String(repeating: "<a>", count: 40) + String(repeating: "</a>", count: 40),
  ]) func xmlThatIsRefused(_ text: String) { #expect(XMLElement(Array(text.utf8)) == nil) }

  @Test func conditions() throws {
    let header = try #require(IfHeader("</a> (<urn:1> [\"t\"]) (Not <DAV:no-lock>)"))
    #expect(header.lists.count == 2 && header.tokens == ["urn:1", "DAV:no-lock"] && header.lists[1].resource == "/a")
    for text in ["", "()", "(<a>", "(Not)", "<a>", "(x)", "(<a>) b", "([a)"] {
      #expect(IfHeader(text) == nil, "\(text)")
    }
  }
}

/// WebDAV over sockets, on folders of accounts.
@Suite(.timeLimit(.minutes(2))) struct WebDAVTests {
  /// Everybody's password is the name.
  struct Everybody: Accounts {
    func authenticate(_ attempt: LogInAttempt) async throws(ServiceUnavailable) -> LogInResult {
      guard case .password(let secret) = attempt.credential, secret.withBytes({ $0 == Array(attempt.name.utf8) }) else {
        return .denied
      }
      let permissions: Set<String> = attempt.name == "none" ? ["mail"] : ["files"]
      return .granted(AccountIdentity(name: attempt.name, roles: [], permissions: permissions))
    }

    func acceptsPublicKey(_ key: [UInt8], account: String, peer: IPAddress) async throws(ServiceUnavailable) -> Bool {
      false
    }
  }

  struct Lab {
    let server: TestServer
    let tree: TemporaryTree

    init(plainText: Bool = true) async throws {
      let tree = try TemporaryTree(["shared/readme": "for all", "homes/x": ""])
      var context = Nobody.context()
      context.accounts = Everybody()
      let desk = LogInDesk(context: context) { _ in plainText }
      let files = AccountFiles(shared: tree.path + "/shared", home: tree.path + "/homes/{account}")
      let site = FilesSite(
        .init(sharedNames: [AccountFiles.sharedName]) { try files.store(for: $0) }, desk: desk, context: context)
      server = try await TestServer.start(
        HTTPServerConfiguration(
          sites: [
            SiteConfiguration(
              names: ["localhost"], content: .directory(.init(root: tree.path)),
              parts: [.init("/dav", .handler(site))])
          ]), desk: desk)
      self.tree = tree
    }

    func ask(
      _ method: HTTPCore.Method, _ path: String, as account: String? = "ann", _ fields: [String: String] = [:],
      _ content: String = ""
    ) async throws -> HTTPExchange {
      var all = Fields()
      if let account {
        all.append(.authorization, "Basic " + Data("\(account):\(account)".utf8).base64EncodedString())
      }
      for (name, value) in fields { all.append(name, value) }
      var url = try #require(HTTPURL("http://localhost/"))
      url.target = "/dav" + path
      let client = HTTPClient(group: TestServer.group, configuration: .init(endpoint: server.plain))
      return try await client.perform(method, url, fields: all, content: Array(content.utf8))
    }

    func status(
      _ method: HTTPCore.Method, _ path: String, as account: String? = "ann", _ fields: [String: String] = [:],
      _ content: String = ""
    ) async throws -> UInt16 { try await ask(method, path, as: account, fields, content).response.status.code }
  }

  private static let exclusive =
    "<lockinfo xmlns='DAV:'><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>"

  @Test func filesComeAndGo() async throws {
    let lab = try await Lab()
    #expect(try await lab.status(.put, "/a%20b.txt", [:], "one") == 201)
    let exchange = try await lab.ask(.get, "/a%20b.txt")
    #expect(exchange.text == "one" && exchange.response.fields[.contentSecurityPolicy]?.hasPrefix("sandbox") == true)
    let tag = try #require(exchange.response.fields[.etag])
    #expect(try await lab.status(.put, "/a%20b.txt", ["If-Match": "\"other\""], "two") == 412)
    #expect(try await lab.status(.put, "/a%20b.txt", ["If-Match": tag], "two!") == 204)
    #expect(try await lab.status(.put, "/a%20b.txt", ["If-None-Match": "*"], "x") == 412)
    #expect(try await lab.ask(.get, "/a%20b.txt", ["Range": "bytes=1-2"]).text == "wo")
    #expect(try await lab.status(.put, "/none/a", [:], "x") == 409)
    #expect(try await lab.status(.mkcol, "/d") == 201)
    let move = ["Destination": "http://localhost/dav/d/c", "Overwrite": "F"]
    #expect(try await lab.status(.move, "/a%20b.txt", move) == 201)
    #expect(try await lab.ask(.get, "/d/c").text == "two!")
    let listing = try await lab.ask(.propfind, "/", ["Depth": "1"])
    #expect(listing.response.status.code == 207 && listing.text.contains("<D:href>/dav/d/</D:href>"))
    #expect(try await lab.status(.propfind, "/", ["Depth": "infinity"]) == 403)
    #expect(try await lab.status(.delete, "/d") == 204)
    #expect(try await lab.status(.delete, "/") == 403)
    #expect(try FileManager.default.contentsOfDirectory(atPath: lab.tree.path + "/homes/ann").isEmpty)
  }

  @Test func nobodyReachesWhatIsNotTheirs() async throws {
    let lab = try await Lab()
    try lab.tree.write("secret", Data("secret".utf8))
    #expect(try await lab.status(.put, "/mine", [:], "ann's") == 201)
    #expect(try await lab.status(.get, "/mine", as: "bob") == 404)
    #expect(try await lab.ask(.get, "/shared/readme", as: "bob").text == "for all")
    #expect(try await lab.status(.get, "/", as: "none") == 403)
    #expect(try await lab.status(.get, "/", as: nil) == 401)
    try lab.tree.link("homes/ann/out", to: "../../secret")
    try lab.tree.link("homes/ann/up", to: "..")
    for path in ["/out", "/up/bob", "/../secret", "/%2e%2e/secret", "/shared/../../secret"] {
      let status = try await lab.status(.get, path)
      #expect([400, 404].contains(status), "\(path)")
    }
    for target in [
      "http://localhost/secret", "http://evil.test/dav/x", "/dav/../secret", "/dav/%2e%2e/%2e%2e/x",
      "/dav/.portside-upload-1",
    ] {
      let status = try await lab.status(.copy, "/mine", ["Destination": target])
      #expect([400, 403, 404, 409, 502].contains(status), "\(target): \(status)")
    }
    #expect(try String(contentsOfFile: lab.tree.path + "/secret", encoding: .utf8) == "secret")
    // Another site's page can't have a reader's browser change anything.
    #expect(try await lab.status(.delete, "/mine", ["Sec-Fetch-Site": "cross-site"]) == 403)
    // Not over plain text, unless it is said so.
    let strict = try await Lab(plainText: false)
    let refused = try await strict.ask(.get, "/").response
    #expect(refused.status == .forbidden && refused.fields[.wwwAuthenticate] == nil)
  }

  @Test func locksKeepOthersOut() async throws {
    let lab = try await Lab()
    let taken = try await lab.ask(.lock, "/shared/readme", ["Timeout": "Second-60"], Self.exclusive)
    let token = try #require(taken.response.fields[.lockToken])
    #expect(taken.response.status == .ok && taken.text.contains("Second-60"))
    #expect(try await lab.status(.put, "/shared/readme", as: "bob", [:], "x") == 423)
    // Whoever sees the token of somebody else's lock can't use it.
    #expect(try await lab.status(.put, "/shared/readme", as: "bob", ["If": "(\(token))"], "x") == 423)
    #expect(try await lab.status(.unlock, "/shared/readme", as: "bob", ["Lock-Token": token]) == 409)
    let seen = try await lab.ask(.propfind, "/shared/readme", as: "bob", ["Depth": "0"]).text
    #expect(!seen.contains("urn:uuid"))
    #expect(try await lab.status(.lock, "/shared/readme", as: "bob", [:], Self.exclusive) == 423)
    #expect(try await lab.status(.put, "/shared/readme", ["If": "(\(token))"], "x") == 204)
    #expect(try await lab.status(.unlock, "/shared/readme", ["Lock-Token": token]) == 204)
    #expect(try await lab.status(.put, "/shared/readme", as: "bob", [:], "y") == 204)
  }

  @Test func propertiesFollowTheirFiles() async throws {
    let lab = try await Lab()
    #expect(try await lab.status(.put, "/p", [:], "x") == 201)
    let set = "<propertyupdate xmlns='DAV:'><set><prop><c xmlns='u:'>blue</c></prop></set></propertyupdate>"
    #expect(try await lab.status(.proppatch, "/p", [:], set) == 207)
    #expect(try await lab.status(.move, "/p", ["Destination": "/dav/q"]) == 201)
    #expect(try await lab.ask(.propfind, "/q", ["Depth": "0"]).text.contains(">blue<"))
    let live = "<propertyupdate xmlns='DAV:'><set><prop><getetag>x</getetag></prop></set></propertyupdate>"
    #expect(try await lab.ask(.proppatch, "/q", [:], live).text.contains("403"))
    #expect(try await lab.status(.propfind, "/q", ["Depth": "0"], "<!DOCTYPE a [<!ENTITY b 'c'>]><a/>") == 400)
  }
}
