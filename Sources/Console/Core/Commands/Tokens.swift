/// A typed line cut into words.
///
/// Words are separated by blanks. Double and single quotes hold a word together; a backslash takes the next character as it
/// is. A `|` that stands alone, unquoted, begins a filter of the output.
struct Tokens: Sendable, Hashable {
  struct Word: Sendable, Hashable {
    var text: String
    /// Whether any of it was quoted: such a word is never a `|`.
    var isQuoted: Bool
    /// The characters of the line that it came from.
    var range: Range<Int>
  }

  /// Why a line can't be cut.
  enum Problem: Sendable, Hashable {
    case openQuote
  }

  private(set) var words: [Word] = []
  private(set) var problem: Problem?

  init(_ line: [Character]) {
    var index = 0
    while index < line.count {
      if line[index] == " " || line[index] == "\t" {
        index += 1
        continue
      }
      if line[index] == "|" {
        words.append(Word(text: "|", isQuoted: false, range: index..<index + 1))
        index += 1
        continue
      }
      take(line, &index)
    }
  }

  private mutating func take(_ line: [Character], _ index: inout Int) {
    let start = index
    var text = ""
    var quote: Character?
    var isQuoted = false
    while index < line.count {
      let character = line[index]
      index += 1
      if character == "\\", quote != "'", index < line.count {
        text.append(line[index])
        isQuoted = true
        index += 1
      } else if let open = quote {
        if character == open { quote = nil } else { text.append(character) }
      } else if character == "\"" || character == "'" {
        quote = character
        isQuoted = true
      } else if character == " " || character == "\t" || character == "|" {
        index -= 1
        break
      } else {
        text.append(character)
      }
    }
    if quote != nil { problem = .openQuote }
    words.append(Word(text: text, isQuoted: isQuoted, range: start..<index))
  }

  /// The groups of words between the bars: the command first, then its filters.
  var groups: [[Word]] {
    var groups: [[Word]] = [[]]
    for word in words {
      if word.text == "|", !word.isQuoted { groups.append([]) } else { groups[groups.count - 1].append(word) }
    }
    return groups
  }

  /// A word as it must be typed to be this text again.
  static func quoted(_ text: String) -> String {
    let isPlain = !text.isEmpty && text.allSatisfy { !" \t\"'\\|?".contains($0) }
    if isPlain { return text }
    return "\"" + text.reduce(into: "") { $0 += "\"\\".contains($1) ? "\\\($1)" : "\($1)" } + "\""
  }
}
