import WireKit

/// The parameters of SVCB and HTTPS (RFC 9460 §2.2): key, length, value, in rising order of keys.
enum ServiceParameters {
  static let keys = ["mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint", "dohpath", "ohttp"]

  static func validate(_ bytes: RawSpan, from start: Int, to end: Int) throws(WireError) -> Int {
    var reader = WireReader(bytes.extracting(0..<end))
    try reader.seek(to: start, "SvcParams")
    var previous = -1
    var mandatory: [UInt16] = []
    while !reader.isAtEnd {
      let offset = reader.offset
      let key = try reader.readUInt16("SvcParamKey")
      guard Int(key) > previous else { throw WireError(.malformed, "SvcParamKey order", at: offset) }
      previous = Int(key)
      let length = try reader.readUInt16("SvcParamValue")
      let value = try reader.readSpan(Int(length), "SvcParamValue")
      guard isValid(key, value) else { throw WireError(.malformed, "SvcParamValue", at: offset) }
      if key == 0 {
        mandatory = stride(from: 0, to: value.byteCount, by: 2).map {
          UInt16(value.octet($0)) << 8 | UInt16(value.octet($0 + 1))
        }
      } else {
        mandatory.removeAll { $0 == key }
      }
    }
    guard mandatory.isEmpty else { throw WireError(.malformed, "mandatory SvcParamKey", at: start) }
    return end - start
  }

  private static func isValid(_ key: UInt16, _ value: RawSpan) -> Bool {
    let count = value.byteCount
    switch key {
    case 0:
      // Keys in strictly rising order, without "mandatory" itself (RFC 9460 §8).
      guard count > 0, count % 2 == 0 else { return false }
      var previous = 0
      for offset in stride(from: 0, to: count, by: 2) {
        let key = Int(value.octet(offset)) << 8 | Int(value.octet(offset + 1))
        guard key > previous else { return false }
        previous = key
      }
      return true
    case 1:
      var offset = 0
      while offset < count {
        guard let length = value.byte(at: offset), length > 0 else { return false }
        offset += 1 + Int(length)
      }
      return offset == count && count > 0
    case 2, 8: return count == 0
    case 3: return count == 2
    case 4: return count > 0 && count % 4 == 0
    case 6: return count > 0 && count % 16 == 0
    default: return true
    }
  }

  static func name(_ key: UInt16) -> String { Int(key) < keys.count ? keys[Int(key)] : "key\(key)" }

  static func key(_ name: String) -> UInt16? {
    if let index = keys.firstIndex(of: name) { return UInt16(index) }
    guard name.hasPrefix("key"), let number = UInt16(name.dropFirst(3)), name == "key\(number)" else { return nil }
    return number
  }

  /// Appends the presentation form of parameters in valid wire form.
  static func append(_ wire: RawSpan, to text: inout [UInt8]) {
    var reader = WireReader(wire)
    while let key = try? reader.readUInt16("SvcParamKey"), let length = try? reader.readUInt16("SvcParamValue"),
      let value = try? reader.readBytes(Int(length), "SvcParamValue")
    {
      text.append(UInt8(ascii: " "))
      text.append(contentsOf: name(key).utf8)
      guard !value.isEmpty else { continue }
      text.append(UInt8(ascii: "="))
      append(key, value, to: &text)
    }
  }

  private static func append(_ key: UInt16, _ value: [UInt8], to text: inout [UInt8]) {
    switch key {
    case 0:
      let names = stride(from: 0, to: value.count - 1, by: 2).map {
        name(UInt16(value[$0]) << 8 | UInt16(value[$0 + 1]))
      }
      text.append(contentsOf: names.joined(separator: ",").utf8)
    case 1: appendProtocols(value, to: &text)
    case 3: PresentationText.appendNumber(UInt16(value[0]) << 8 | UInt16(value[1]), to: &text)
    case 4, 6:
      let size = key == 4 ? 4 : 16
      let addresses = stride(from: 0, to: value.count, by: size).compactMap {
        IPAddress(octets: value[$0..<($0 + size)])
      }
      text.append(contentsOf: addresses.map(\.description).joined(separator: ",").utf8)
    case 5: BinaryText.appendBase64(value.span.bytes, to: &text)
    default: PresentationText.appendQuoted(value.span.bytes, to: &text)
    }
  }

  /// A list of protocol names: a comma or backslash inside one is escaped once for the list and once for the
  /// character string (RFC 9460 appendix A.1).
  private static func appendProtocols(_ value: [UInt8], to text: inout [UInt8]) {
    var list: [UInt8] = []
    var offset = 0
    while offset < value.count {
      if offset > 0 { list.append(UInt8(ascii: ",")) }
      let end = offset + 1 + Int(value[offset])
      for byte in value[(offset + 1)..<end] {
        if byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\\") { list.append(UInt8(ascii: "\\")) }
        list.append(byte)
      }
      offset = end
    }
    PresentationText.appendQuoted(list.span.bytes, to: &text)
  }
}

extension RDataParser {
  mutating func parseServiceParameters(into wire: inout [UInt8]) throws(PresentationError) {
    var parameters: [UInt16: [UInt8]] = [:]
    while index < tokens.count {
      let token = try next("parameter")
      let split = token.range.first { source.octet($0) == UInt8(ascii: "=") }
      let name = PresentationText.string(source, token.range.lowerBound..<(split ?? token.range.upperBound))
      guard let key = ServiceParameters.key(name) else {
        throw PresentationError("'\(name)' is no service parameter", at: Int(token.start))
      }
      var value: [UInt8] = []
      if let split { try octets(of: unquoted((split + 1)..<token.range.upperBound), into: &value) }
      guard parameters.updateValue(try encode(key, value, at: token), forKey: key) == nil else {
        throw PresentationError("'\(name)' stands twice", at: Int(token.start))
      }
    }
    let start = wire.count
    for (key, value) in parameters.sorted(by: { $0.key < $1.key }) {
      wire.appendInteger(key)
      wire.appendInteger(UInt16(truncatingIfNeeded: value.count))
      wire.append(contentsOf: value)
    }
    guard (try? ServiceParameters.validate(wire.span.bytes, from: start, to: wire.count)) != nil else {
      throw PresentationError("a service parameter has a wrong value", at: place)
    }
  }

  private func unquoted(_ range: Range<Int>) -> Range<Int> {
    guard range.count >= 2, source.octet(range.lowerBound) == UInt8(ascii: "\"") else { return range }
    return (range.lowerBound + 1)..<(range.upperBound - 1)
  }

  private func encode(_ key: UInt16, _ value: [UInt8], at token: Token) throws(PresentationError) -> [UInt8] {
    let text = String(decoding: value, as: UTF8.self)
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    var wire: [UInt8]? = []
    switch key {
    case 0:
      let numbers = parts.compactMap { ServiceParameters.key(String($0)) }
      wire = numbers.count == parts.count ? numbers.sorted().flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] } : nil
    case 1: wire = Self.protocols(value)
    case 3: wire = UInt16(text).map { [UInt8($0 >> 8), UInt8($0 & 255)] }
    case 4, 6:
      let family: IPAddress.Family = key == 4 ? .v4 : .v6
      let addresses = parts.compactMap { IPAddress(String($0)) }.filter { $0.family == family }
      wire = addresses.count == parts.count ? addresses.flatMap(\.octets) : nil
    case 5:
      var decoder = BinaryTextDecoder(.base64)
      var octets: [UInt8] = []
      let isBase64 = value.allSatisfy { decoder.take($0, into: &octets) }
      wire = isBase64 && decoder.isComplete ? octets : nil
    default: wire = value
    }
    guard let wire, wire.count <= 65535 else {
      throw PresentationError("'\(text)' is no value of \(ServiceParameters.name(key))", at: Int(token.start))
    }
    return wire
  }

  /// A comma-separated list, in which a backslash takes the next octet as it is.
  private static func protocols(_ value: [UInt8]) -> [UInt8]? {
    var wire: [UInt8] = []
    var item: [UInt8] = []
    var isEscaped = false
    for byte in value + [UInt8(ascii: ",")] {
      if isEscaped || (byte != UInt8(ascii: ",") && byte != UInt8(ascii: "\\")) {
        item.append(byte)
        isEscaped = false
      } else if byte == UInt8(ascii: "\\") {
        isEscaped = true
      } else {
        guard (1...255).contains(item.count) else { return nil }
        wire.append(UInt8(item.count))
        wire += item
        item = []
      }
    }
    return isEscaped ? nil : wire
  }
}
