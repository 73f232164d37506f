/// Edits one line on a terminal: what is typed, where the cursor stands, and the bytes that show it.
///
/// It knows the keys that Emacs, shells and network devices have in common. It draws as little as it can: a character typed
/// at the end of the line is just sent back, so that transcripts and scripts see plain text.
package struct LineEditor: Sendable {
  /// What a key came to.
  package enum Outcome: Sendable, Hashable {
    case none
    /// The line is complete.
    case line(String)
    case interrupted
    /// End of input on an empty line.
    case end
    /// TAB, and `?` outside of quotes: the owner helps.
    case complete, help
    /// More was typed than a line may have, or a key that does nothing here.
    case bell
  }

  /// Most characters of a line.
  package static let maximumLength = 4096

  package private(set) var line: [Character] = []
  package private(set) var cursor = 0
  private(set) var prompt = ""
  /// Whether what is typed is shown: not for passwords.
  private(set) var isHidden = false
  package private(set) var terminal: TerminalDescription
  package var history = History()
  private var killed: [Character] = []
  private var isQuoting = false
  private var search: Search?

  private struct Search: Sendable {
    var text: [Character] = []
    /// The line as it was before.
    var original: [Character]
    var isFailing = false
  }

  package init(terminal: TerminalDescription = TerminalDescription()) { self.terminal = terminal }

  /// Begins a line. `text` is what already stands in it.
  package mutating func begin(
    _ prompt: String, isHidden: Bool = false, text: [Character] = [], into output: inout [UInt8]
  ) {
    self.prompt = prompt
    self.isHidden = isHidden
    (line, cursor, search, isQuoting) = (text, text.count, nil, false)
    history.reset()
    output.append(contentsOf: prompt.utf8)
    if !text.isEmpty { show(text, into: &output) }
  }

  /// Shows prompt and line again, after something else was written.
  package mutating func redisplay(into output: inout [UInt8]) {
    output.append(contentsOf: shownPrompt.utf8)
    show(line, into: &output)
    moveBack(from: line.count, to: cursor, into: &output)
  }

  /// The line as it stands before the cursor.
  var beforeCursor: [Character] { Array(line[..<cursor]) }

  /// Forgets the line.
  mutating func clear() { (line, cursor, search) = ([], 0, nil) }

  package mutating func changed(_ terminal: TerminalDescription, into output: inout [UInt8], redraws: Bool) {
    let old = self.terminal
    self.terminal = terminal
    guard redraws, old.columns != terminal.columns, old.columns > 0, terminal.hasCursor, terminal.echoes else { return }
    // Terminals break long lines anew when their width changes: the line is drawn again from where it begins now.
    let place = CharacterWidth.of(shownPrompt) + CharacterWidth.of(line[..<cursor])
    Self.move(place - place % terminal.width, 0, terminal.width, into: &output)
    output.append(contentsOf: "\r\u{1B}[J".utf8)
    redisplay(into: &output)
  }

  // MARK: Keys

  package mutating func take(_ key: Key, into output: inout [UInt8]) -> Outcome {
    if search != nil { return searching(key, &output) }
    if isQuoting {
      isQuoting = false
      if case .character(let character) = key { return insert([character], into: &output) }
      return .bell
    }
    switch key {
    case .character("?") where !isHidden && !isInsideQuotes: return .help
    case .character(let character): return insert([character], into: &output)
    case .enter: return enter(into: &output)
    case .tab: return isHidden ? .none : .complete
    case .interrupt:
      moveForward(to: line.count, into: &output)
      clear()
      return .interrupted
    case .endOfInput: return line.isEmpty ? .end : remove(cursor..<min(line.count, cursor + 1), into: &output)
    case .backspace: return remove(max(0, cursor - 1)..<cursor, into: &output)
    case .delete: return remove(cursor..<min(line.count, cursor + 1), into: &output)
    case .deleteWordLeft: return kill(wordStart..<cursor, into: &output)
    case .deleteWordRight: return kill(cursor..<wordEnd, into: &output)
    case .killToEnd: return kill(cursor..<line.count, into: &output)
    case .killLine: return kill(0..<cursor, into: &output)
    case .yank: return insert(killed, into: &output)
    case .transpose: return transpose(into: &output)
    case .quotedInsert:
      isQuoting = true
      return .none
    case .clearScreen:
      guard terminal.hasCursor, terminal.echoes else { return .none }
      output.append(contentsOf: "\u{1B}[H\u{1B}[2J".utf8)
      redisplay(into: &output)
      return .none
    case .searchBack:
      guard !isHidden, terminal.echoes else { return .bell }
      let start = cursor
      search = Search(original: line)
      drawAnew(prompt, line, start, movingTo: line.count, into: &output)
      return .none
    default: return move(key, into: &output)
    }
  }

  private mutating func move(_ key: Key, into output: inout [UInt8]) -> Outcome {
    switch key {
    case .left: moveBack(from: cursor, to: max(0, cursor - 1), into: &output)
    case .right: moveForward(to: min(line.count, cursor + 1), into: &output)
    case .home: moveBack(from: cursor, to: 0, into: &output)
    case .end: moveForward(to: line.count, into: &output)
    case .wordLeft: moveBack(from: cursor, to: wordStart, into: &output)
    case .wordRight: moveForward(to: wordEnd, into: &output)
    case .up, .down:
      guard !isHidden, let text = key == .up ? history.older(than: line) : history.newer() else { return .bell }
      replace(with: text, into: &output)
    default: return .bell
    }
    return .none
  }

  private mutating func enter(into output: inout [UInt8]) -> Outcome {
    moveForward(to: line.count, into: &output)
    if terminal.echoes || isHidden { output.append(0x0A) }
    let text = String(line)
    clear()
    return .line(text)
  }

  /// Puts text in at the cursor.
  mutating func insert(_ text: [Character], into output: inout [UInt8]) -> Outcome {
    guard !text.isEmpty else { return .none }
    guard line.count + text.count <= Self.maximumLength else { return .bell }
    let before = line
    // A combining mark joins the character before it: then that one changes as well.
    if cursor > 0, let last = line[..<cursor].last {
      let joined = Array(String(last) + String(text))
      if joined.first != last || joined.count != text.count + 1 {
        line.replaceSubrange(cursor - 1..<cursor, with: joined)
        redraw(from: before, movingTo: cursor - 1 + joined.count, into: &output)
        return .none
      }
    }
    line.insert(contentsOf: text, at: cursor)
    if cursor == before.count {
      cursor = line.count
      show(text, into: &output)
    } else {
      redraw(from: before, movingTo: cursor + text.count, into: &output)
    }
    return .none
  }

  private mutating func remove(_ range: Range<Int>, into output: inout [UInt8]) -> Outcome {
    guard !range.isEmpty else { return .bell }
    let before = line
    line.removeSubrange(range)
    redraw(from: before, movingTo: range.lowerBound, into: &output)
    return .none
  }

  private mutating func kill(_ range: Range<Int>, into output: inout [UInt8]) -> Outcome {
    guard !range.isEmpty else { return .none }
    if !isHidden { killed = Array(line[range]) }
    return remove(range, into: &output)
  }

  private mutating func transpose(into output: inout [UInt8]) -> Outcome {
    let right = min(cursor, line.count - 1)
    guard right >= 1 else { return .bell }
    let before = line
    line.swapAt(right - 1, right)
    redraw(from: before, movingTo: right + 1, into: &output)
    return .none
  }

  /// Puts another line in the place of this one.
  mutating func replace(with text: [Character], into output: inout [UInt8]) {
    let before = line
    line = text
    redraw(from: before, movingTo: text.count, into: &output)
  }

  private var wordStart: Int {
    var index = cursor
    while index > 0, !Self.isWord(line[index - 1]) { index -= 1 }
    while index > 0, Self.isWord(line[index - 1]) { index -= 1 }
    return index
  }

  private var wordEnd: Int {
    var index = cursor
    while index < line.count, !Self.isWord(line[index]) { index += 1 }
    while index < line.count, Self.isWord(line[index]) { index += 1 }
    return index
  }

  private static func isWord(_ character: Character) -> Bool { character != " " && character != "|" }

  private var isInsideQuotes: Bool { Tokens(beforeCursor).problem == .openQuote || line[..<cursor].last == "\\" }

  // MARK: Search

  private mutating func searching(_ key: Key, _ output: inout [UInt8]) -> Outcome {
    guard var current = search else { return .none }
    let before = line
    switch key {
    case .character(let character) where current.text.count < 100: current.text.append(character)
    case .backspace: _ = current.text.popLast()
    case .searchBack: history.skip()
    case .interrupt, .escape:
      let original = current.original
      let oldPrompt = shownPrompt
      search = nil
      line = original
      drawAnew(oldPrompt, before, cursor, movingTo: original.count, into: &output)
      return .none
    default:
      let oldPrompt = shownPrompt
      search = nil
      drawAnew(oldPrompt, before, cursor, movingTo: line.count, into: &output)
      return take(key, into: &output)
    }
    let oldPrompt = shownPrompt
    let found = history.find(String(current.text))
    current.isFailing = found == nil
    search = current
    if let found { line = found }
    drawAnew(oldPrompt, before, cursor, movingTo: line.count, into: &output)
    return found == nil ? .bell : .none
  }

  package var shownPrompt: String {
    guard let search else { return prompt }
    return "(\(search.isFailing ? "failing " : "")search)`\(String(search.text))': "
  }

  // MARK: Drawing

  private func show(_ text: some Collection<Character>, into output: inout [UInt8]) {
    guard !isHidden, terminal.echoes else { return }
    output.append(contentsOf: String(text).utf8)
    guard terminal.hasCursor else { return }
    // A line that ends with the screen's last column leaves the cursor there until more comes: a blank and a return put it
    // where the next character goes.
    let end = CharacterWidth.of(shownPrompt) + CharacterWidth.of(line)
    if end > 0, end % terminal.width == 0 { output.append(contentsOf: " \r".utf8) }
  }

  private mutating func moveBack(from start: Int, to end: Int, into output: inout [UInt8]) {
    let target = min(end, start)
    defer { cursor = target }
    guard !isHidden, terminal.echoes, start > target else { return }
    if terminal.hasCursor {
      place(from: start, to: target, into: &output)
    } else {
      output.append(contentsOf: [UInt8](repeating: 0x08, count: CharacterWidth.of(line[target..<start])))
    }
  }

  private mutating func moveForward(to end: Int, into output: inout [UInt8]) {
    let start = cursor
    cursor = max(start, end)
    guard !isHidden, terminal.echoes, cursor > start else { return }
    if terminal.hasCursor {
      place(from: start, to: cursor, into: &output)
    } else {
      output.append(contentsOf: String(line[start..<cursor]).utf8)
    }
  }

  /// Moves the terminal's cursor between two places of the line, over the rows that it takes.
  private func place(from start: Int, to end: Int, into output: inout [UInt8]) {
    let width = terminal.width
    let base = CharacterWidth.of(shownPrompt)
    let from = base + CharacterWidth.of(line[..<start])
    let to = base + CharacterWidth.of(line[..<end])
    let rows = to / width - from / width
    if rows < 0 { output.append(contentsOf: "\u{1B}[\(-rows)A".utf8) }
    if rows > 0 { output.append(contentsOf: "\u{1B}[\(rows)B".utf8) }
    let columns = to % width - from % width
    if columns < 0 { output.append(contentsOf: "\u{1B}[\(-columns)D".utf8) }
    if columns > 0 { output.append(contentsOf: "\u{1B}[\(columns)C".utf8) }
  }

  /// Shows the line in the place of what it was before, from the first character that differs.
  private mutating func redraw(from before: [Character], movingTo end: Int, into output: inout [UInt8]) {
    let start = cursor
    cursor = end
    guard !isHidden, terminal.echoes else { return }
    var common = 0
    while common < min(before.count, line.count), before[common] == line[common] { common += 1 }
    if terminal.hasCursor {
      drawFrom(common, before, start, end, into: &output)
      return
    }
    // Backspaces to where they part, the rest, blanks over what is left of the old line, and back.
    let from = min(common, start)
    output.append(
      contentsOf: [UInt8](repeating: 0x08, count: CharacterWidth.of(before[from..<min(start, before.count)])))
    output.append(contentsOf: String(line[from...]).utf8)
    let excess = max(0, CharacterWidth.of(before[from...]) - CharacterWidth.of(line[from...]))
    output.append(contentsOf: [UInt8](repeating: 0x20, count: excess))
    let back = excess + CharacterWidth.of(line[min(end, line.count)...])
    output.append(contentsOf: [UInt8](repeating: 0x08, count: back))
  }

  private func drawFrom(
    _ common: Int, _ before: [Character], _ start: Int, _ end: Int, into output: inout [UInt8]
  ) {
    let width = terminal.width
    let base = CharacterWidth.of(shownPrompt)
    let from = base + CharacterWidth.of(before[..<min(start, before.count)])
    let to = base + CharacterWidth.of(line[..<common])
    Self.move(from, to, width, into: &output)
    output.append(contentsOf: String(line[common...]).utf8)
    let tail = base + CharacterWidth.of(line)
    if tail > 0, tail % width == 0 { output.append(contentsOf: " \r".utf8) }
    if before.count > common || line.count < before.count { output.append(contentsOf: "\u{1B}[J".utf8) }
    Self.move(tail, base + CharacterWidth.of(line[..<min(end, line.count)]), width, into: &output)
  }

  private static func move(_ from: Int, _ to: Int, _ width: Int, into output: inout [UInt8]) {
    let rows = to / width - from / width
    if rows < 0 { output.append(contentsOf: "\u{1B}[\(-rows)A".utf8) }
    if rows > 0 { output.append(contentsOf: "\u{1B}[\(rows)B".utf8) }
    let columns = to % width - from % width
    if columns < 0 { output.append(contentsOf: "\u{1B}[\(-columns)D".utf8) }
    if columns > 0 { output.append(contentsOf: "\u{1B}[\(columns)C".utf8) }
  }

  /// The prompt has changed as well: everything is drawn again in its place.
  private mutating func drawAnew(
    _ oldPrompt: String, _ before: [Character], _ start: Int, movingTo end: Int, into output: inout [UInt8]
  ) {
    cursor = min(end, line.count)
    guard !isHidden, terminal.echoes else { return }
    if terminal.hasCursor {
      let from = CharacterWidth.of(oldPrompt) + CharacterWidth.of(before[..<min(start, before.count)])
      Self.move(from, 0, terminal.width, into: &output)
      output.append(contentsOf: "\u{1B}[J".utf8)
    } else {
      output.append(0x0A)
    }
    let place = cursor
    cursor = line.count
    output.append(contentsOf: shownPrompt.utf8)
    show(line, into: &output)
    moveBack(from: line.count, to: place, into: &output)
  }
}
