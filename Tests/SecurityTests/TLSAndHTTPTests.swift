import Foundation
import LaboratoryKit
import Testing

/// ALPACA (2021): a client that was led from one service to another.
@Suite(.serialized, .timeLimit(.minutes(3))) struct ALPACATests {
  @Test func foreignProtocolsAndNamesAreRefusedWithTheirAlerts() async throws {
    try await Laboratory.with { laboratory in
      let rows = try await Prober.rows("alpaca.py", laboratory)
      #expect(rows.count == 22)
      for (name, row) in rows {
        let reply = try #require(row["reply"] as? String)
        let isClosed = row["closed"] as? Bool == true
        switch name.split(separator: " ")[1] {
        // no_application_protocol(120), unrecognized_name(112): whole fatal alerts, then the end.
        case "alpn": #expect(reply == "15030300020278" && isClosed, "\(name): \(row)")
        case "sni": #expect(reply == "15030300020270" && isClosed, "\(name): \(row)")
        case "own": #expect(reply.hasPrefix("1603"), "\(name): \(row)")
        default:
          #expect(isClosed, "\(name): \(row)")
          // `<script` in hexadecimal: nothing of the request comes back.
          #expect(!reply.contains("3c736372697074"), "\(name): \(row)")
          if name.hasPrefix("d") { #expect(reply.isEmpty, "\(name): \(row)") }
        }
      }
    }
  }
}

/// HTTP request smuggling (CVE-2025-55315 and kin).
@Suite(.serialized, .timeLimit(.minutes(3))) struct RequestSmugglingTests {
  @Test func whatCanBeReadInTwoWaysIsRefusedAndTheConnectionEnds() async throws {
    try await Laboratory.with { laboratory in
      let rows = try await Prober.rows("smuggling.py", laboratory)
      #expect(rows.count > 30)
      for (name, row) in rows {
        let isReached = row["reached"] as? Bool, replies = row["replies"] as? Int
        #expect(row["closed"] as? Bool == true, "\(name): \(row)")
        if name == "right" {
          #expect(row["status"] as? String == "200" && replies == 2 && isReached == true, "\(row)")
        } else {
          #expect(row["status"] as? String == "400" && replies == 1 && isReached == false, "\(name): \(row)")
        }
      }
    }
  }
}

/// HTTP/2: Rapid Reset (CVE-2023-44487), MadeYouReset (CVE-2025-8671), CONTINUATION flood (CVE-2024-27316) and kin.
@Suite(.serialized, .timeLimit(.minutes(3))) struct HTTP2FloodTests {
  @Test func aFloodEndsWithGOAWAYAndOthersAreServed() async throws {
    try await Laboratory.with { laboratory in
      let web = try #require(laboratory.workers()["web"])
      let before = ProcessTable.memory(web).resident
      let rows = try await Prober.rows("http2.py", laboratory)
      for (name, row) in rows where !["streams", "after"].contains(name) {
        // ENHANCE_YOUR_CALM, and COMPRESSION_ERROR for a head that grows beyond all bounds.
        let goaway = row["goaway"] as? Int
        #expect(goaway == 11 || name == "hpack bomb" && goaway == 9, "\(name): \(row)")
        #expect(row["closed"] as? Bool == true, "\(name): \(row)")
        #expect((row["sent"] as? Int ?? .max) <= 2_500, "\(name): \(row)")
      }
      // Never more handlers alive than streams were granted.
      let streams = try #require(rows["streams"])
      #expect(streams["granted"] as? Int == 100, "\(streams)")
      #expect((streams["answers"] as? Int ?? 0) <= 100 && streams["refused"] as? Int == 50, "\(streams)")
      #expect(rows["after"]?["served"] as? Bool == true)
      #expect(laboratory.workers()["web"] == web, "the worker did not crash")
      let grown = ProcessTable.memory(web).resident - before
      #expect(grown < 64 * 1024, "\(grown) kB more")
    }
  }
}

/// Ways out of a site's folder: `..` in all spellings, symbolic links, device files, and links that change meanwhile.
@Suite(.serialized, .timeLimit(.minutes(3))) struct EscapeTests {
  @Test func noPathLeadsOutOfASite() async throws {
    try await Laboratory.with { laboratory in
      let (data, site) = (laboratory.data, "\(laboratory.data)/site")
      let manager = FileManager.default
      try manager.createDirectory(atPath: "\(data)/outside", withIntermediateDirectories: true)
      for file in ["secret.txt", "outside/secret.txt", "site/.hidden"] {
        try "TOPSECRET".write(toFile: "\(data)/\(file)", atomically: true, encoding: .utf8)
      }
      try "inside".write(toFile: "\(site)/inside.txt", atomically: true, encoding: .utf8)
      for (link, target) in [
        ("link.txt", "../secret.txt"), ("folder", "../outside"), ("absolute.txt", "/etc/passwd"),
        ("chain.txt", "link.txt"), ("device", "/dev/zero"), ("process", "/proc/self"),
      ] { try manager.createSymbolicLink(atPath: "\(site)/\(link)", withDestinationPath: target) }
      #expect(mkfifo("\(site)/pipe", 0o644) == 0)
      let rows = try await Prober.rows("escape.py", laboratory)
      #expect(rows.count > 30)
      for (path, row) in rows {
        let status = row["status"] as? String ?? ""
        #expect(row["leaked"] as? Bool == false && row["closed"] as? Bool == true, "\(path): \(row)")
        #expect(path == "/inside.txt" ? status == "200" : ["400", "403", "404"].contains(status), "\(path): \(row)")
      }
    }
  }

  @Test func aLinkThatSwingsMeanwhileLeaksNothing() async throws {
    try await Laboratory.with { laboratory in
      let answer = try await Prober.run(
        "race.py", laboratory, ["outside": "\(laboratory.data)/outside", "times": 400])
      #expect(answer["leaked"] as? Int == 0, "\(answer)")
      // The race took place: both states were met.
      let answers = try #require(answer["answers"] as? [String: Int])
      #expect((answers["200"] ?? 0) > 20 && (answers["404"] ?? 0) + (answers["403"] ?? 0) > 20, "\(answers)")
    }
  }
}
