import IMAPCore

/// A text that is asked for by FUZZY (RFC 6203): each of its words in any order, in whatever case and with whatever accents, with another
/// ending, or with a letter or two wrong.
///
/// A match is the worth of its words on average: 1 for the word itself, less for one that only resembles it, and a fifth off for what
/// stands in the body; the text as it was asked for, in one piece, is worth 100.
struct LooseText: Hashable {
  enum Place: Hashable {
    case field(String)
    case header, body, text
  }

  let place: Place
  let words: [[Character]]
  private let whole: String

  /// Words of one text that count.
  private static let maximumWords = 8
  /// Letters of a word that are compared: longer ones are the same word when they begin in the same way.
  private static let maximumLetters = 40

  /// `nil` for what is no text, or holds no word.
  init?(_ place: Place, _ value: [UInt8]) {
    guard let text = String(validating: value, as: UTF8.self) else { return nil }
    whole = Self.folded(text)
    words = Array(Self.words(whole).prefix(Self.maximumWords))
    guard !words.isEmpty else { return nil }
    self.place = place
  }

  /// In lower case, without accents.
  static func folded(_ text: String) -> String {
    var result = ""
    for character in text.lowercased() {
      guard let first = character.unicodeScalars.first else { continue }
      // What a letter decomposes into: the letter, then its accents.
      let base = Self.decomposed(first)
      result.unicodeScalars.append(base)
    }
    return result
  }

  /// The letter under an accent, of the letters of Europe's languages.
  private static func decomposed(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    switch scalar.value {
    case 0...0x7F: scalar
    case 0xE0...0xE5, 0x101, 0x103, 0x105: "a"
    case 0xE7, 0x107, 0x109, 0x10B, 0x10D: "c"
    case 0x10F, 0x111, 0xF0: "d"
    case 0xE8...0xEB, 0x113, 0x115, 0x117, 0x119, 0x11B: "e"
    case 0x11D, 0x11F, 0x121, 0x123: "g"
    case 0xEC...0xEF, 0x129, 0x12B, 0x12D, 0x12F, 0x131: "i"
    case 0x13A, 0x13C, 0x13E, 0x142: "l"
    case 0xF1, 0x144, 0x146, 0x148: "n"
    case 0xF2...0xF6, 0xF8, 0x14D, 0x14F, 0x151: "o"
    case 0x155, 0x157, 0x159: "r"
    case 0x15B, 0x15D, 0x15F, 0x161, 0xDF: "s"
    case 0x163, 0x165, 0x167: "t"
    case 0xF9...0xFC, 0x169, 0x16B, 0x16D, 0x16F, 0x171, 0x173: "u"
    case 0xFD, 0xFF, 0x177: "y"
    case 0x17A, 0x17C, 0x17E: "z"
    default: scalar
    }
  }

  private static func words(_ folded: String) -> [[Character]] {
    folded.split { !$0.isLetter && !$0.isNumber }.map { Array($0.prefix(maximumLetters)) }
  }

  /// How well some texts match together; `nil` when a word has nothing like it.
  func score(_ texts: [(text: String, isHeader: Bool)]) -> Int? {
    var best = [Double](repeating: 0, count: words.count)
    for (text, isHeader) in texts {
      let folded = Self.folded(text)
      if folded.contains(whole) { return 100 }
      let weight = isHeader ? 1 : 0.8
      for word in Self.words(folded) {
        for index in words.indices where best[index] < weight {
          best[index] = max(best[index], Self.likeness(words[index], word) * weight)
        }
      }
    }
    guard best.allSatisfy({ $0 > 0 }) else { return nil }
    return max(1, min(99, Int(99 * best.reduce(0, +) / Double(best.count))))
  }

  /// From 0 to 1.
  static func likeness(_ wanted: [Character], _ word: [Character]) -> Double {
    if wanted == word { return 1 }
    // The same word with another ending: its first letters, all but two, are the same.
    let stem = max(4, wanted.count - 2)
    if wanted.count >= 4, word.count >= stem, word.count <= wanted.count + 4, wanted.prefix(stem) == word.prefix(stem) {
      return 0.8
    }
    let allowed = wanted.count >= 8 ? 2 : wanted.count >= 4 ? 1 : 0
    guard allowed > 0, abs(wanted.count - word.count) <= allowed else { return 0 }
    let mistakes = distance(wanted, word, atMost: allowed)
    return mistakes > allowed ? 0 : mistakes == 1 ? 0.6 : 0.4
  }

  /// How many letters are wrong, missing, too many or swapped with their neighbour; more than `limit` is as good as any.
  private static func distance(_ left: [Character], _ right: [Character], atMost limit: Int) -> Int {
    var before: [Int] = []
    var row = Array(0...right.count)
    for (i, letter) in left.enumerated() {
      var next = [i + 1]
      for (j, other) in right.enumerated() {
        var cost = min(row[j] + (letter == other ? 0 : 1), row[j + 1] + 1, next[j] + 1)
        if i > 0, j > 0, letter == right[j - 1], left[i - 1] == other { cost = min(cost, before[j - 1] + 1) }
        next.append(cost)
      }
      if (next.min() ?? 0) > limit { return limit + 1 }
      (before, row) = (row, next)
    }
    return row.last ?? limit + 1
  }

  /// What the index can be asked: three letters in a row of a word that none of the allowed mistakes spoils, any of which must be there.
  /// Empty for a word that is too short for the index.
  static func trigrams(_ word: [Character]) -> [String] {
    guard word.count >= 3 else { return [] }
    var result: [String] = []
    for start in 0...(word.count - 3) {
      let trigram = String(word[start..<start + 3])
      if !result.contains(trigram) { result.append(trigram) }
      if result.count == 10 { break }
    }
    return result
  }
}
