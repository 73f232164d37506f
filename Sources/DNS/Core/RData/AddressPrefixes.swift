import WireKit

/// APL's data (RFC 3123): family, prefix length, negation and the address without its trailing zero octets.
enum AddressPrefixes {
  static func validate(_ bytes: RawSpan, from start: Int, to end: Int) throws(WireError) -> Int {
    var offset = start
    while offset < end {
      guard end - offset >= 4, let length = bytes.byte(at: offset + 3) else {
        throw WireError(.truncated, "APL", at: offset)
      }
      offset += 4 + Int(length & 0x7F)
      guard offset <= end else { throw WireError(.truncated, "APL", at: offset) }
    }
    return end - start
  }

  /// Appends the presentation form; `false` for families or lengths that have none.
  static func append(_ wire: RawSpan, to text: inout [UInt8]) -> Bool {
    var reader = WireReader(wire)
    var items: [String] = []
    while !reader.isAtEnd {
      guard let family = try? reader.readUInt16("APL"), let prefix = try? reader.readUInt8("APL"),
        let flags = try? reader.readUInt8("APL"), let part = try? reader.readBytes(Int(flags & 0x7F), "APL"),
        family == 1 || family == 2
      else { return false }
      let size = family == 1 ? 4 : 16
      guard part.count <= size, part.last != 0, Int(prefix) <= size * 8,
        let address = IPAddress(octets: part + [UInt8](repeating: 0, count: size - part.count))
      else { return false }
      items.append("\(flags & 0x80 != 0 ? "!" : "")\(family):\(address)/\(prefix)")
    }
    text.append(contentsOf: items.joined(separator: " ").utf8)
    return true
  }
}

extension RDataParser {
  mutating func parseAddressPrefixes(into wire: inout [UInt8]) throws(PresentationError) {
    while index < tokens.count {
      let token = try next("address prefix")
      var word = text(token)[...]
      let isNegated = word.hasPrefix("!")
      if isNegated { word = word.dropFirst() }
      guard word.hasPrefix("1:") || word.hasPrefix("2:"), let slash = word.lastIndex(of: "/"),
        let prefix = UInt8(word[word.index(after: slash)...]),
        let address = IPAddress(String(word.dropFirst(2)[..<slash])),
        (address.family == .v4) == word.hasPrefix("1:"), Int(prefix) <= address.family.bitWidth
      else { throw PresentationError("'\(text(token))' is no address prefix", at: Int(token.start)) }
      var octets = address.octets
      while octets.last == 0 { octets.removeLast() }
      wire.appendInteger(address.family == .v4 ? UInt16(1) : 2)
      wire.append(prefix)
      wire.append(UInt8(octets.count) | (isNegated ? 0x80 : 0))
      wire.append(contentsOf: octets)
    }
  }
}
