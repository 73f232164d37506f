/// The lines that were typed, the newest last.
package struct History: Sendable {
  /// Most lines, and most characters of a line that is kept.
  static let maximumLines = 200
  static let maximumLength = 1024

  private(set) var lines: [String] = []
  /// How many lines back the editor has gone.
  private var position = 0
  private var unfinished: [Character] = []
  private var searchFrom: Int?

  package mutating func add(_ line: String) {
    reset()
    guard !line.isEmpty, line.first != " ", line != lines.last, line.count <= Self.maximumLength else { return }
    lines.append(line)
    if lines.count > Self.maximumLines { lines.removeFirst() }
  }

  mutating func reset() { (position, unfinished, searchFrom) = (0, [], nil) }

  mutating func older(than line: [Character]) -> [Character]? {
    guard position < lines.count else { return nil }
    if position == 0 { unfinished = line }
    position += 1
    return Array(lines[lines.count - position])
  }

  mutating func newer() -> [Character]? {
    guard position > 0 else { return nil }
    position -= 1
    return position == 0 ? unfinished : Array(lines[lines.count - position])
  }

  /// The newest line that has the text, from where the search has come to.
  mutating func find(_ text: String) -> [Character]? {
    guard !text.isEmpty else { return nil }
    let end = min(searchFrom ?? lines.count, lines.count)
    guard let index = lines[..<end].lastIndex(where: { $0.contains(text) }) else { return nil }
    searchFrom = index + 1
    return Array(lines[index])
  }

  /// The search goes on with lines older than the one found.
  mutating func skip() { searchFrom = searchFrom.map { max(0, $0 - 1) } }
}
