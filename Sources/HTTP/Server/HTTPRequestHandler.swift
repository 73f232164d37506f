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
  private let desk: LogInDesk
  private let running: Mutex<Running>

  /// What a reload replaces.
  struct Running: Sendable {
    var table: SiteTable
    var log: AccessLog?

    /// The client itself, where a proxy of our own tells of it.
    func client(of request: HTTPRequest, on connection: Connection) -> Connection {
      guard table.configuration.isBehindOwnProxy,
        let last = request.fields.values(.xForwardedFor).last?.split(separator: ",").last,
        let address = IPAddress(String(last.drop { $0 == " " }))
      else { return connection }
      return Connection(
        id: connection.id, service: connection.service, peer: Endpoint(address, 0), local: connection.local,
        tls: request.fields[.xForwardedProto] == "https" ? TLSParameters(version: "TLS") : nil,
        eventLoop: connection.eventLoop)
    }
  }

  init(
    _ configuration: HTTPServerConfiguration, desk: LogInDesk, context: ServerContext
  ) throws(HTTPServerError) {
    self.context = context
    self.desk = desk
    caches = FileCaches(clock: context.clock)
    let table = try SiteTable(configuration, previous: nil, desk: desk, caches: caches, context: context)
    running = Mutex(
      Running(table: table, log: configuration.accessLog.map { AccessLog($0, context: context) }))
  }

  /// The sites as they are now.
  var sites: SiteTable { running.withLock { $0.table } }

  /// Replaces the sites, and opens the log anew. On an error everything stays as it is.
  func reload(_ configuration: HTTPServerConfiguration) throws(HTTPServerError) {
    let next = try SiteTable(configuration, previous: sites, desk: desk, caches: caches, context: context)
    running.withLock { running in
      running.table = next
      if running.log?.configuration == configuration.accessLog {
        running.log?.reopen()
      } else {
        running.log = configuration.accessLog.map { AccessLog($0, context: context) }
      }
    }
  }

  func answer(_ demand: HTTPDemand, on connection: Connection) -> HTTPAnswer? {
    guard case .respond(var request) = demand else { return nil }
    let running = running.withLock { $0 }
    let connection = running.client(of: request, on: connection)
    var exchange = Exchange(running, running.log == nil ? nil : context.clock.now())
    switch route(request, running.table, connection) {
    case .reply(let reply): return .reply(finish(reply, request, exchange, connection))
    case .handler(let handler, let site):
      exchange.site = site
      if let guardian = site?.guardian {
        switch guardian.admit(&request, on: connection) {
        case .reply(let reply): return .reply(finish(reply, request, exchange, connection))
        case .undecided: return nil
        case .proceed: break
        }
        if guardian.rules.contentLimit != nil, request.content == .unknown { return nil }
      }
      guard let reply = (handler ?? site.map { content($0, request) })?.answer(request, on: connection) else {
        return nil
      }
      return .reply(finish(reply, request, exchange, connection))
    }
  }

  func handle(_ demand: HTTPDemand, body: RequestBody, on connection: Connection) async -> HTTPAnswer {
    switch demand {
    case .next(let stream, let limit):
      do { return .piece(try await stream.next(atMost: limit)) } catch { return .broken }
    case .deliver(let bytes, let tunnel):
      await tunnel.take(bytes)
      return .delivered
    case .later(let late): return .reply(await late.reply())
    case .respond(let request): return .reply(await respond(request, body, connection))
    }
  }

  private func respond(_ request: HTTPRequest, _ body: RequestBody, _ connection: Connection) async -> HTTPReply {
    var request = request
    let running = running.withLock { $0 }
    let connection = running.client(of: request, on: connection)
    var exchange = Exchange(running, running.log == nil ? nil : context.clock.now())
    switch route(request, running.table, connection) {
    case .reply(let reply): return finish(reply, request, exchange, connection)
    case .handler(let handler, let site):
      exchange.site = site
      if let guardian = site?.guardian, let reply = await guardian.admitLater(&request, body, on: connection) {
        return finish(reply, request, exchange, connection)
      }
      guard let handler = handler ?? site.map({ content($0, request) }) else { return Pages.error(.notFound) }
      // Where the rules had to ask somebody, the content has not been asked at all; on the event loop, as always.
      if site?.guardian != nil {
        let asked = request
        let atOnce = try? await connection.eventLoop.submit { handler.answer(asked, on: connection) }.get()
        if let reply = atOnce ?? nil { return finish(reply, request, exchange, connection) }
      }
      let reply = await handler.handle(request, body: body, on: connection)
      if body.exceedsLimit { return finish(Pages.error(.contentTooLarge), request, exchange, connection) }
      return settle(reply, request, exchange, connection)
    }
  }

  /// An interim reply goes out as it is; the one behind it is finished when it comes.
  private func settle(
    _ reply: HTTPReply, _ request: HTTPRequest, _ exchange: Exchange, _ connection: Connection
  ) -> HTTPReply {
    guard let later = reply.later else { return finish(reply, request, exchange, connection) }
    var interim = reply
    interim.later = FinishedLater(later) { [self] in settle($0, request, exchange, connection) }
    return interim
  }

  func source(of body: any HTTPContent) -> BodySource {
    guard let content = body as? FileContent else { return .bytes(ByteBuffer()) }
    return .file(content.file)
  }

  // MARK: Routing

  private enum Route {
    case reply(HTTPReply)
    /// A handler of its own, or a site's content, that its rules may still lead elsewhere.
    case handler((any SiteHandler)?, Site?)
  }

  /// What a reply is finished with.
  struct Exchange: Sendable {
    let running: Running
    /// When the request came; `nil` where nobody asks.
    let start: MonotonicTime?
    var site: Site?

    init(_ running: Running, _ start: MonotonicTime?) {
      self.running = running
      self.start = start
    }
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
    return .handler(nil, site)
  }

  /// Who answers within a site, by the path that its rules have left.
  private func content(_ site: Site, _ request: HTTPRequest) -> any SiteHandler {
    for mount in site.configuration.mounts where mount.covers(request) { return mount.handler }
    for part in site.parts where part.covers(request) { return part }
    return site.handler
  }

  private func finish(
    _ reply: HTTPReply, _ request: HTTPRequest, _ exchange: Exchange, _ connection: Connection
  ) -> HTTPReply {
    let configuration = exchange.running.table.configuration
    counters.count(reply.status, request.version)
    if configuration.logsRequests || context.events.isWatched(connection.service) {
      tell(request, reply.status, configuration.logsRequests, connection)
    }
    tellBoot(request, reply.status, connection)
    var reply = reply
    if let guardian = exchange.site?.guardian { reply = guardian.finish(reply) }
    if let fields = exchange.site?.secureFields, connection.isEncrypted {
      if reply.fields.isEmpty {
        reply.fields = fields
      } else if let value = fields[.strictTransportSecurity] {
        reply.fields.set(.strictTransportSecurity, value)
      }
    }
    guard let log = exchange.running.log, let start = exchange.start else { return reply }
    return log.note(reply, to: request, on: connection, since: start)
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

/// A reply behind an interim one, finished like any other.
private final class FinishedLater: HTTPLateReply {
  private let late: any HTTPLateReply
  private let finish: @Sendable (HTTPReply) -> HTTPReply

  init(_ late: any HTTPLateReply, _ finish: @escaping @Sendable (HTTPReply) -> HTTPReply) {
    self.late = late
    self.finish = finish
  }

  func reply() async -> HTTPReply { finish(await late.reply()) }
}
