/// Text that is selected with the mouse, in cells of the screen.
struct Selection: Sendable {
  /// Where the button went down, and where the mouse is now: numbers of cells from the top left.
  private var anchor: Int?
  private var head: Int?
  private(set) var isDragging = false

  /// The selected cells, if any.
  var range: Range<Int>? {
    guard let anchor, let head, anchor != head else { return nil }
    return min(anchor, head)..<max(anchor, head) + 1
  }

  mutating func press(at cell: Int) {
    (anchor, head, isDragging) = (cell, nil, true)
  }

  /// Returns whether the selection has changed.
  mutating func drag(to cell: Int) -> Bool {
    guard isDragging, head != cell else { return false }
    head = cell
    return true
  }

  mutating func release() { isDragging = false }

  mutating func clear() { (anchor, head, isDragging) = (nil, nil, false) }
}

extension Terminal {
  /// The text of selected cells: lines without their trailing blanks.
  func text(of range: Range<Int>) -> String {
    var lines: [String] = []
    for row in range.lowerBound / columns...(range.upperBound - 1) / columns where row < rows {
      let line = visibleLine(row)
      var scalars = String.UnicodeScalarView()
      for column in 0..<columns where range.contains(row * columns + column) && column < line.count {
        let character = line[line.startIndex + column].character
        if character != 0 { scalars.append(Unicode.Scalar(character) ?? " ") }
      }
      var text = String(scalars)
      while text.last == " " { text.removeLast() }
      lines.append(text)
    }
    return lines.joined(separator: "\n")
  }
}
