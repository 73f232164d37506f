/// A terminal's screen, as far as a line editor needs one: characters, CR, LF, BS, and ECMA-48's cursor movements and
/// erasures. What comes is drawn as xterm would; what it does not know is told.
public struct Screen: Sendable {
  public let columns: Int
  public let rows: Int
  /// A cell's character; a wide one has an empty cell behind it. The rows that have scrolled away are kept.
  private var cells: [[String]]
  public private(set) var row = 0
  public private(set) var column = 0
  /// The last column was written, and the next character goes to the next row.
  private var isWrapPending = false
  /// Sequences that it does not know.
  public private(set) var unknown: [String] = []
  private let width: @Sendable (Character) -> Int
  private var pending: [UInt8] = []

  public init(columns: Int, rows: Int = 1000, width: @escaping @Sendable (Character) -> Int = { _ in 1 }) {
    self.columns = columns
    self.rows = rows
    self.width = width
    cells = [[String]](repeating: [String](repeating: " ", count: columns), count: 1)
  }

  /// Takes output; a sequence that is cut is completed by what comes next.
  public mutating func write(_ bytes: some Sequence<UInt8>) {
    pending += bytes
    var text = Substring(String(decoding: pending, as: UTF8.self))
    pending = []
    while let character = text.popFirst() {
      for scalar in character.unicodeScalars where scalar.value < 0x20 && character != "\u{1B}" { control(scalar) }
      if character == "\u{1B}" {
        guard sequence(&text) else { break }
      } else if let first = character.unicodeScalars.first, first.value >= 0x20 {
        put(character)
      }
    }
  }

  /// A row without the blanks at its end.
  public func line(_ index: Int) -> String {
    guard cells.indices.contains(index) else { return "" }
    var text = cells[index].joined()
    while text.last == " " { text.removeLast() }
    return text
  }

  /// All rows, as one text.
  public var text: String { cells.indices.map { line($0) }.joined(separator: "\n") }

  private mutating func control(_ scalar: Unicode.Scalar) {
    switch scalar {
    case "\r": (column, isWrapPending) = (0, false)
    case "\n":
      row += 1
      isWrapPending = false
      grow()
    case "\u{8}":
      column = max(0, column - 1)
      isWrapPending = false
    default: break
    }
  }

  private mutating func put(_ character: Character) {
    let width = width(character)
    if width == 0 {
      let place = isWrapPending ? column : max(0, column - 1)
      cells[row][cells[row][place].isEmpty ? max(0, place - 1) : place].append(character)
      return
    }
    if isWrapPending || column + width > columns {
      (row, column, isWrapPending) = (row + 1, 0, false)
      grow()
    }
    cells[row][column] = String(character)
    if width == 2, column + 1 < columns { cells[row][column + 1] = "" }
    column += width
    if column >= columns { (column, isWrapPending) = (columns - 1, true) }
  }

  private mutating func grow() {
    while cells.count <= row { cells.append([String](repeating: " ", count: columns)) }
  }

  /// Behind an escape. Returns whether it was complete; otherwise it waits.
  private mutating func sequence(_ text: inout Substring) -> Bool {
    let start = text
    guard text.popFirst() == "[" else {
      unknown.append("ESC")
      return true
    }
    var parameters = ""
    while let character = text.popFirst() {
      guard character.isNumber || character == ";" || character == "?" else {
        carryOut(character, Int(parameters))
        return true
      }
      parameters.append(character)
    }
    pending = [0x1B] + Array(String(start).utf8)
    return false
  }

  private mutating func carryOut(_ final: Character, _ parameter: Int?) {
    let count = max(1, parameter ?? 1)
    isWrapPending = false
    switch final {
    case "A": row = max(0, row - count)
    case "B":
      row += count
      grow()
    case "C": column = min(columns - 1, column + count)
    case "D": column = max(0, column - count)
    case "H": (row, column) = (0, 0)
    case "K": for index in column..<columns { cells[row][index] = " " }
    case "J":
      if parameter == 2 {
        cells = [[String](repeating: " ", count: columns)]
        row = min(row, 0)
      } else {
        for index in column..<columns { cells[row][index] = " " }
        cells.removeSubrange((row + 1)...)
      }
    case "m": break
    default: unknown.append("CSI \(final)")
    }
  }
}
