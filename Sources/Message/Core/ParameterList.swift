/// The parameters of a Content-Type or Content-Disposition (RFC 2045 §5.1, RFC 2231).
public struct ParameterList: Sendable, Hashable {
  /// One parameter as it was written, such as `filename*0*` and its value without quotes.
  public struct Raw: Sendable, Hashable {
    public var name: String
    public var value: String
    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  public var raw: [Raw]

  public init(_ raw: [Raw] = []) { self.raw = raw }

  /// The value of a parameter, its segments put together, percent-decoded and in Unicode; encoded words, which have no
  /// business here but come in practice, are decoded as well.
  public subscript(name: String) -> String? {
    if let simple = raw.first(where: { equalsIgnoringASCIICase($0.name, name) }) {
      return EncodedWord.decode(simple.value)
    }
    if let extended = raw.first(where: { equalsIgnoringASCIICase($0.name, name + "*") }) {
      let (charset, rest) = Self.charset(extended.value)
      return Charset.decodeLeniently(Self.percentDecoded(rest), charset: charset)
    }
    return continued(name)
  }

  private func continued(_ name: String) -> String? {
    var charset = "utf-8"
    var bytes: [UInt8] = []
    for number in 0..<raw.count {
      let plain = "\(name)*\(number)"
      if let segment = raw.first(where: { equalsIgnoringASCIICase($0.name, plain + "*") }) {
        var value = Substring(segment.value)
        if number == 0 { (charset, value) = Self.charset(segment.value) }
        bytes += Self.percentDecoded(value)
      } else if let segment = raw.first(where: { equalsIgnoringASCIICase($0.name, plain) }) {
        bytes += Array(segment.value.utf8)
      } else {
        if number == 0 { return nil }
        break
      }
    }
    return raw.isEmpty ? nil : Charset.decodeLeniently(bytes, charset: charset)
  }

  /// `utf-8'en'rest`
  private static func charset(_ value: String) -> (String, Substring) {
    let parts = value.split(separator: "'", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3 else { return ("utf-8", Substring(value)) }
    return (parts[0].isEmpty ? "utf-8" : String(parts[0]), parts[2])
  }

  private static func percentDecoded(_ text: Substring) -> [UInt8] {
    let bytes = Array(text.utf8)
    var result: [UInt8] = []
    var index = 0
    while index < bytes.count {
      if bytes[index] == 0x25, index + 2 < bytes.count, let high = hexValue(bytes[index + 1]),
        let low = hexValue(bytes[index + 2])
      {
        result.append(high << 4 | low)
        index += 3
      } else {
        result.append(bytes[index])
        index += 1
      }
    }
    return result
  }

  /// Reads `; name=value; name="value"` from behind the value's first word; `/`, `=` and the like are told apart by hand
  /// because a token of MIME is another than an atom of RFC 5322.
  static func parse(_ bytes: ArraySlice<UInt8>, limits: MessageLimits) -> ParameterList {
    var list: [Raw] = []
    var index = bytes.startIndex
    while index < bytes.endIndex, list.count < limits.parameters {
      guard bytes[index] == 0x3B else {
        index = skipComment(bytes, index, limits) ?? index + 1
        continue
      }
      index = skipSpace(bytes, index + 1, limits)
      let start = index
      while index < bytes.endIndex, isToken(bytes[index]) { index += 1 }
      let name = bytes[start..<index]
      index = skipSpace(bytes, index, limits)
      guard !name.isEmpty, index < bytes.endIndex, bytes[index] == 0x3D else { continue }
      index = skipSpace(bytes, index + 1, limits)
      let value = value(bytes, &index)
      list.append(Raw(String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self)))
    }
    return ParameterList(list)
  }

  private static func value(_ bytes: ArraySlice<UInt8>, _ index: inout Int) -> [UInt8] {
    guard index < bytes.endIndex else { return [] }
    var value: [UInt8] = []
    guard bytes[index] == 0x22 else {
      // Senders leave out quotes around what needs them; the value goes to the next semicolon.
      while index < bytes.endIndex, bytes[index] != 0x3B, bytes[index] != 0x28 {
        value.append(bytes[index])
        index += 1
      }
      while let last = value.last, Scanner.isSpace(last) { value.removeLast() }
      return value
    }
    index += 1
    while index < bytes.endIndex, bytes[index] != 0x22 {
      if bytes[index] == 0x5C, index + 1 < bytes.endIndex { index += 1 }
      if bytes[index] != 0x0D, bytes[index] != 0x0A { value.append(bytes[index]) }
      index += 1
    }
    if index < bytes.endIndex { index += 1 }
    return value
  }

  static func skipSpace(_ bytes: ArraySlice<UInt8>, _ start: Int, _ limits: MessageLimits) -> Int {
    var index = start
    while index < bytes.endIndex {
      if Scanner.isSpace(bytes[index]) {
        index += 1
      } else if let next = skipComment(bytes, index, limits) {
        index = next
      } else {
        return index
      }
    }
    return index
  }

  private static func skipComment(_ bytes: ArraySlice<UInt8>, _ start: Int, _ limits: MessageLimits) -> Int? {
    guard start < bytes.endIndex, bytes[start] == 0x28 else { return nil }
    var depth = 0
    var index = start
    while index < bytes.endIndex {
      switch bytes[index] {
      case 0x28: depth += 1
      case 0x29: depth -= 1
      case 0x5C: index += 1
      default: break
      }
      index += 1
      if depth == 0 { return min(index, bytes.endIndex) }
    }
    return bytes.endIndex
  }

  static func isToken(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x30...0x39, 0x41...0x5A, 0x5E...0x7E, 0x80...0xFF: true
    default: false
    }
  }
}

/// A Content-Type (RFC 2045 §5).
public struct ContentType: Sendable, Hashable {
  /// As it was written.
  public var type: String
  public var subtype: String
  public var parameters: ParameterList

  public init(_ type: String, _ subtype: String, _ parameters: ParameterList = ParameterList()) {
    self.type = type
    self.subtype = subtype
    self.parameters = parameters
  }

  /// Of a part that says nothing (RFC 2045 §5.2).
  public static let plainText = ContentType("text", "plain", ParameterList([.init("charset", "us-ascii")]))

  /// `nil` for what is none.
  public init?(_ value: [UInt8], limits: MessageLimits = MessageLimits()) {
    let bytes = value[...]
    var index = ParameterList.skipSpace(bytes, bytes.startIndex, limits)
    let typeStart = index
    while index < bytes.endIndex, ParameterList.isToken(bytes[index]) { index += 1 }
    let type = bytes[typeStart..<index]
    index = ParameterList.skipSpace(bytes, index, limits)
    guard !type.isEmpty, index < bytes.endIndex, bytes[index] == 0x2F else { return nil }
    index = ParameterList.skipSpace(bytes, index + 1, limits)
    let subtypeStart = index
    while index < bytes.endIndex, ParameterList.isToken(bytes[index]) { index += 1 }
    guard index > subtypeStart else { return nil }
    self.init(
      String(decoding: type, as: UTF8.self), String(decoding: bytes[subtypeStart..<index], as: UTF8.self),
      ParameterList.parse(bytes[index...], limits: limits))
  }

  public func isType(_ type: String, _ subtype: String? = nil) -> Bool {
    equalsIgnoringASCIICase(self.type, type) && (subtype.map { equalsIgnoringASCIICase($0, self.subtype) } ?? true)
  }
}

/// A Content-Disposition (RFC 2183).
public struct ContentDisposition: Sendable, Hashable {
  public var kind: String
  public var parameters: ParameterList

  public init(_ kind: String, _ parameters: ParameterList = ParameterList()) {
    self.kind = kind
    self.parameters = parameters
  }

  public init?(_ value: [UInt8], limits: MessageLimits = MessageLimits()) {
    let bytes = value[...]
    let start = ParameterList.skipSpace(bytes, bytes.startIndex, limits)
    var index = start
    while index < bytes.endIndex, ParameterList.isToken(bytes[index]) { index += 1 }
    guard index > start else { return nil }
    self.init(
      String(decoding: bytes[start..<index], as: UTF8.self), ParameterList.parse(bytes[index...], limits: limits))
  }

  public var isAttachment: Bool { equalsIgnoringASCIICase(kind, "attachment") }
}
