import HTTPCore
import Transport

/// Sends every request on to the same path and query at another origin.
struct RedirectSite: SiteHandler {
  /// Scheme, host and port, without a slash at its end.
  let origin: String

  init(origin: String) { self.origin = origin.hasSuffix("/") ? String(origin.dropLast()) : origin }

  func answer(_ request: HTTPRequest, on connection: Connection) -> HTTPReply? {
    Self.redirect(request, to: origin)
  }

  /// GET and HEAD by 301; others by 308, which lets no client change the method (RFC 9110 §15.4.9).
  static func redirect(_ request: HTTPRequest, to origin: String) -> HTTPReply {
    guard request.form == .origin || request.form == .absolute else { return Pages.error(.badRequest) }
    let query = request.query.map { "?\($0)" } ?? ""
    let reads = request.method == .get || request.method == .head
    return Pages.redirect(reads ? .movedPermanently : .permanentRedirect, to: origin + request.path + query)
  }
}
