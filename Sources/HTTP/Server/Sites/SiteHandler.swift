import HTTPCore
import Transport

/// Answers the requests of a site, or of a part of one: a directory, the metrics page, DNS over HTTPS.
public protocol SiteHandler: Sendable {
  /// Answers at once, on the connection's event loop, or returns `nil` to have `handle` called instead.
  func answer(_ request: HTTPRequest, on connection: Connection) -> HTTPReply?

  /// Answers in its own time. `body` is the request's content as it arrives; what is left of it when the answer is given
  /// is thrown away. Cancelled when nobody waits any more.
  func handle(_ request: HTTPRequest, body: RequestBody, on connection: Connection) async -> HTTPReply
}

extension SiteHandler {
  public func answer(_ request: HTTPRequest, on connection: Connection) -> HTTPReply? { nil }
  public func handle(_ request: HTTPRequest, body: RequestBody, on connection: Connection) async -> HTTPReply {
    Pages.error(.notFound)
  }
}

/// A handler for a path and everything below it, before the rest of the site: `/.well-known/acme-challenge`,
/// `/dns-query`, `/metrics`.
public struct Mount: Sendable {
  /// Begins with a slash and does not end with one.
  public var path: String
  public var handler: any SiteHandler
  /// Whether it takes a request that its path covers; others go where they would without it. `nil`: all.
  public var takes: (@Sendable (HTTPRequest) -> Bool)?

  public init(_ path: String, _ handler: any SiteHandler, takes: (@Sendable (HTTPRequest) -> Bool)? = nil) {
    self.path = path
    self.handler = handler
    self.takes = takes
  }

  /// Whether a request's path is this one or lies below it. Compared as it came: an encoded form is another path.
  func covers(_ request: HTTPRequest) -> Bool { coversPath(of: request) && takes?(request) ?? true }

  private func coversPath(of request: HTTPRequest) -> Bool {
    request.withPath { path in
      let prefix = self.path.utf8
      guard path.byteCount >= prefix.count else { return false }
      var index = 0
      for byte in prefix {
        guard path.byte(at: index) == byte else { return false }
        index += 1
      }
      return path.byteCount == index || path.byte(at: index) == 0x2F
    }
  }
}
