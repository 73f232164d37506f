import WireKit

/// Makes requests of decoded field sections (RFC 9113 §8.3.1), and refuses the malformed.
enum HTTP2RequestHead {
  /// `nil` for a malformed request (RFC 9113 §8.1.1).
  static func request(_ fields: Fields, endStream: Bool, isSecure: Bool) -> HTTPRequest? {
    let bytes = fields.bytes.span.bytes
    guard var pseudo = PseudoFields(fields), areValid(fields, from: pseudo.count) else { return nil }
    guard let methodRange = pseudo.method else { return nil }
    let methodText = bytes.extracting(methodRange)
    guard methodText.byteCount <= 32, isToken(methodText) else { return nil }
    let method = Method(methodText)
    let isConnect = method == .connect
    guard isConnect == (pseudo.path == nil), isConnect == (pseudo.scheme == nil), pseudo.isSchemeValid(bytes) else {
      return nil
    }
    guard pseudo.takeHost(fields, bytes) else { return nil }
    guard let target = bytes.target(isConnect ? pseudo.authority : pseudo.path, method) else { return nil }
    guard target.form != .absolute, let content = content(fields, bytes, endStream) else { return nil }
    var request = HTTPRequest(
      method: method, version: .http2, form: target.form, isSecure: isSecure, content: content,
      expectsContinue: false, fields: fields, methodRange: TextRange(methodRange),
      pathRange: TextRange(target.path), queryRange: target.query.map { TextRange($0) } ?? .empty,
      hasQuery: target.query != nil, hostRange: .empty, port: 0)
    if let authority = pseudo.authority {
      guard let parts = Authority.parse(bytes.extracting(authority)) else { return nil }
      let start = authority.lowerBound
      request.hostRange = TextRange((start + parts.host.lowerBound)..<(start + parts.host.upperBound))
      request.port = parts.port ?? 0
    }
    request.fields.entries.removeFirst(pseudo.count)
    return request
  }

  /// Trailers have no pseudo-fields, and keep the same rules otherwise.
  static func areValidTrailers(_ fields: Fields) -> Bool {
    areValid(fields, from: 0)
  }

  /// Names in lower case, values without control characters or white space around them, no fields that belong to one
  /// connection (§8.2).
  static func areValid(_ fields: Fields, from first: Int) -> Bool {
    let bytes = fields.bytes.span.bytes
    for entry in fields.entries.dropFirst(first) {
      switch entry.known {
      case .connection, .keepAlive, .proxyConnection, .transferEncoding, .upgrade: return false
      case .te where !bytes.extracting(entry.value.bounds).isEqualIgnoringCase(to: "trailers"): return false
      default: break
      }
      guard isName(bytes.extracting(entry.name.bounds)), isValue(bytes.extracting(entry.value.bounds)) else {
        return false
      }
    }
    return true
  }

  private static func isName(_ name: RawSpan) -> Bool {
    for index in 0..<name.byteCount {
      let byte = name[index]
      guard Characters.isToken(byte), Characters.lowercased(byte) == byte else { return false }
    }
    return name.byteCount > 0
  }

  static func isValue(_ value: RawSpan) -> Bool {
    for index in 0..<value.byteCount where !Characters.isFieldValue(value[index]) { return false }
    return value.trimmed(0..<value.byteCount).count == value.byteCount
  }

  private static func isToken(_ text: RawSpan) -> Bool {
    for index in 0..<text.byteCount where !Characters.isToken(text[index]) { return false }
    return text.byteCount > 0
  }

  private static func content(_ fields: Fields, _ bytes: RawSpan, _ endStream: Bool) -> HTTPRequest.Content? {
    var length: Int64?
    for entry in fields.entries where entry.known == .contentLength {
      guard length == nil, let number = bytes.extracting(entry.value.bounds).decimal else { return nil }
      length = number
    }
    if endStream { return length ?? 0 == 0 ? HTTPRequest.Content.none : nil }
    return length.map { .length($0) } ?? .unknown
  }
}

/// The pseudo-fields at the front of a request.
private struct PseudoFields {
  var method: Range<Int>?
  var scheme: Range<Int>?
  var path: Range<Int>?
  var authority: Range<Int>?
  /// How many there are.
  var count = 0

  /// `nil` when one is unknown, stands twice, is empty, or comes after a regular field.
  init?(_ fields: Fields) {
    var isFront = true
    for entry in fields.entries {
      guard isPseudo(entry, fields) else {
        isFront = false
        continue
      }
      guard isFront, set(entry) else { return nil }
      count += 1
    }
  }

  private func isPseudo(_ entry: Fields.Entry, _ fields: Fields) -> Bool {
    fields.bytes.span.bytes.byte(at: entry.name.bounds.lowerBound) == 0x3A && entry.name.count > 0
  }

  private mutating func set(_ entry: Fields.Entry) -> Bool {
    let value = entry.value.bounds
    switch entry.known {
    case .pseudoMethod where method == nil: method = value
    case .pseudoScheme where scheme == nil: scheme = value
    case .pseudoPath where path == nil: path = value
    case .pseudoAuthority where authority == nil: authority = value
    default: return false
    }
    return !value.isEmpty
  }

  /// `http` or `https`: others need a gateway, which we are not.
  func isSchemeValid(_ bytes: RawSpan) -> Bool {
    guard let scheme else { return true }
    let text = bytes.extracting(scheme)
    return text.isEqualIgnoringCase(to: "http") || text.isEqualIgnoringCase(to: "https")
  }

  /// `Host` stands in for a missing `:authority`, and may not contradict one (RFC 9113 §8.3.1).
  mutating func takeHost(_ fields: Fields, _ bytes: RawSpan) -> Bool {
    var host: Range<Int>?
    for entry in fields.entries where entry.known == .host {
      guard host == nil else { return false }
      host = entry.value.bounds
    }
    guard let host else { return authority != nil }
    guard let authority else {
      self.authority = host
      return true
    }
    guard host.count == authority.count else { return false }
    for index in 0..<host.count {
      let (left, right) = (bytes[host.lowerBound + index], bytes[authority.lowerBound + index])
      guard Characters.lowercased(left) == Characters.lowercased(right) else { return false }
    }
    return true
  }
}

extension RawSpan {
  /// The target at a place of these octets, its parts as places of the same.
  fileprivate func target(_ range: Range<Int>?, _ method: Method) -> RequestTarget? {
    guard let range, var target = RequestTarget(extracting(range), method: method) else { return nil }
    let start = range.lowerBound
    target.path = (target.path.lowerBound + start)..<(target.path.upperBound + start)
    if let query = target.query { target.query = (query.lowerBound + start)..<(query.upperBound + start) }
    return target
  }
}
