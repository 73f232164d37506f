import HTTPCore
import Transport

/// A part of a site: other content for a path and everything below it, which sees the rest of the path alone.
struct PathSite: SiteHandler {
  let path: String
  let handler: any SiteHandler
  private let mount: Mount

  init(_ path: String, _ handler: any SiteHandler) {
    self.path = path
    self.handler = handler
    mount = Mount(path, handler)
  }

  func covers(_ request: HTTPRequest) -> Bool { mount.covers(request) }

  func answer(_ request: HTTPRequest, on connection: Connection) -> HTTPReply? {
    guard let inner = inside(request) else { return redirect(request) }
    return handler.answer(inner, on: connection).map(outside)
  }

  func handle(_ request: HTTPRequest, body: RequestBody, on connection: Connection) async -> HTTPReply {
    guard let inner = inside(request) else { return redirect(request) }
    return outside(await handler.handle(inner, body: body, on: connection))
  }

  /// The request as the content sees it; `nil` for the path itself without its slash, where relative links would break.
  private func inside(_ request: HTTPRequest) -> HTTPRequest? {
    var inner = request
    let rest = request.withPath { $0.extracting(min(path.utf8.count, $0.byteCount)..<$0.byteCount).copied() }
    if rest.isEmpty, request.method == .get || request.method == .head, handler is StaticSite { return nil }
    inner.setPath(rest.isEmpty ? [0x2F] : rest)
    inner.base = path
    return inner
  }

  private func redirect(_ request: HTTPRequest) -> HTTPReply {
    Pages.redirect(.movedPermanently, to: request.path + "/" + (request.query.map { "?\($0)" } ?? ""))
  }

  /// A folder's own redirect leads to a path without our part's.
  private func outside(_ reply: HTTPReply) -> HTTPReply {
    guard handler is StaticSite, let location = reply.fields[.location], location.hasPrefix("/") else { return reply }
    var reply = reply
    reply.fields.set(.location, path + location)
    return reply
  }
}
