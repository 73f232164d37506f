/// The header of a message or of a part: its fields, in order (RFC 5322 §2.2).
public struct HeaderBlock: Sendable, Hashable {
  /// One field.
  public struct Field: Sendable, Hashable {
    /// As it was written.
    public var name: String
    /// What follows the colon, with its folds, without the last line end.
    public var rawValue: [UInt8]
    /// Where the whole field stands, its last line end included, from the start of the block.
    public var range: Range<Int>

    /// The value without folds (RFC 5322 §2.2.3) and without white space around it, bytes as they are.
    public var value: [UInt8] {
      var bytes = rawValue.filter { $0 != 0x0D && $0 != 0x0A }
      while let last = bytes.last, last == 0x20 || last == 0x09 { bytes.removeLast() }
      return Array(bytes.drop { $0 == 0x20 || $0 == 0x09 })
    }

    /// `value` as text; what is no UTF-8 is repaired.
    public var text: String { String(decoding: value, as: UTF8.self) }

    /// The value with its encoded words decoded (RFC 2047).
    public var decoded: String { EncodedWord.decode(text) }
  }

  public private(set) var fields: [Field] = []
  /// Bytes up to and including the empty line, or all of them where there is none.
  public private(set) var byteCount = 0

  public init() {}

  /// Reads the fields at the front of `bytes`; lines end by CRLF or LF. What is no field is passed over.
  public init(_ bytes: [UInt8], limits: MessageLimits = MessageLimits()) {
    var start = 0
    var field: (name: String, value: Int, start: Int)?
    while start < bytes.count {
      let end = Self.lineEnd(bytes, from: start)
      let content = Self.withoutLineEnd(bytes, start..<end)
      if content.isEmpty {
        close(&field, bytes, end: start)
        byteCount = end
        return
      }
      let isContinuation = bytes[start] == 0x20 || bytes[start] == 0x09
      if !isContinuation {
        close(&field, bytes, end: start)
        if fields.count < limits.headerFields, let colon = bytes[content].firstIndex(of: 0x3A), colon > start,
          let name = Self.fieldName(bytes[start..<colon])
        {
          field = (name, colon + 1, start)
        }
      }
      start = end
    }
    close(&field, bytes, end: bytes.count)
    byteCount = bytes.count
  }

  /// The first field of this name, in any case.
  public func first(_ name: String) -> Field? { fields.first { equalsIgnoringASCIICase($0.name, name) } }

  /// All fields of this name, in order.
  public func all(_ name: String) -> [Field] { fields.filter { equalsIgnoringASCIICase($0.name, name) } }

  private mutating func close(_ field: inout (name: String, value: Int, start: Int)?, _ bytes: [UInt8], end: Int) {
    guard let open = field else { return }
    let value = Self.withoutLineEnd(bytes, min(open.value, end)..<end)
    fields.append(Field(name: open.name, rawValue: Array(bytes[value]), range: open.start..<end))
    field = nil
  }

  /// Printable ASCII but the colon; white space before the colon is forgiven (RFC 5322 §4.5).
  private static func fieldName(_ bytes: ArraySlice<UInt8>) -> String? {
    var name = bytes
    while let last = name.last, last == 0x20 || last == 0x09 { name.removeLast() }
    guard !name.isEmpty, name.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
    return String(decoding: name, as: UTF8.self)
  }

  private static func lineEnd(_ bytes: [UInt8], from start: Int) -> Int {
    var index = start
    while index < bytes.count {
      if bytes[index] == 0x0A { return index + 1 }
      index += 1
    }
    return bytes.count
  }

  private static func withoutLineEnd(_ bytes: [UInt8], _ range: Range<Int>) -> Range<Int> {
    var end = range.upperBound
    if end > range.lowerBound, bytes[end - 1] == 0x0A {
      end -= 1
      if end > range.lowerBound, bytes[end - 1] == 0x0D { end -= 1 }
    }
    return range.lowerBound..<end
  }
}

/// What bounds the work that one message can make.
public struct MessageLimits: Sendable, Hashable {
  /// Fields of one header that are looked at.
  public var headerFields = 2_000
  /// Bytes of one header that are looked at.
  public var headerBytes = 256 * 1024
  /// Bytes of all headers of one message that are looked at.
  public var allHeaderBytes = 2 * 1024 * 1024
  /// How deep parts are taken apart; what is deeper is one leaf (CVE-2026-27859 and kin).
  public var depth = 32
  /// Parts of one message; the last one holds what remains.
  public var parts = 1_000
  /// Parameters of one field, and segments of one parameter (RFC 2231; CVE-2026-27857 and kin).
  public var parameters = 128
  /// Addresses of one field.
  public var addresses = 4_000
  /// How deep comments nest; deeper ones are text.
  public var commentDepth = 32
  /// Message identifiers of References that are looked at, the last ones.
  public var references = 100

  public init() {}
}
