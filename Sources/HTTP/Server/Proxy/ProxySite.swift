import HTTPCore
import NIOCore
import Services
import Transport
import WireKit

/// Hands the requests of a site to other servers (RFC 9110 §3.7, a gateway).
///
/// Content streams in both directions under back-pressure. A request goes to another upstream only as long as nothing of
/// it can have had an effect: the upstream could not be reached, or a connection that waited was closed before an
/// answer, and the request has no content and may be repeated (RFC 9110 §9.2.2).
public final class ProxySite: SiteHandler {
  let configuration: ProxyConfiguration
  private let pool: UpstreamPool
  private let events: any EventSink
  private let clock: any Clock
  private let health: Task<Void, Never>?
  private let affinity: UpstreamAffinity

  init(_ configuration: ProxyConfiguration, context: ServerContext) throws(HTTPServerError) {
    self.configuration = configuration
    affinity = UpstreamAffinity(configuration.upstreams)
    events = context.events
    clock = context.clock
    do { pool = try UpstreamPool(configuration, clock: context.clock) } catch {
      throw HTTPServerError(.upstream("\(error)"))
    }
    let pool = pool
    health = configuration.healthPath.map { path in
      Task { await UpstreamHealth.watch(pool, path: path, context.events, context.clock) }
    }
  }

  deinit { health?.cancel() }

  public func handle(_ request: HTTPRequest, body: RequestBody, on connection: Connection) async -> HTTPReply {
    guard request.method != .other else { return Pages.error(.notImplemented) }
    var tried: Set<Int> = []
    var repeats = 0
    while true {
      let lease: UpstreamPool.Lease
      let preferred = configuration.balance == .cookie ? affinity.upstream(of: request) : nil
      do {
        lease = try await pool.lease(
          for: connection.peer.address, preferred: preferred, on: connection.eventLoop, excluding: tried)
      } catch {
        tell(request, "no upstream can be reached", error, connection)
        return Pages.error(.badGateway)
      }
      do {
        var reply = try await exchange(request, body, lease, connection)
        if configuration.balance == .cookie, preferred != lease.index {
          reply.fields.append(.setCookie, affinity.cookie(lease.index, isSecure: request.isSecure))
        }
        return reply
      } catch {
        let mayRepeat = request.content == .none && isIdempotent(request.method)
        guard mayRepeat, repeats < 2, !Task.isCancelled else { return failed(request, error, connection) }
        repeats += 1
        // A connection that waited may have been closed by its other end meanwhile: no sign of trouble.
        if !lease.isReused { tried.insert(lease.index) }
        if tried.count == configuration.upstreams.count { return failed(request, error, connection) }
      }
    }
  }

  private func failed(_ request: HTTPRequest, _ error: any Error, _ connection: Connection) -> HTTPReply {
    tell(request, "the upstream failed", error, connection)
    return Pages.error(error as? UpstreamError == .timedOut ? .gatewayTimeout : .badGateway)
  }

  private func isIdempotent(_ method: Method) -> Bool { method.isSafe || method == .put || method == .delete }

  // MARK: One exchange

  private func exchange(
    _ request: HTTPRequest, _ body: RequestBody, _ lease: UpstreamPool.Lease, _ connection: Connection
  ) async throws -> HTTPReply {
    let upstream = configuration.upstreams[lease.index]
    let (pool, eventLoop) = (pool, connection.eventLoop)
    let exchange = lease.connection.perform(clientRequest(request, upstream, connection)) { isReusable in
      pool.release(lease.index, connection: isReusable ? lease.connection : nil, on: eventLoop)
      if !isReusable { lease.connection.close() }
    }
    let upload = ProxyUpload(body, request.content, to: exchange)
    do {
      let first = try await withTaskCancellationHandler {
        try await exchange.first.get()
      } onCancel: {
        exchange.abandon()
      }
      guard first.status == .earlyHints else { return reply(request, first, exchange, upstream, upload) }
      var hints = HTTPReply(.earlyHints, fields: ProxyFields.hints(first))
      hints.later = ProxyLateReply(exchange) { [self] result in
        switch result {
        case .success(let head): return reply(request, head, exchange, upstream, upload)
        case .failure(let error):
          upload.stop()
          return failed(request, error, connection)
        }
      }
      return hints
    } catch {
      upload.stop()
      throw error
    }
  }

  private func clientRequest(
    _ request: HTTPRequest, _ upstream: ProxyConfiguration.Upstream, _ connection: Connection
  ) -> ClientRequest {
    let query = request.query.map { "?\($0)" } ?? ""
    let path = request.form == .asterisk ? "*" : upstream.path + request.path + query
    let streaming: ClientRequest.StreamedContent? =
      switch request.content {
      case .none: nil
      case .length(let length): .length(length)
      case .unknown: .unknown
      }
    let wantsUpgrade = request.version == .http11 && request.fields.lists(.connection, "upgrade")
    return ClientRequest(
      request.method, isSecure: upstream.isSecure,
      authority: configuration.preservesHost && !request.host.isEmpty
        ? ProxyFields.authority(request) : upstream.authority,
      target: path, fields: ProxyFields.request(request, on: connection, trusted: configuration.trusted),
      streaming: streaming, upgrade: wantsUpgrade ? request.fields[.upgrade] : nil)
  }

  private func reply(
    _ request: HTTPRequest, _ head: ResponseHead, _ exchange: UpstreamConnection.Exchange,
    _ upstream: ProxyConfiguration.Upstream, _ upload: ProxyUpload
  ) -> HTTPReply {
    // An upstream that refuses does not want the rest.
    if head.status.code >= 400 { upload.stop() }
    var reply = plainReply(request, head, exchange, upstream)
    reply.readsOn = upload.isRunning
    return reply
  }

  private func plainReply(
    _ request: HTTPRequest, _ head: ResponseHead, _ exchange: UpstreamConnection.Exchange,
    _ upstream: ProxyConfiguration.Upstream
  ) -> HTTPReply {
    let ours = "\(request.isSecure ? "https" : "http")://\(ProxyFields.authority(request))"
    let theirs = "\(upstream.isSecure ? "https" : "http")://\(upstream.authority)"
    let fields = ProxyFields.response(head, rewriting: configuration.preservesHost ? nil : (theirs, ours))
    if head.status == .switchingProtocols {
      return HTTPReply(head.status, fields: fields, content: .stream(ProxyTunnel(exchange)))
    }
    let length = head.fields[.contentLength].flatMap { Int64($0) }
    if request.method == .head || head.status.forbidsContent {
      return HTTPReply(
        head.status, fields: fields, content: length.map { .content(UnsentContent(), 0..<max($0, 0)) } ?? .none)
    }
    return HTTPReply(
      head.status, fields: fields,
      content: .stream(ProxyContent(exchange, length: length), length: length))
  }

  private func tell(_ request: HTTPRequest, _ message: StaticString, _ error: any Error, _ connection: Connection) {
    events.emit(
      Services.Event(
        time: clock.wallTime(), severity: .warning, message: message, service: connection.service,
        session: connection.id, peer: connection.peer,
        fields: [.init("host", .string(request.host)), .init("reason", .string("\(error)"))]))
  }
}
