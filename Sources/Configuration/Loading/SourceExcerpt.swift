/// The line that a finding is about, and a mark below its column, for terminals.
///
/// A line that may hold a secret shows what stands before its first `=` only.
extension LoadedConfiguration {
  /// A finding on its line, and two more with the place in the file, where there is one.
  public func describeWithExcerpt(_ finding: Finding) -> String {
    describe(finding) + (excerpt(finding).map { "\n" + $0 } ?? "")
  }

  private func excerpt(_ finding: Finding) -> String? {
    guard finding.position.origin == nil, let line = line(finding.position.line) else { return nil }
    var scalars = Array(line.unicodeScalars).map(Self.printable)
    if isSensitive(line, finding) { Self.mask(&scalars) }
    let column = min(finding.position.column - 1, scalars.count)
    // A long line is cut to the surroundings of the column.
    let start = max(0, column - 80)
    let shown = scalars[start..<min(scalars.count, start + 120)]
    let number = "\(finding.position.line)"
    let gutter = String(repeating: " ", count: number.count)
    var text = ""
    text.unicodeScalars.append(contentsOf: shown)
    return "  \(number) | \(text)\n  \(gutter) | \(String(repeating: " ", count: column - start))^"
  }

  private func line(_ number: Int) -> String? {
    guard number >= 1 else { return nil }
    let lines = source.split(separator: 0x0A, maxSplits: number, omittingEmptySubsequences: false)
    guard number <= lines.count else { return nil }
    var line = lines[number - 1]
    if line.last == 0x0D { line = line.dropLast() }
    if number == 1, line.starts(with: [0xEF, 0xBB, 0xBF]) { line = line.dropFirst(3) }
    return String(decoding: line, as: UTF8.self)
  }

  private func isSensitive(_ line: String, _ finding: Finding) -> Bool {
    let number = finding.position.line
    if findings.contains(where: { $0.position.line == number && $0.hidesValue }) { return true }
    // What was decoded, and is not hidden, is no secret. What was not may belong to any key: it is shown only behind one
    // that the schema knows, and that does not sound like a secret's.
    guard documentErrorLines.contains(number) else { return false }
    let small = line.lowercased()
    if Self.secretWords.contains(where: { small.contains($0) }) { return true }
    let parts = ASCIIText.split(line, on: UInt8(ascii: "="))
    if parts.count == 1 { return line.unicodeScalars.first != "[" }
    let name = String(parts[0].filter { $0 != " " && $0 != "\t" })
    return !Self.knows(name, PortsideConfiguration.schema.description)
  }

  private static func knows(_ name: String, _ table: SchemaDescription) -> Bool {
    table.keys.contains { key in key.name == name || key.shape.table.map { knows(name, $0) } == true }
  }

  private static let secretWords = ["pass", "secret", "key", "token", "credential", "pin", "code"]

  /// Hides everything behind the first `=`, or all of it when there is none.
  private static func mask(_ scalars: inout [Unicode.Scalar]) {
    let first = scalars.firstIndex(of: "=").map { $0 + 1 }
    let start = first ?? (scalars.first == "[" ? scalars.count : 0)
    for index in start..<scalars.count where scalars[index] != " " { scalars[index] = "•" }
  }

  /// Nothing in a file may command the terminal; a tab counts as one column.
  private static func printable(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    switch scalar {
    case "\t": " "
    case "\0"..<" ", "\u{7F}"..."\u{9F}", "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}": "\u{FFFD}"
    default: scalar
    }
  }
}
