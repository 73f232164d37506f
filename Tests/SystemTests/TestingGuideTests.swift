import Foundation
import LaboratoryKit
import Testing

/// `docs/testing-with-portside.md`: its programs run as they stand there, and each fault does what it says.
@Suite(.serialized, .timeLimit(.minutes(5))) struct TestingGuideTests {
  private static let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("docs/testing-with-portside.md")

  /// The block of the page in a language, in a file of its own.
  private static func program(_ language: String, in folder: String) throws -> String {
    let text = try String(contentsOf: page, encoding: .utf8)
    guard let start = text.range(of: "```\(language)\n"), let end = text[start.upperBound...].range(of: "\n```") else {
      throw Failure("the page has no \(language)")
    }
    let path = "\(folder)/\(language == "python" ? "guide.py" : "main.swift")"
    try String(text[start.upperBound..<end.lowerBound]).write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  private static func withFolder(_ body: (String) async throws -> Void) async throws {
    let folder = NSTemporaryDirectory() + "guide-" + UUID().uuidString.prefix(8)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await body(folder)
  }

  @Test func thePythonProgramRuns() async throws {
    try await Self.withFolder { folder in
      let result = try await run(
        "python3", [try Self.program("python", in: folder)], environment: ["PORTSIDE": Laboratory.program],
        within: .seconds(120))
      #expect(result.code == 0 && result.output == "passed\n", "\(result.all)")
    }
  }

  @Test func theSwiftProgramRuns() async throws {
    try await Self.withFolder { folder in
      let source = try Self.program("swift", in: folder)
      let built = try await run("env", ["swiftc", "-o", "\(folder)/guide", source], within: .seconds(180))
      #expect(built.code == 0, "\(built.all)")
      let result = try await run(
        "\(folder)/guide", [], environment: ["PORTSIDE": Laboratory.program, "TMPDIR": "\(folder)/"],
        within: .seconds(120))
      #expect(result.code == 0 && result.output == "passed\n", "\(result.all)")
      // Its server has gone with it.
      #expect(try await run("pgrep", ["-f", "data \(folder)"]).code == 1)
    }
  }

  /// What a client sees that connects, says a line and reads to the end, or for two seconds.
  private static func conversation(_ port: Int, _ line: String) async throws -> [String: Any] {
    try await Script.run("conversation.py", [String(port), line])
  }

  @Test func everyFaultOfConnectionsIsMet() async throws {
    try await Self.withFolder { folder in
      let laboratory = try await Laboratory(
        in: "\(folder)/data",
        arguments: [
          "--ports", "0", "--fail", "imap=close:20", "--fail", "pop3=delay:1s", "--fail", "smtp=drop", "--fail",
          "ftp=refuse", "--fail", "http=corrupt:3", "--fail", "https=corrupt:40",
        ])
      let cut = try await Self.conversation(laboratory.port("imap"), "a CAPABILITY")
      #expect(cut["bytes"] as? Int == 20 && cut["end"] as? String == "closed", "\(cut)")
      let late = try await Self.conversation(laboratory.port("pop3"), "CAPA")
      #expect((late["first"] as? Double ?? 0) >= 1.0 && (late["bytes"] as? Int ?? 0) > 20, "\(late)")
      let silent = try await Self.conversation(laboratory.port("smtp"), "EHLO x")
      #expect(silent["bytes"] as? Int == 0 && silent["end"] as? String == "open", "\(silent)")
      let refused = try await Self.conversation(laboratory.port("ftp"), "NOOP")
      #expect(refused["bytes"] as? Int == 0 && refused["end"] as? String == "reset", "\(refused)")
      // `HTTP/1.1`: the third byte with its lowest bit turned.
      let wrong = try await Self.conversation(laboratory.port("http"), "GET / HTTP/1.0\r\n")
      #expect((wrong["text"] as? String)?.hasPrefix("HTUP/0") == true, "\(wrong)")
      let tls = try await run("curl", ["-sk", "https://127.0.0.1:\(laboratory.port("https"))/"])
      #expect(tls.code == 35 || tls.code == 56, "\(tls.code)")
      // The others are as they always are.
      let imaps = try await run("curl", ["-sk", "imaps://127.0.0.1:\(laboratory.port("imaps"))/", "-X", "CAPABILITY"])
      #expect(imaps.output.contains("IMAP4rev2"), "\(imaps.all)")
      try await laboratory.stop()
    }
  }

  @Test(arguments: ["imap", "imap=explode", "nosuch=drop", "imap=delay:0s", "imap=close:x", "tftp=drop"])
  func aFaultThatIsNoneIsRefused(_ fault: String) async throws {
    try await Self.withFolder { folder in
      let result = try await run(
        Laboratory.program, ["try", "--data", "\(folder)/data", "--ports", "0", "--fail", fault])
      #expect(result.code == 1 && result.errors.contains("--fail \(fault)"), "\(result.all)")
    }
  }
}
