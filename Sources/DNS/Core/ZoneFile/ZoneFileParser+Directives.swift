import WireKit

extension ZoneFileParser {
  /// `$ORIGIN`, `$TTL`, `$INCLUDE` or `$GENERATE`.
  mutating func parseDirective(
    _ source: RawSpan, _ lexer: borrowing ZoneFileLexer, depth: Int, into sink: inout some ZoneFileSink & ~Copyable
  ) throws(PresentationError) {
    let tokens = lexer.tokens
    let word = PresentationText.string(source, tokens[0].range).uppercased()
    let arguments = tokens.dropFirst()
    let place = Int(tokens[0].start)
    switch word {
    case "$ORIGIN":
      guard arguments.count == 1 else { throw PresentationError("$ORIGIN NAME", at: place) }
      origin = try absoluteName(source, tokens[1])
    case "$TTL":
      guard arguments.count == 1, let ttl = PresentationText.period(source, tokens[1].range),
        ttl <= UInt32(Int32.max)
      else { throw PresentationError("$TTL SECONDS", at: place) }
      setDefaultTTL(ttl)
    case "$INCLUDE": try include(source, tokens, depth: depth, into: &sink)
    case "$GENERATE":
      try generate(source, tokens, line: UInt32(clamping: lexer.entryLine), into: &sink)
    default: throw PresentationError("unknown directive '\(word)'", at: place)
    }
  }

  private func absoluteName(_ source: RawSpan, _ token: Token) throws(PresentationError) -> [UInt8] {
    var wire: [UInt8] = []
    try Name.appendText(source, token.range, origin: origin, to: &wire)
    return wire
  }

  private mutating func include(
    _ source: RawSpan, _ tokens: [Token], depth: Int, into sink: inout some ZoneFileSink & ~Copyable
  ) throws(PresentationError) {
    let place = Int(tokens[0].start)
    guard (2...3).contains(tokens.count) else { throw PresentationError("$INCLUDE FILE [ORIGIN]", at: place) }
    guard depth < limits.includeDepth else {
      throw PresentationError("$INCLUDE deeper than \(limits.includeDepth) files", at: place)
    }
    guard let includes else { throw PresentationError("$INCLUDE is not possible here", at: place) }
    let path = PresentationText.string(source, tokens[1].range)
    let newOrigin = tokens.count == 3 ? try absoluteName(source, tokens[2]) : origin
    let bytes: [UInt8]
    do throws(PresentationError) {
      bytes = try includes.contents(of: path)
    } catch {
      throw PresentationError("$INCLUDE \(path): \(error.message)", at: Int(tokens[1].start))
    }
    let (savedFile, savedOrigin) = (fileIndex, origin)
    let savedOwner = beginFile(path, origin: newOrigin)
    parse(bytes.span.bytes, depth: depth + 1, into: &sink)
    endFile(savedFile, origin: savedOrigin, owner: savedOwner)
  }

  /// `$GENERATE START-STOP[/STEP] LHS [TTL] [CLASS] TYPE RHS`: `$` is the number, `${OFFSET[,WIDTH[,BASE]]}` the number
  /// moved, padded and in base d, o, x, X, n or N (nibbles in reverse order), `\$` or `$$` a dollar.
  private mutating func generate(
    _ source: RawSpan, _ tokens: [Token], line: UInt32, into sink: inout some ZoneFileSink & ~Copyable
  ) throws(PresentationError) {
    let place = Int(tokens[0].start)
    guard tokens.count >= 4 else { throw PresentationError("$GENERATE RANGE OWNER TYPE DATA", at: place) }
    let range = try GenerateRange(PresentationText.string(source, tokens[1].range), at: Int(tokens[1].start))
    guard generated + range.count <= limits.generatedRecords else {
      throw PresentationError("$GENERATE makes more than \(limits.generatedRecords) records", at: place)
    }
    generated += range.count
    var text: [UInt8] = []
    for number in range.numbers {
      text.removeAll(keepingCapacity: true)
      for token in tokens[2...] {
        if token.isQuoted { text.append(UInt8(ascii: "\"")) }
        try GenerateTemplate.append(source, token.range, number: number, to: &text)
        if token.isQuoted { text.append(UInt8(ascii: "\"")) }
        text.append(UInt8(ascii: " "))
      }
      let bytes = text.span.bytes
      var lexer = ZoneFileLexer()
      do throws(PresentationError) {
        guard try lexer.readEntry(bytes) else { continue }
        try parseRecord(bytes, lexer.tokens, hasOwner: true, line: line, into: &sink)
      } catch {
        throw PresentationError("$GENERATE at \(number): \(error.message)", at: place)
      }
    }
  }
}

/// The numbers of a `$GENERATE`.
struct GenerateRange {
  let start: Int
  let stop: Int
  let step: Int

  init(_ text: String, at place: Int) throws(PresentationError) {
    let halves = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    let ends = halves[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map {
      UInt32($0).map { Int($0) }
    }
    let step = halves.count == 2 ? UInt32(halves[1]).map { Int($0) } : 1
    guard ends.count == 2, let start = ends[0], let stop = ends[1], start <= stop, let step, step > 0 else {
      throw PresentationError("'\(text)' is no range START-STOP[/STEP]", at: place)
    }
    (self.start, self.stop, self.step) = (start, stop, step)
  }

  var count: Int { (stop - start) / step + 1 }
  var numbers: StrideThrough<Int> { stride(from: start, through: stop, by: step) }
}

/// The text of one side of a `$GENERATE` line.
enum GenerateTemplate {
  static func append(
    _ source: RawSpan, _ range: Range<Int>, number: Int, to text: inout [UInt8]
  ) throws(PresentationError) {
    var index = range.lowerBound
    let end = range.upperBound
    while index < end {
      let byte = source.octet(index)
      index += 1
      if byte == UInt8(ascii: "\\"), index < end {
        if source.octet(index) != UInt8(ascii: "$") { text.append(byte) }
        text.append(source.octet(index))
        index += 1
      } else if byte != UInt8(ascii: "$") {
        text.append(byte)
      } else if index < end, source.octet(index) == UInt8(ascii: "$") {
        text.append(byte)
        index += 1
      } else if index < end, source.octet(index) == UInt8(ascii: "{") {
        guard let close = (index..<end).first(where: { source.octet($0) == UInt8(ascii: "}") }) else {
          throw PresentationError("'${' is never closed", at: index)
        }
        let modifier = PresentationText.string(source, (index + 1)..<close)
        text.append(contentsOf: try formatted(number, modifier, at: index).utf8)
        index = close + 1
      } else {
        text.append(contentsOf: String(number).utf8)
      }
    }
  }

  private static func formatted(_ number: Int, _ modifier: String, at place: Int) throws(PresentationError) -> String {
    let parts = modifier.split(separator: ",", omittingEmptySubsequences: false)
    guard parts.count <= 3, let offset = Int32(parts[0]).map({ Int($0) }),
      let width = parts.count > 1 ? UInt8(parts[1]).map({ Int($0) }) : 0, width <= 128, number + offset >= 0
    else { throw PresentationError("'${\(modifier)}' is no OFFSET[,WIDTH[,BASE]]", at: place) }
    let value = number + offset
    let base = parts.count > 2 ? String(parts[2]) : "d"
    switch base {
    case "d": return padded(String(value), width)
    case "o": return padded(String(value, radix: 8), width)
    case "x": return padded(String(value, radix: 16), width)
    case "X": return padded(String(value, radix: 16).uppercased(), width)
    case "n", "N":
      // The width counts the dots, too, as in BIND.
      let digits = padded(String(value, radix: 16), (width + 1) / 2).reversed().map(String.init).joined(separator: ".")
      return base == "n" ? digits : digits.uppercased()
    default: throw PresentationError("'\(base)' is no base of $GENERATE", at: place)
    }
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    String(repeating: "0", count: max(0, width - text.utf8.count)) + text
  }
}
