import Foundation
import LaboratoryKit
import Testing

/// The administration pages and their API, by curl.
@Suite(.serialized, .timeLimit(.minutes(3))) struct AdminTests {
  /// A browser's part: keeps its cookies in a file.
  private struct Browser {
    let laboratory: Laboratory
    let jar: String
    let origin: String

    init(_ laboratory: Laboratory, _ name: String) throws {
      self.laboratory = laboratory
      jar = "\(laboratory.data)/jar-\(name)"
      origin = "https://127.0.0.1:\(try laboratory.port("admin"))"
    }

    func curl(_ words: String...) async throws -> (status: String, text: String) {
      let result = try await run(
        "curl",
        ["-s", "--cacert", laboratory.ready.ca, "-b", jar, "-c", jar, "-w", "\n%{http_code}"] + words)
      let text = result.output.trimmingCharacters(in: .newlines)
      return (String(text.suffix(3)), String(text.dropLast(3)))
    }

    func get(_ path: String) async throws -> (status: String, text: String) { try await curl(origin + path) }

    /// Sends a form with its token, as its page has it.
    func post(_ path: String, _ fields: [String]) async throws -> (status: String, text: String) {
      let page = try await get("/commands").text
      let token = page.components(separatedBy: #"name="form" value=""#).dropFirst().first?.prefix { $0 != "\"" } ?? ""
      return try await send(path, ["form=\(token)"] + fields)
    }

    func send(_ path: String, _ fields: [String]) async throws -> (status: String, text: String) {
      let result = try await run(
        "curl",
        ["-s", "--cacert", laboratory.ready.ca, "-b", jar, "-c", jar, "-w", "\n%{http_code}"]
          + fields.flatMap { ["--data-urlencode", $0] } + [origin + path])
      let text = result.output.trimmingCharacters(in: .newlines)
      return (String(text.suffix(3)), String(text.dropLast(3)))
    }

    func logIn(_ account: Laboratory.Ready.Account, password: String? = nil) async throws -> String {
      try await send("/login", ["name=\(account.name)", "password=\(password ?? account.password)"]).status
    }
  }

  @Test func pagesFormsAndRights() async throws {
    try await Laboratory.with { laboratory in
      let (ann, bob) = (laboratory.ready.accounts[0], laboratory.ready.accounts[1])
      let browser = try Browser(laboratory, "ann")
      #expect(try await browser.get("/c/show/accounts").status == "303")
      #expect(try await browser.logIn(ann, password: "wrong") == "403")
      #expect(try await browser.logIn(ann) == "303")
      #expect(try await browser.get("/").text.contains("<h2><a href=\"/c/show/workers\">"))
      #expect(try await browser.get("/c/show/zone?p.ZONE=lab.test").text.contains("printer.lab.test."))
      #expect(try await browser.get("/nothing").status == "404")

      // A stranger's text is text (`security.md`, stored XSS).
      let added = try await browser.post(
        "/c/account/add", ["p.NAME=carl", "o.display-name=<img src=x onerror=alert(1)>", "o.generate=on"])
      #expect(added.status == "200" && added.text.contains("carl@lab.test is added"), "\(added)")
      let accounts = try await browser.get("/c/show/accounts").text
      #expect(accounts.contains("&lt;img src=x") && !accounts.contains("<img"), "\(accounts)")
      // One page for all about an account; a row's link leads to a form with its fields, and does nothing by itself.
      #expect(accounts.contains("<a href=\"/person?name=carl%40lab.test\">"), "\(accounts)")
      let person = try await browser.get("/person?name=carl%40lab.test").text
      #expect(person.contains("&lt;img src=x") && !person.contains("<img"), "\(person)")
      #expect(person.contains("<a href=\"/c/account/totp/begin?p.NAME=carl%40lab.test\">"), "\(person)")
      #expect(try await browser.get("/person?name=nobody").status == "404")
      #expect(try await browser.get("/person?name=--json").status == "404")
      let key = try await browser.get("/person?name=\(ann.name)").text
      #expect(key.contains("/c/account/key/remove?p.NAME=ann%40lab.test&amp;p.KEY=SHA256%3A"), "\(key)")
      let sessions = try await browser.get("/c/show/sessions").text
      #expect(sessions.contains("<a href=\"/c/session/end?p.SESSION="), "\(sessions)")
      #expect(try await browser.get("/c/show/mail/queue").status == "200")
      #expect(try await browser.get("/c/show/audit").text.contains("<th scope=\"col\">who</th>"))
      // A form that is not from here does nothing; nor does a link.
      #expect(try await browser.send("/c/account/add", ["p.NAME=dora", "form=forged"]).status == "403")
      _ = try await browser.get("/c/account/remove?p.NAME=carl")
      #expect(try await browser.get("/c/show/accounts").text.contains("carl@lab.test"))
      #expect(try await browser.post("/c/account/remove", ["p.NAME=carl"]).text.contains("removed"))

      // An account without the permission does not get in, or sees nothing of it.
      let other = try Browser(laboratory, "bob")
      #expect(try await other.logIn(bob) == "403")
      #expect(try await browser.post("/logout", []).status == "303")
      #expect(try await browser.get("/").text.contains("Log in"))
    }
  }

  @Test func theAPI() async throws {
    try await Laboratory.with { laboratory in
      let ann = laboratory.ready.accounts[0]
      let browser = try Browser(laboratory, "api")
      #expect(try await browser.get("/api/v1/show/accounts").status == "401")
      let login = try await browser.curl(
        "-d", #"{"name":"\#(ann.name)","password":"\#(ann.password)"}"#, browser.origin + "/api/v1/login")
      let object = try JSONSerialization.jsonObject(with: Data(login.text.utf8)) as? [String: Any]
      let bearer = "Authorization: Bearer \(try #require(object?["token"] as? String))"
      let listed = try await browser.curl("-H", bearer, browser.origin + "/api/v1/show/accounts")
      #expect(listed.status == "200" && listed.text.contains(#""name":"ann@lab.test""#), "\(listed)")
      #expect(
        try await browser.curl("-H", bearer, browser.origin + "/api/v1/account/remove?p.NAME=bob").status == "405")
      let removed = try await browser.curl(
        "-H", bearer, "-d", #"{"parameters":{"NAME":"bob"}}"#, browser.origin + "/api/v1/account/remove")
      #expect(removed.status == "200", "\(removed)")
      // What is not understood is refused, not passed over.
      for content in [#"{"parameter":{"NAME":"x"}}"#, #"{"parameters":{"NAME":"x","OTHER":"y"}}"#, "[]", "{"] {
        let refused = try await browser.curl(
          "-H", bearer, "-d", content, browser.origin + "/api/v1/account/disable")
        #expect(refused.status == "400", "\(content): \(refused)")
      }
      #expect(try await browser.curl("-H", bearer, browser.origin + "/api/v1/show/account").status == "400")
      #expect(try await browser.curl("-H", bearer, browser.origin + "/api/v1/show/zones?o.al=1").status == "400")
      let allowed = try await browser.curl(
        "-D", "-", "-X", "DELETE", "-H", bearer, browser.origin + "/api/v1/account/remove")
      #expect(allowed.status == "405" && allowed.text.lowercased().contains("allow: post"), "\(allowed)")
      let document = try await browser.get("/api/v1/openapi.json")
      let parsed = try JSONSerialization.jsonObject(with: Data(document.text.utf8)) as? [String: Any]
      #expect((parsed?["paths"] as? [String: Any])?["/account/add"] != nil)
    }
  }

  @Test func namesOverHTTPS() async throws {
    try await Laboratory.with { laboratory in
      let port = "\(try laboratory.port("doh"))"
      for method in ["+https", "+https-post"] {
        let result = try await run(
          "dig",
          [
            "@127.0.0.1", "-p", port, method, "+tls-ca=\(laboratory.ready.ca)", "+short", "www.lab.test",
          ])
        #expect(result.output == "srv.lab.test.\n127.0.0.1\n", "\(method): \(result.all)")
      }
    }
  }
}
