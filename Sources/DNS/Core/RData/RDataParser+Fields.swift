import WireKit

extension RDataParser {
  /// Appends the wire form of one field.
  mutating func parse(_ field: RDataField, into wire: inout [UInt8]) throws(PresentationError) {
    switch field {
    case .uint8: wire.append(UInt8(try number("number", limit: 255)))
    case .uint16: wire.appendInteger(UInt16(try number("number", limit: 65535)))
    case .uint32: wire.appendInteger(UInt32(try number("number", limit: UInt64(UInt32.max))))
    case .period: try parsePeriod(into: &wire)
    case .name:
      let token = try next("name")
      try Name.appendText(source, token.range, origin: origin, to: &wire)
    case .ipv4: try parseIPv4(into: &wire)
    case .ipv6: try parseIPv6(into: &wire)
    case .string: try parseString(try next("character string"), into: &wire)
    case .strings:
      repeat { try parseString(try next("character string"), into: &wire) } while index < tokens.count
    case .text: try octets(of: try next("text").range, into: &wire)
    case .tag: try parseTag(into: &wire)
    case .hex: try digits(.hexadecimal, into: &wire)
    case .base64: try digits(.base64, into: &wire)
    case .salt, .hash: try parseCounted(field, into: &wire)
    case .typeBitmap: try parseTypes(into: &wire)
    case .recordType: wire.appendInteger(try recordType().rawValue)
    case .time: try parseTime(into: &wire)
    case .eui(let count): try parseEUI(count, into: &wire)
    case .locator64: try parseLocator(into: &wire)
    case .location: try parseLocation(into: &wire)
    case .serviceParameters: try parseServiceParameters(into: &wire)
    case .algorithm: wire.append(UInt8(try mnemonic(Mnemonics.algorithms, "algorithm", limit: 255)))
    case .certificateType:
      wire.appendInteger(UInt16(try mnemonic(Mnemonics.certificateTypes, "certificate type", limit: 65535)))
    case .addressPrefixes: try parseAddressPrefixes(into: &wire)
    }
  }

  private mutating func parsePeriod(into wire: inout [UInt8]) throws(PresentationError) {
    let token = try next("number")
    guard let seconds = PresentationText.period(source, token.range) else {
      throw PresentationError("'\(text(token))' is no number of seconds", at: Int(token.start))
    }
    wire.appendInteger(seconds)
  }

  private mutating func parseIPv4(into wire: inout [UInt8]) throws(PresentationError) {
    let token = try next("IPv4 address")
    guard let address = PresentationText.ipv4(source, token.range) else {
      throw PresentationError("'\(text(token))' is no IPv4 address", at: Int(token.start))
    }
    wire.appendInteger(address)
  }

  private mutating func parseIPv6(into wire: inout [UInt8]) throws(PresentationError) {
    let token = try next("IPv6 address")
    guard let address = IPAddress(text(token)), address.family == .v6 else {
      throw PresentationError("'\(text(token))' is no IPv6 address", at: Int(token.start))
    }
    wire.append(contentsOf: address.octets)
  }

  private func parseString(_ token: Token, into wire: inout [UInt8]) throws(PresentationError) {
    let start = wire.count
    wire.append(0)
    try octets(of: token.range, into: &wire)
    guard let count = UInt8(exactly: wire.count - start - 1) else {
      throw PresentationError("character string is longer than 255 octets", at: Int(token.start))
    }
    wire[start] = count
  }

  private mutating func parseTag(into wire: inout [UInt8]) throws(PresentationError) {
    let token = try next("tag")
    guard (1...255).contains(token.range.count) else { throw PresentationError("no tag", at: Int(token.start)) }
    wire.append(UInt8(token.range.count))
    for place in token.range {
      let byte = source.octet(place)
      guard byte &- 0x30 < 10 || byte.asciiLowercased &- 0x61 < 26 else {
        throw PresentationError("a tag has letters and digits alone", at: place)
      }
      wire.append(byte)
    }
  }

  private mutating func parseCounted(_ field: RDataField, into wire: inout [UInt8]) throws(PresentationError) {
    let token = try next(field == .salt ? "salt" : "hash")
    let start = wire.count
    wire.append(0)
    if field == .salt, token.range.count == 1, source.octet(Int(token.start)) == UInt8(ascii: "-") { return }
    var decoder = BinaryTextDecoder(field == .salt ? .hexadecimal : .base32Hex)
    try take(token, &decoder, into: &wire)
    guard decoder.isComplete, let count = UInt8(exactly: wire.count - start - 1), count > 0 else {
      throw PresentationError("'\(text(token))' is incomplete or too long", at: Int(token.start))
    }
    wire[start] = count
  }

  private mutating func recordType() throws(PresentationError) -> RecordType {
    let token = try next("record type")
    guard let type = RecordType(source, token.range) else {
      throw PresentationError("'\(text(token))' is no record type", at: Int(token.start))
    }
    return type
  }

  private mutating func parseTypes(into wire: inout [UInt8]) throws(PresentationError) {
    var types: [RecordType] = []
    while index < tokens.count { types.append(try recordType()) }
    TypeBitmap.append(types, to: &wire)
  }

  private mutating func parseTime(into wire: inout [UInt8]) throws(PresentationError) {
    let token = try next("time")
    guard let seconds = TimeText.seconds(source, token.range) else {
      throw PresentationError("'\(text(token))' is no time", at: Int(token.start))
    }
    wire.appendInteger(seconds)
  }

  private mutating func parseEUI(_ count: Int, into wire: inout [UInt8]) throws(PresentationError) {
    let token = try next("hardware address")
    let parts = text(token).split(separator: "-", omittingEmptySubsequences: false)
    let octets = parts.compactMap { $0.utf8.count == 2 ? UInt8($0, radix: 16) : nil }
    guard parts.count == count, octets.count == count else {
      throw PresentationError("'\(text(token))' is no EUI-\(count * 8)", at: Int(token.start))
    }
    wire.append(contentsOf: octets)
  }

  private mutating func parseLocator(into wire: inout [UInt8]) throws(PresentationError) {
    let token = try next("locator")
    let parts = text(token).split(separator: ":", omittingEmptySubsequences: false)
    let groups = parts.compactMap { (1...4).contains($0.utf8.count) ? UInt16($0, radix: 16) : nil }
    guard parts.count == 4, groups.count == 4 else {
      throw PresentationError("'\(text(token))' is no 64-bit locator", at: Int(token.start))
    }
    for group in groups { wire.appendInteger(group) }
  }

  private mutating func mnemonic(
    _ table: [(text: String, number: UInt16)], _ what: String, limit: UInt64
  ) throws(PresentationError) -> UInt64 {
    guard index < tokens.count else { throw PresentationError("\(what) is missing", at: place) }
    let upper = text(tokens[index]).uppercased()
    guard let row = table.first(where: { $0.text == upper }) else { return try number(what, limit: limit) }
    index += 1
    return UInt64(row.number)
  }
}
