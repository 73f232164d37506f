import WireKit

/// Reads a server's replies (RFC 5321 §4.2), within bounds.
struct ReplyParser: Sendable {
  enum Outcome {
    case incomplete
    case reply(SMTPReply)
    /// What came is no reply.
    case nonsense
  }

  private static let maximumLines = 256

  private var framer = LineFramer(maximumLength: 2048, lineEnd: .lenient)
  private var code = 0
  private var enhanced: String?
  private var lines: [String] = []

  /// Takes lines from the front; how many bytes were taken, and what came of it.
  mutating func next(in input: RawSpan) -> (consumed: Int, outcome: Outcome) {
    var consumed = 0
    while true {
      switch framer.next(in: input.extracting(consumed..<input.byteCount)) {
      case .incomplete: return (consumed, .incomplete)
      case .tooLong, .bareLineEnd: return (consumed, .nonsense)
      case .line(let length, let terminator):
        let line = input.extracting(consumed..<(consumed + length)).copied()
        consumed += length + terminator
        guard let isLast = take(line) else { return (consumed, .nonsense) }
        guard isLast else { continue }
        let reply = SMTPReply(code, enhanced, lines: lines)
        (lines, enhanced) = ([], nil)
        return (consumed, .reply(reply))
      }
    }
  }

  /// Whether this was the reply's last line; `nil` when it is none.
  private mutating func take(_ line: [UInt8]) -> Bool? {
    let digits = line.prefix(3)
    guard digits.count == 3, digits.allSatisfy({ (0x30...0x39).contains($0) }), lines.count < Self.maximumLines else {
      return nil
    }
    let code = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    guard (200..<600).contains(code), lines.isEmpty || code == self.code else { return nil }
    let mark = line.count > 3 ? line[3] : 0x20
    guard mark == 0x20 || mark == 0x2D else { return nil }
    self.code = code
    var text = String(
      decoding: line.dropFirst(4).map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
    if let word = Self.enhancedCode(text), word.first == Character("\(code / 100)") {
      if lines.isEmpty { enhanced = word }
      if word == enhanced { text = String(text.dropFirst(word.count).drop { $0 == " " }) }
    }
    lines.append(text)
    return mark == 0x20
  }

  /// The enhanced code that a text begins with (RFC 2034 §4).
  private static func enhancedCode(_ text: String) -> String? {
    let word = text.prefix { $0 != " " }
    let parts = word.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, parts.allSatisfy({ (1...3).contains($0.utf8.count) && $0.allSatisfy(\.isWholeNumber) })
    else { return nil }
    return String(word)
  }
}
