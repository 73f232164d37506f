import WireKit

extension RData {
  /// Data from its presentation form, such as `10 mail.example.org.`; relative names get `origin`.
  public init(_ text: String, type: RecordType, origin: Name = .root) throws(PresentationError) {
    let bytes = Array(text.utf8)
    let source = bytes.span.bytes
    var lexer = ZoneFileLexer()
    _ = try lexer.readEntry(source)
    var parser = RDataParser(source, lexer.tokens, from: 0, origin: origin.wire)
    var wire: [UInt8] = []
    try parser.parse(type, into: &wire)
    self.init(validType: type, wire: wire)
  }

  /// Appends the presentation form.
  func appendPresentation(to text: inout [UInt8]) {
    let start = text.count
    if let schema = RecordCatalog.standard.schema(of: type), print(schema, to: &text) { return }
    text.removeSubrange(start...)
    text.append(contentsOf: "\\# \(wire.count)".utf8)
    guard !wire.isEmpty else { return }
    text.append(UInt8(ascii: " "))
    BinaryText.appendHex(wire.span.bytes, to: &text)
  }

  /// `false` when the data has no presentation form of its own.
  private func print(_ schema: RecordSchema, to text: inout [UInt8]) -> Bool {
    let bytes = wire.span.bytes
    var offset = 0
    for field in schema.fields {
      guard let count = try? RDataWire.length(of: field, in: bytes, from: offset, to: wire.count) else { return false }
      // Service parameters bring their own space, as there may be none of them.
      if offset > 0, field != .serviceParameters, !(field == .typeBitmap && count == 0) {
        text.append(UInt8(ascii: " "))
      }
      guard Self.print(field, bytes.extracting(offset..<(offset + count)), to: &text) else { return false }
      offset += count
    }
    return true
  }

  private static func print(_ field: RDataField, _ part: RawSpan, to text: inout [UInt8]) -> Bool {
    switch field {
    case .uint8, .uint16, .uint32, .period, .algorithm, .certificateType:
      PresentationText.appendNumber(
        (0..<part.byteCount).reduce(UInt64(0)) { $0 << 8 | UInt64(part.octet($1)) }, to: &text)
    case .name: Name.appendPresentation(of: part, to: &text)
    case .ipv4, .ipv6: text.append(contentsOf: IPAddress(octets: part.copied())?.description.utf8 ?? "".utf8)
    case .string: PresentationText.appendQuoted(part.extracting(1..<part.byteCount), to: &text)
    case .strings: printStrings(part, to: &text)
    case .text: PresentationText.appendQuoted(part, to: &text)
    case .tag:
      let tag = part.extracting(1..<part.byteCount)
      guard (0..<tag.byteCount).allSatisfy({ tag.octet($0).asciiLowercased &- 0x61 < 26 || tag.octet($0) &- 0x30 < 10 })
      else { return false }
      text.append(tag)
    case .hex:
      guard part.byteCount > 0 else { return false }
      BinaryText.appendHex(part, to: &text)
    case .base64:
      guard part.byteCount > 0 else { return false }
      BinaryText.appendBase64(part, to: &text)
    case .salt where part.byteCount == 1: text.append(UInt8(ascii: "-"))
    case .salt: BinaryText.appendHex(part.extracting(1..<part.byteCount), to: &text)
    case .hash: BinaryText.appendBase32Hex(part.extracting(1..<part.byteCount), to: &text)
    case .typeBitmap:
      text.append(contentsOf: TypeBitmap.types(part).map(\.description).joined(separator: " ").utf8)
    case .recordType:
      text.append(contentsOf: RecordType(rawValue: UInt16(part.octet(0)) << 8 | UInt16(part.octet(1))).description.utf8)
    case .time:
      TimeText.append((0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(part.octet($1)) }, to: &text)
    case .eui: printGroups(part, size: 1, separator: UInt8(ascii: "-"), to: &text)
    case .locator64: printGroups(part, size: 2, separator: UInt8(ascii: ":"), to: &text)
    case .location: return LocationText.append(part, to: &text)
    case .serviceParameters: ServiceParameters.append(part, to: &text)
    case .addressPrefixes: return AddressPrefixes.append(part, to: &text)
    }
    return true
  }

  private static func printStrings(_ part: RawSpan, to text: inout [UInt8]) {
    var offset = 0
    while let length = part.byte(at: offset) {
      if offset > 0 { text.append(UInt8(ascii: " ")) }
      PresentationText.appendQuoted(part.extracting((offset + 1)..<(offset + 1 + Int(length))), to: &text)
      offset += 1 + Int(length)
    }
  }

  private static func printGroups(_ part: RawSpan, size: Int, separator: UInt8, to text: inout [UInt8]) {
    for offset in stride(from: 0, to: part.byteCount, by: size) {
      if offset > 0 { text.append(separator) }
      for place in offset..<(offset + size) {
        for nibble in [part.octet(place) >> 4, part.octet(place) & 15] {
          text.append(BinaryText.digit(nibble).asciiLowercased)
        }
      }
    }
  }
}

extension RData: CustomStringConvertible {
  /// The presentation form of the data.
  public var description: String {
    var text: [UInt8] = []
    appendPresentation(to: &text)
    return String(decoding: text, as: UTF8.self)
  }
}
