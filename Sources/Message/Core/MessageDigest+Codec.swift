import WireKit

extension MessageDigest {
  /// Rises with every change of the form; stores make older digests anew.
  public static let version: UInt8 = 1

  /// Deeper than any that we make.
  private static let maximumDepth = 64

  public func encoded() -> [UInt8] {
    var writer = DigestWriter()
    writer.bytes.append(Self.version)
    writer.envelope(envelope)
    writer.part(root)
    writer.flag(sent != nil)
    if let sent {
      writer.signed(sent.seconds)
      writer.signed(Int64(sent.zoneMinutes))
    }
    writer.string(baseSubject)
    writer.flag(isReply)
    writer.list(references) { $0.string($1) }
    writer.string(preview)
    return writer.bytes
  }

  /// What of a digest is wanted: making texts that nobody looks at costs most of its reading.
  public struct Contents: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let envelope = Contents(rawValue: 1)
    public static let structure = Contents(rawValue: 2)
    /// `baseSubject` and `references`.
    public static let order = Contents(rawValue: 4)
    public static let preview = Contents(rawValue: 8)
    public static let all: Contents = [.envelope, .structure, .order, .preview]
  }

  /// Throws for what this version did not write. Texts that are not among `contents` are empty; `sent` and `isReply` are always there.
  public init(decoding bytes: [UInt8], _ contents: Contents = .all) throws(WireError) {
    var reader = DigestReader(bytes: bytes)
    guard try reader.byte() == Self.version else { throw WireError(.unsupported, "digest version") }
    reader.isSkipping = !contents.contains(.envelope)
    let envelope = try reader.envelope()
    reader.isSkipping = !contents.contains(.structure)
    let root = try reader.part(depth: Self.maximumDepth)
    reader.isSkipping = !contents.contains(.order)
    var sent: MessageDate?
    if try reader.flag() {
      sent = MessageDate(seconds: try reader.signed(), zoneMinutes: Int(try reader.signed()))
    }
    let baseSubject = try reader.string()
    let isReply = try reader.flag()
    let references = try reader.list { (reader) throws(WireError) in try reader.string() }
    reader.isSkipping = !contents.contains(.preview)
    self.init(
      envelope: envelope, root: root, sent: sent, baseSubject: baseSubject, isReply: isReply, references: references,
      preview: try reader.string())
    guard reader.isAtEnd else { throw WireError(.malformed, "digest", at: reader.offset) }
  }
}

/// Writes the parts of a digest: numbers as LEB128, texts with their length before them.
private struct DigestWriter {
  var bytes: [UInt8] = []

  mutating func number(_ value: Int) {
    var rest = UInt64(clamping: value)
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  mutating func signed(_ value: Int64) { bytes.appendInteger(value) }
  mutating func flag(_ value: Bool) { bytes.append(value ? 1 : 0) }

  mutating func string(_ text: String) {
    number(text.utf8.count)
    bytes.append(contentsOf: text.utf8)
  }

  /// 0 is `nil`, everything else one more than the length.
  mutating func optional(_ text: String?) {
    guard let text else { return number(0) }
    number(text.utf8.count + 1)
    bytes.append(contentsOf: text.utf8)
  }

  mutating func list<Element>(_ elements: [Element], _ body: (inout DigestWriter, Element) -> Void) {
    number(elements.count)
    for element in elements { body(&self, element) }
  }

  mutating func addresses(_ addresses: [Address]) {
    list(addresses) { writer, address in
      writer.optional(address.name)
      writer.optional(address.route)
      writer.optional(address.mailbox)
      writer.optional(address.host)
    }
  }

  mutating func envelope(_ envelope: Envelope) {
    optional(envelope.date)
    optional(envelope.subject)
    addresses(envelope.from)
    // Most messages have none of these: then they are From again.
    flag(envelope.sender == envelope.from)
    if envelope.sender != envelope.from { addresses(envelope.sender) }
    flag(envelope.replyTo == envelope.from)
    if envelope.replyTo != envelope.from { addresses(envelope.replyTo) }
    for list in [envelope.to, envelope.cc, envelope.bcc] { addresses(list) }
    optional(envelope.inReplyTo)
    optional(envelope.messageID)
  }

  mutating func parameters(_ parameters: ParameterList) {
    list(parameters.raw) { writer, parameter in
      writer.string(parameter.name)
      writer.string(parameter.value)
    }
  }

  mutating func part(_ part: MIMEPart) {
    string(part.contentType.type)
    string(part.contentType.subtype)
    parameters(part.contentType.parameters)
    for text in [part.id, part.description, part.md5, part.location] { optional(text) }
    string(part.encoding)
    optional(part.disposition?.kind)
    if let disposition = part.disposition { parameters(disposition.parameters) }
    list(part.languages) { $0.string($1) }
    for number in [part.header.lowerBound, part.header.count, part.body.lowerBound, part.body.count, part.lines] {
      self.number(number)
    }
    flag(part.isRoot)
    flag(part.envelope != nil)
    if let envelope = part.envelope { self.envelope(envelope) }
    list(part.children) { $0.part($1) }
  }
}

/// Reads what `DigestWriter` wrote; anything else throws.
private struct DigestReader {
  let bytes: [UInt8]
  var offset = 0
  /// Texts are passed over.
  var isSkipping = false

  var isAtEnd: Bool { offset == bytes.count }

  mutating func byte() throws(WireError) -> UInt8 {
    guard offset < bytes.count else { throw WireError(.truncated, "digest", at: offset) }
    defer { offset += 1 }
    return bytes[offset]
  }

  mutating func number() throws(WireError) -> Int {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let next = try byte()
      guard shift < 56 else { throw WireError(.outOfBounds, "digest number", at: offset) }
      value |= UInt64(next & 0x7F) << shift
      if next < 0x80 { return Int(value) }
      shift += 7
    }
  }

  mutating func signed() throws(WireError) -> Int64 {
    var value: UInt64 = 0
    for _ in 0..<8 { value = value << 8 | UInt64(try byte()) }
    let result = Int64(bitPattern: value)
    // Far beyond every calendar, and safe to calculate with.
    guard result.magnitude < 1 << 50 else { throw WireError(.outOfBounds, "digest date", at: offset) }
    return result
  }

  mutating func flag() throws(WireError) -> Bool { try byte() != 0 }

  mutating func string() throws(WireError) -> String { try text(number()) }

  mutating func optional() throws(WireError) -> String? {
    let count = try number()
    return count == 0 ? nil : try text(count - 1)
  }

  private mutating func text(_ count: Int) throws(WireError) -> String {
    guard count <= bytes.count - offset else { throw WireError(.truncated, "digest text", at: offset) }
    defer { offset += count }
    if isSkipping { return "" }
    return bytes.withUnsafeBufferPointer { memory in
      String(decoding: UnsafeBufferPointer(rebasing: memory[offset..<(offset + count)]), as: UTF8.self)
    }
  }

  mutating func list<Element>(
    _ body: (inout DigestReader) throws(WireError) -> Element
  ) throws(WireError) -> [Element] {
    let count = try number()
    // Each element has at least one byte.
    guard count <= bytes.count - offset else { throw WireError(.truncated, "digest list", at: offset) }
    var elements: [Element] = []
    for _ in 0..<count { elements.append(try body(&self)) }
    return elements
  }

  mutating func addresses() throws(WireError) -> [Address] {
    try list { (reader) throws(WireError) in
      Address(
        name: try reader.optional(), route: try reader.optional(), mailbox: try reader.optional(),
        host: try reader.optional())
    }
  }

  mutating func envelope() throws(WireError) -> Envelope {
    var envelope = Envelope()
    envelope.date = try optional()
    envelope.subject = try optional()
    envelope.from = try addresses()
    envelope.sender = try flag() ? envelope.from : try addresses()
    envelope.replyTo = try flag() ? envelope.from : try addresses()
    envelope.to = try addresses()
    envelope.cc = try addresses()
    envelope.bcc = try addresses()
    envelope.inReplyTo = try optional()
    envelope.messageID = try optional()
    return envelope
  }

  mutating func parameters() throws(WireError) -> ParameterList {
    ParameterList(
      try list { (reader) throws(WireError) in ParameterList.Raw(try reader.string(), try reader.string()) })
  }

  mutating func range() throws(WireError) -> Range<Int> {
    let start = try number()
    let count = try number()
    guard start < 1 << 54, count < 1 << 54 else { throw WireError(.outOfBounds, "digest range", at: offset) }
    return start..<(start + count)
  }

  mutating func part(depth: Int) throws(WireError) -> MIMEPart {
    guard depth > 0 else { throw WireError(.outOfBounds, "digest depth", at: offset) }
    var part = MIMEPart(contentType: ContentType(try string(), try string(), try parameters()))
    part.id = try optional()
    part.description = try optional()
    part.md5 = try optional()
    part.location = try optional()
    part.encoding = try string()
    if let kind = try optional() { part.disposition = ContentDisposition(kind, try parameters()) }
    part.languages = try list { (reader) throws(WireError) in try reader.string() }
    part.header = try range()
    part.body = try range()
    part.lines = try number()
    part.isRoot = try flag()
    if try flag() { part.envelope = try envelope() }
    part.children = try list { (reader) throws(WireError) in try reader.part(depth: depth - 1) }
    return part
  }
}
