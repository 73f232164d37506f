import WireKit

/// The four forms of a request target (RFC 9112 §3.2).
public enum TargetForm: UInt8, Sendable {
  /// `/path?query`
  case origin
  /// `http://host/path?query`
  case absolute
  /// `host:port`, with CONNECT
  case authority
  /// `*`, with OPTIONS
  case asterisk
}

/// A request target taken apart; the parts are places within it.
struct RequestTarget: Equatable {
  var form: TargetForm
  /// From the path on; `/` is meant where an absolute form has none, and the range is empty then.
  var path: Range<Int>
  /// After the `?`, or `nil`.
  var query: Range<Int>?
  var authority: Range<Int>?
  var isSecure: Bool?

  /// `nil` when it is none of the four forms, or not the one that the method needs.
  init?(_ bytes: RawSpan, method: Method) {
    guard bytes.byteCount > 0 else { return nil }
    for index in 0..<bytes.byteCount where !Characters.isTarget(bytes[index]) { return nil }
    path = 0..<0
    if method == .connect {
      guard let (_, port) = Authority.parse(bytes), port != nil else { return nil }
      form = .authority
      authority = 0..<bytes.byteCount
    } else if bytes[0] == 0x2F {
      form = .origin
      setPath(in: bytes, from: 0)
    } else if bytes.byteCount == 1, bytes[0] == 0x2A {
      guard method == .options else { return nil }
      form = .asterisk
    } else {
      form = .absolute
      guard setAbsolute(bytes) else { return nil }
    }
  }

  private mutating func setPath(in bytes: RawSpan, from start: Int) {
    var end = start
    while end < bytes.byteCount, bytes[end] != 0x3F { end += 1 }
    path = start..<end
    if end < bytes.byteCount { query = (end + 1)..<bytes.byteCount }
  }

  private mutating func setAbsolute(_ bytes: RawSpan) -> Bool {
    let start: Int
    if bytes.byteCount > 7, bytes.extracting(0..<7).isEqualIgnoringCase(to: "http://") {
      (start, isSecure) = (7, false)
    } else if bytes.byteCount > 8, bytes.extracting(0..<8).isEqualIgnoringCase(to: "https://") {
      (start, isSecure) = (8, true)
    } else {
      return false
    }
    var end = start
    while end < bytes.byteCount, bytes[end] != 0x2F, bytes[end] != 0x3F { end += 1 }
    guard Authority.parse(bytes.extracting(start..<end)) != nil else { return false }
    authority = start..<end
    setPath(in: bytes, from: end)
    return true
  }
}
