import HTTPCore
import NIOCore
import Services
import Synchronization
import Transport
import WireKit

/// An HTTP server: sites by host name over HTTP/1.1 and HTTP/2, in plain text and inside TLS.
///
/// ```swift
/// let server = try HTTPServer(
///   context: context, contexts: contexts, counter: counter, numbers: SessionNumbers(),
///   configuration: .init(sites: [SiteConfiguration(names: ["www.lab.test"], content: .directory(.init(root: "/srv/www")))]))
/// try await server.listen(.init(isSecure: false), descriptor: socket, on: group)
/// ```
public final class HTTPServer: Sendable {
  /// How one socket is served.
  public struct Listener: Sendable, Hashable {
    /// Inside TLS from the first byte, or in plain text.
    public var isSecure: Bool
    /// What it counts as: which certificate it shows, and where its events belong. `nil`: HTTP or HTTPS.
    public var service: ServiceName?
    public var limits: ConnectionLimits
    /// Proxies that announce their clients by the PROXY protocol.
    public var proxies: [IPNetwork]

    public init(
      isSecure: Bool, service: ServiceName? = nil, limits: ConnectionLimits = ConnectionLimits(),
      proxies: [IPNetwork] = []
    ) {
      self.isSecure = isSecure
      self.service = service
      self.limits = limits
      self.proxies = proxies
    }

    var configuration: StreamListenerConfiguration {
      StreamListenerConfiguration(
        service: service ?? (isSecure ? .https : .http), tls: isSecure ? .implicit : .none,
        applicationProtocols: isSecure ? ["h2", "http/1.1"] : [], limits: limits, proxies: proxies,
        refusal: Self.words(.serviceUnavailable, "too many connections"),
        plainTextRefusal: Self.words(.badRequest, "this port speaks HTTPS"), isRegistered: false)
    }

    private static func words(_ status: Status, _ text: StaticString) -> [UInt8] {
      let body = "\(text)\n"
      let head =
        "HTTP/1.1 \(status.code) \(status.reason)\r\nContent-Type: text/plain\r\nContent-Length: \(body.utf8.count)\r\n"
        + "Connection: close\r\n\r\n"
      return Array((head + body).utf8)
    }
  }

  typealias Driver = StreamListener<HTTPServerSession, HTTPRequestHandler>

  private let context: ServerContext
  private let contexts: TLSContextStore
  private let counter: ConnectionCounter
  private let numbers: SessionNumbers
  private let handler: HTTPRequestHandler
  private let listeners = Mutex<[Driver]>([])

  /// Makes a server that listens nowhere yet. Throws when a site can't be served as configured.
  ///
  /// - Parameter desk: Who judges the log-ins that sites want; without one, nobody logs in over plain text.
  public init(
    context: ServerContext, contexts: TLSContextStore, counter: ConnectionCounter, numbers: SessionNumbers,
    configuration: HTTPServerConfiguration, desk: LogInDesk? = nil
  ) throws(HTTPServerError) {
    self.context = context
    self.contexts = contexts
    self.counter = counter
    self.numbers = numbers
    handler = try HTTPRequestHandler(
      configuration, desk: desk ?? LogInDesk(context: context), context: context)
  }

  /// A socket that is being served.
  public struct Listening: Sendable {
    /// The address that it listens on.
    public let endpoint: Endpoint?
    let stop: @Sendable (Duration) async -> Void

    /// Stops accepting there, lets requests end, and ends the connections that last longer than `limit`.
    public func drain(within limit: Duration) async { await stop(limit) }
  }

  /// Serves a bound socket, which is taken over.
  @discardableResult
  public func listen(
    _ listener: Listener, descriptor: Int32, on group: any EventLoopGroup
  ) async throws -> Listening {
    let (clock, handler) = (context.clock, handler)
    let driver = Driver(
      configuration: listener.configuration, context: context, contexts: contexts, counter: counter, numbers: numbers,
      handler: handler
    ) { connection in
      let wall = clock.wallTime()
      let wallNanoseconds = wall.seconds &* 1_000_000_000 &+ Int64(wall.nanoseconds)
      return HTTPServerSession(
        HTTPSessionConfiguration(
          limits: handler.sites.configuration.limits, isSecure: connection.isEncrypted,
          applicationProtocol: connection.tls?.applicationProtocol,
          dateOffset: wallNanoseconds &- Int64(clamping: clock.now().nanoseconds)))
    }
    try await driver.start(descriptor: descriptor, on: group)
    listeners.withLock { $0.append(driver) }
    return Listening(endpoint: driver.localEndpoint) { [self] limit in
      await driver.drain(within: limit)
      listeners.withLock { $0.removeAll { $0 === driver } }
    }
  }

  /// Takes over another configuration. Connections stay, and directories that are in both keep their files open. On an
  /// error everything stays as it is.
  public func reload(_ configuration: HTTPServerConfiguration) throws(HTTPServerError) {
    try handler.reload(configuration)
  }

  /// Requests so far.
  public var counters: HTTPCounters.Snapshot { handler.counters.snapshot }

  /// Connections that stand now.
  public var connectionCount: Int { listeners.withLock { $0.reduce(0) { $0 + $1.connectionCount } } }

  /// Stops accepting, lets requests end, and ends the connections that last longer than `limit`.
  public func drain(within limit: Duration) async {
    let all = listeners.withLock { listeners in
      defer { listeners = [] }
      return listeners
    }
    await withTaskGroup(of: Void.self) { group in
      for listener in all { group.addTask { await listener.drain(within: limit) } }
    }
  }
}
