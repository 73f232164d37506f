import Configuration
import Testing

/// Files with seeded damage: whatever comes, the loader answers with findings, at places that exist.
@Suite struct MutationTests {
  private static let pieces = [
    "[", "]", "[[", "]]", "{", "}", "\"", "\"\"\"", "'", "'''", "=", ".", ",", "#", "\n", "\r\n", "\r", "\\", "\\u12",
    "\\U00110000",
    "0x", "1e999", "-", "+", "_", "9223372036854775808", "1979-05-27 07:32:00", "inf", "true", "\u{301}", "ü", "\u{0}",
    "99999999999999999999d", "9000000000TiB", "0.0.0.0/0", "::/0", "192.168.10.0/24", "65536", "..", "/", "{account}",
  ]

  @Test(arguments: 0..<8) func damagedFilesNeverTrap(_ round: Int) throws {
    var numbers = SeededNumbers(state: UInt64(round) &* 7919 &+ 1)
    let whole = Array(try fixture("example.toml").utf8)
    let sections = try fixture("example.toml").split(separator: "\n[").map { Array(("[" + $0).utf8) }
    var failures = 0
    for step in 0..<500 {
      var bytes = step % 25 == 0 ? whole : sections[Int.random(in: 0..<sections.count, using: &numbers)]
      for _ in 0..<Int.random(in: 1...4, using: &numbers) { Self.damage(&bytes, &numbers) }
      let loaded = ConfigurationLoader().load(bytes, name: "x")
      let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
      for finding in loaded.findings {
        #expect((1...lines.count).contains(finding.position.line))
        let columns = lines[min(lines.count, finding.position.line) - 1].count + 1
        #expect((1...max(1, columns)).contains(finding.position.column))
        #expect(!loaded.describeWithExcerpt(finding).isEmpty)
      }
      #expect((loaded.configuration == nil) == loaded.hasErrors)
      failures += loaded.hasErrors ? 1 : 0
      if let configuration = loaded.configuration {
        let exported = configuration.exportTOML()
        #expect(load(exported).configuration == configuration, "\(exported)")
      }
    }
    #expect(failures > 250)
  }

  private static func damage(_ bytes: inout [UInt8], _ numbers: inout SeededNumbers) {
    let place = Int.random(in: 0...bytes.count, using: &numbers)
    switch Int.random(in: 0..<6, using: &numbers) {
    case 0 where place < bytes.count: bytes[place] = UInt8.random(in: 0...255, using: &numbers)
    case 1 where place < bytes.count: bytes.remove(at: place)
    case 2: bytes.insert(contentsOf: Array((pieces.randomElement(using: &numbers) ?? "").utf8), at: place)
    case 3: bytes.removeSubrange(place...)
    case 4:
      let end = min(bytes.count, place + Int.random(in: 0...40, using: &numbers))
      bytes.insert(contentsOf: Array(bytes[place..<end]), at: Int.random(in: 0...bytes.count, using: &numbers))
    default:
      let end = min(bytes.count, place + Int.random(in: 0...20, using: &numbers))
      bytes.replaceSubrange(place..<end, with: Array((pieces.randomElement(using: &numbers) ?? "").utf8))
    }
  }
}
