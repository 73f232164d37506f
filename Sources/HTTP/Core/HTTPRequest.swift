import WireKit

/// A request's head, the same for every version of HTTP (RFC 9110 §3).
///
/// ```
/// GET /index.html?x=1 HTTP/1.1        method, path, query, version
/// Host: www.lab.test                  authority
/// ```
///
/// It is one run of octets with places in it; texts are made on demand. Its content follows apart.
public struct HTTPRequest: Sendable {
  /// How much content follows the head.
  public enum Content: Hashable, Sendable {
    case none
    /// This many bytes, as `Content-Length` said.
    case length(Int64)
    /// A length that is known at the end only.
    case unknown
  }

  public internal(set) var method: Method
  public internal(set) var version: HTTPVersion
  public internal(set) var form: TargetForm
  /// Whether it came over TLS. What a proxy in front says does not count.
  public internal(set) var isSecure: Bool
  public internal(set) var content: Content
  /// Whether the client waits for `100 Continue` before it sends content (RFC 9110 §10.1.1).
  public internal(set) var expectsContinue: Bool
  public internal(set) var fields: Fields

  var methodRange: TextRange
  var pathRange: TextRange
  var queryRange: TextRange
  var hasQuery: Bool
  /// The host without its port; as it came, in any case.
  var hostRange: TextRange
  /// The port within the authority; 0 when none stands there.
  public internal(set) var port: UInt16

  /// The account that the request's log-in was granted to; set by who checked it.
  public var account: String?

  /// What was taken off the path's front before whoever answers saw it: `/dav`. Empty for nothing.
  public var base = ""

  /// Puts another path in the place of the one that came; a query stays. Percent-encoded, beginning with a slash; anything
  /// else changes nothing.
  public mutating func setPath(_ octets: [UInt8]) {
    guard octets.first == 0x2F, octets.allSatisfy({ Characters.isTarget($0) && $0 != 0x3F }) else { return }
    let start = fields.bytes.count
    fields.bytes += octets
    pathRange = TextRange(start..<fields.bytes.count)
  }

  /// The method's name.
  public var methodName: String { text(methodRange) }
  /// The path as it came: percent-encoded, not normalised; `/` when the target has none. `RequestPath` decodes it.
  public var path: String { pathRange.count == 0 && form == .absolute ? "/" : text(pathRange) }
  /// What follows the `?`, as it came.
  public var query: String? { hasQuery ? text(queryRange) : nil }
  /// The host that the request is for, in lower case, without port and final dot; empty when an HTTP/1.0 request
  /// names none.
  public var host: String {
    var host = text(hostRange).lowercased()
    if host.hasSuffix(".") { host.removeLast() }
    return host
  }

  /// Lends the octets of the path as they came.
  public func withPath<Result, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(fields.bytes.span.bytes.extracting(pathRange.bounds))
  }

  /// Lends the octets of the host: without port, with the final dot and capitals that came.
  public func withHost<Result>(_ body: (RawSpan) -> Result) -> Result {
    body(fields.bytes.span.bytes.extracting(hostRange.bounds))
  }

  private func text(_ range: TextRange) -> String { fields.bytes.span.bytes.extracting(range.bounds).text }
}
