/// The cells of a screen, and what has happened to them since they were last shown.
struct Grid: Sendable {
  /// A region whose lines have moved up, or (negative) down.
  struct Scroll: Sendable, Hashable {
    var top: Int
    /// The line after the last.
    var bottom: Int
    var lines: Int
  }

  private(set) var columns: Int
  private(set) var rows: Int
  private(set) var cells: [Cell]
  /// Rows that may differ from what was shown.
  private(set) var changed: [Bool]
  /// Moves since then, in order; all rows are `changed` when there were too many.
  private(set) var scrolls: [Scroll] = []

  init(columns: Int, rows: Int) {
    self.columns = columns
    self.rows = rows
    cells = [Cell](repeating: Cell(), count: columns * rows)
    changed = [Bool](repeating: true, count: rows)
  }

  var hasChanges: Bool { !scrolls.isEmpty || changed.contains(true) }

  /// What is there has been shown.
  mutating func clearChanges() {
    scrolls.removeAll(keepingCapacity: true)
    for row in 0..<rows { changed[row] = false }
  }

  mutating func touchAll() {
    scrolls.removeAll()
    for row in 0..<rows { changed[row] = true }
  }

  mutating func touch(_ row: Int) { if changed.indices.contains(row) { changed[row] = true } }

  subscript(row: Int, column: Int) -> Cell {
    get { cells[row * columns + column] }
    set {
      cells[row * columns + column] = newValue
      changed[row] = true
    }
  }

  func line(_ row: Int) -> ArraySlice<Cell> { cells[row * columns..<(row + 1) * columns] }

  mutating func fill(row: Int, _ range: Range<Int>, with cell: Cell) {
    guard !range.isEmpty else { return }
    for index in row * columns + range.lowerBound..<row * columns + range.upperBound { cells[index] = cell }
    changed[row] = true
  }

  /// Moves part of a row to the right (`by` > 0) or to the left, within `range`; what becomes free is `cell`.
  mutating func shift(row: Int, _ range: Range<Int>, by distance: Int, with cell: Cell) {
    let base = row * columns
    let count = min(abs(distance), range.count)
    let part = Array(cells[base + range.lowerBound..<base + range.upperBound])
    let free = [Cell](repeating: cell, count: count)
    let moved = distance > 0 ? free + Array(part.dropLast(count)) : Array(part.dropFirst(count)) + free
    cells.replaceSubrange(base + range.lowerBound..<base + range.upperBound, with: moved)
    changed[row] = true
  }

  /// Moves the lines of a region up (`lines` > 0) or down; what becomes free is `cell`.
  mutating func scroll(_ region: Range<Int>, by lines: Int, with cell: Cell) {
    let count = min(abs(lines), region.count)
    guard count > 0 else { return }
    let free = [Cell](repeating: cell, count: count * columns)
    let range = region.lowerBound * columns..<region.upperBound * columns
    if lines > 0 {
      cells.replaceSubrange(range, with: Array(cells[range].dropFirst(count * columns)) + free)
    } else {
      cells.replaceSubrange(range, with: free + Array(cells[range].dropLast(count * columns)))
    }
    noteScroll(region, lines > 0 ? count : -count)
  }

  private mutating func noteScroll(_ region: Range<Int>, _ lines: Int) {
    moveMarks(region, lines)
    let last = scrolls.count - 1
    if last >= 0, scrolls[last].top == region.lowerBound, scrolls[last].bottom == region.upperBound,
      (scrolls[last].lines > 0) == (lines > 0)
    {
      scrolls[last].lines += lines
    } else {
      scrolls.append(Scroll(top: region.lowerBound, bottom: region.upperBound, lines: lines))
    }
    // All of it is new, or it is simpler to look at every cell.
    if abs(scrolls[scrolls.count - 1].lines) >= region.count || scrolls.count > 8 { touchAll() }
  }

  /// Rows that differ go along with their lines.
  private mutating func moveMarks(_ region: Range<Int>, _ lines: Int) {
    let old = changed
    for row in region {
      let source = row + lines
      changed[row] = region.contains(source) ? old[source] : true
    }
  }

  /// Another size; what fits stays, from the top left, with `offset` lines cut off above.
  mutating func resize(columns newColumns: Int, rows newRows: Int, droppingTop offset: Int) {
    var resized = Grid(columns: newColumns, rows: newRows)
    for row in 0..<min(newRows, max(0, rows - offset)) {
      for column in 0..<min(columns, newColumns) { resized[row, column] = self[row + offset, column] }
    }
    self = resized
  }
}
