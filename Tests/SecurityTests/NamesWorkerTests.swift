import Foundation
import LaboratoryKit
import Testing

/// DHCP starvation and options that make no sense (CVE-2025-40779 and kin).
@Suite(.serialized, .timeLimit(.minutes(3))) struct DHCPSecurityTests {
  @Test func tenThousandHardwareAddressesGetNoMoreThanTheirCircuitsShare() async throws {
    try await Laboratory.with(editing: [("probe    = false", "circuit_limit = 20\nprobe    = false")]) { laboratory in
      let workers = laboratory.workers()
      let answer = try await Prober.run("dhcp.py", laboratory, ["row": "starvation"])
      #expect(answer["taken"] as? Int == 20, "\(answer)")
      #expect(answer["reserved"] as? String == "127.67.0.21", "\(answer)")
      #expect((answer["neighbour"] as? String)?.hasPrefix("127.67.0.1") == true, "\(answer)")
      #expect(laboratory.workers() == workers)
    }
  }

  @Test func optionsThatMakeNoSenseAreDropped() async throws {
    try await Laboratory.with { laboratory in
      let workers = laboratory.workers()
      let rows = try await Prober.run("dhcp.py", laboratory, ["row": "hostile"])
      #expect(rows.count == 17)
      for (name, served) in rows { #expect(served as? Bool == true, "after \(name)") }
      #expect(laboratory.workers() == workers)
    }
  }
}

/// TFTP: paths, reflection, overwriting.
@Suite(.serialized, .timeLimit(.minutes(3))) struct TFTPSecurityTests {
  @Test func nothingOutsideTheRootIsReadOrWritten() async throws {
    try await Laboratory.with { laboratory in
      var rows = try await Prober.run("tftp.py", laboratory, ["row": "names"])
      #expect((rows.removeValue(forKey: "good") as? String)?.hasPrefix("data #!ipxe") == true)
      #expect(rows.removeValue(forKey: "outside") as? String == "SECRET")
      #expect(rows.count == 13)
      for (name, answer) in rows { #expect((answer as? String)?.hasPrefix("error") == true, "\(name): \(answer)") }
    }
  }

  @Test func aForgedRequestIsAnsweredThreeTimesAtMost() async throws {
    try await Laboratory.with { laboratory in
      let answer = try await Prober.run("tftp.py", laboratory, ["row": "forged"])
      #expect((1...3).contains(answer["with options"] as? Int ?? 0), "\(answer)")
      #expect((1...3).contains(answer["plain"] as? Int ?? 0), "\(answer)")
      #expect((answer["octets"] as? Int ?? .max) < 300, "\(answer)")
    }
  }

  @Test func aWriteNeverOverwrites() async throws {
    try await Laboratory.with { laboratory in
      let answer = try await Prober.run("tftp.py", laboratory, ["row": "versions"])
      #expect(answer["first"] as? String == "written" && answer["second"] as? String == "written", "\(answer)")
      let list = try await laboratory.portside("config-backup", "list", "--json")
      let versions = try #require(try list.json() as? [[String: Any]])
      #expect(versions.map { $0["file"] as? String } == ["r1-confg", "r1-confg"], "\(list.all)")
      let device = versions.first?["device"] as? String ?? ""
      let oldest = versions.first?["version"] as? String ?? ""
      #expect(try await laboratory.portside("config-backup", "show", device, "r1-confg", oldest).output == "one")
      let changed = try await laboratory.portside("config-backup", "diff", device, "r1-confg")
      #expect(changed.code == 1 && changed.output.contains("-one\n+two"), "\(changed.all)")
      #expect(try await laboratory.portside("config-backup", "restore", device, "r1-confg", oldest).code == 0)
      let restored = FileManager.default.contents(atPath: "\(laboratory.data)/tftp/r1-confg")
      #expect(restored == Data("one".utf8))
      // And not over what is there.
      #expect(try await laboratory.portside("config-backup", "restore", device, "r1-confg").code == 1)
    }
  }
}
