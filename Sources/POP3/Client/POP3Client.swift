import NIOCore
import NIOPosix
import NIOSSL
import POP3Core
import SASLCore
import Services
import Synchronization
import Transport
import WireKit

/// Connects to one POP3 server and carries out one plan.
public struct POP3Client: Sendable {
  public struct Configuration: Sendable {
    /// DER certificates to trust besides the system's.
    public var trustRoots: [[UInt8]] = []
    public var verifies = true
    public var connectTime = Duration.seconds(10)
    public init() {}
  }

  /// Takes a message's bytes, dots unstuffed, as they arrive. Returns whether it is kept: what is not is never deleted.
  public typealias Keeper = @Sendable (_ number: Int, _ bytes: RequestBody) async -> Bool

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

  /// A credential with a fresh nonce.
  public static func credential(name: String, password: [UInt8]) -> POP3Plan.Credential {
    var generator = SystemRandomNumberGenerator()
    let nonce = (0..<24).map { _ in String(UInt8.random(in: 0...35, using: &generator), radix: 36) }.joined()
    return POP3Plan.Credential(name: name, password: SASLSecret(password), nonce: nonce)
  }

  /// Carries out the plan; what goes wrong after the connection stands is in the outcome.
  /// - Parameter name: For SNI and the certificate.
  /// - Parameter watch: Is told every line, secrets masked.
  public func perform(
    _ plan: POP3Plan, at endpoint: Endpoint, name: String, keeper: @escaping Keeper = { _, _ in false },
    watch: @escaping @Sendable (POP3ClientEvent) -> Void = { _ in }
  ) async throws -> POP3Outcome {
    let eventLoop = group.next()
    let promise = eventLoop.makePromise(of: POP3Outcome.self)
    let handler = POP3ClientHandler(promise: promise, keeper: keeper, watch: watch)
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
    tls.applicationProtocols = ["pop3"]
    if !configuration.verifies { tls.certificateVerification = .none }
    if !configuration.trustRoots.isEmpty {
      tls.additionalTrustRoots = [
        .certificates(try configuration.trustRoots.map { try NIOSSLCertificate(bytes: $0, format: .der) })
      ]
    }
    return try NIOSSLContext(configuration: tls)
  }

  private static func addHandlers(
    to channel: any Channel, _ plan: POP3Plan, _ endpoint: Endpoint, _ host: String, _ context: NIOSSLContext?,
    _ handler: POP3ClientHandler, _ clock: any Clock
  ) throws {
    let name = IPAddress(host) == nil && !host.isEmpty ? host : nil
    var settings = SessionHandlerSettings(
      startsWithTLS: plan.security == .implicit, closeTimeout: .seconds(10), lingerTime: .seconds(1),
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
      id: SessionID(0), service: .pop3, peer: endpoint, local: endpoint, eventLoop: channel.eventLoop)
    let driver = SessionHandler<POP3ClientSession, POP3ClientHandler>(
      connection: connection, settings: settings, clock: clock, handler: handler
    ) { _ in POP3ClientSession(plan: plan) }
    if plan.security == .implicit, let context {
      try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: context, serverHostname: name))
    }
    try channel.pipeline.syncOperations.addHandler(driver)
  }
}

/// Hands messages to their keeper, and the outcome to who waits.
final class POP3ClientHandler: RequestHandler {
  typealias Request = POP3Arrival
  typealias Reply = Bool
  typealias Body = Never
  typealias Event = POP3ClientEvent

  private struct State {
    var isOver = false
    var error: String?
  }

  private let promise: EventLoopPromise<POP3Outcome>
  private let keeper: POP3Client.Keeper
  private let watch: @Sendable (POP3ClientEvent) -> Void
  private let state = Mutex(State())

  init(
    promise: EventLoopPromise<POP3Outcome>, keeper: @escaping POP3Client.Keeper,
    watch: @escaping @Sendable (POP3ClientEvent) -> Void
  ) {
    self.promise = promise
    self.keeper = keeper
    self.watch = watch
  }

  func handle(_ request: POP3Arrival, body: RequestBody, on connection: Connection) async -> Bool {
    await keeper(request.number, body)
  }

  func report(_ event: POP3ClientEvent, on connection: Connection) {
    watch(event)
    if case .finished(let outcome) = event { finish { $0.succeed(outcome) } }
  }

  func failed(_ error: any Error) { state.withLock { $0.error = String(describing: error) } }

  func ended(_ connection: Connection) {
    let error = state.withLock { $0.error }
    finish { $0.fail(ServiceUnavailable(error ?? "the connection ended")) }
  }

  private func finish(_ body: (EventLoopPromise<POP3Outcome>) -> Void) {
    let isFirst = state.withLock { state in
      defer { state.isOver = true }
      return !state.isOver
    }
    if isFirst { body(promise) }
  }
}
