import HTTPCore
import NIOCore
import Services
import Synchronization
import Transport
import WireKit

/// Answers the requests of all connections: finds the site, asks it, counts.
final class HTTPRequestHandler: RequestHandler {
  typealias Request = HTTPDemand
  typealias Reply = HTTPAnswer
  typealias Body = any HTTPContent
  typealias Event = HTTPEvent

  let counters = HTTPCounters()
  let caches: FileCaches
  private let context: ServerContext
  private let table: Mutex<SiteTable>

  init(_ configuration: HTTPServerConfiguration, context: ServerContext) throws(HTTPServerError) {
    self.context = context
    caches = FileCaches(clock: context.clock)
    table = Mutex(try SiteTable(configuration, previous: nil, caches: caches, context: context))
  }

  /// The sites as they are now.
  var sites: SiteTable { table.withLock { $0 } }

  /// Replaces the sites. On an error everything stays as it is.
  func reload(_ configuration: HTTPServerConfiguration) throws(HTTPServerError) {
    let next = try SiteTable(configuration, previous: sites, caches: caches, context: context)
    table.withLock { $0 = next }
  }

  func answer(_ demand: HTTPDemand, on connection: Connection) -> HTTPAnswer? {
    guard case .respond(let request) = demand else { return nil }
    let table = sites
    switch route(request, table, connection) {
    case .reply(let reply): return .reply(finish(reply, request, table, nil, connection))
    case .handler(let handler, let site):
      guard let reply = handler.answer(request, on: connection) else { return nil }
      return .reply(finish(reply, request, table, site, connection))
    }
  }

  func handle(_ demand: HTTPDemand, body: RequestBody, on connection: Connection) async -> HTTPAnswer {
    switch demand {
    case .next(let stream, let limit):
      do { return .piece(try await stream.next(atMost: limit)) } catch { return .broken }
    case .deliver(let bytes, let tunnel):
      await tunnel.take(bytes)
      return .delivered
    case .respond(let request):
      let table = sites
      switch route(request, table, connection) {
      case .reply(let reply): return .reply(finish(reply, request, table, nil, connection))
      case .handler(let handler, let site):
        let reply = await handler.handle(request, body: body, on: connection)
        return .reply(finish(reply, request, table, site, connection))
      }
    }
  }

  func source(of body: any HTTPContent) -> BodySource {
    guard let content = body as? FileContent else { return .bytes(ByteBuffer()) }
    return .file(content.file)
  }

  // MARK: Routing

  private enum Route {
    case reply(HTTPReply)
    case handler(any SiteHandler, Site?)
  }

  private func route(_ request: HTTPRequest, _ table: SiteTable, _ connection: Connection) -> Route {
    for mount in table.configuration.mounts where mount.covers(request) { return .handler(mount.handler, nil) }
    // We are no proxy: nothing is tunnelled, and TRACE would show a client its own secrets.
    if request.method == .connect || request.method == .trace { return .reply(Pages.error(.notImplemented)) }
    guard let site = table.site(for: request) else {
      return .reply(Pages.error(connection.isEncrypted ? .misdirectedRequest : .notFound))
    }
    if site.configuration.redirectsToHTTPS, !connection.isEncrypted {
      guard !request.host.isEmpty else { return .reply(Pages.error(.badRequest)) }
      let port = table.configuration.httpsPort
      let origin = "https://\(request.host)" + (port == 443 ? "" : ":\(port)")
      return .reply(RedirectSite.redirect(request, to: origin))
    }
    if request.form == .asterisk {
      var fields = Fields()
      fields.append(.allow, "GET, HEAD, OPTIONS" as StaticString)
      return .reply(HTTPReply(.noContent, fields: fields))
    }
    for mount in site.configuration.mounts where mount.covers(request) { return .handler(mount.handler, site) }
    return .handler(site.handler, site)
  }

  private func finish(
    _ reply: HTTPReply, _ request: HTTPRequest, _ table: SiteTable, _ site: Site?, _ connection: Connection
  ) -> HTTPReply {
    counters.count(reply.status, request.version)
    if table.configuration.logsRequests || context.events.isWatched(connection.service) {
      tell(request, reply.status, table.configuration.logsRequests, connection)
    }
    tellBoot(request, reply.status, connection)
    guard let fields = site?.secureFields, connection.isEncrypted else { return reply }
    var reply = reply
    if reply.fields.isEmpty {
      reply.fields = fields
    } else if let value = fields[.strictTransportSecurity] {
      reply.fields.set(.strictTransportSecurity, value)
    }
    return reply
  }

  // MARK: Words

  private func tell(_ request: HTTPRequest, _ status: Status, _ logs: Bool, _ connection: Connection) {
    let time = context.clock.wallTime()
    let line = "\(request.methodName) \(request.path) \(request.version)"
    if context.events.isWatched(connection.service) {
      emit(time, .conversation(.received, wire: line, meaning: "request for \(request.host)"), connection)
      emit(time, .conversation(.sent, wire: "\(status.code)", meaning: "\(status.reason)"), connection)
    }
    if logs {
      context.events.emit(
        Services.Event(
          time: time, severity: .info, message: "request", service: connection.service, session: connection.id,
          peer: connection.peer,
          fields: [
            .init("request", .string(line)), .init("host", .string(request.host)),
            .init("status", .integer(Int64(status.code))),
          ]))
    }
  }

  private func emit(_ time: WallTime, _ kind: Services.Event.Kind, _ connection: Connection) {
    context.events.emit(
      Services.Event(
        time: time, severity: .debug, kind: kind, message: "conversation", service: connection.service,
        session: connection.id, peer: connection.peer))
  }

  /// Says that a machine which boots from the network has asked for something: firmware and its loaders are few, and each of their
  /// requests is a step that somebody may look for.
  private func tellBoot(_ request: HTTPRequest, _ status: Status, _ connection: Connection) {
    guard let agent = request.fields[.userAgent], Self.bootAgents.contains(where: agent.hasPrefix) else { return }
    context.events.emit(
      Services.Event(
        time: context.clock.wallTime(), severity: .info, message: "boot file requested", service: connection.service,
        session: connection.id, peer: connection.peer,
        fields: [
          .init("request", .string("\(request.methodName) \(request.path)")), .init("host", .string(request.host)),
          .init("status", .integer(Int64(status.code))), .init("agent", .string(String(agent.prefix(100)))),
        ]))
  }

  /// How EDK2, iPXE, GRUB and Debian's installer begin the names that they give themselves.
  private static let bootAgents = ["UefiHttpBoot", "iPXE", "GRUB", "debian-installer", "Wget/debian-installer"]

  func report(_ event: HTTPEvent, on connection: Connection) {
    counters.count(event)
    let (severity, message, text): (Services.Event.Severity, StaticString, String)
    switch event {
    case .refused(let error): (severity, message, text) = (.info, "request refused", error.diagnosis.description)
    case .flood(let what): (severity, message, text) = (.notice, "connection ended: flood", what)
    case .connectionError(_, let what): (severity, message, text) = (.info, "HTTP/2 connection error", what)
    case .goneAway(let code):
      guard code != 0 else { return }
      (severity, message, text) = (.info, "HTTP/2 peer left", "error code \(code)")
    case .timedOut(let what):
      (severity, message, text) = (what == "idle" ? .debug : .info, "connection timed out", what)
    }
    context.events.emit(
      Services.Event(
        time: context.clock.wallTime(), severity: severity, message: message, service: connection.service,
        session: connection.id, peer: connection.peer, fields: [.init("reason", .string(text))]))
  }
}
