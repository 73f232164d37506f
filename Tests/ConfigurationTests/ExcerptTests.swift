import Configuration
import Testing

@Suite struct ExcerptTests {
  private func shown(_ text: String) -> String {
    let loaded = load(text)
    return loaded.findings.map(loaded.describeWithExcerpt).joined(separator: "\n")
  }

  @Test func theLineAndTheColumnAreShown() {
    #expect(
      shown("[smtp]\n\tmax_size = \"1kB\"  # ü\r\n") == """
        portside.toml:2:13: error: smtp.max_size: 1kB is out of range: 64kB to 1GB
          2 |  max_size = "1kB"  # ü
            |             ^
        """)
  }

  @Test func aLineThatMayHoldASecretIsHidden() {
    #expect(
      shown("[server]\npasswort = \"hunter2\"\n") == """
        portside.toml:2:1: error: unknown key "passwort" in [server]
          2 | passwort = •••••••••
            | ^
        """)
  }

  /// `passive` sounds like `pass`; what was decoded and is no secret is shown all the same.
  @Test func aDecodedLineIsShown() {
    #expect(shown("[ftp]\npassive = { ports = \"1-2\" }\n").contains("2 | passive = { ports = \"1-2\" }"))
    #expect(shown("[listen]\nkeys = [7]\n").contains("2 | keys = [7]"))
    #expect(shown("[listen]\nkeys = [7]\nkeys = [8]\n").contains("3 | keys = •••"))
  }

  @Test func aLineCannotCommandTheTerminal() {
    let text = shown("[dns]\nudp_size = 1 # \u{9B}31m \u{202E}x\n")
    #expect(!text.unicodeScalars.contains("\u{9B}") && !text.unicodeScalars.contains("\u{202E}"))
    #expect(text.contains("udp_size = 1 # \u{FFFD}31m"))
    let escape = shown("[dns]\nudp_size = 1 \u{1B}[31m\n")
    #expect(!escape.unicodeScalars.contains("\u{1B}"))
  }

  @Test func aLongLineIsCutAroundTheColumn() {
    let text = shown(
      "[dns]\nrecursion = [" + String(repeating: "\"10.0.0.0/8\", ", count: 1) + String(repeating: " ", count: 500)
        + "7]\n")
    let lines = text.split(separator: "\n")
    #expect(lines.allSatisfy { $0.count < 150 })
    #expect(lines.count == 3)
  }

  @Test func theEndOfTheFileHasItsPlace() {
    #expect(
      shown("[smtp") == "portside.toml:1:6: error: expected \"]\" at the end of the header\n  1 | [smtp\n    |      ^")
  }
}
