import Foundation
import LaboratoryKit
import Testing

/// poplib, curl, fetchmail and getmail6 against the running program, over plain text, STLS and TLS.
@Suite(.serialized, .timeLimit(.minutes(5))) struct POP3ClientsTests {
  @Test func realClientsFetchTheirMail() async throws {
    try await Laboratory.with { laboratory in
      var told: [String: Any] = ["ca": laboratory.ready.ca]
      for service in laboratory.ready.services { told[service.name] = service.port }
      told["accounts"] = laboratory.ready.accounts.map { ["name": $0.name, "password": $0.password] }
      let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("peers.py").path
      let argument = String(decoding: try JSONSerialization.data(withJSONObject: told), as: UTF8.self)
      let result = try await run("python3", [script, argument], within: .seconds(160))
      guard result.code == 0 else { throw Failure("peers.py: \(result.all)") }
      let rows = try #require(try result.json() as? [String: [String: Any]], "\(result.all)")
      func isTrue(_ row: String, _ keys: String...) {
        for key in keys { #expect(rows[row]?[key] as? Bool == true, "\(row) \(key): \(rows[row] ?? [:])") }
      }
      for kind in ["plain", "stls", "tls"] {
        isTrue("poplib \(kind)", "size", "exact", "unique", "top")
        #expect(rows["poplib \(kind)"]?["stls"] as? Bool == (kind == "plain"))
        #expect((rows["poplib \(kind)"]?["count"] as? Int ?? 0) >= 3)
      }
      isTrue("two sessions", "same", "readable", "kept")
      isTrue("no quit", "kept")
      isTrue("wrong", "same")
      isTrue("curl", "listing", "message", "sasl")
      isTrue("fetchmail", "all", "emptied")
      #expect(rows["fetchmail"]?["code"] as? Int == 0)
      #expect(rows["getmail"]?["counts"] as? [Int] == [2, 2], "\(rows["getmail"] ?? [:])")
      #expect(rows["pipelined"]?["answers"] as? Int == 9 && rows["pipelined"]?["errors"] as? Int == 0)
      #expect(rows["large"]?["lines"] as? Int == 160_000)
      // What all of that left is sound.
      let check = try await laboratory.portside("mailbox", "check", "--deep")
      #expect(check.code == 0, "\(check.all)")
    }
  }

  @Test func ourOwnClientProbesAndTheCheckAsks() async throws {
    try await Laboratory.with { laboratory in
      let account = try #require(laboratory.ready.accounts.first)
      let name = account.name.replacingOccurrences(of: "@", with: "%40")
      for service in ["pop3", "pop3s"] {
        let url = "\(service)://\(name):\(account.password)@127.0.0.1:\(try laboratory.port(service))"
        let probe = try await run(Laboratory.program, ["probe", url, "--ca", laboratory.ready.ca])
        #expect(probe.code == 0 && probe.output.contains("3 messages"), "\(probe.all)")
        #expect(!probe.all.contains(account.password), "\(probe.all)")
        let wrong = try await run(
          Laboratory.program,
          [
            "probe", "\(service)://\(name):wrong@127.0.0.1:\(try laboratory.port(service))", "--ca",
            laboratory.ready.ca,
          ])
        #expect(wrong.code == 1 && wrong.all.contains("AUTH"), "\(wrong.all)")
      }
      let check = try await laboratory.portside("check")
      #expect(check.all.contains("pop3s"), "\(check.all)")
    }
  }
}
