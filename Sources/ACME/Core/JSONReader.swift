/// Reads a JSON text.
struct JSONReader {
  private let bytes: [UInt8]
  private var index = 0
  private var values = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Whether nothing but white space follows.
  var isAtEnd: Bool { bytes[min(index, bytes.count)...].allSatisfy(Self.isSpace) }

  mutating func value(depth: Int) -> JSONValue? {
    values += 1
    guard depth <= JSONValue.maximumDepth, values <= JSONValue.maximumValues else { return nil }
    skipSpace()
    switch peek {
    case 0x7B: return object(depth)
    case 0x5B: return array(depth)
    case 0x22: return text().map { .string($0) }
    case 0x74: return take("true") ? .bool(true) : nil
    case 0x66: return take("false") ? .bool(false) : nil
    case 0x6E: return take("null") ? .null : nil
    default: return number()
    }
  }

  private var peek: UInt8? { index < bytes.count ? bytes[index] : nil }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }

  private mutating func skipSpace() { while let byte = peek, Self.isSpace(byte) { index += 1 } }

  private mutating func take(_ byte: UInt8) -> Bool {
    skipSpace()
    guard peek == byte else { return false }
    index += 1
    return true
  }

  private mutating func take(_ word: StaticString) -> Bool {
    let count = word.utf8CodeUnitCount
    guard bytes.count - index >= count else { return false }
    let isSame = word.withUTF8Buffer { buffer in buffer.elementsEqual(bytes[index..<(index + count)]) }
    if isSame { index += count }
    return isSame
  }

  private mutating func object(_ depth: Int) -> JSONValue? {
    index += 1
    var fields: [String: JSONValue] = [:]
    if take(0x7D) { return .object(fields) }
    while true {
      skipSpace()
      guard peek == 0x22, let name = text(), take(0x3A), let value = value(depth: depth + 1),
        fields.updateValue(value, forKey: name) == nil
      else { return nil }
      if take(0x7D) { return .object(fields) }
      guard take(0x2C) else { return nil }
    }
  }

  private mutating func array(_ depth: Int) -> JSONValue? {
    index += 1
    var values: [JSONValue] = []
    if take(0x5D) { return .array(values) }
    while true {
      guard let value = value(depth: depth + 1) else { return nil }
      values.append(value)
      if take(0x5D) { return .array(values) }
      guard take(0x2C) else { return nil }
    }
  }

  private mutating func number() -> JSONValue? {
    let start = index
    if peek == 0x2D { index += 1 }
    while let byte = peek, byte >= 0x30, byte <= 0x39 { index += 1 }
    let digits = bytes[start..<index]
    let first = digits.first == 0x2D ? digits.dropFirst() : digits
    guard first.count == 1 || first.first != 0x30, peek.map({ $0 != 0x2E && $0 | 0x20 != 0x65 }) ?? true else {
      return nil
    }
    return Int64(String(decoding: digits, as: UTF8.self)).map { .number($0) }
  }

  private mutating func text() -> String? {
    index += 1
    var octets: [UInt8] = []
    while let byte = peek {
      index += 1
      switch byte {
      case 0x22: return String(validating: octets, as: UTF8.self)
      case 0x5C: guard escape(into: &octets) else { return nil }
      case 0..<0x20: return nil
      default: octets.append(byte)
      }
    }
    return nil
  }

  private mutating func escape(into octets: inout [UInt8]) -> Bool {
    guard let byte = peek else { return false }
    index += 1
    switch byte {
    case 0x22, 0x5C, 0x2F: octets.append(byte)
    case 0x62: octets.append(0x08)
    case 0x66: octets.append(0x0C)
    case 0x6E: octets.append(0x0A)
    case 0x72: octets.append(0x0D)
    case 0x74: octets.append(0x09)
    case 0x75:
      guard var unit = hexadecimal() else { return false }
      if unit & 0xFC00 == 0xD800 {
        guard peek == 0x5C else { return false }
        index += 1
        guard peek == 0x75 else { return false }
        index += 1
        guard let low = hexadecimal(), low & 0xFC00 == 0xDC00 else { return false }
        unit = 0x10000 + (unit & 0x3FF) << 10 + low & 0x3FF
      }
      guard let scalar = Unicode.Scalar(unit) else { return false }
      octets += String(Character(scalar)).utf8
    default: return false
    }
    return true
  }

  private mutating func hexadecimal() -> UInt32? {
    guard bytes.count - index >= 4 else { return nil }
    var value: UInt32 = 0
    for byte in bytes[index..<(index + 4)] {
      switch byte {
      case 0x30...0x39: value = value << 4 | UInt32(byte - 0x30)
      case 0x41...0x46: value = value << 4 | UInt32(byte - 0x41 + 10)
      case 0x61...0x66: value = value << 4 | UInt32(byte - 0x61 + 10)
      default: return nil
      }
    }
    index += 4
    return value
  }
}
