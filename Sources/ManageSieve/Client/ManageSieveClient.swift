import ManageSieveCore
import NIOCore
import NIOPosix
import NIOSSL
import Services
import Synchronization
import Transport
import WireKit

/// Connects to one ManageSieve server and carries out one plan.
public struct ManageSieveClient: Sendable {
  public struct Configuration: Sendable {
    /// DER certificates to trust besides the system's.
    public var trustRoots: [[UInt8]] = []
    public var verifies = true
    public var connectTime = Duration.seconds(10)
    public init() {}
  }

  private let group: any EventLoopGroup
  private let clock: any Clock
  private let configuration: Configuration

  public init(
    group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, clock: any Clock = SystemClock(),
    configuration: Configuration = Configuration()
  ) {
    self.group = group
    self.clock = clock
    self.configuration = configuration
  }

  /// Carries out the plan; what goes wrong after the connection stands is in the outcome.
  /// - Parameter name: For SNI and the certificate.
  public func perform(
    _ plan: SievePlan, at endpoint: Endpoint, name: String,
    watch: @escaping @Sendable (SieveClientEvent) -> Void = { _ in }
  ) async throws -> SieveOutcome {
    let eventLoop = group.next()
    let promise = eventLoop.makePromise(of: SieveOutcome.self)
    let handler = SieveClientHandler(promise: promise, watch: watch)
    let channel: any Channel
    do {
      let context = plan.security == .never ? nil : try context()
      let clock = clock
      channel = try await ClientBootstrap(group: eventLoop)
        .connectTimeout(.nanoseconds(configuration.connectTime.wholeNanoseconds))
        .channelOption(.allowRemoteHalfClosure, value: true)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try Self.addHandlers(to: channel, plan, endpoint, name, context, handler, clock)
          }
        }
        .connect(to: SocketAddress(ipAddress: endpoint.address.description, port: Int(endpoint.port))).get()
    } catch {
      promise.fail(error)
      throw error
    }
    return try await withTaskCancellationHandler {
      try await promise.futureResult.get()
    } onCancel: {
      channel.close(promise: nil)
    }
  }

  private func context() throws -> NIOSSLContext {
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.minimumTLSVersion = .tlsv12
    if !configuration.verifies { tls.certificateVerification = .none }
    if !configuration.trustRoots.isEmpty {
      tls.additionalTrustRoots = [
        .certificates(try configuration.trustRoots.map { try NIOSSLCertificate(bytes: $0, format: .der) })
      ]
    }
    return try NIOSSLContext(configuration: tls)
  }

  private static func addHandlers(
    to channel: any Channel, _ plan: SievePlan, _ endpoint: Endpoint, _ host: String, _ context: NIOSSLContext?,
    _ handler: SieveClientHandler, _ clock: any Clock
  ) throws {
    let name = IPAddress(host) == nil && !host.isEmpty ? host : nil
    var settings = SessionHandlerSettings(
      startsWithTLS: false, closeTimeout: .seconds(10), lingerTime: .seconds(1),
      onError: { error, _ in handler.failed(error) })
    if let context {
      settings.startTLS = { pipeline, driver in
        try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: name), position: .before(driver))
      }
    }
    settings.tlsParameters = { pipeline, applicationProtocol in
      let tls = try? pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)
      let version = tls?.tlsVersion == .tlsv13 ? "TLSv1.3" : "TLSv1.2"
      return TLSParameters(version: version, serverName: name, applicationProtocol: applicationProtocol)
    }
    let connection = Connection(
      id: SessionID(0), service: .sieve, peer: endpoint, local: endpoint, eventLoop: channel.eventLoop)
    let driver = SessionHandler<ManageSieveClientSession, SieveClientHandler>(
      connection: connection, settings: settings, clock: clock, handler: handler
    ) { _ in ManageSieveClientSession(plan: plan) }
    try channel.pipeline.syncOperations.addHandler(driver)
  }
}

/// Hands the outcome to who waits.
final class SieveClientHandler: RequestHandler {
  typealias Request = Never
  typealias Reply = Never
  typealias Body = Never
  typealias Event = SieveClientEvent

  private struct State {
    var isOver = false
    var error: String?
  }

  private let promise: EventLoopPromise<SieveOutcome>
  private let watch: @Sendable (SieveClientEvent) -> Void
  private let state = Mutex(State())

  init(promise: EventLoopPromise<SieveOutcome>, watch: @escaping @Sendable (SieveClientEvent) -> Void) {
    self.promise = promise
    self.watch = watch
  }

  func handle(_ request: Never, body: RequestBody, on connection: Connection) async -> Never {}

  func report(_ event: SieveClientEvent, on connection: Connection) {
    watch(event)
    if case .finished(let outcome) = event { finish { $0.succeed(outcome) } }
  }

  func failed(_ error: any Error) { state.withLock { $0.error = String(describing: error) } }

  func ended(_ connection: Connection) {
    let error = state.withLock { $0.error }
    finish { $0.fail(ServiceUnavailable(error ?? "the connection ended")) }
  }

  private func finish(_ body: (EventLoopPromise<SieveOutcome>) -> Void) {
    let isFirst = state.withLock { state in
      defer { state.isOver = true }
      return !state.isOver
    }
    if isFirst { body(promise) }
  }
}
