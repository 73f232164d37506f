/// A terminal: takes a program's output and keeps the screen that it makes. xterm's repertoire, as far as programs use it.
///
/// Pure and bounded: every sequence costs time in proportion to the screen at most, whatever a program sends.
public struct Terminal: Sendable {
  struct Modes: Sendable, Hashable {
    var insert = false
    var newLine = false
    var applicationCursor = false
    var applicationKeypad = false
    var origin = false
    var wrap = true
    var cursorVisible = true
    var reverse = false
    var bracketedPaste = false
    /// 0 none, else 1000, 1002 or 1003.
    var mouse = 0
    var mouseSGR = false
  }

  struct Cursor: Sendable, Hashable {
    var row = 0
    var column = 0
    /// The last column was written: the next character goes to the next line.
    var wrapsNext = false
    var style = CellStyle()
    var isOrigin = false
    /// G0 to G1: whether each is DEC's special graphics.
    var graphics = [false, false]
    var shifted = 0
  }

  static let maximumParameters = 32
  static let maximumString = 1024

  var grid: Grid
  /// The other screen, while one of them is away.
  var other: Grid
  var isAlternate = false
  var cursor = Cursor()
  var saved = Cursor()
  var savedPrimary = Cursor()
  var modes = Modes()
  /// The lines that scroll.
  var region: Range<Int>
  var tabs: Set<Int>
  var lastCharacter: UInt32 = 0x20
  var parser = Parser()
  /// What the terminal answers to the program (reports): to be taken by `takeReplies`.
  var replies: [UInt8] = []
  public internal(set) var title = ""

  /// Lines that left at the top, the newest last.
  var scrollback: [[Cell]] = []
  let scrollbackLimit: Int
  /// How many lines above the screen one looks.
  public internal(set) var viewOffset = 0

  public init(columns: Int, rows: Int, scrollback: Int = 1000) {
    let (columns, rows) = (max(2, columns), max(2, rows))
    grid = Grid(columns: columns, rows: rows)
    other = grid
    region = 0..<rows
    tabs = Set(stride(from: 8, to: columns, by: 8))
    scrollbackLimit = scrollback
  }

  public var columns: Int { grid.columns }
  public var rows: Int { grid.rows }

  /// Takes what the program has written.
  public mutating func feed(_ bytes: [UInt8]) {
    for byte in bytes { parse(byte) }
  }

  /// What is to be sent to the program, if anything.
  public mutating func takeReplies() -> [UInt8] {
    defer { replies.removeAll() }
    return replies
  }

  /// Text of a row without trailing blanks: for tests and for people who debug.
  public func text(row: Int) -> String {
    var text = String.UnicodeScalarView()
    for cell in grid.line(row) where cell.character != 0 {
      text.append(Unicode.Scalar(cell.character) ?? " ")
    }
    var string = String(text)
    while string.last == " " { string.removeLast() }
    return string
  }

  /// Changes the size; the line with the cursor stays on the screen.
  public mutating func resize(columns: Int, rows: Int) {
    let (columns, rows) = (max(2, columns), max(2, rows))
    guard columns != grid.columns || rows != grid.rows else { return }
    let dropped = max(0, cursor.row - rows + 1)
    if !isAlternate { for row in 0..<dropped { keep(row) } }
    grid.resize(columns: columns, rows: rows, droppingTop: dropped)
    other.resize(columns: columns, rows: rows, droppingTop: 0)
    cursor.row = min(max(0, cursor.row - dropped), rows - 1)
    cursor.column = min(cursor.column, columns - 1)
    cursor.wrapsNext = false
    region = 0..<rows
    tabs = Set(stride(from: 8, to: columns, by: 8))
    viewOffset = 0
  }

  // MARK: The view

  /// Looks `lines` further up, or (negative) down again. Returns whether anything moved.
  public mutating func scrollView(by lines: Int) -> Bool {
    let limit = isAlternate ? 0 : scrollback.count
    let offset = min(max(0, viewOffset + lines), limit)
    guard offset != viewOffset else { return false }
    viewOffset = offset
    grid.touchAll()
    return true
  }

  /// The cells of a row as one sees it.
  func visibleLine(_ row: Int) -> ArraySlice<Cell> {
    guard row < viewOffset else { return grid.line(row - viewOffset) }
    var line = scrollback[scrollback.count - viewOffset + row]
    if line.count > columns { line.removeLast(line.count - columns) }
    if line.count < columns { line += [Cell](repeating: Cell(), count: columns - line.count) }
    return line[...]
  }

  /// Where the cursor is seen; `nil` when it is hidden or out of view.
  var visibleCursor: (row: Int, column: Int)? {
    guard modes.cursorVisible, cursor.row + viewOffset < rows else { return nil }
    return (cursor.row + viewOffset, min(cursor.column, columns - 1))
  }

  // MARK: Lines

  /// Keeps a line above the screen.
  private mutating func keep(_ row: Int) {
    guard scrollbackLimit > 0 else { return }
    scrollback.append(Array(grid.line(row)))
    // In blocks, so that not every line moves all the others.
    if scrollback.count > scrollbackLimit + 128 { scrollback.removeFirst(scrollback.count - scrollbackLimit) }
    if viewOffset > 0 { viewOffset = min(viewOffset + 1, scrollback.count) }
  }

  /// Moves the region up by lines; those that leave the top of the main screen are kept.
  mutating func scrollUp(_ lines: Int) {
    if !isAlternate, region.lowerBound == 0 {
      for row in 0..<min(lines, region.count) { keep(row) }
    }
    grid.scroll(region, by: lines, with: .blank(cursor.style))
  }

  mutating func scrollDown(_ lines: Int) { grid.scroll(region, by: -lines, with: .blank(cursor.style)) }

  mutating func lineFeed() {
    if cursor.row == region.upperBound - 1 {
      scrollUp(1)
    } else if cursor.row < rows - 1 {
      cursor.row += 1
    }
    cursor.wrapsNext = false
  }

  mutating func reverseLineFeed() {
    if cursor.row == region.lowerBound {
      scrollDown(1)
    } else if cursor.row > 0 {
      cursor.row -= 1
    }
    cursor.wrapsNext = false
  }

  /// Writes a character where the cursor is.
  mutating func put(_ scalar: UInt32) {
    var scalar = scalar
    if cursor.graphics[cursor.shifted] { scalar = SpecialGraphics.scalar(scalar) }
    let width = CharacterWidth.of(scalar)
    guard width > 0 else { return }
    if cursor.wrapsNext || cursor.column + width > columns {
      if modes.wrap {
        cursor.column = 0
        lineFeed()
      } else {
        cursor.column = columns - width
      }
      cursor.wrapsNext = false
    }
    if modes.insert {
      grid.shift(row: cursor.row, cursor.column..<columns, by: width, with: .blank(cursor.style))
    }
    grid[cursor.row, cursor.column] = Cell(character: scalar, style: cursor.style)
    if width == 2 { grid[cursor.row, cursor.column + 1] = Cell(character: 0, style: cursor.style) }
    lastCharacter = scalar
    cursor.column += width
    if cursor.column >= columns {
      cursor.column = columns - 1
      cursor.wrapsNext = true
    }
  }

  /// To the first state (RIS).
  mutating func reset() {
    let (columns, rows) = (columns, rows)
    var fresh = Terminal(columns: columns, rows: rows, scrollback: scrollbackLimit)
    fresh.replies = replies
    self = fresh
  }
}

/// DEC's special graphics: lines and corners for the lower-case letters.
enum SpecialGraphics {
  private static let scalars: [UInt32] = [
    0x25C6, 0x2592, 0x2409, 0x240C, 0x240D, 0x240A, 0x00B0, 0x00B1, 0x2424, 0x240B, 0x2518, 0x2510, 0x250C, 0x2514,
    0x253C, 0x23BA, 0x23BB, 0x2500, 0x23BC, 0x23BD, 0x251C, 0x2524, 0x2534, 0x252C, 0x2502, 0x2264, 0x2265, 0x03C0,
    0x2260, 0x00A3, 0x00B7,
  ]

  static func scalar(_ character: UInt32) -> UInt32 {
    (0x60...0x7E).contains(character) ? scalars[Int(character - 0x60)] : character == 0x5F ? 0x20 : character
  }
}
