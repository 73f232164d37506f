/// Cuts a script into tokens (RFC 5228 §8.1).
enum SieveLexer {
  enum Token: Sendable, Equatable {
    case identifier(String)
    case tag(String)
    case number(Int64)
    case string(String)
    case mark(Character)
  }

  private static let maximumTokens = 50_000

  static func tokens(of text: String) throws(SieveScript.Fault) -> [(token: Token, line: Int)] {
    var tokens: [(token: Token, line: Int)] = []
    var scanner = Scanner(Array(text.utf8))
    while let token = try scanner.next() {
      tokens.append((token, scanner.line))
      guard tokens.count <= maximumTokens else { throw .init(line: scanner.line, text: "too long") }
    }
    return tokens
  }

  private struct Scanner {
    let bytes: [UInt8]
    var index = 0
    var line = 1

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private var byte: UInt8? { index < bytes.count ? bytes[index] : nil }

    private func fault(_ text: String) -> SieveScript.Fault { SieveScript.Fault(line: line, text: text) }

    private mutating func skip() throws(SieveScript.Fault) {
      while let current = byte {
        switch current {
        case 0x0A:
          line += 1
          index += 1
        case 0x20, 0x09, 0x0D: index += 1
        case UInt8(ascii: "#"): while let next = byte, next != 0x0A { index += 1 }
        case UInt8(ascii: "/"):
          guard index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: "*") else { throw fault("a stray slash") }
          index += 2
          while index + 1 < bytes.count, bytes[index] != UInt8(ascii: "*") || bytes[index + 1] != UInt8(ascii: "/") {
            if bytes[index] == 0x0A { line += 1 }
            index += 1
          }
          guard index + 1 < bytes.count else { throw fault("a comment without its end") }
          index += 2
        default: return
        }
      }
    }

    mutating func next() throws(SieveScript.Fault) -> Token? {
      try skip()
      guard let first = byte else { return nil }
      switch first {
      case UInt8(ascii: "\""): return .string(try quoted())
      case UInt8(ascii: ":"):
        index += 1
        guard let name = identifier() else { throw fault("a colon without a tag") }
        return .tag(name.lowercased())
      case 0x30...0x39: return try number()
      case UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "{"),
        UInt8(ascii: "}"), UInt8(ascii: ","), UInt8(ascii: ";"):
        index += 1
        return .mark(Character(Unicode.Scalar(first)))
      default:
        guard let name = identifier() else { throw fault("a character that is none of Sieve's") }
        if name.lowercased() == "text", byte == UInt8(ascii: ":") {
          index += 1
          return .string(try multiline())
        }
        return .identifier(name.lowercased())
      }
    }

    private mutating func identifier() -> String? {
      let start = index
      while let current = byte {
        switch current {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): break
        case 0x30...0x39 where index > start: break
        default: return index > start ? String(decoding: bytes[start..<index], as: UTF8.self) : nil
        }
        index += 1
      }
      return index > start ? String(decoding: bytes[start..<index], as: UTF8.self) : nil
    }

    private mutating func number() throws(SieveScript.Fault) -> Token {
      var value: Int64 = 0
      while let current = byte, (0x30...0x39).contains(current) {
        value = value * 10 + Int64(current - 0x30)
        guard value <= Int64(Int32.max) else { throw fault("a number that is too large") }
        index += 1
      }
      switch byte {
      case UInt8(ascii: "K"), UInt8(ascii: "k"): value <<= 10
      case UInt8(ascii: "M"), UInt8(ascii: "m"): value <<= 20
      case UInt8(ascii: "G"), UInt8(ascii: "g"): value <<= 30
      default: return .number(value)
      }
      index += 1
      return .number(value)
    }

    private mutating func quoted() throws(SieveScript.Fault) -> String {
      index += 1
      var text: [UInt8] = []
      while let current = byte {
        index += 1
        switch current {
        case UInt8(ascii: "\""): return try string(text)
        case UInt8(ascii: "\\"):
          guard let escaped = byte else { throw fault("a string without its end") }
          index += 1
          text.append(escaped)
        default:
          if current == 0x0A { line += 1 }
          text.append(current)
        }
      }
      throw fault("a string without its end")
    }

    /// `text:` to a line with a dot alone (RFC 5228 §2.4.2).
    private mutating func multiline() throws(SieveScript.Fault) -> String {
      while let current = byte, current != 0x0A {
        guard current == 0x20 || current == 0x09 || current == 0x0D || current == UInt8(ascii: "#") else {
          throw fault("something behind text:")
        }
        if current == UInt8(ascii: "#") { while let next = byte, next != 0x0A { index += 1 } } else { index += 1 }
      }
      index += 1
      line += 1
      var text: [UInt8] = []
      while index < bytes.count {
        var end = index
        while end < bytes.count, bytes[end] != 0x0A { end += 1 }
        var content = bytes[index..<end]
        if content.last == 0x0D { content = content.dropLast() }
        index = min(end + 1, bytes.count)
        line += 1
        if content.elementsEqual([UInt8(ascii: ".")]) { return try string(text) }
        text += (content.first == UInt8(ascii: ".") ? content.dropFirst() : content) + [0x0D, 0x0A]
      }
      throw fault("text: without its dot")
    }

    private func string(_ bytes: [UInt8]) throws(SieveScript.Fault) -> String {
      guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
        throw fault("a string that is no UTF-8")
      }
      return text
    }
  }
}
