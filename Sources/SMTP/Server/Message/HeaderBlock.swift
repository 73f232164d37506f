/// The header of a message as it stands: field by field, byte for byte (RFC 5322 §2.2).
struct HeaderBlock: Sendable {
  struct Field: Sendable, Hashable {
    /// In lower case.
    var name: String
    /// The whole field with its folds and its line end.
    var bytes: [UInt8]

    /// What stands behind the colon, with folds taken out and spaces at the ends gone (RFC 5322 §2.2.3).
    var value: String {
      guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return "" }
      let unfolded = bytes[(colon + 1)...].filter { $0 != 0x0D && $0 != 0x0A }
      let text = String(decoding: unfolded, as: UTF8.self)
      return String(text.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
  }

  /// Bytes of a header that are looked at; what follows counts as body.
  static let maximumSize = 256 * 1024
  private static let maximumFields = 2000

  var fields: [Field] = []
  /// Where the body begins, behind the empty line.
  var bodyStart = 0
  /// Whether an empty line stood between; where none did, one must be put in.
  var hasEmptyLine = false

  /// The header at the front of a message.
  init(_ bytes: [UInt8]) {
    var index = 0
    while index < bytes.count, index < Self.maximumSize, fields.count < Self.maximumFields {
      let end = Self.lineEnd(bytes, index)
      if end - index == 2, bytes[index] == 0x0D {
        hasEmptyLine = true
        bodyStart = end
        return
      }
      let line = bytes[index..<end]
      if let first = line.first, first == 0x20 || first == 0x09, !fields.isEmpty {
        fields[fields.count - 1].bytes.append(contentsOf: line)
      } else {
        guard let name = Self.name(of: line) else { break }
        fields.append(Field(name: name, bytes: Array(line)))
      }
      index = end
      bodyStart = end
    }
  }

  func first(_ name: String) -> Field? { fields.first { $0.name == name } }
  func all(_ name: String) -> [Field] { fields.filter { $0.name == name } }

  private static func lineEnd(_ bytes: [UInt8], _ start: Int) -> Int {
    var index = start
    while index < bytes.count {
      if bytes[index] == 0x0A { return index + 1 }
      index += 1
    }
    return index
  }

  private static func name(of line: ArraySlice<UInt8>) -> String? {
    guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return nil }
    var name = line[line.startIndex..<colon]
    while name.last == 0x20 || name.last == 0x09 { name = name.dropLast() }
    guard !name.isEmpty, name.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
    return String(decoding: name, as: UTF8.self).lowercased()
  }
}
