import IMAPCore
import NIOCore
import SASLCore
import Services
import Synchronization
import Transport
import WireKit

/// An IMAP server: mailboxes of a `MailStore` for the accounts of a directory.
///
/// ```swift
/// let server = IMAPServer(
///   context: context, contexts: contexts, counter: counter, numbers: SessionNumbers(), store: store,
///   configuration: .init(hostName: "mail.lab.test"))
/// try await server.listen(.init(isImplicitTLS: true), descriptor: socket, on: group)
/// ```
public final class IMAPServer: Sendable {
  /// What a listener's sessions get to know.
  public struct Configuration: Sendable {
    public var hostName: String
    public var version: String
    public var limits: IMAPLimits
    /// Whether a peer may log in without TLS.
    public var acceptsPlaintext: @Sendable (IPAddress) -> Bool

    public init(
      hostName: String, version: String = "1", limits: IMAPLimits = IMAPLimits(),
      acceptsPlaintext: @escaping @Sendable (IPAddress) -> Bool = { _ in false }
    ) {
      self.hostName = hostName
      self.version = version
      self.limits = limits
      self.acceptsPlaintext = acceptsPlaintext
    }
  }

  /// How one socket is served.
  public struct Listener: Sendable, Hashable {
    public var tls: StreamListenerConfiguration.TLSMode
    public var limits: ConnectionLimits
    /// Proxies that announce their clients by the PROXY protocol.
    public var proxies: [IPNetwork]

    public init(
      tls: StreamListenerConfiguration.TLSMode, limits: ConnectionLimits = ConnectionLimits(), proxies: [IPNetwork] = []
    ) {
      self.tls = tls
      self.limits = limits
      self.proxies = proxies
    }

    var configuration: StreamListenerConfiguration {
      StreamListenerConfiguration(
        service: tls == .implicit ? .imaps : .imap, tls: tls, applicationProtocols: ["imap"], limits: limits,
        proxies: proxies, refusal: Array("* BYE Not now: too many connections, or too many failures\r\n".utf8),
        plainTextRefusal: Array("* BYE This port speaks TLS\r\n".utf8))
    }
  }

  typealias Driver = StreamListener<ServerSession, IMAPRequestHandler>

  private let context: ServerContext
  private let contexts: TLSContextStore
  private let counter: ConnectionCounter
  private let numbers: SessionNumbers
  private let handler: IMAPRequestHandler
  private let configuration: Mutex<Configuration>
  private let listeners = Mutex<[Driver]>([])

  public init(
    context: ServerContext, contexts: TLSContextStore, counter: ConnectionCounter, numbers: SessionNumbers,
    store: any MailStore, configuration: Configuration
  ) {
    self.context = context
    self.contexts = contexts
    self.counter = counter
    self.numbers = numbers
    self.configuration = Mutex(configuration)
    handler = IMAPRequestHandler(store: store, context: context, limits: configuration.limits)
  }

  /// A socket that is being served.
  public struct Listening: Sendable {
    /// The address that it listens on.
    public let endpoint: Endpoint?
    let stop: @Sendable (Duration) async -> Void

    /// Stops accepting there, lets commands end, and ends the connections that last longer than `limit`.
    public func drain(within limit: Duration) async { await stop(limit) }
  }

  /// Serves a bound socket, which is taken over.
  @discardableResult
  public func listen(
    _ listener: Listener, descriptor: Int32, on group: any EventLoopGroup
  ) async throws -> Listening {
    let driver = Driver(
      configuration: listener.configuration, context: context, contexts: contexts, counter: counter, numbers: numbers,
      handler: handler
    ) { [self] connection in
      let configuration = configuration.withLock { $0 }
      handler.began(connection)
      return ServerSession(
        ServerSessionConfiguration(
          hostName: configuration.hostName, version: configuration.version, isEncrypted: connection.isEncrypted,
          offersStartTLS: listener.tls == .starttls,
          acceptsPlaintext: configuration.acceptsPlaintext(connection.peer.address),
          mechanisms: SASLMechanism.offered(tokens: context.acceptsTokens), limits: configuration.limits))
    }
    try await driver.start(descriptor: descriptor, on: group)
    listeners.withLock { $0.append(driver) }
    return Listening(endpoint: driver.localEndpoint) { [self] limit in
      await driver.drain(within: limit)
      listeners.withLock { $0.removeAll { $0 === driver } }
    }
  }

  /// What applies to connections from now on.
  public func reload(_ configuration: Configuration) { self.configuration.withLock { $0 = configuration } }

  /// Connections that stand now.
  public var connectionCount: Int { listeners.withLock { $0.reduce(0) { $0 + $1.connectionCount } } }
}
