import Foundation
import Testing

/// The house rules that a compiler doesn't check (`docs/development.md`). A list of exceptions may only shrink: an entry
/// that is no longer needed is a failure as well.
@Suite struct TidyTests {
  /// Files that may be longer than 600 lines, and why.
  private static let longFiles: Set<String> = []

  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private static func files(under folders: [String], suffix: String) -> [String] {
    folders.flatMap { folder -> [String] in
      let names = FileManager.default.enumerator(atPath: root.appendingPathComponent(folder).path)
      return (names?.allObjects as? [String] ?? []).filter { $0.hasSuffix(suffix) && !$0.contains(".build") }
        .map { "\(folder)/\($0)" }
    }
  }

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
  }

  private static var sources: [String] { files(under: ["Sources"], suffix: ".swift") }
  private static var everything: [String] {
    files(under: ["Sources", "Tests", "Fuzz", "Benchmarks"], suffix: ".swift")
  }

  @Test func thereIsSomethingToCheck() { #expect(Self.sources.count > 50) }

  @Test func noFileIsLongerThan600Lines() throws {
    let tooLong = try Self.everything.filter { path in
      if path.contains("/Vectors/") || path.contains("Table") { return false }
      return try Self.text(path).components(separatedBy: "\n").count > 601
    }
    #expect(Set(tooLong) == Self.longFiles)
  }

  /// From the line that opens a function to the line that closes it, by indentation, which the formatter vouches for.
  @Test func noFunctionIsLongerThan60Lines() throws {
    var tooLong: [String] = []
    for path in Self.sources where !path.contains("Table") {
      let lines = try Self.text(path).components(separatedBy: "\n")
      for (index, line) in lines.enumerated() {
        let indent = line.prefix { $0 == " " }
        let words = line.dropFirst(indent.count)
        guard words.contains("func ") || words.hasPrefix("init") || words.contains(" init("), !words.hasPrefix("//"),
          !words.hasPrefix("///"), Self.hasBody(lines, at: index, indent),
          let end = lines[index...].firstIndex(where: { $0 == indent + "}" }), !line.hasSuffix("}")
        else { continue }
        if end - index > 61 { tooLong.append("\(path):\(index + 1) (\(end - index) lines)") }
      }
    }
    #expect(tooLong.isEmpty, "\(tooLong.joined(separator: "\n"))")
  }

  /// Whether a body follows the signature that begins here; a protocol's requirement has none.
  private static func hasBody(_ lines: [String], at index: Int, _ indent: Substring) -> Bool {
    var place = index
    while !lines[place].hasSuffix("{") {
      place += 1
      guard place < lines.count, lines[place].hasPrefix(indent) else { return false }
      // Still the signature: indented, or the end of its parameters.
      let rest = lines[place].dropFirst(indent.count)
      guard rest.hasPrefix(" ") || rest.hasPrefix(")") || rest.hasPrefix("where") else { return false }
    }
    return true
  }

  /// Nothing that a peer sends may trap, so a Core has neither force nor luck in it.
  @Test func coresHaveNoForce() throws {
    var findings: [String] = []
    for path in Self.sources where path.contains("/Core/") || path.hasPrefix("Sources/WireKit/") {
      for (index, line) in try Self.text(path).components(separatedBy: "\n").enumerated() {
        let code = line.trimmingCharacters(in: .whitespaces)
        if code.hasPrefix("//") { continue }
        if code.contains("try!") || code.contains("as!") || code.contains("fatalError(")
          || code.range(of: #"[\w\)\]]!([\s\.\)\],;?]|$)"#, options: .regularExpression) != nil
        {
          findings.append("\(path):\(index + 1): \(code)")
        }
      }
    }
    #expect(findings.isEmpty, "\(findings.joined(separator: "\n"))")
  }

  /// Cores and the ground have no I/O, no clock and no Foundation.
  @Test func coresImportNothingFromOutside() throws {
    let allowed: Set<String> = [
      // ACMECore has JSON and its signatures (RFC 7515), which tokens need as well.
      "WireKit", "SASLCore", "MessageCore", "ConsoleCore", "ACMECore", "Crypto", "_CryptoExtras", "CSodium",
      "Compression", "Synchronization",
    ]
    var findings: [String] = []
    for path in Self.sources where path.contains("/Core/") || path.hasPrefix("Sources/WireKit/") {
      for line in try Self.text(path).components(separatedBy: "\n") where line.hasPrefix("import ") {
        let module = String(line.dropFirst(7).split(separator: ".")[0])
        if !allowed.contains(module) { findings.append("\(path): \(line)") }
      }
    }
    #expect(findings.isEmpty, "\(findings.joined(separator: "\n"))")
  }

  @Test func uncheckedSendableSaysWhy() throws {
    var findings: [String] = []
    for path in Self.sources {
      let lines = try Self.text(path).components(separatedBy: "\n")
      for (index, line) in lines.enumerated()
      where line.contains("@unchecked Sendable") || line.contains("nonisolated(unsafe)") {
        let around = lines[max(0, index - 6)...min(lines.count - 1, index + 2)].joined(separator: " ").lowercased()
        if !around.contains("unchecked:") && !around.contains("unchecked sendable`:") && !around.contains("because")
          && !around.contains("unsafe:")
        {
          findings.append("\(path):\(index + 1)")
        }
      }
    }
    #expect(findings.isEmpty, "say why, in a comment with “unchecked:” or “because”: \(findings)")
  }

  @Test func nothingIsLeftForLater() throws {
    let words = ["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"].joined(separator: "|")
    var findings: [String] = []
    for path in Self.everything + Self.files(under: ["docs", "Scripts"], suffix: "") {
      guard let text = try? Self.text(path) else { continue }
      for (index, line) in text.components(separatedBy: "\n").enumerated()
      where line.range(of: "\\b(\(words))\\b", options: .regularExpression) != nil {
        findings.append("\(path):\(index + 1)")
      }
    }
    #expect(findings.isEmpty, "\(findings)")
  }
}
