import WireKit

/// Reads request heads (RFC 9112 §3, §5, §6).
enum RequestHead {
  /// A whole head, from the method to the empty line.
  static func parse(_ head: RawSpan, isSecure: Bool, _ limits: HTTPLimits) throws(HTTPError) -> HTTPRequest {
    let (line, fieldStart) = try requestLine(head)
    var entries: [Fields.Entry] = []
    entries.reserveCapacity(8)
    try FieldLines.parse(head, from: fieldStart, limit: limits.fields, into: &entries)
    guard let target = RequestTarget(head.extracting(line.target), method: line.method) else {
      throw HTTPError(.badRequest, "request target malformed")
    }
    let base = line.target.lowerBound
    var request = HTTPRequest(
      method: line.method, version: line.version, form: target.form, isSecure: isSecure, content: .none,
      expectsContinue: false, fields: Fields(bytes: head.copied(), entries: entries),
      methodRange: TextRange(line.name), pathRange: TextRange(shift(target.path, base)),
      queryRange: target.query.map { TextRange(shift($0, base)) } ?? .empty, hasQuery: target.query != nil,
      hostRange: .empty, port: 0)
    // `http://host?query` means its root: whoever looks at the path's octets must find the slash (RFC 9110 §4.2.3).
    if target.form == .absolute, target.path.isEmpty { request.setPath([0x2F]) }
    try setHost(&request, head, target.authority.map { shift($0, base) })
    request.content = try framing(request.fields, head, line.version, limits)
    request.expectsContinue = try expectation(request)
    return request
  }

  private struct Line {
    var method: Method
    var name: Range<Int>
    var target: Range<Int>
    var version: HTTPVersion
  }

  /// `method SP request-target SP HTTP-version CRLF`, with single spaces and nothing else.
  private static func requestLine(_ head: RawSpan) throws(HTTPError) -> (Line, next: Int) {
    var index = 0
    while index < head.byteCount, Characters.isToken(head[index]) { index += 1 }
    let name = 0..<index
    guard !name.isEmpty, name.count <= 32, head.byte(at: index) == 0x20 else {
      throw HTTPError(.badRequest, "method malformed")
    }
    index += 1
    let start = index
    while index < head.byteCount, head[index] > 0x20 { index += 1 }
    let target = start..<index
    guard !target.isEmpty, head.byte(at: index) == 0x20 else {
      throw HTTPError(.badRequest, "request line malformed")
    }
    index += 1
    let end = index + 8
    guard end + 2 <= head.byteCount, head[end] == 0x0D, head[end + 1] == 0x0A,
      head.extracting(index..<(index + 5)).isEqual(to: "HTTP/"), Characters.isDigit(head[index + 5]),
      head[index + 6] == 0x2E, Characters.isDigit(head[index + 7])
    else { throw HTTPError(.badRequest, "version malformed") }
    guard head[index + 5] == 0x31 else { throw HTTPError(.versionNotSupported, "version other than 1.x") }
    let version: HTTPVersion = head[index + 7] == 0x30 ? .http10 : .http11
    return (Line(method: Method(head.extracting(name)), name: name, target: target, version: version), end + 2)
  }

  /// One valid `Host` in HTTP/1.1, at most one in HTTP/1.0; an authority in the target outranks it (RFC 9112 §3.2).
  private static func setHost(
    _ request: inout HTTPRequest, _ head: RawSpan, _ authority: Range<Int>?
  ) throws(HTTPError) {
    var found: Range<Int>?
    for entry in request.fields.entries where entry.known == .host {
      guard found == nil else { throw HTTPError(.badRequest, "several Host fields") }
      found = entry.value.bounds
    }
    guard found != nil || request.version == .http10 else { throw HTTPError(.badRequest, "Host missing") }
    if let found, Authority.parse(head.extracting(found)) == nil {
      throw HTTPError(.badRequest, "Host malformed")
    }
    guard let chosen = authority ?? found, let parts = Authority.parse(head.extracting(chosen)) else { return }
    request.hostRange = TextRange(shift(parts.host, chosen.lowerBound))
    request.port = parts.port ?? 0
  }

  /// How the content is delimited (RFC 9112 §6.3), and nothing that two readers could see differently.
  private static func framing(
    _ fields: Fields, _ head: RawSpan, _ version: HTTPVersion, _ limits: HTTPLimits
  ) throws(HTTPError) -> HTTPRequest.Content {
    var length: Int64?
    var coding: Range<Int>?
    for entry in fields.entries {
      if entry.known == .contentLength {
        guard length == nil else { throw HTTPError(.badRequest, "several Content-Length fields") }
        guard let number = head.extracting(entry.value.bounds).decimal else {
          throw HTTPError(.badRequest, "Content-Length malformed")
        }
        length = number
      } else if entry.known == .transferEncoding {
        guard coding == nil else { throw HTTPError(.badRequest, "several Transfer-Encoding fields") }
        coding = entry.value.bounds
      }
    }
    guard let coding else {
      guard let length else { return .none }
      guard length <= limits.content else { throw HTTPError(.contentTooLarge, "Content-Length above the limit") }
      return length == 0 ? .none : .length(length)
    }
    guard length == nil else { throw HTTPError(.badRequest, "Content-Length with Transfer-Encoding") }
    guard version == .http11 else { throw HTTPError(.badRequest, "Transfer-Encoding in HTTP/1.0") }
    let codings = head.extracting(coding)
    if codings.isEqualIgnoringCase(to: "chunked") { return .unknown }
    // `gzip, chunked` is a coding that we lack (501, §6.1); a list that does not end with chunked, or has it twice,
    // leaves no way to find the end (400, §6.3).
    var members = ListReader(codings)
    var (others, chunked, lastIsChunked) = (0, 0, false)
    while let member = members.next() {
      lastIsChunked = codings.extracting(member).isEqualIgnoringCase(to: "chunked")
      if lastIsChunked { chunked += 1 } else { others += 1 }
    }
    let isFramed = others > 0 && chunked == 1 && lastIsChunked
    throw HTTPError(isFramed ? .notImplemented : .badRequest, "Transfer-Encoding other than chunked")
  }

  private static func expectation(_ request: HTTPRequest) throws(HTTPError) -> Bool {
    guard request.version == .http11, request.fields.contains(.expect) else { return false }
    let isContinue = request.fields.withValue(.expect) { $0.isEqualIgnoringCase(to: "100-continue") }
    guard isContinue == true, request.fields.count(of: .expect) == 1 else {
      throw HTTPError(.expectationFailed, "Expect other than 100-continue")
    }
    return request.content != .none
  }

  private static func shift(_ range: Range<Int>, _ offset: Int) -> Range<Int> {
    (range.lowerBound + offset)..<(range.upperBound + offset)
  }
}
