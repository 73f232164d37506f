/// A piece of a server's response: what stands between spaces and parentheses (RFC 9051 §4).
public indirect enum ResponseValue: Hashable, Sendable {
  case atom([UInt8])
  case string([UInt8])
  case list([ResponseValue])
  /// `NIL`
  case none

  /// The octets of an atom or a string.
  public var bytes: [UInt8]? {
    switch self {
    case .atom(let bytes), .string(let bytes): bytes
    case .list, .none: nil
    }
  }

  public var text: String? { bytes.map { String(decoding: $0, as: UTF8.self) } }
  public var number: UInt64? { text.flatMap { UInt64($0) } }
  public var elements: [ResponseValue] { if case .list(let elements) = self { elements } else { [] } }
}

/// What a server says, for clients.
///
/// ```
/// S: * 12 FETCH (UID 27 FLAGS (\Seen) BODY[] {310}
/// S: * VANISHED (EARLIER) 41,43:116
/// S: * OK [UIDVALIDITY 3857529045] UIDs valid
/// ```
public enum ServerResponse: Hashable, Sendable {
  case exists(UInt32)
  case expunge(UInt32)
  /// By sequence number, or by UID where only UIDs are spoken; the items by their names in upper case.
  case fetch(UInt32, isUID: Bool, [String: ResponseValue])
  case vanished(NumberSet, isEarlier: Bool)
  case flags([String])
  case list(MailboxName, attributes: [String])
  case status(MailboxName, [String: ResponseValue])
  case search([UInt32])
  /// The data by their names: `ALL`, `COUNT`, `MIN` …
  case extendedSearch([String: ResponseValue])
  /// `OK`, `NO`, `BAD`, `BYE`, `PREAUTH`; the code in pieces.
  case state(String, code: [ResponseValue], text: String)
  case other(String)

  /// From a whole response without its last line's end, literals in place. `nil` for what is none, or nested too deep.
  public init?(_ response: [UInt8]) {
    var reader = ResponseReader(response)
    guard reader.accept(UInt8(ascii: "*")), reader.accept(UInt8(ascii: " ")), let first = reader.word() else {
      return nil
    }
    if let number = UInt32(first), reader.accept(UInt8(ascii: " ")), let kind = reader.word() {
      guard let response = Self.numbered(number, kind.uppercased(), &reader) else { return nil }
      self = response
      return
    }
    _ = reader.accept(UInt8(ascii: " "))
    guard let response = Self.named(first.uppercased(), &reader) else { return nil }
    self = response
  }

  private static func numbered(_ number: UInt32, _ kind: String, _ reader: inout ResponseReader) -> ServerResponse? {
    switch kind {
    case "EXISTS": return .exists(number)
    case "EXPUNGE": return .expunge(number)
    case "FETCH", "UIDFETCH":
      guard reader.accept(UInt8(ascii: " ")), let items = reader.items() else { return nil }
      return .fetch(number, isUID: kind == "UIDFETCH", items)
    default: return .other(kind)
    }
  }

  private static func named(_ kind: String, _ reader: inout ResponseReader) -> ServerResponse? {
    switch kind {
    case "OK", "NO", "BAD", "BYE", "PREAUTH":
      let code = reader.code()
      return .state(kind, code: code, text: reader.rest())
    case "FLAGS": return reader.value().map { .flags($0.elements.compactMap(\.text)) }
    case "VANISHED":
      let values = reader.values()
      guard let set = values.last?.bytes.flatMap({ NumberSet(wire: $0) }) else { return nil }
      return .vanished(set, isEarlier: values.count > 1)
    case "LIST", "LSUB":
      let values = reader.values()
      guard values.count >= 3, let name = values[2].bytes.flatMap({ MailboxName(wire: $0, isUTF8: false) }) else {
        return nil
      }
      return .list(name, attributes: values[0].elements.compactMap(\.text))
    case "STATUS":
      let values = reader.values()
      guard values.count == 2, let name = values[0].bytes.flatMap({ MailboxName(wire: $0, isUTF8: false) }) else {
        return nil
      }
      return .status(name, pairs(values[1].elements))
    case "SEARCH": return .search(reader.values().compactMap { $0.number.flatMap { UInt32(exactly: $0) } })
    case "ESEARCH":
      var values = reader.values()[...]
      if case .list = values.first { values.removeFirst() }
      if values.first?.text?.uppercased() == "UID" { values.removeFirst() }
      return .extendedSearch(pairs(Array(values)))
    default: return .other(kind)
    }
  }

  private static func pairs(_ values: [ResponseValue]) -> [String: ResponseValue] {
    var result: [String: ResponseValue] = [:]
    var index = 0
    while index + 1 < values.count {
      if let name = values[index].text { result[name.uppercased()] = values[index + 1] }
      index += 2
    }
    return result
  }
}

extension NumberSet {
  /// From the wire: `1:3,7`. `nil` for anything else, `*` among it.
  public init?(wire: [UInt8]) {
    var ranges: [ClosedRange<UInt32>] = []
    for part in wire.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
      let ends = part.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
      let numbers = ends.compactMap { UInt32(String(decoding: $0, as: UTF8.self)) }
      guard numbers.count == ends.count, let first = numbers.first, let last = numbers.last, numbers.count <= 2 else {
        return nil
      }
      ranges.append(min(first, last)...max(first, last))
    }
    self.init(ranges)
  }
}

/// Reads the pieces of a response.
struct ResponseReader {
  /// Lists may be nested so deep; BODYSTRUCTURE of what is deeper is of no use to anybody.
  private static let maximumDepth = 128

  private let bytes: [UInt8]
  private var offset = 0
  private var depth = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  private func peek() -> UInt8? { offset < bytes.count ? bytes[offset] : nil }

  mutating func accept(_ byte: UInt8) -> Bool {
    guard peek() == byte else { return false }
    offset += 1
    return true
  }

  /// Up to a space, a parenthesis or the end; brackets may hold any of these: `BODY[HEADER.FIELDS (FROM)]<0>`.
  mutating func word() -> String? {
    let start = offset
    var brackets = 0
    while let byte = peek() {
      if byte == UInt8(ascii: "[") { brackets += 1 }
      if byte == UInt8(ascii: "]") { brackets -= 1 }
      if brackets <= 0, byte == UInt8(ascii: " ") || byte == UInt8(ascii: "(") || byte == UInt8(ascii: ")") { break }
      offset += 1
    }
    return offset > start ? String(decoding: bytes[start..<offset], as: UTF8.self) : nil
  }

  /// `(UID 27 FLAGS (\Seen))`
  mutating func items() -> [String: ResponseValue]? {
    guard accept(UInt8(ascii: "(")) else { return nil }
    var result: [String: ResponseValue] = [:]
    while !accept(UInt8(ascii: ")")) {
      guard let name = word(), accept(UInt8(ascii: " ")), let value = value() else { return nil }
      result[name.uppercased()] = value
      _ = accept(UInt8(ascii: " "))
    }
    return result
  }

  /// Everything up to the end.
  mutating func values() -> [ResponseValue] {
    var result: [ResponseValue] = []
    while let value = value() {
      result.append(value)
      if !accept(UInt8(ascii: " ")) { break }
    }
    return result
  }

  mutating func value() -> ResponseValue? {
    switch peek() {
    case nil: return nil
    case UInt8(ascii: "("): return list()
    case UInt8(ascii: "\""): return quoted()
    case UInt8(ascii: "{"), UInt8(ascii: "~"):
      if let header = LiteralHeader(in: bytes, at: offset) { return literal(header) }
    default: break
    }
    guard let word = word() else { return nil }
    return word.uppercased() == "NIL" ? ResponseValue.none : .atom(Array(word.utf8))
  }

  private mutating func list() -> ResponseValue? {
    guard depth < Self.maximumDepth, accept(UInt8(ascii: "(")) else { return nil }
    depth += 1
    defer { depth -= 1 }
    var elements: [ResponseValue] = []
    while !accept(UInt8(ascii: ")")) {
      guard let value = value() else { return nil }
      elements.append(value)
      _ = accept(UInt8(ascii: " "))
    }
    return .list(elements)
  }

  private mutating func quoted() -> ResponseValue? {
    guard accept(UInt8(ascii: "\"")) else { return nil }
    var value: [UInt8] = []
    while let byte = peek() {
      offset += 1
      if byte == UInt8(ascii: "\"") { return .string(value) }
      if byte == UInt8(ascii: "\\"), let next = peek() {
        offset += 1
        value.append(next)
      } else {
        value.append(byte)
      }
    }
    return nil
  }

  private mutating func literal(_ header: LiteralHeader) -> ResponseValue? {
    let start = offset + header.headerLength
    guard header.count <= bytes.count - start else { return nil }
    offset = start + header.count
    return .string(Array(bytes[start..<offset]))
  }

  /// `[UIDVALIDITY 7] ` at the front of a state; empty where there is none.
  mutating func code() -> [ResponseValue] {
    guard peek() == UInt8(ascii: "["), let end = bytes[offset...].firstIndex(of: UInt8(ascii: "]")) else { return [] }
    var inner = ResponseReader(Array(bytes[(offset + 1)..<end]))
    offset = end + 1
    _ = accept(UInt8(ascii: " "))
    return inner.values()
  }

  mutating func rest() -> String {
    defer { offset = bytes.count }
    return String(decoding: bytes[offset...], as: UTF8.self)
  }
}
