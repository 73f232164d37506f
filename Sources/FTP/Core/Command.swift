import WireKit

/// One command line (RFC 959 §5.3).
///
/// ```
/// C: RETR notes/March 2026.txt
/// ```
public struct FTPCommand: Hashable, Sendable {
  /// The command word, as the table knows it; `nil` for one that it does not.
  public var verb: FTPVerb?
  /// What stands behind the word and one space, in bytes: names need not be UTF-8 (RFC 2640 §3.1).
  public var argument: [UInt8]

  public init(_ verb: FTPVerb?, _ argument: [UInt8] = []) {
    self.verb = verb
    self.argument = argument
  }

  /// Reads a line without its line end. What Telnet puts in front of an interruption is taken out first.
  public init(line: RawSpan) {
    let bytes = Self.withoutTelnet(line)
    let word = bytes.prefix { $0 != 0x20 }
    verb = word.count <= 8 ? FTPVerb(String(decoding: word, as: UTF8.self).uppercased()) : nil
    argument = Array(bytes.dropFirst(word.count + 1))
    if verb?.rule.trimsArgument == true { argument = FTPText.trimmed(argument) }
  }

  /// Takes out Telnet's commands (RFC 959 §4.1.3, RFC 854): clients send IP and DM in front of ABOR. DM comes as urgent
  /// data, so a lone IAC may be all that is left of it. A doubled IAC is the byte 255 itself.
  static func withoutTelnet(_ line: RawSpan) -> [UInt8] {
    let bytes = line.copied()
    guard bytes.contains(0xFF) else { return bytes }
    var result: [UInt8] = []
    var index = 0
    while index < bytes.count {
      guard bytes[index] == 0xFF else {
        result.append(bytes[index])
        index += 1
        continue
      }
      let next = index + 1 < bytes.count ? bytes[index + 1] : 0
      if next == 0xFF {
        result.append(0xFF)
        index += 2
      } else if next >= 0xFB {
        index += 3
      } else {
        index += next >= 0xF0 ? 2 : 1
      }
    }
    return result
  }

  /// The argument as text; `nil` where it is not ASCII.
  var text: String? {
    argument.allSatisfy { (0x20...0x7E).contains($0) } ? String(decoding: argument, as: UTF8.self) : nil
  }

  /// The argument's words, in upper case.
  var words: [String] { text.map { $0.uppercased().split(separator: " ").map(String.init) } ?? [] }

  /// The line as it may be shown: what a password stands in is masked, controls are escaped.
  public var masked: String {
    guard let verb else { return "(no command)" }
    if argument.isEmpty { return verb.name }
    return verb.name + " " + (verb.rule.hidesArgument ? "••••" : FTPText.escaped(argument))
  }

  /// The line for the wire, with its line end.
  public var line: [UInt8] {
    let name = verb?.name ?? ""
    return Array(name.utf8) + (argument.isEmpty ? [] : [0x20] + argument) + [0x0D, 0x0A]
  }
}

/// Small things done to bytes of text.
enum FTPText {
  static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
    var part = bytes[...]
    while part.last == 0x20 { part.removeLast() }
    while part.first == 0x20 { part.removeFirst() }
    return Array(part)
  }

  /// A number of decimal digits alone.
  static func number(_ bytes: some Collection<UInt8>) -> UInt64? {
    guard (1...20).contains(bytes.count) else { return nil }
    var value: UInt64 = 0
    for byte in bytes {
      guard (0x30...0x39).contains(byte) else { return nil }
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflowAgain) = product.addingReportingOverflow(UInt64(byte - 0x30))
      if overflow || overflowAgain { return nil }
      value = sum
    }
    return value
  }

  static func number(_ text: some StringProtocol) -> UInt64? { number(Array(text.utf8)) }

  /// For people: controls as `\xNN`, so that no name can forge a line or colour a terminal.
  static func escaped(_ bytes: [UInt8]) -> String {
    var text = ""
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
      let isControl = scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
      if isControl {
        text += "\\x" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
      } else {
        text.unicodeScalars.append(scalar)
      }
    }
    return text
  }

  /// Whether a name can stand in a line of the control connection or of a listing at all.
  static func isOneLine(_ bytes: [UInt8]) -> Bool { !bytes.contains { $0 == 0x0A || $0 == 0x0D || $0 == 0 } }

  /// `text` in hexadecimal digits.
  static func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  static func padded(_ number: Int, _ width: Int, with filler: Character = "0") -> String {
    let digits = String(number)
    return String(repeating: filler, count: max(0, width - digits.utf8.count)) + digits
  }
}
