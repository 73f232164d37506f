import FTPCore
import NIOCore
import NIOPosix
import Services
import Synchronization
import Transport
import WireKit

/// An FTP server: files over two connections, with TLS on both (RFC 959, 2428, 3659, 4217).
///
/// ```swift
/// let server = FTPServer(
///   context: context, contexts: contexts, counter: counter, numbers: SessionNumbers(), configuration: configuration)
/// try await server.listen(.init(tls: .starttls), descriptor: socket, on: group)
/// ```
public final class FTPServer: Sendable {
  /// How one socket is served.
  public struct Listener: Sendable, Hashable {
    public var tls: StreamListenerConfiguration.TLSMode
    public var limits: ConnectionLimits
    /// Proxies that announce their clients by the PROXY protocol.
    public var proxies: [IPNetwork]

    public init(
      tls: StreamListenerConfiguration.TLSMode, limits: ConnectionLimits = .init(), proxies: [IPNetwork] = []
    ) {
      self.tls = tls
      self.limits = limits
      self.proxies = proxies
    }

    var service: ServiceName { tls == .implicit ? .ftps : .ftp }
  }

  /// The names of FTP in TLS, for both kinds of connection: IANA's, and FileZilla's two. One list, so that data connections
  /// resume the control connection's session.
  static let applicationProtocols = ["ftp", "ftp-data", "x-filezilla-ftp"]

  typealias Driver = StreamListener<FTPServerSession, FTPHandler>

  private let context: ServerContext
  private let contexts: TLSContextStore
  private let counter: ConnectionCounter
  private let numbers: SessionNumbers
  private let handler: FTPHandler

  public init(
    context: ServerContext, contexts: TLSContextStore, counter: ConnectionCounter, numbers: SessionNumbers,
    configuration: FTPServerConfiguration, pool: NIOThreadPool = .singleton
  ) {
    self.context = context
    self.contexts = contexts
    self.counter = counter
    self.numbers = numbers
    handler = FTPHandler(configuration, context: context, contexts: contexts, pool: pool)
  }

  /// A socket that is being served.
  public struct Listening: Sendable {
    /// The address that it listens on.
    public let endpoint: Endpoint?
    let stop: @Sendable (Duration) async -> Void

    /// Stops accepting there, lets transfers end, and ends the connections that last longer than `limit`.
    public func drain(within limit: Duration) async { await stop(limit) }
  }

  /// Serves a bound socket, which is taken over.
  @discardableResult
  public func listen(
    _ listener: Listener, descriptor: Int32, on group: any EventLoopGroup
  ) async throws -> Listening {
    let (handler, contexts) = (handler, contexts)
    let driver = Driver(
      configuration: StreamListenerConfiguration(
        service: listener.service, tls: listener.tls,
        applicationProtocols: listener.tls == .none ? [] : Self.applicationProtocols, limits: listener.limits,
        proxies: listener.proxies, refusal: Array("421 Not now; try again later.\r\n".utf8),
        plainTextRefusal: Array("421 This port speaks FTP inside TLS.\r\n".utf8)),
      context: context, contexts: contexts, counter: counter, numbers: numbers, handler: handler
    ) { connection in
      handler.makeSession(
        connection, offersTLS: listener.tls == .starttls && contexts.serves(listener.service),
        isImplicit: listener.tls == .implicit)
    }
    try await driver.start(descriptor: descriptor, on: group)
    return Listening(endpoint: driver.localEndpoint) { await driver.drain(within: $0) }
  }

  /// Takes over another configuration, for connections from now on.
  public func reload(_ configuration: FTPServerConfiguration) { handler.configuration.withLock { $0 = configuration } }

  /// What was done so far.
  public var counters: FTPCounters { handler.counters.withLock { $0 } }
}

/// What a server has done since it began.
public struct FTPCounters: Sendable, Hashable {
  public var logIns: UInt64 = 0
  public var downloads: UInt64 = 0
  public var uploads: UInt64 = 0
  public var bytesSent: UInt64 = 0
  public var bytesReceived: UInt64 = 0
}
