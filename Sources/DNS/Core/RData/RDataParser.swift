import WireKit

/// Parses record data from the tokens of an entry, driven by the schemas (RFC 1035 §5, RFC 3597 §5).
struct RDataParser: ~Escapable {
  let source: RawSpan
  let tokens: [Token]
  /// What relative names are relative to, in wire form.
  let origin: [UInt8]
  /// The next token.
  var index: Int

  @_lifetime(copy source)
  init(_ source: RawSpan, _ tokens: [Token], from index: Int, origin: [UInt8]) {
    self.source = source
    self.tokens = tokens
    self.origin = origin
    self.index = index
  }

  /// Appends the wire form of the data to `wire`. Takes all tokens that are left.
  mutating func parse(_ type: RecordType, into wire: inout [UInt8]) throws(PresentationError) {
    let start = wire.count
    if index < tokens.count, isGenericMark(tokens[index]) {
      try parseGeneric(type, into: &wire)
    } else {
      guard let schema = RecordCatalog.standard.schema(of: type) else {
        throw PresentationError("data of \(type) is written as \\# LENGTH HEX", at: place)
      }
      for field in schema.fields { try parse(field, into: &wire) }
    }
    guard index == tokens.count else {
      throw PresentationError("'\(text(tokens[index]))' is too much for \(type)", at: place)
    }
    guard wire.count - start <= 65535 else { throw PresentationError("data is longer than 65535 octets", at: place) }
  }

  /// Where the next token stands, or the last one ended.
  var place: Int {
    index < tokens.count ? Int(tokens[index].start) : tokens.last.map { Int($0.end) } ?? 0
  }

  func text(_ token: Token) -> String { PresentationText.string(source, token.range) }

  mutating func next(_ what: String) throws(PresentationError) -> Token {
    guard index < tokens.count else { throw PresentationError("\(what) is missing", at: place) }
    index += 1
    return tokens[index - 1]
  }

  mutating func number(_ what: String, limit: UInt64) throws(PresentationError) -> UInt64 {
    let token = try next(what)
    guard !token.isQuoted, let value = PresentationText.number(source, token.range, limit: limit) else {
      throw PresentationError("'\(text(token))' is no number of 0 to \(limit)", at: Int(token.start))
    }
    return value
  }

  private func isGenericMark(_ token: Token) -> Bool {
    !token.isQuoted && token.range.count == 2 && source.octet(Int(token.start)) == UInt8(ascii: "\\")
      && source.octet(Int(token.start) + 1) == UInt8(ascii: "#")
  }

  private mutating func parseGeneric(_ type: RecordType, into wire: inout [UInt8]) throws(PresentationError) {
    let start = Int(tokens[index].start)
    index += 1
    let count = Int(try number("length", limit: 65535))
    var data: [UInt8] = []
    try digits(.hexadecimal, mayBeEmpty: true, into: &data)
    guard data.count == count else {
      throw PresentationError("\\# says \(count) octets, and \(data.count) follow", at: start)
    }
    guard let value = try? RData(type: type, wire: data.span.bytes) else {
      throw PresentationError("the octets are no data of \(type)", at: start)
    }
    wire.append(contentsOf: value.wire)
  }

  /// All the tokens that are left, as digits.
  mutating func digits(
    _ base: BinaryTextDecoder.Base, mayBeEmpty: Bool = false, into wire: inout [UInt8]
  ) throws(PresentationError) {
    if !mayBeEmpty, index == tokens.count { throw PresentationError("data is missing", at: place) }
    var decoder = BinaryTextDecoder(base)
    while index < tokens.count {
      try take(tokens[index], &decoder, into: &wire)
      index += 1
    }
    guard decoder.isComplete else { throw PresentationError("incomplete \(base) text", at: place) }
  }

  func take(
    _ token: Token, _ decoder: inout BinaryTextDecoder, into wire: inout [UInt8]
  ) throws(PresentationError) {
    for place in token.range {
      guard decoder.take(source.octet(place), into: &wire) else {
        throw PresentationError("no \(decoder.base) digit", at: place)
      }
    }
  }

  /// Appends the octets of a token, escapes resolved.
  func octets(of range: Range<Int>, into wire: inout [UInt8]) throws(PresentationError) {
    var place = range.lowerBound
    while place < range.upperBound {
      var byte = source.octet(place)
      place += 1
      if byte == UInt8(ascii: "\\") { byte = try Name.unescape(source, &place, end: range.upperBound) }
      wire.append(byte)
    }
  }
}
