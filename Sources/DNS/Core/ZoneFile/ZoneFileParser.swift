import WireKit

/// The state of reading one zone file: origin, owner, time to live, and the buffers that all entries share.
struct ZoneFileParser {
  private(set) var result: ZoneFile.Result
  let includes: (any ZoneFileIncludes)?
  let limits: ZoneFile.Limits
  var origin: [UInt8]
  var fileIndex: UInt16 = 0
  var generated = 0
  private var owner: [UInt8] = []
  private var data: [UInt8] = []
  private var defaultTTL: UInt32?
  private var lastTTL: UInt32?
  private var droppedFindings = false

  init(origin: Name, file: String?, includes: (any ZoneFileIncludes)?, limits: ZoneFile.Limits) {
    result = ZoneFile.Result(files: [file])
    self.includes = includes
    self.limits = limits
    self.origin = origin.wire
  }

  /// Reads all entries of one file.
  mutating func parse(_ source: RawSpan, depth: Int, into sink: inout some ZoneFileSink & ~Copyable) {
    guard source.byteCount <= limits.fileSize else {
      note(.error, line: 0, column: 0, "the file is larger than \(limits.fileSize) octets")
      return
    }
    var lexer = ZoneFileLexer()
    var isAtEnd = false
    while !isAtEnd {
      do throws(PresentationError) {
        guard try lexer.readEntry(source) else {
          isAtEnd = true
          continue
        }
        try parseEntry(source, lexer, depth: depth, into: &sink)
      } catch {
        let (line, column) = lexer.position(of: error.offset, in: source)
        note(.error, line: line, column: column, error.message)
      }
    }
  }

  mutating func note(_ severity: ZoneFinding.Severity, line: Int, column: Int, _ message: String) {
    guard result.findings.count < limits.findings else {
      if !droppedFindings { result.findings.append(ZoneFinding(.error, "further findings are left out")) }
      droppedFindings = true
      return
    }
    let file = result.files[Int(fileIndex)]
    result.findings.append(ZoneFinding(severity, file: file, line: line, column: column, message))
  }

  private mutating func parseEntry(
    _ source: RawSpan, _ lexer: borrowing ZoneFileLexer, depth: Int, into sink: inout some ZoneFileSink & ~Copyable
  ) throws(PresentationError) {
    if let first = lexer.tokens.first, !first.isQuoted, source.octet(Int(first.start)) == UInt8(ascii: "$") {
      try parseDirective(source, lexer, depth: depth, into: &sink)
      return
    }
    try parseRecord(
      source, lexer.tokens, hasOwner: !lexer.hasLeadingBlank, line: UInt32(clamping: lexer.entryLine), into: &sink)
  }

  /// `[owner] [TTL] [class] type data`, TTL and class in either order.
  mutating func parseRecord(
    _ source: RawSpan, _ tokens: [Token], hasOwner: Bool, line: UInt32, into sink: inout some ZoneFileSink & ~Copyable
  ) throws(PresentationError) {
    var index = 0
    if hasOwner {
      let range = tokens[0].range
      owner.removeAll(keepingCapacity: true)
      do throws(PresentationError) {
        try Name.appendText(source, range, origin: origin, to: &owner)
      } catch {
        owner.removeAll()
        throw error
      }
      index = 1
    }
    guard !owner.isEmpty else {
      throw PresentationError("no owner: the entry before has none to inherit", at: Int(tokens[0].start))
    }
    let ttl = try parseTTLAndClass(source, tokens, &index)
    guard index < tokens.count else {
      throw PresentationError("record type is missing", at: tokens.last.map { Int($0.end) } ?? 0)
    }
    let token = tokens[index]
    guard !token.isQuoted, let type = RecordType(source, token.range) else {
      let text = PresentationText.string(source, token.range)
      throw PresentationError("'\(text)' is no record type", at: Int(token.start))
    }
    guard !type.isMeta else { throw PresentationError("\(type) is not for zones", at: Int(token.start)) }
    data.removeAll(keepingCapacity: true)
    var parser = RDataParser(source, tokens, from: index + 1, origin: origin)
    try parser.parse(type, into: &data)
    let value = try effectiveTTL(ttl, type, at: token, line: line)
    result.recordCount += 1
    sink.add(
      owner: owner, type: type, ttl: value, data: data, at: ZoneFilePosition(file: fileIndex, line: line))
  }

  private func parseTTLAndClass(
    _ source: RawSpan, _ tokens: [Token], _ index: inout Int
  ) throws(PresentationError) -> UInt32? {
    var ttl: UInt32?
    var hasClass = false
    while index < tokens.count, !tokens[index].isQuoted {
      let range = tokens[index].range
      let first = source.octet(range.lowerBound)
      if ttl == nil, first &- 0x30 < 10 {
        guard let value = PresentationText.period(source, range), value <= UInt32(Int32.max) else {
          throw PresentationError(
            "'\(PresentationText.string(source, range))' is no time to live", at: range.lowerBound)
        }
        ttl = value
      } else if !hasClass, isClass(source, range) {
        guard range.count == 2, first | 0x20 == UInt8(ascii: "i") else {
          let text = PresentationText.string(source, range)
          guard RecordClass(text) == .in else {
            throw PresentationError("class \(text): only IN has zones here", at: range.lowerBound)
          }
          hasClass = true
          index += 1
          continue
        }
        hasClass = true
      } else {
        break
      }
      index += 1
    }
    return ttl
  }

  private func isClass(_ source: RawSpan, _ range: Range<Int>) -> Bool {
    let first = source.octet(range.lowerBound).asciiLowercased
    if range.count == 2 {
      let second = source.octet(range.lowerBound + 1).asciiLowercased
      return (first, second) == (UInt8(ascii: "i"), UInt8(ascii: "n"))
        || second == UInt8(ascii: "h")
          && first == UInt8(ascii: "c")
        || second == UInt8(ascii: "s") && first == UInt8(ascii: "h")
    }
    guard range.count > 5, first == UInt8(ascii: "c") else { return false }
    return RecordCatalog.key(source, range.lowerBound..<(range.lowerBound + 5)) == 0x43_4C41_5353
  }

  /// The record's own TTL, else `$TTL`, else that of the record before (RFC 1035 §5.1), else for a SOA its minimum.
  private mutating func effectiveTTL(
    _ written: UInt32?, _ type: RecordType, at token: Token, line: UInt32
  ) throws(PresentationError) -> UInt32 {
    if let written {
      lastTTL = written
      return written
    }
    if let known = defaultTTL ?? lastTTL { return known }
    guard type == .soa, data.count >= 4 else {
      throw PresentationError("no time to live, and no $TTL before", at: Int(token.start))
    }
    let minimum = data.suffix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    note(.warning, line: Int(line), column: 0, "no $TTL before the SOA: its minimum is taken")
    lastTTL = minimum
    return minimum
  }

  mutating func setDefaultTTL(_ ttl: UInt32) { defaultTTL = ttl }

  /// Goes over to an included file; returns the owner, for `endFile` to bring back (RFC 1035 §5.1).
  mutating func beginFile(_ file: String, origin newOrigin: [UInt8]) -> [UInt8] {
    result.files.append(file)
    fileIndex = UInt16(clamping: result.files.count - 1)
    origin = newOrigin
    return owner
  }

  /// Goes back to the including file.
  mutating func endFile(_ file: UInt16, origin oldOrigin: [UInt8], owner oldOwner: [UInt8]) {
    (fileIndex, origin, owner) = (file, oldOrigin, oldOwner)
  }
}
