/// A small regular expression: literals, `.`, `*`, `+`, `?`, `|`, groups, classes, `^` and `$`, without regard to case.
///
/// All states are followed at once (Thompson's construction), so that the time is bounded by the pattern's length times the
/// text's, whatever the pattern: a console is shared with others.
struct Pattern: Sendable {
  /// Longest pattern, in characters.
  static let maximumLength = 200

  enum Instruction: Sendable {
    case character(Character)
    case any
    case set([ClosedRange<Character>], isNegated: Bool)
    case split(Int, Int)
    case jump(Int)
    case start
    case end
    case match
  }

  private var program: [Instruction] = []

  /// `nil` when the text is no pattern (then it is meant literally, as `Pattern(literal:)` reads it).
  init?(_ text: String) {
    guard text.count <= Self.maximumLength else { return nil }
    var parser = Parser(text: Array(text.lowercased()))
    guard let body = parser.alternation(depth: 0), parser.isAtEnd else { return nil }
    program = body + [.match]
  }

  init(literal text: String) {
    program = text.prefix(Self.maximumLength).lowercased().map { .character($0) } + [.match]
  }

  /// Whether it is found anywhere in the text.
  func isFound(in text: String) -> Bool {
    let characters = Array(text.lowercased())
    var current: [Int] = []
    var marks = [Int](repeating: -1, count: program.count)
    for position in 0...characters.count {
      if add(0, position, characters.count, &current, &marks) { return true }
      guard position < characters.count else { break }
      var next: [Int] = []
      var nextMarks = [Int](repeating: -1, count: program.count)
      for index in current where accepts(program[index], characters[position]) {
        if add(index + 1, position + 1, characters.count, &next, &nextMarks) { return true }
      }
      current = next
      marks = nextMarks
    }
    return false
  }

  private func accepts(_ instruction: Instruction, _ character: Character) -> Bool {
    switch instruction {
    case .character(let wanted): wanted == character
    case .any: true
    case .set(let ranges, let isNegated): ranges.contains { $0.contains(character) } != isNegated
    default: false
    }
  }

  /// Follows what takes no character. Returns whether the pattern is matched.
  private func add(_ start: Int, _ position: Int, _ count: Int, _ list: inout [Int], _ marks: inout [Int]) -> Bool {
    var stack = [start]
    while let index = stack.popLast() {
      guard marks[index] != position else { continue }
      marks[index] = position
      switch program[index] {
      case .match: return true
      case .jump(let offset): stack.append(index + offset)
      case .split(let first, let second):
        stack.append(index + second)
        stack.append(index + first)
      case .start: if position == 0 { stack.append(index + 1) }
      case .end: if position == count { stack.append(index + 1) }
      case .character, .any, .set: list.append(index)
      }
    }
    return false
  }

  /// Jumps are relative, so that parts can be put together as they are.
  private struct Parser {
    let text: [Character]
    var index = 0

    var isAtEnd: Bool { index == text.count }

    mutating func alternation(depth: Int) -> [Instruction]? {
      guard depth < 20, var left = sequence(depth: depth) else { return nil }
      while index < text.count, text[index] == "|" {
        index += 1
        guard let right = sequence(depth: depth) else { return nil }
        left = [.split(1, left.count + 2)] + left + [.jump(right.count + 1)] + right
      }
      return left
    }

    private mutating func sequence(depth: Int) -> [Instruction]? {
      var result: [Instruction] = []
      while index < text.count, text[index] != "|", text[index] != ")" {
        guard let atom = atom(depth: depth) else { return nil }
        result += repeated(atom)
      }
      return result
    }

    private mutating func repeated(_ atom: [Instruction]) -> [Instruction] {
      var atom = atom
      while index < text.count, "*+?".contains(text[index]) {
        switch text[index] {
        case "*": atom = [.split(1, atom.count + 2)] + atom + [.jump(-atom.count - 1)]
        case "+": atom = atom + [.split(-atom.count, 1)]
        default: atom = [.split(1, atom.count + 1)] + atom
        }
        index += 1
        // A repetition of a repetition is the same again, and would make the program grow without end.
        while index < text.count, "*+?".contains(text[index]) { index += 1 }
      }
      return atom
    }

    private mutating func atom(depth: Int) -> [Instruction]? {
      let character = text[index]
      index += 1
      switch character {
      case ".": return [.any]
      case "^": return [.start]
      case "$": return [.end]
      case "*", "+", "?": return nil
      case "(":
        guard let inner = alternation(depth: depth + 1), index < text.count, text[index] == ")" else { return nil }
        index += 1
        return inner
      case "[": return set()
      case "\\":
        guard index < text.count else { return nil }
        defer { index += 1 }
        return [.character(text[index])]
      default: return [.character(character)]
      }
    }

    private mutating func set() -> [Instruction]? {
      var ranges: [ClosedRange<Character>] = []
      var isNegated = false
      if index < text.count, text[index] == "^" {
        isNegated = true
        index += 1
      }
      while index < text.count, text[index] != "]" || ranges.isEmpty {
        let low = text[index]
        index += 1
        if index + 1 < text.count, text[index] == "-", text[index + 1] != "]" {
          let high = text[index + 1]
          guard low <= high else { return nil }
          ranges.append(low...high)
          index += 2
        } else {
          ranges.append(low...low)
        }
      }
      guard index < text.count else { return nil }
      index += 1
      return [.set(ranges, isNegated: isNegated)]
    }
  }
}
