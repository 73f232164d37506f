import Foundation
import LaboratoryKit
import Testing

/// The running program as curl, dig, kdig and a browser see it.
@Suite(.serialized, .timeLimit(.minutes(3))) struct ClientTests {
  /// curl with our root alone, by name.
  private static func curl(_ laboratory: Laboratory, _ arguments: [String], path: String = "/") async throws
    -> CommandResult
  {
    let port = try laboratory.port("https")
    return try await run(
      "curl",
      [
        "-sS", "--max-time", "20", "--cacert", laboratory.ready.ca, "--resolve", "www.lab.test:\(port):127.0.0.1",
      ] + arguments + ["https://www.lab.test:\(port)\(path)"])
  }

  @Test func curlOverHTTPS() async throws {
    try await Laboratory.with { laboratory in
      let summary = ["-o", "/dev/null", "-w", "%{http_code} %{http_version} %{ssl_verify_result} %{size_download}"]
      let size = try FileManager.default.attributesOfItem(atPath: "\(laboratory.data)/site/index.html")[.size] as? Int
      for (version, shown) in [("--http1.1", "1.1"), ("--http2", "2")] {
        let result = try await Self.curl(laboratory, [version] + summary)
        #expect(result.output == "200 \(shown) 0 \(size ?? 0)", "\(result.all)")

        let range = try await Self.curl(laboratory, [version, "-i", "-r", "0-14"])
        #expect(range.output.contains("206"), "\(range.all)")
        #expect(range.output.lowercased().contains("content-range: bytes 0-14/\(size ?? 0)"), "\(range.all)")
        #expect(range.output.hasSuffix("<!doctype html>"), "\(range.all)")
        let outside = try await Self.curl(laboratory, [version, "-i", "-r", "999999-"])
        #expect(outside.output.contains("416"), "\(outside.all)")
        #expect(outside.output.lowercased().contains("content-range: bytes */\(size ?? 0)"), "\(outside.all)")

        let head = try await Self.curl(laboratory, [version, "-I"])
        #expect(head.output.lowercased().contains("content-length: \(size ?? 0)\r\n"), "\(head.all)")
        #expect(head.output.lowercased().contains("content-type: text/html"), "\(head.all)")
        let tag = try #require(Self.field("etag", in: head.output))
        let date = try #require(Self.field("last-modified", in: head.output))
        let same = try await Self.curl(laboratory, [version, "-H", "If-None-Match: \(tag)"] + summary)
        #expect(same.output == "304 \(shown) 0 0", "\(same.all)")
        let old = try await Self.curl(laboratory, [version, "-H", "If-Modified-Since: \(date)"] + summary)
        #expect(old.output == "304 \(shown) 0 0", "\(old.all)")
        let other = try await Self.curl(laboratory, [version, "-H", "If-Match: \"other\""] + summary)
        #expect(other.output.hasPrefix("412 \(shown)"), "\(other.all)")
        let notThere = try await Self.curl(laboratory, [version] + summary, path: "/none")
        #expect(notThere.output.hasPrefix("404 \(shown)"), "\(notThere.all)")
        let folder = try await Self.curl(laboratory, [version, "-L"], path: "/about")
        #expect(folder.output.contains("<h1>About lab.test</h1>"), "\(folder.all)")
      }
      // Two requests over one connection.
      let port = try laboratory.port("https")
      let twice = try await Self.curl(
        laboratory, ["-o", "/dev/null", "-o", "/dev/null", "-w", "%{num_connects} ", "https://www.lab.test:\(port)/"])
      #expect(twice.output == "1 0 ", "\(twice.all)")
      // Another name than the certificate's is the client's refusal; the system's roots are not ours.
      let unknown = try await run("curl", ["-sS", "--max-time", "20", "https://127.0.0.1:\(port)/"])
      #expect(unknown.code == 60, "\(unknown.all)")
    }
  }

  @Test func httpGoesToHTTPSWhereTheConfigurationSaysSo() async throws {
    try await Laboratory.with(editing: [("redirect_to_https = false", "redirect_to_https = true")]) { laboratory in
      let (http, https) = (try laboratory.port("http"), try laboratory.port("https"))
      let result = try await run(
        "curl",
        [
          "-sS", "--max-time", "20", "-L", "--cacert", laboratory.ready.ca, "--resolve",
          "www.lab.test:\(http):127.0.0.1", "--resolve", "www.lab.test:\(https):127.0.0.1", "-w",
          "\n%{num_redirects} %{url_effective}", "http://www.lab.test:\(http)/about/?a=b",
        ])
      #expect(result.output.contains("<h1>About lab.test</h1>"), "\(result.all)")
      #expect(result.output.hasSuffix("\n1 https://www.lab.test:\(https)/about/?a=b"), "\(result.all)")
    }
  }

  @Test func aBrowserLoadsThePageAndTrustsTheCertificate() async throws {
    try await Laboratory.with { laboratory in
      try await TemporaryFolder.with { home in
        let port = try laboratory.port("https")
        let arguments = [
          "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
          "--user-data-dir=\(home)/profile", "--host-resolver-rules=MAP www.lab.test 127.0.0.1", "--dump-dom",
          "https://www.lab.test:\(port)/",
        ]
        let stranger = try await run("chromium", arguments, environment: ["HOME": home], within: .seconds(60))
        #expect(!stranger.output.contains("Portside answers"), "an unknown root must not do: \(stranger.all)")

        let store = "sql:\(home)/.pki/nssdb"
        try FileManager.default.createDirectory(atPath: "\(home)/.pki/nssdb", withIntermediateDirectories: true)
        for step in [
          ["-d", store, "-N", "--empty-password"],
          ["-d", store, "-A", "-t", "C,,", "-n", "laboratory", "-i", laboratory.ready.ca],
        ] {
          let result = try await run("certutil", step, environment: ["HOME": home])
          #expect(result.code == 0, "\(result.all)")
        }
        let page = try await run("chromium", arguments, environment: ["HOME": home], within: .seconds(60))
        #expect(page.output.contains("<h1>Portside answers</h1>"), "\(page.all)")
      }
    }
  }

  @Test func digAndKdig() async throws {
    try await Laboratory.with { laboratory in
      let port = try laboratory.port("dns")
      func dig(_ words: String...) async throws -> CommandResult {
        try await run("dig", ["@127.0.0.1", "-p", "\(port)", "+tries=1", "+timeout=10"] + words)
      }
      for transport in ["+notcp", "+tcp"] {
        #expect(try await dig(transport, "+short", "srv.lab.test", "A").output == "127.0.0.1\n")
        #expect(try await dig(transport, "+short", "srv.lab.test", "AAAA").output == "::1\n")
        #expect(try await dig(transport, "+short", "www.lab.test", "A").output == "srv.lab.test.\n127.0.0.1\n")
        #expect(try await dig(transport, "+short", "-x", "127.0.0.20").output == "printer.lab.test.\n")
        #expect(try await dig(transport, "+short", "any.dev.lab.test").output == "127.0.0.1\n")
        #expect(try await dig(transport, "+short", "lab.test", "MX").output == "10 srv.lab.test.\n")
        let missing = try await dig(transport, "none.lab.test")
        #expect(missing.output.contains("status: NXDOMAIN") && missing.output.contains("SOA"), "\(missing.all)")
        let empty = try await dig(transport, "printer.lab.test", "AAAA")
        #expect(empty.output.contains("status: NOERROR") && empty.output.contains("ANSWER: 0"), "\(empty.all)")
        let foreign = try await dig(transport, "www.example.com")
        #expect(foreign.output.contains("status: REFUSED"), "\(foreign.all)")
      }
      let answer = try await dig("+bufsize=4096", "+nsid", "srv.lab.test")
      #expect(answer.output.contains("flags: qr aa") && answer.output.contains("udp: 1232"), "\(answer.all)")
      let version = try await dig("+edns=1", "+noednsneg", "srv.lab.test")
      #expect(version.output.contains("status: BADVERS"), "\(version.all)")
      let plain = try await dig("+noedns", "srv.lab.test")
      #expect(!plain.output.contains("OPT PSEUDOSECTION"), "\(plain.all)")

      func kdig(_ name: String) async throws -> CommandResult {
        try await run(
          "kdig",
          [
            "@127.0.0.1", "-p", "\(laboratory.port("dot"))", "+tls", "+tls-ca=\(laboratory.ready.ca)",
            "+tls-hostname=\(name)", "+retry=0", "srv.lab.test", "A",
          ])
      }
      let trusted = try await kdig("srv.lab.test")
      #expect(trusted.output.contains("127.0.0.1") && trusted.output.contains("TLS1.3"), "\(trusted.all)")
      let misled = try await kdig("other.lab.test")
      #expect(!misled.output.contains("NOERROR"), "a name that it is not: \(misled.all)")
    }
  }

  private static func field(_ name: String, in head: String) -> String? {
    for line in head.components(separatedBy: "\r\n") where line.lowercased().hasPrefix("\(name):") {
      return line.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces)
    }
    return nil
  }
}
