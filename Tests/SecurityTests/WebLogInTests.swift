import Foundation
import LaboratoryKit
import Testing

/// Plain-text passwords: over HTTP nobody is asked for one, and none that comes is looked at, unless the configuration says so.
@Suite(.serialized, .timeLimit(.minutes(3))) struct WebLogInTests {
  @Test func noPasswordOverPlainHTTP() async throws {
    let sites = ("plaintext    = true\n\n[http.sites]", "plaintext    = false\n\n[http.sites]")
    try await Laboratory.with(editing: [sites]) { laboratory in
      let account = try #require(laboratory.ready.accounts.first)
      func ask(_ scheme: String, _ words: String...) async throws -> String {
        let url = "\(scheme)://127.0.0.1:\(try laboratory.port(scheme))/files/"
        return try await run("curl", ["-si", "--cacert", laboratory.ready.ca] + words + [url]).output
      }
      for words in [[], ["-u", "\(account.name):\(account.password)"], ["-u", "\(account.name):wrong"]] {
        let reply = try await run(
          "curl", ["-si"] + words + ["http://127.0.0.1:\(try laboratory.port("http"))/files/"]
        ).output
        #expect(reply.hasPrefix("HTTP/1.1 403 ") && !reply.lowercased().contains("www-authenticate"), "\(reply)")
      }
      #expect(try await ask("https").contains("401"))
      #expect(try await ask("https", "-u", "\(account.name):\(account.password)").contains("200"))
      #expect(!laboratory.log.contains(account.password))
    }
  }
}
