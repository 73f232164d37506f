/// Rows under headings, as text for people: columns as wide as they need to be.
struct Table {
  private let headings: [String]
  private var rows: [[String]] = []

  init(_ headings: String...) { self.headings = headings }

  /// A table whose columns are known only now.
  init(_ headings: [String], _ rows: [[String]]) {
    self.headings = headings
    self.rows = rows
  }

  mutating func add(_ cells: String...) { rows.append(cells) }

  var isEmpty: Bool { rows.isEmpty }

  /// The table, with a line end behind every row. The last column is not padded.
  var text: String {
    let all = [headings.map { $0.uppercased() }] + rows.map { $0.map(Self.harmless) }
    let widths = headings.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    return all.reduce(into: "") { text, row in
      let cells = row.indices.map { column in
        column == row.count - 1 ? row[column] : row[column].padding(to: widths[column])
      }
      text += cells.joined(separator: "  ") + "\n"
    }
  }

  /// Names that strangers chose reach a terminal without control characters.
  private static func harmless(_ text: String) -> String {
    String(
      String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }))
  }
}

extension String {
  fileprivate func padding(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}
