/// Turns the answer to one command into lines of text, page by page as it comes, through the filters behind the bars.
struct Renderer: Sendable {
  private let filters: [OutputFilter]
  private let isJSON: Bool
  private var widths: [Int] = []
  private var hasHeading = false
  private var isFirstRow = true
  /// For each filter: whether `begin` has begun; the lines that `last` keeps; what `count` has counted.
  private var hasBegun: [Bool]
  private var kept: [[String]]
  private var counts: [Int]

  init(_ filters: [OutputFilter]) {
    self.filters = filters
    isJSON = filters.contains { if case .json = $0 { true } else { false } }
    hasBegun = Array(repeating: false, count: filters.count)
    kept = Array(repeating: [], count: filters.count)
    counts = Array(repeating: 0, count: filters.count)
  }

  /// Whether the person wants no stops at full screens.
  var isUnpaged: Bool {
    isJSON || filters.contains { if case .noMore = $0 { true } else { false } }
  }

  /// Whether the listing is to be asked for again and again.
  var isFollowing: Bool { filters.contains { if case .follow = $0 { true } else { false } } }

  /// What can't stand together with `follow`: it waits for an end that never comes.
  var waitsForEnd: Bool {
    filters.contains { filter in
      switch filter {
      case .last, .count, .json: true
      default: false
      }
    }
  }

  /// Whether rows are chosen or counted: then a heading would be in the way.
  private var isFiltered: Bool {
    filters.contains { filter in
      switch filter {
      case .json, .noMore, .follow: false
      default: true
      }
    }
  }

  /// The lines of one page.
  mutating func lines(of listing: Listing) -> [String] {
    var lines: [String] = []
    if isJSON {
      if !hasHeading { lines.append("[") }
      hasHeading = true
      for row in listing.rows { emit(Self.object(listing.columns, row), into: &lines) }
      return lines
    }
    let rows = listing.rows.map { $0.map(CharacterWidth.harmless) }
    if widths.isEmpty { widths = listing.columns.map { CharacterWidth.of($0) } }
    for row in rows {
      for (index, cell) in row.enumerated() where index < widths.count {
        widths[index] = max(widths[index], CharacterWidth.of(cell))
      }
    }
    if !hasHeading, !isFiltered, !listing.columns.isEmpty {
      lines.append(line(listing.columns.map { $0.uppercased() }))
    }
    hasHeading = true
    for row in rows { emit(line(row), into: &lines) }
    return lines
  }

  /// Whether every row is shown as it comes.
  var isPlain: Bool { !isJSON && !isFiltered && !isFollowing }

  /// Writes the rows of one page, without a string for each cell: for long listings that nothing filters and nobody leafs through.
  mutating func write(_ rows: PackedRows, under columns: [String], to output: inout [UInt8]) {
    if widths.isEmpty { widths = columns.map { CharacterWidth.of($0) } }
    var (column, width) = (0, 0)
    for byte in rows.text {
      guard byte < 0x20 else {
        width += 1
        continue
      }
      if column < widths.count, width > widths[column] { widths[column] = width }
      width = 0
      column = byte == 0x0A ? 0 : column + 1
    }
    if !hasHeading, !columns.isEmpty {
      output.append(contentsOf: line(columns.map { $0.uppercased() }).utf8)
      output.append(0x0A)
    }
    hasHeading = true
    output.reserveCapacity(output.count + rows.count * (widths.reduce(0, +) + 2 * widths.count))
    var (start, begin) = (0, output.count)
    column = 0
    for index in rows.text.indices where rows.text[index] < 0x20 {
      output.append(contentsOf: rows.text[start..<index])
      if rows.text[index] == 0x0A {
        while output.count > begin, output.last == 0x20 { output.removeLast() }
        output.append(0x0A)
        begin = output.count
        column = 0
      } else {
        let padding = (column < widths.count ? max(0, widths[column] - (index - start)) : -2) + 2
        for _ in 0..<padding { output.append(0x20) }
        column += 1
      }
      start = index + 1
    }
  }

  /// The lines of a sentence.
  mutating func lines(of text: String) -> [String] {
    var lines: [String] = []
    if isJSON {
      lines.append("[")
      hasHeading = true
      emit(Self.object(["done"], [text]), into: &lines)
      return lines
    }
    for part in text.split(separator: "\n", omittingEmptySubsequences: false) {
      emit(CharacterWidth.harmless(String(part)), into: &lines)
    }
    return lines
  }

  /// What is left to say once everything has come.
  mutating func finish() -> [String] {
    var lines: [String] = []
    for (index, filter) in filters.enumerated() {
      switch filter {
      case .last(let count):
        for line in kept[index].suffix(count) { emit(line, from: index + 1, into: &lines) }
      case .count:
        emit("Count: \(counts[index]) \(counts[index] == 1 ? "line" : "lines")", from: index + 1, into: &lines)
      default: break
      }
    }
    if isJSON {
      if !hasHeading { lines.append("[") }
      lines.append("]")
    }
    return lines
  }

  private mutating func emit(_ line: String, from start: Int = 0, into lines: inout [String]) {
    for index in start..<filters.count {
      switch filters[index] {
      case .match(let pattern): if !pattern.isFound(in: line) { return }
      case .exclude(let pattern): if pattern.isFound(in: line) { return }
      case .begin(let pattern):
        if !hasBegun[index] { hasBegun[index] = pattern.isFound(in: line) }
        if !hasBegun[index] { return }
      case .last(let count):
        kept[index].append(line)
        if kept[index].count >= 2 * count { kept[index].removeFirst(kept[index].count - count) }
        return
      case .count:
        counts[index] += 1
        return
      case .json, .noMore, .follow: break
      }
    }
    if isJSON {
      lines.append((isFirstRow ? "  " : "  ,") + line)
      isFirstRow = false
    } else {
      lines.append(line)
    }
  }

  private func line(_ cells: [String]) -> String {
    var text = ""
    for (index, cell) in cells.enumerated() {
      text += cell
      guard index + 1 < cells.count, index < widths.count else { continue }
      text += String(repeating: " ", count: max(0, widths[index] - CharacterWidth.of(cell)) + 2)
    }
    while text.last == " " { text.removeLast() }
    return text
  }

  /// One JSON object (RFC 8259) with the columns as names.
  private static func object(_ columns: [String], _ row: [String]) -> String {
    let members = zip(columns, row).map { "\(string($0)):\(string($1))" }
    return "{" + members.joined(separator: ",") + "}"
  }

  private static func string(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      default:
        // C1 controls are escaped as well: what a terminal would obey has no place in any output.
        if scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) {
          let digits = String(scalar.value, radix: 16)
          result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        } else {
          result.unicodeScalars.append(scalar)
        }
      }
    }
    return result + "\""
  }
}
