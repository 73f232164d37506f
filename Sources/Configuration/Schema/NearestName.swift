/// Finds the name that somebody probably meant.
public enum NearestName {
  /// The closest of `names`, when it is close enough to be meant: a third of its length wrong at most, three edits at most.
  public static func find(_ text: String, among names: some Sequence<String>) -> String? {
    guard (1...64).contains(text.utf8.count) else { return nil }
    let wanted = normalised(text)
    var best: (name: String, distance: Int)?
    for name in names where name.utf8.count <= 64 {
      let candidate = normalised(name)
      let limit = min(3, max(1, max(wanted.count, candidate.count) / 3))
      guard abs(wanted.count - candidate.count) <= limit else { continue }
      let found = distance(wanted, candidate)
      if found <= limit, found < best?.distance ?? .max { best = (name, found) }
    }
    return best?.name
  }

  /// The question to ask, when there is a close name.
  public static func hint(_ text: String, among names: some Sequence<String>) -> String? {
    find(text, among: names).map { "did you mean \(TOMLText.string($0))?" }
  }

  /// Hyphens and capitals are no difference worth counting.
  private static func normalised(_ text: String) -> [Unicode.Scalar] {
    text.lowercased().unicodeScalars.map { $0 == "-" ? "_" : $0 }
  }

  /// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
  static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
    guard !left.isEmpty, !right.isEmpty else { return max(left.count, right.count) }
    var beforeLast = [Int](repeating: 0, count: right.count + 1)
    var last = Array(0...right.count)
    for row in 1...left.count {
      var current = [row] + [Int](repeating: 0, count: right.count)
      for column in 1...right.count {
        let cost = left[row - 1] == right[column - 1] ? 0 : 1
        current[column] = min(last[column] + 1, current[column - 1] + 1, last[column - 1] + cost)
        if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
          current[column] = min(current[column], beforeLast[column - 2] + 1)
        }
      }
      (beforeLast, last) = (last, current)
    }
    return last[right.count]
  }
}
