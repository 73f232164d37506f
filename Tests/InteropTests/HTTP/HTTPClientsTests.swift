import Foundation
import LaboratoryKit
import Testing

/// Real clients of WebDAV, and of ACME both ways, against the running program.
@Suite(.serialized, .timeLimit(.minutes(8))) struct HTTPClientsTests {
  private static func rows(
    _ script: String, _ arguments: String..., python: String = "python3"
  ) async throws -> [String: Any] {
    try await TemporaryFolder.with { folder in
      let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(script).path
      let result = try await run(
        python, [path, Laboratory.program, folder] + arguments, environment: ["PYTHONDONTWRITEBYTECODE": "1"],
        within: .seconds(220))
      guard result.code == 0 else { throw Failure("\(script): \(result.all)") }
      return try #require(try result.json() as? [String: Any], "\(result.all)")
    }
  }

  @Test func webDAVClients() async throws {
    let rows = try await Self.rows("dav.py")
    let litmus = try #require(rows["litmus"] as? [String: Any])
    #expect(litmus["suites"] as? Int == 5 && litmus["run"] as? Int == 5, "\(litmus)")
    #expect((rows["rclone"] as? [String: Any])?["codes"] as? [Int] == [0, 0, 0, 0, 0], "\(rows)")
    let cadaver = try #require(rows["cadaver"] as? [String: Any])
    #expect(cadaver["failures"] as? Int == 0 && cadaver["blue"] as? Bool == true, "\(cadaver)")
    #expect(cadaver["locked"] as? Bool == true, "\(cadaver)")
    let davfs = try #require(rows["davfs2"] as? [String: Any])
    #expect(davfs["codes"] as? Int == davfs["steps"] as? Int, "\(davfs)")
    #expect(davfs["listed"] as? Bool == true && davfs["written"] as? Bool == true, "\(davfs)")
    #expect(rows["log-in"] as? [String: String] == ["none": "401", "wrong": "401", "right": "200"])
    let disk = try #require(rows["disk"] as? [String: Any])
    #expect(disk["moved"] as? Int == 20_000_000 && (disk["left"] as? [String])?.isEmpty == true, "\(disk)")
  }

  /// What Scripts/setup-test-peers puts beside the sources.
  private static func peer(_ path: String) -> String {
    var folder = URL(fileURLWithPath: #filePath)
    for _ in 0..<4 { folder.deleteLastPathComponent() }
    return folder.appendingPathComponent(".peers/\(path)").path
  }

  /// Chromium by Playwright: a site, and the administration pages with and without scripts and on a phone.
  @Test func chromium() async throws {
    let rows = try await Self.rows("browser.py", python: Self.peer("playwright/bin/python"))
    let site = try #require(rows["site"] as? [String: Any])
    #expect(site["title"] as? String == "a page" && site["protocol"] as? [String] == ["h2"], "\(site)")
    #expect(site["download"] as? Bool == true && site["echo"] as? String == "OVER THE PROXY", "\(site)")
    for title in ["wide", "phone", "plain"] {
      let row = try #require(rows[title] as? [String: Any])
      #expect((row["screens"] as? Int ?? 0) > 40 && (row["wrong"] as? [String])?.isEmpty == true, "\(title): \(row)")
      #expect((row["axe"] as? [String: Any])?.isEmpty == true, "\(title): \(row)")
      #expect((row["outside"] as? [String])?.isEmpty == true, "\(title): \(row)")
    }
  }

  /// The same requests to nginx and Caddy over the same tree: what only we do is known, and has its reason.
  @Test func sameAsNginxAndCaddy() async throws {
    let rows = try await Self.rows("oracle.py")
    #expect((rows["cases"] as? Int ?? 0) > 180 && (rows["same"] as? Int ?? 0) > 90, "\(rows)")
    #expect((rows["unexplained"] as? [String: Any])?.isEmpty == true, "\(rows)")
    #expect((rows["stale"] as? [String])?.isEmpty == true, "\(rows)")
  }

  @Test func scannersFindNothing() async throws {
    let rows = try await Self.rows("scanners.py", Self.peer("sslyze/bin/python"))
    #expect((rows["sslyze"] as? [String: Any])?["compliant"] as? Bool == true, "\(rows)")
    let testssl = try #require(rows["testssl"] as? [String: Any])
    #expect(testssl["complete"] as? Bool == true && (testssl["findings"] as? [String])?.isEmpty == true, "\(rows)")
    for (kind, row) in try #require(rows["slow"] as? [String: [String: Any]]) {
      let (served, asked) = (row["served"] as? Int ?? 0, row["asked"] as? Int ?? -1)
      #expect(served > 0 && served == asked, "\(kind): \(rows)")
    }
  }

  /// pebble asks for an external binding and refuses a fifth of the nonces; the authority before it is away.
  @Test(arguments: ["own-http", "own-dns", "own-tls"]) func certificatesFromPebble(_ solver: String) async throws {
    let rows = try await Self.rows("acme.py", solver)
    #expect((rows["issuer"] as? String)?.contains("Pebble") == true, "\(rows)")
    #expect(rows["page"] as? String == "200" && rows["secret"] as? Bool == false, "\(rows)")
  }

  @Test func certbotAtOurOwnAuthority() async throws {
    let rows = try await Self.rows("acme.py", "certbot")
    #expect(rows["issue"] as? Int == 0 && rows["verified"] as? Int == 0 && rows["renew"] as? Int == 0, "\(rows)")
    #expect((rows["names"] as? String)?.contains("DNS:www.lab.test, DNS:srv.lab.test") == true, "\(rows)")
    #expect(rows["foreign"] as? Int != 0, "\(rows)")
  }
}
