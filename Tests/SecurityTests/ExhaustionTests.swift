import Foundation
import LaboratoryKit
import Testing

/// Slow clients (slowloris) on every TCP protocol, and one source that wants all connections.
@Suite(.serialized, .timeLimit(.minutes(3))) struct SlowClientTests {
  @Test func nobodyHoldsAConnectionByDoingNothing() async throws {
    let shorter = (
      "tls_port     = 10443", "tls_port     = 10443\nlimits = { header_timeout = \"2s\", idle_timeout = \"4s\" }"
    )
    try await Laboratory.with(editing: [shorter]) { laboratory in
      let workers = laboratory.workers()
      let answer = try await Prober.run("slow.py", laboratory, ["limit": 45, "bound": 100])
      let held = try #require(answer["held"] as? [String: [String: Any]])
      #expect(held.count == 16)
      for (name, row) in held {
        if let away = row["turned away"] as? Int {
          #expect(away == 20 && row["after"] as? Bool == true, "\(name): \(row)")
        } else {
          #expect(row["closed"] as? Bool == true, "\(name): \(row)")
        }
      }
      #expect(answer["served"] as? Bool == true && (answer["times"] as? Int ?? 0) > 3, "\(answer)")
      #expect(laboratory.workers() == workers)
    }
  }
}

/// DNS reflection: an answer over UDP is never much larger than its question, or it is cut.
@Suite(.serialized, .timeLimit(.minutes(3))) struct DNSReflectionTests {
  @Test func answersOverUDPAreSmall() async throws {
    try await TemporaryFolder.with { folder in
      let first = try await Laboratory(in: "\(folder)/lab")
      try await first.stop()
      let file = "\(first.data)/zones/lab.test.zone"
      func record(_ name: String, strings: Int) -> String {
        let text = "\"\(String(repeating: "x", count: 200))\""
        return name + " IN TXT " + Array(repeating: text, count: strings).joined(separator: " ") + "\n"
      }
      let zone = try String(contentsOfFile: file, encoding: .utf8)
      try (zone + record("mid", strings: 10) + record("big", strings: 40)).write(
        toFile: file, atomically: true, encoding: .utf8)
      let laboratory = try await Laboratory(in: "\(folder)/lab")
      let rows = try await Prober.rows("reflection.py", laboratory)
      for (name, row) in rows {
        let size = try #require(row["size"] as? Int)
        switch name.split(separator: " ")[0] {
        // RFC 8482: next to nothing.
        case "ANY":
          #expect(size > 0 && size < 100 && (row["answers"] as? Int ?? 9) <= 1, "\(name): \(row)")
        case "mid",
          "big" where name != "big over TCP":
          let limit = name.hasSuffix("None") || name.hasSuffix("512") ? 512 : 1232
          #expect(size > 0 && size <= limit && row["truncated"] as? Bool == true, "\(name): \(row)")
        case "big": #expect(size > 8_000 && row["truncated"] as? Bool == false, "\(name): \(row)")
        case "foreign": #expect(row["code"] as? Int == 5 && size <= 60, "\(name): \(row)")
        // Replies and fragments get no answer: two servers would answer each other for ever.
        default: #expect(size == 0, "\(name): \(row)")
        }
      }
      #expect(rows.count == 20)
      #expect(try await laboratory.stop() == 0)
    }
  }
}
