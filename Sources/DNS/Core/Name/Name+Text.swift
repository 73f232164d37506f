import WireKit

extension Name {
  /// The name from its presentation form (RFC 1035 §5.1): `\.` and `\DDD` are escapes; without a dot at its end it is
  /// taken as relative to `origin`. `@` is the origin itself.
  public init(_ text: String, origin: Name = .root) throws(PresentationError) {
    var wire: [UInt8] = []
    let bytes = Array(text.utf8)
    try Name.appendText(bytes.span.bytes, 0..<bytes.count, origin: origin.wire, to: &wire)
    self.init(validWire: wire)
  }

  /// Appends the wire form of the presentation form in `source[range]`.
  static func appendText(
    _ source: RawSpan, _ range: Range<Int>, origin: [UInt8], to wire: inout [UInt8]
  ) throws(PresentationError) {
    let start = wire.count
    var index = range.lowerBound
    let end = range.upperBound
    guard index < end else { throw PresentationError("empty name", at: index) }
    if end - index == 1 {
      let only = source.octet(index)
      if only == UInt8(ascii: "@") {
        wire.append(contentsOf: origin)
        return
      }
      if only == UInt8(ascii: ".") {
        wire.append(0)
        return
      }
    }
    var label = start
    wire.append(0)
    while index < end {
      var byte = source.octet(index)
      index += 1
      if byte == UInt8(ascii: ".") {
        try closeLabel(&wire, label, at: index - 1)
        label = wire.count
        wire.append(0)
        continue
      }
      if byte == UInt8(ascii: "\\") { byte = try unescape(source, &index, end: end) }
      wire.append(byte)
    }
    if label != wire.count - 1 {
      try closeLabel(&wire, label, at: end)
      wire.append(contentsOf: origin)
    }
    guard wire.count - start <= maximumLength else {
      throw PresentationError("name is longer than 255 octets", at: range.lowerBound)
    }
  }

  private static func closeLabel(_ wire: inout [UInt8], _ label: Int, at offset: Int) throws(PresentationError) {
    let length = wire.count - label - 1
    guard length > 0 else { throw PresentationError("empty label in a name", at: offset) }
    guard length <= maximumLabelLength else { throw PresentationError("label is longer than 63 octets", at: offset) }
    wire[label] = UInt8(truncatingIfNeeded: length)
  }

  /// The octet behind a backslash that stands just before `index`: `\DDD` or `\X` (RFC 1035 §5.1).
  static func unescape(_ source: RawSpan, _ index: inout Int, end: Int) throws(PresentationError) -> UInt8 {
    guard index < end else { throw PresentationError("backslash at the end", at: index) }
    let first = source.octet(index)
    guard first &- 0x30 < 10 else {
      index += 1
      return first
    }
    guard index + 3 <= end else { throw PresentationError("\\DDD needs three digits", at: index) }
    var value = 0
    for place in index..<(index + 3) {
      let digit = source.octet(place) &- 0x30
      guard digit < 10 else { throw PresentationError("\\DDD needs three digits", at: index) }
      value = value * 10 + Int(digit)
    }
    guard let byte = UInt8(exactly: value) else { throw PresentationError("\\DDD above 255", at: index) }
    index += 3
    return byte
  }

  /// Appends the presentation form of a name in wire form, always with the dot at its end.
  static func appendPresentation(of wire: RawSpan, to text: inout [UInt8]) {
    var offset = 0
    guard let first = wire.byte(at: 0), first != 0 else {
      text.append(UInt8(ascii: "."))
      return
    }
    while let length = wire.byte(at: offset), length != 0 {
      for place in (offset + 1)..<(offset + 1 + Int(length)) {
        guard let byte = wire.byte(at: place) else { return }
        switch byte {
        case UInt8(ascii: "."), UInt8(ascii: "\\"), UInt8(ascii: "\""), UInt8(ascii: ";"), UInt8(ascii: "("),
          UInt8(ascii: ")"), UInt8(ascii: "@"), UInt8(ascii: "$"):
          text.append(UInt8(ascii: "\\"))
          text.append(byte)
        case 0x21...0x7E: text.append(byte)
        default: PresentationText.appendDecimalEscape(byte, to: &text)
        }
      }
      text.append(UInt8(ascii: "."))
      offset += 1 + Int(length)
    }
  }
}

extension Name: CustomStringConvertible {
  /// The presentation form, with the dot at its end.
  public var description: String {
    var text: [UInt8] = []
    Name.appendPresentation(of: wire.span.bytes, to: &text)
    return String(decoding: text, as: UTF8.self)
  }
}

extension Name {
  /// The reverse name of an address: `2.0.0.127.in-addr.arpa.` (RFC 1035 §3.5) or nibbles below `ip6.arpa.`
  /// (RFC 3596 §2.5).
  public init(reverseOf address: IPAddress) {
    var wire: [UInt8] = []
    let append = { (label: [UInt8]) in wire += [UInt8(label.count)] + label }
    if address.family == .v4 {
      for octet in address.octets.reversed() { append(Array(String(octet).utf8)) }
      append(Array("in-addr".utf8))
    } else {
      for octet in address.octets.reversed() {
        append(Array(String(octet & 15, radix: 16).utf8))
        append(Array(String(octet >> 4, radix: 16).utf8))
      }
      append(Array("ip6".utf8))
    }
    append(Array("arpa".utf8))
    self.init(validWire: wire + [0])
  }
}
