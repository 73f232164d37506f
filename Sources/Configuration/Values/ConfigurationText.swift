/// A value that the configuration holds as text: one way to read it, one way to print it, and the form it must have.
///
/// What is printed can be read again and gives the same value.
public protocol ConfigurationText: Hashable, Sendable, Codable, CodingKeyRepresentable, CustomStringConvertible {
  /// What the reference calls the type: `size`.
  static var typeName: String { get }
  /// What an error asks for, with an example: `a size such as "35MB"`.
  static var form: String { get }
  /// Reads the text, all of it.
  init(configuration text: String) throws(TextError)
}

/// Why a text is no value of its type. The text is only quoted where it cannot be a secret.
public struct TextError: Error, Hashable, Sendable {
  /// What is wrong, to be put behind the key's name.
  public let message: String
  /// What to write instead, if that is clear.
  public let hint: String?
  /// Whether the text can hold a secret: then it must not be shown in any other way either.
  public let hidesText: Bool

  public init(_ message: String, hint: String? = nil, hidesText: Bool = false) {
    self.message = message
    self.hint = hint
    self.hidesText = hidesText
  }
}

extension ConfigurationText {
  /// The usual complaint: what was found, and the form that is expected.
  static func mismatch(_ text: String, hint: String? = nil) -> TextError {
    TextError("expected \(form), found \(TOMLText.string(text))", hint: hint)
  }

  /// The complaint about a text that can hold a secret: without the text.
  static func hidden(hint: String? = nil) -> TextError { TextError("expected \(form)", hint: hint, hidesText: true) }

  public init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    do throws(TextError) {
      try self.init(configuration: text)
    } catch {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: error.message))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// As the key of a dictionary it is its text, so that an encoder can put the keys in order.
extension ConfigurationText {
  public var codingKey: any CodingKey { TextKey(stringValue: description) }

  public init?(codingKey: some CodingKey) {
    guard let value = try? Self(configuration: codingKey.stringValue) else { return nil }
    self = value
  }
}

/// A coding key that is a text.
private struct TextKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }
  init(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}

/// ASCII tests that several value types share.
enum ASCIIText {
  static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
  static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }
  static func isLetterOrDigit(_ byte: UInt8) -> Bool { isDigit(byte) || isLetter(byte) }

  /// The parts between separators, found as bytes: a `Character` comparison misses a slash that a combining mark follows.
  static func split(_ text: String, on separator: UInt8) -> [String] {
    text.utf8.split(separator: separator, omittingEmptySubsequences: false).map { String(Substring($0)) }
  }

  /// Whether a text can be one part of a path: not empty, without slash and NUL, neither `.` nor `..`.
  static func isPathPart(_ text: String) -> Bool {
    (1...255).contains(text.utf8.count) && text != "." && text != ".."
      && !text.utf8.contains { $0 == UInt8(ascii: "/") || $0 == 0 }
  }

  /// A decimal number without sign, space or leading zero; `nil` for anything else or when it doesn't fit.
  static func number<Value: FixedWidthInteger>(_ text: some StringProtocol, as type: Value.Type = Value.self) -> Value?
  {
    guard !text.isEmpty, text.utf8.allSatisfy(isDigit), text.utf8.count == 1 || text.utf8.first != 0x30 else {
      return nil
    }
    return Value(text)
  }
}
