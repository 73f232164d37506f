import Foundation
import LaboratoryKit
import Testing

/// Real clients of WebDAV, and of ACME both ways, against the running program.
@Suite(.serialized, .timeLimit(.minutes(8))) struct HTTPClientsTests {
  private static func rows(_ script: String, _ arguments: String...) async throws -> [String: Any] {
    try await TemporaryFolder.with { folder in
      let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(script).path
      let result = try await run(
        "python3", [path, Laboratory.program, folder] + arguments, environment: ["PYTHONDONTWRITEBYTECODE": "1"],
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
    #expect(rows["log-in"] as? [String: String] == ["none": "401", "wrong": "401", "right": "200"])
    let disk = try #require(rows["disk"] as? [String: Any])
    #expect(disk["moved"] as? Int == 20_000_000 && (disk["left"] as? [String])?.isEmpty == true, "\(disk)")
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
