/// A JSON value (RFC 8259), as far as ACME needs it: read within bounds, without Foundation, so that what a stranger sends
/// costs what it may.
public enum JSONValue: Sendable, Hashable {
  case null
  case bool(Bool)
  /// Whole numbers; what has a fraction or an exponent is refused.
  case number(Int64)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  /// Arrays and objects within each other.
  static let maximumDepth = 16
  /// Values in all.
  static let maximumValues = 10_000

  /// `nil` for anything that is not one JSON text: an object with a name twice among it, since two readers could see two
  /// things.
  public init?(_ bytes: [UInt8]) {
    var reader = JSONReader(bytes)
    guard let value = reader.value(depth: 0), reader.isAtEnd else { return nil }
    self = value
  }

  public subscript(_ name: String) -> JSONValue? { if case .object(let fields) = self { fields[name] } else { nil } }
  public var string: String? { if case .string(let text) = self { text } else { nil } }
  public var number: Int64? { if case .number(let number) = self { number } else { nil } }
  public var bool: Bool? { if case .bool(let bool) = self { bool } else { nil } }
  public var array: [JSONValue]? { if case .array(let values) = self { values } else { nil } }
  public var isObject: Bool { if case .object = self { true } else { false } }
  /// The texts of an array of nothing but texts.
  public var strings: [String]? {
    guard let array else { return nil }
    let texts = array.compactMap(\.string)
    return texts.count == array.count ? texts : nil
  }

  /// The text, with the names of objects in order, without white space: what RFC 7638 hashes.
  public var bytes: [UInt8] {
    var output: [UInt8] = []
    write(into: &output)
    return output
  }

  private func write(into output: inout [UInt8]) {
    switch self {
    case .null: output += "null".utf8
    case .bool(let bool): output += (bool ? "true" : "false").utf8
    case .number(let number): output += "\(number)".utf8
    case .string(let text): Self.write(text, into: &output)
    case .array(let values):
      output.append(0x5B)
      for (index, value) in values.enumerated() {
        if index > 0 { output.append(0x2C) }
        value.write(into: &output)
      }
      output.append(0x5D)
    case .object(let fields):
      output.append(0x7B)
      for (index, field) in fields.sorted(by: { $0.key < $1.key }).enumerated() {
        if index > 0 { output.append(0x2C) }
        Self.write(field.key, into: &output)
        output.append(0x3A)
        field.value.write(into: &output)
      }
      output.append(0x7D)
    }
  }

  private static func write(_ text: String, into output: inout [UInt8]) {
    output.append(0x22)
    for byte in text.utf8 {
      switch byte {
      case 0x22, 0x5C: output += [0x5C, byte]
      case 0..<0x20, 0x7F:
        let digits = Array("0123456789abcdef".utf8)
        output += "\\u00".utf8
        output += [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      default: output.append(byte)
      }
    }
    output.append(0x22)
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(integerLiteral value: Int64) { self = .number(value) }
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(Dictionary(elements) { first, _ in first })
  }
}
