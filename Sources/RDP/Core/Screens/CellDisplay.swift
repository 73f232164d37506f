/// What of the screen has to travel.
enum DisplayUpdate {
  /// Pixels that the client has already, moved: the rectangle's place and where it comes from.
  case move(x: Int, y: Int, width: Int, height: Int, fromX: Int, fromY: Int)
  case tile(PixelTile)
}

/// Keeps what a client shows of a terminal, and finds what differs: only changed cells travel, and lines that scrolled are
/// moved by the client.
struct CellDisplay: Sendable {
  private struct Shown: Hashable {
    var character: UInt32 = 0x20
    var foreground: UInt32 = 0
    var background: UInt32 = 0
    var attributes: CellStyle.Attributes = []
  }

  /// Cells between two changed ones that are sent along rather than cut out: a rectangle of its own costs more.
  private static let mergedGap = 4
  /// Pixels of one rectangle's width at most.
  private static let maximumWidth = 512

  let columns: Int
  let rows: Int
  let format: PixelFormat
  /// By how much the font is magnified.
  let scale: Int
  private var shown: [Shown]
  /// Where the cursor was shown.
  private var cursor: (row: Int, column: Int)?
  /// Whether the client shows something else than `shown`: all cells travel.
  private(set) var isUnknown = true

  init(width: Int, height: Int, format: PixelFormat, scale: Int = 1) {
    // A screen of fewer than 40 columns is of no use: then rather small letters.
    let scale = max(1, min(scale, width / (40 * ConsoleFont.width)))
    columns = max(2, width / (ConsoleFont.width * scale))
    rows = max(2, height / (ConsoleFont.height * scale))
    self.format = format
    self.scale = scale
    shown = [Shown](repeating: Shown(), count: columns * rows)
  }

  /// Pixels of a cell on the client's desktop.
  var cellWidth: Int { ConsoleFont.width * scale }
  var cellHeight: Int { ConsoleFont.height * scale }

  /// The client has lost its picture (a refresh, a reactivation): all of it travels with the next update.
  mutating func forget() { isUnknown = true }

  /// Somebody else sees to it that the client gets its picture.
  mutating func acceptAsKnown() { isUnknown = false }

  /// The cells that are shown as selected, by their numbers from the top left.
  private(set) var selection: Range<Int>?

  func needsUpdate(_ terminal: Terminal) -> Bool {
    if isUnknown || terminal.grid.hasChanges { return true }
    let now = terminal.visibleCursor
    return now?.row != cursor?.row || now?.column != cursor?.column
  }

  /// Finds what differs, hands it over, and takes it as shown.
  mutating func update(
    _ terminal: inout Terminal, canMove: Bool, selection: Range<Int>? = nil, _ emit: (DisplayUpdate) -> Void
  ) {
    if selection != self.selection {
      terminal.grid.touchAll()
      self.selection = selection
    }
    let isScrolledBack = terminal.viewOffset > 0
    if isUnknown || isScrolledBack {
      terminal.grid.touchAll()
    } else if !terminal.grid.scrolls.isEmpty {
      for scroll in terminal.grid.scrolls { if canMove { move(scroll, emit) } }
      if !canMove { terminal.grid.touchAll() }
    }
    let now = terminal.visibleCursor
    for place in [cursor, now] { if let place { terminal.grid.touch(place.row) } }
    for row in 0..<min(rows, terminal.rows) where terminal.grid.changed[row] {
      compare(row, terminal, cursor: now?.row == row ? now?.column : nil, emit)
    }
    terminal.grid.clearChanges()
    cursor = now
    isUnknown = false
  }

  private mutating func move(_ scroll: Grid.Scroll, _ emit: (DisplayUpdate) -> Void) {
    let count = abs(scroll.lines)
    let kept = scroll.bottom - scroll.top - count
    guard kept > 0 else { return }
    let from = scroll.lines > 0 ? scroll.top + count : scroll.top
    let to = scroll.lines > 0 ? scroll.top : scroll.top + count
    let lines = Array(shown[from * columns..<(from + kept) * columns])
    shown.replaceSubrange(to * columns..<(to + kept) * columns, with: lines)
    // The cursor's picture has moved along: it is found in `shown` as any other cell, at its new place.
    if let place = cursor, (from..<from + kept).contains(place.row) {
      cursor = (place.row + to - from, place.column)
    }
    emit(
      .move(
        x: 0, y: to * cellHeight, width: columns * cellWidth, height: kept * cellHeight, fromX: 0,
        fromY: from * cellHeight))
  }

  private mutating func compare(
    _ row: Int, _ terminal: Terminal, cursor: Int?, _ emit: (DisplayUpdate) -> Void
  ) {
    let line = terminal.visibleLine(row)
    var start: Int?
    var last = 0
    for column in 0..<columns {
      let cell = column < line.count ? line[column] : Cell()
      let isSelected = selection?.contains(row * columns + column) == true
      let wanted = Self.appearance(
        cell, isReversed: terminal.modes.reverse != isSelected, hasCursor: cursor == column)
      guard isUnknown || shown[row * columns + column] != wanted else { continue }
      shown[row * columns + column] = wanted
      if let begun = start, column - last > Self.mergedGap || (column - begun) * cellWidth >= Self.maximumWidth {
        emit(.tile(render(row, begun..<last + 1)))
        start = column
      }
      if start == nil { start = column }
      last = column
    }
    if let start { emit(.tile(render(row, start..<last + 1))) }
  }

  private static func appearance(_ cell: Cell, isReversed: Bool, hasCursor: Bool) -> Shown {
    let attributes = cell.style.attributes
    let foregroundColor = attributes.contains(.bold) ? cell.style.foreground.brightened : cell.style.foreground
    var foreground = foregroundColor.rgb(standard: Palette.foreground)
    var background = cell.style.background.rgb(standard: Palette.background)
    if attributes.contains(.faint) { foreground = (foreground >> 1 & 0x7F7F7F) + (background >> 1 & 0x7F7F7F) }
    if attributes.contains(.reversed) != isReversed { swap(&foreground, &background) }
    if attributes.contains(.invisible) { foreground = background }
    if hasCursor { (foreground, background) = (background, Palette.foreground) }
    let character = cell.character == 0 ? 0x20 : cell.character
    // A blank has no foreground that could be seen.
    let isBlank = character == 0x20 && attributes.isDisjoint(with: [.underlined, .struck])
    return Shown(
      character: character, foreground: isBlank ? background : foreground, background: background,
      attributes: isBlank ? [] : attributes.intersection([.bold, .underlined, .struck]))
  }

  private func render(_ row: Int, _ run: Range<Int>) -> PixelTile {
    let font = ConsoleFont.standard
    let width = run.count * cellWidth
    var pixels = [UInt32](repeating: 0, count: width * cellHeight)
    for column in run {
      let cell = shown[row * columns + column]
      let (foreground, background) = (format.pixel(cell.foreground), format.pixel(cell.background))
      let left = (column - run.lowerBound) * cellWidth
      for line in 0..<cellHeight {
        let fontLine = line / scale
        var bits = font.row(fontLine, of: cell.character, isBold: cell.attributes.contains(.bold))
        if fontLine == 14, cell.attributes.contains(.underlined) { bits = 0xFF }
        if fontLine == 8, cell.attributes.contains(.struck) { bits = 0xFF }
        var place = line * width + left
        for _ in 0..<ConsoleFont.width {
          let pixel = bits & 0x80 != 0 ? foreground : background
          for _ in 0..<scale {
            pixels[place] = pixel
            place += 1
          }
          bits &<<= 1
        }
      }
    }
    return PixelTile(
      x: run.lowerBound * cellWidth, y: row * cellHeight, width: width, height: cellHeight, pixels: pixels)
  }
}
