import WireKit

/// Reads response heads (RFC 9112 §4).
enum ResponseHeadParser {
  /// How the content of a response is delimited (RFC 9112 §6.3).
  enum Framing: Sendable {
    case none
    case length(Int64)
    case chunked
    case untilClose
  }

  /// A whole head, from the version to the empty line.
  static func parse(_ head: RawSpan, _ limits: HTTPLimits) throws(HTTPError) -> ResponseHead {
    guard head.byteCount >= 14, head.extracting(0..<7).isEqual(to: "HTTP/1."), Characters.isDigit(head[7]),
      head[8] == 0x20, let code = head.extracting(9..<12).decimal, code >= 100, code <= 599,
      head[12] == 0x20 || head[12] == 0x0D
    else { throw HTTPError(.badGateway, "status line malformed") }
    var index = 12
    while index < head.byteCount, Characters.isFieldValue(head[index]) { index += 1 }
    guard index + 1 < head.byteCount, head[index] == 0x0D, head[index + 1] == 0x0A else {
      throw HTTPError(.badGateway, "status line malformed")
    }
    var entries: [Fields.Entry] = []
    try FieldLines.parse(head, from: index + 2, limit: limits.fields, into: &entries)
    return ResponseHead(
      version: head[7] == 0x30 ? .http10 : .http11, status: Status(UInt16(code)),
      fields: Fields(bytes: head.copied(), entries: entries))
  }

  /// How its content ends.
  static func framing(_ head: ResponseHead, isHead: Bool) throws(HTTPError) -> Framing {
    if isHead || head.status.forbidsContent { return .none }
    let bytes = head.fields.bytes.span.bytes
    var length: Int64?
    for entry in head.fields.entries where entry.known == .contentLength {
      guard let number = bytes.extracting(entry.value.bounds).decimal, length == nil || length == number else {
        throw HTTPError(.badGateway, "Content-Length malformed")
      }
      length = number
    }
    guard head.fields.contains(.transferEncoding) else { return length.map { .length($0) } ?? .untilClose }
    let isChunked = head.fields.withValue(.transferEncoding) { $0.isEqualIgnoringCase(to: "chunked") }
    guard length == nil, isChunked == true, head.fields.count(of: .transferEncoding) == 1 else {
      throw HTTPError(.badGateway, "Transfer-Encoding other than chunked, or beside Content-Length")
    }
    return .chunked
  }
}
