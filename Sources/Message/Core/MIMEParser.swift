/// Finds the parts of a message while its bytes go by: one pass, in bounded memory, whatever the message's size.
///
/// What is malformed becomes what it most likely was meant to be; nothing is refused. Depth, parts, headers and parameters
/// have limits; what is beyond them is content of the part that it stands in.
public struct MIMEParser: Sendable {
  /// What came out.
  public struct Result: Sendable {
    public var header: HeaderBlock
    public var root: MIMEPart
    /// The beginning of the first text/plain that is no attachment, else of the first text/html: as it stands, still encoded.
    public var sample: [UInt8]
    /// The part that `sample` is from.
    public var samplePart: MIMEPart?
  }

  enum State: Sendable { case header, preamble, body, epilogue }

  /// A part whose end is still to come.
  struct Open: Sendable {
    var part: MIMEPart
    var state = State.header
    var boundary: [UInt8]?
    var headerBytes: [UInt8] = []
    /// Line ends before its body.
    var linesBefore = 0
    var isWholeMessage: Bool
    /// Multipart/digest's parts are messages when they say nothing (RFC 2046 §5.1.5).
    var isInDigest = false
  }

  static let keptOfLine = 1_024
  static let sampleLimit = 4_096

  let limits: MessageLimits
  private(set) var offset = 0
  /// The line that is coming, its first bytes, and its length so far.
  private var line: [UInt8] = []
  private var lineLength = 0
  /// How the line before ended: 0, 1 (LF) or 2 (CRLF).
  private var lastTerminator = 0
  var lineEnds = 0
  var stack: [Open]
  var partCount = 1
  var headerBudget: Int
  var rootHeader = HeaderBlock()
  var plainSample: [UInt8]?
  var htmlSample: [UInt8]?
  /// Which of the two the body that is open adds to: true for plain text.
  var currentSample: Bool?
  var samplePlace: (plain: Int, html: Int) = (-1, -1)

  public init(limits: MessageLimits = MessageLimits()) {
    self.limits = limits
    headerBudget = limits.allHeaderBytes
    stack = [Open(part: MIMEPart(), isWholeMessage: true)]
    stack[0].part.isRoot = true
  }

  /// Takes the next bytes.
  public mutating func receive(_ bytes: UnsafeRawBufferPointer) {
    var start = 0
    while start < bytes.count {
      var end = start
      while end < bytes.count, bytes[end] != 0x0A { end += 1 }
      let hasEnd = end < bytes.count
      let stop = hasEnd ? end + 1 : end
      let room = keptBytes - line.count
      if room > 0 { line.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[start..<min(stop, start + room)])) }
      lineLength += stop - start
      // CR and LF may come in two pieces; the line's last byte but one is what counts.
      if hasEnd {
        let beforeLF = end > 0 ? bytes[end - 1] : lastByte
        endLine(terminator: lineLength > 1 && beforeLF == 0x0D ? 2 : 1)
      }
      start = stop
    }
    if let last = bytes.last { lastByte = last }
  }

  public mutating func receive(_ bytes: [UInt8]) { bytes.withUnsafeBytes { receive($0) } }

  private var lastByte: UInt8 = 0

  /// There are no more bytes.
  public mutating func finish() -> Result {
    if lineLength > 0 { endLine(terminator: 0) }
    // A header that has no end is one without a body.
    if let top = stack.last, top.state == .header { endHeader(at: offset, bodyStart: offset) }
    while stack.count > 1 { closeTop(at: offset, lineEnds: lineEnds) }
    var root = stack[0].part
    root.body = root.body.lowerBound..<max(root.body.lowerBound, offset)
    root.lines = max(0, lineEnds - stack[0].linesBefore)
    let sample = plainSample ?? htmlSample ?? []
    let place = plainSample != nil ? samplePlace.plain : samplePlace.html
    var found: MIMEPart?
    root.forEachLeaf { if $0.body.lowerBound == place, found == nil { found = $0 } }
    return Result(header: rootHeader, root: root, sample: sample, samplePart: found)
  }

  private var keptBytes: Int {
    guard let top = stack.last, top.state == .header else { return Self.keptOfLine }
    return max(Self.keptOfLine, min(headerBudget, limits.headerBytes - top.headerBytes.count))
  }

  // MARK: Lines

  private mutating func endLine(terminator: Int) {
    let start = offset
    let next = offset + lineLength
    let contentLength = lineLength - terminator
    let beforeEnds = lineEnds
    if terminator > 0 { lineEnds += 1 }
    offset = next
    defer {
      line.removeAll(keepingCapacity: true)
      lineLength = 0
      lastTerminator = terminator
    }
    if line.count >= 2, line[0] == 0x2D, line[1] == 0x2D, takeBoundary(start, next, contentLength, beforeEnds) {
      return
    }
    guard let top = stack.indices.last else { return }
    switch stack[top].state {
    case .header:
      if contentLength == 0 {
        endHeader(at: next, bodyStart: next)
      } else if stack[top].headerBytes.count + line.count <= limits.headerBytes, line.count <= headerBudget {
        stack[top].headerBytes += line
        headerBudget -= line.count
      }
    case .body:
      guard let currentSample else { break }
      let room = Self.sampleLimit - ((currentSample ? plainSample : htmlSample)?.count ?? Self.sampleLimit)
      if room <= 0 { break }
      let piece = line.prefix(room)
      if currentSample { plainSample?.append(contentsOf: piece) } else { htmlSample?.append(contentsOf: piece) }
    case .preamble, .epilogue: break
    }
  }

  /// Whether the line is a boundary of one of the open multiparts; then it has been acted on.
  private mutating func takeBoundary(_ start: Int, _ next: Int, _ length: Int, _ endsBefore: Int) -> Bool {
    let content = line.prefix(min(length, line.count))
    var level = stack.count - 1
    while level >= 0 {
      if let boundary = stack[level].boundary, stack[level].state != .header,
        let isLast = Self.matches(content, boundary, isWhole: length <= line.count)
      {
        // The line end before a boundary belongs to it (RFC 2046 §5.1.1).
        let end = start - lastTerminator
        if let top = stack.last, top.state == .header { endHeader(at: start, bodyStart: start) }
        while stack.count - 1 > level { closeTop(at: end, lineEnds: endsBefore - (lastTerminator > 0 ? 1 : 0)) }
        if isLast || partCount >= limits.parts {
          stack[level].state = .epilogue
          if isLast { stack[level].boundary = nil }
        } else {
          open(at: next, inDigest: stack[level].part.contentType.isType("multipart", "digest"))
        }
        return true
      }
      level -= 1
    }
    return false
  }

  /// `nil` for another line; true for the last boundary.
  private static func matches(_ line: ArraySlice<UInt8>, _ boundary: [UInt8], isWhole: Bool) -> Bool? {
    guard isWhole, line.count >= boundary.count + 2, line.dropFirst(2).prefix(boundary.count).elementsEqual(boundary)
    else { return nil }
    var rest = line.dropFirst(2 + boundary.count)
    let isLast = rest.prefix(2).elementsEqual([0x2D, 0x2D])
    if isLast { rest = rest.dropFirst(2) }
    guard rest.allSatisfy(Scanner.isSpace) else { return nil }
    return isLast
  }

  private mutating func open(at offset: Int, inDigest: Bool) {
    partCount += 1
    var part = MIMEPart(header: offset..<offset, body: offset..<offset)
    if inDigest { part.contentType = ContentType("message", "rfc822") }
    stack.append(Open(part: part, isWholeMessage: false, isInDigest: inDigest))
  }

  /// The innermost open part ends here.
  private mutating func closeTop(at end: Int, lineEnds: Int) {
    guard stack.count > 1, var open = stack.popLast() else { return }
    currentSample = nil
    open.part.body = open.part.body.lowerBound..<max(open.part.body.lowerBound, end)
    open.part.lines = max(0, lineEnds - open.linesBefore)
    stack[stack.count - 1].part.children.append(open.part)
  }
}

extension MIMEParser {
  /// The header of the innermost open part is complete: decides what its body is.
  mutating func endHeader(at headerEnd: Int, bodyStart: Int) {
    guard let top = stack.indices.last else { return }
    let block = HeaderBlock(stack[top].headerBytes, limits: limits)
    stack[top].headerBytes = []
    if top == 0 { rootHeader = block }
    if top > 0, stack[top].isWholeMessage { stack[top - 1].part.envelope = Envelope(block, limits: limits) }
    var part = stack[top].part
    part.header = part.header.lowerBound..<headerEnd
    part.body = bodyStart..<bodyStart
    apply(block, to: &part)
    stack[top].part = part
    stack[top].linesBefore = lineEnds
    stack[top].state = .body
    let mayNest = stack.count < limits.depth
    if part.contentType.isType("multipart"), mayNest {
      let boundary = Array((part.contentType.parameters["boundary"] ?? "").utf8)
      if !boundary.isEmpty, boundary.count <= 200 {
        stack[top].boundary = boundary
        stack[top].state = .preamble
      }
    } else if part.contentType.isType("message", "rfc822") || part.contentType.isType("message", "global") {
      if mayNest, partCount < limits.parts, Self.isIdentity(part.encoding) {
        partCount += 1
        var inner = MIMEPart(header: bodyStart..<bodyStart, body: bodyStart..<bodyStart)
        inner.isRoot = true
        stack.append(Open(part: inner, isWholeMessage: true))
      }
    }
    if stack.count - 1 == top, stack[top].state == .body { beginSample(part) }
  }

  private mutating func beginSample(_ part: MIMEPart) {
    currentSample = nil
    guard part.disposition?.isAttachment != true else { return }
    if part.contentType.isType("text", "plain"), plainSample == nil {
      plainSample = []
      samplePlace.plain = part.body.lowerBound
      currentSample = true
    } else if part.contentType.isType("text", "html"), htmlSample == nil {
      htmlSample = []
      samplePlace.html = part.body.lowerBound
      currentSample = false
    }
  }

  private func apply(_ block: HeaderBlock, to part: inout MIMEPart) {
    if let field = block.first("Content-Type"), let type = ContentType(field.rawValue, limits: limits) {
      part.contentType = type
    }
    part.id = block.first("Content-ID")?.text
    part.description = block.first("Content-Description")?.text
    if let field = block.first("Content-Transfer-Encoding") {
      let word = field.value.prefix { !Scanner.isSpace($0) && $0 != 0x28 && $0 != 0x3B }
      if !word.isEmpty { part.encoding = String(decoding: word, as: UTF8.self) }
    }
    part.md5 = block.first("Content-MD5")?.text
    part.disposition = block.first("Content-Disposition").flatMap {
      ContentDisposition($0.rawValue, limits: limits)
    }
    part.languages = (block.first("Content-Language")?.text ?? "").split(separator: ",").prefix(32).map {
      $0.filter { $0 != " " && $0 != "\t" }
    }
    part.location = block.first("Content-Location")?.text
  }

  private static func isIdentity(_ encoding: String) -> Bool {
    ["7bit", "8bit", "binary"].contains(asciiLowercased(encoding))
  }
}
