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

  init(_ configuration: ProxyConfiguration, context: ServerContext) throws(HTTPServerError) {
    self.configuration = configuration
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
      do {
        lease = try await pool.lease(
          for: connection.peer.address, on: connection.eventLoop, excluding: tried)
      } catch {
        tell(request, "no upstream can be reached", error, connection)
        return Pages.error(.badGateway)
      }
      do {
        return try await exchange(request, body, lease, connection)
      } catch {
        let mayRepeat = request.content == .none && isIdempotent(request.method)
        guard mayRepeat, repeats < 2, !Task.isCancelled else {
          tell(request, "the upstream failed", error, connection)
          return Pages.error(error as? UpstreamError == .timedOut ? .gatewayTimeout : .badGateway)
        }
        repeats += 1
        // A connection that waited may have been closed by its other end meanwhile: no sign of trouble.
        if !lease.isReused { tried.insert(lease.index) }
        if tried.count == configuration.upstreams.count {
          tell(request, "the upstream failed", error, connection)
          return Pages.error(.badGateway)
        }
      }
    }
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
    let upload = Task { try await Self.upload(body, request.content, to: exchange) }
    let response: ResponseHead
    do {
      response = try await withTaskCancellationHandler {
        try await exchange.head.get()
      } onCancel: {
        exchange.abandon()
      }
    } catch {
      upload.cancel()
      throw error
    }
    // An upstream that refuses does not want the rest.
    if response.status.code >= 400 { upload.cancel() } else { _ = await upload.result }
    return reply(request, response, exchange, upstream)
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

  private static func upload(
    _ body: RequestBody, _ content: HTTPRequest.Content, to exchange: UpstreamConnection.Exchange
  ) async throws {
    guard content != .none else { return }
    do {
      for try await chunk in body where chunk.readableBytes > 0 { try await exchange.send(Array(buffer: chunk)) }
    } catch {
      // The client has gone in the middle: the upstream must not take what it has for the whole.
      exchange.abandon()
      throw error
    }
    if content == .unknown { try await exchange.send([]) }
  }

  private func reply(
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
