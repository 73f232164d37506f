import NIOCore
import NIOPosix
import NIOSSL
import SMTPCore
import Services
import Synchronization
import Transport
import WireKit

/// Connects to one server and carries out one plan.
public struct SMTPClient: Sendable {
  public struct Configuration: Sendable {
    /// DER certificates to trust besides the system's.
    public var trustRoots: [[UInt8]] = []
    public var connectTime = Duration.seconds(30)
    /// For the whole exchange.
    public var totalTime = Duration.seconds(1800)
    public init() {}
  }

  private let group: any EventLoopGroup
  private let clock: any Clock
  public var configuration: Configuration

  public init(
    group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton, clock: any Clock = SystemClock(),
    configuration: Configuration = Configuration()
  ) {
    self.group = group
    self.clock = clock
    self.configuration = configuration
  }

  /// Where to, and as whom the server must prove itself.
  public struct Target: Sendable, Hashable {
    public var endpoint: Endpoint
    /// For SNI and, where `verifies`, for the certificate.
    public var name: String
    public var verifies: Bool

    public init(_ endpoint: Endpoint, name: String, verifies: Bool) {
      self.endpoint = endpoint
      self.name = name
      self.verifies = verifies
    }
  }

  /// Carries out the plan. Never throws: what went wrong stands in the outcome, as a reply of the 4yz kind where the
  /// server could not be reached.
  ///
  /// `watch` is told every line, secrets masked.
  public func perform(
    _ plan: ClientPlan, at target: Target, message: [UInt8] = [], body: (any MessageBody)? = nil,
    watch: @escaping @Sendable (ClientEvent) -> Void = { _ in }
  ) async -> DeliveryOutcome {
    let eventLoop = group.next()
    let promise = eventLoop.makePromise(of: DeliveryOutcome.self)
    let handler = ClientHandler(head: message, body: body, promise: promise, watch: watch)
    do {
      let context = plan.security == .never ? nil : try context(verifies: target.verifies)
      let channel = try await ClientBootstrap(group: eventLoop)
        .connectTimeout(.nanoseconds(configuration.connectTime.wholeNanoseconds))
        .channelOption(.tcpOption(.tcp_nodelay), value: 1)
        .channelOption(.allowRemoteHalfClosure, value: true)
        .channelInitializer { [clock] channel in
          channel.eventLoop.makeCompletedFuture {
            try Self.addHandlers(to: channel, plan, target, context, handler, clock)
          }
        }
        .connect(
          to: SocketAddress(ipAddress: target.endpoint.address.description, port: Int(target.endpoint.port))
        ).get()
      let deadline = eventLoop.scheduleTask(in: .nanoseconds(configuration.totalTime.wholeNanoseconds)) {
        channel.close(promise: nil)
      }
      defer { deadline.cancel() }
      return try await withTaskCancellationHandler {
        try await promise.futureResult.get()
      } onCancel: {
        channel.close(promise: nil)
      }
    } catch {
      promise.fail(error)
      return Self.unreachable(plan, "\(target.endpoint) can't be reached: \(Self.words(for: error))")
    }
  }

  static func unreachable(_ plan: ClientPlan, _ text: String) -> DeliveryOutcome {
    let reply = SMTPReply(451, "4.4.1", text)
    return DeliveryOutcome(replies: (plan.envelope?.recipients ?? []).map { _ in reply }, failure: reply)
  }

  private static func words(for error: any Error) -> String {
    switch error {
    case let error as NIOConnectionError:
      error.connectionErrors.first.map { String(describing: $0.error) } ?? "no connection"
    case is ChannelError: "no connection in time"
    default: String(describing: error)
    }
  }

  private func context(verifies: Bool) throws -> NIOSSLContext {
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.minimumTLSVersion = .tlsv12
    if !verifies { tls.certificateVerification = .none }
    if !configuration.trustRoots.isEmpty {
      tls.additionalTrustRoots = [
        .certificates(try configuration.trustRoots.map { try NIOSSLCertificate(bytes: $0, format: .der) })
      ]
    }
    return try NIOSSLContext(configuration: tls)
  }

  private static func addHandlers(
    to channel: any Channel, _ plan: ClientPlan, _ target: Target, _ context: NIOSSLContext?,
    _ handler: ClientHandler, _ clock: any Clock
  ) throws {
    let name = IPAddress(target.name) == nil && !target.name.isEmpty ? target.name : nil
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
      let version =
        switch tls?.tlsVersion {
        case .tlsv12: "TLSv1.2"
        case .tlsv13: "TLSv1.3"
        default: "TLS"
        }
      return TLSParameters(version: version, serverName: name, applicationProtocol: applicationProtocol)
    }
    let connection = Connection(
      id: SessionID(0), service: .smtp, peer: target.endpoint, local: target.endpoint, eventLoop: channel.eventLoop)
    let driver = SessionHandler<ClientSession, ClientHandler>(
      connection: connection, settings: settings, clock: clock, handler: handler
    ) { _ in ClientSession(plan: plan) }
    if plan.security == .implicit, let context {
      try channel.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: context, serverHostname: name))
    }
    try channel.pipeline.syncOperations.addHandler(driver)
  }
}

/// Feeds a client session its message, and waits for its outcome.
final class ClientHandler: RequestHandler {
  typealias Request = ClientRequest
  typealias Reply = ClientPiece
  typealias Body = Never
  typealias Event = ClientEvent

  private static let pieceSize: Int64 = 64 * 1024

  private struct State {
    var offset: Int64 = 0
    var isHeadSent = false
    var isOver = false
    var error: String?
  }

  private let head: [UInt8]
  private let body: (any MessageBody)?
  private let promise: EventLoopPromise<DeliveryOutcome>
  private let watch: @Sendable (ClientEvent) -> Void
  private let state = Mutex(State())

  init(
    head: [UInt8], body: (any MessageBody)?, promise: EventLoopPromise<DeliveryOutcome>,
    watch: @escaping @Sendable (ClientEvent) -> Void
  ) {
    self.head = head
    self.body = body
    self.promise = promise
    self.watch = watch
  }

  func handle(_ request: ClientRequest, body _: RequestBody, on connection: Connection) async -> ClientPiece {
    let offset = state.withLock { state -> Int64? in
      guard state.isHeadSent || head.isEmpty else {
        state.isHeadSent = true
        return nil
      }
      defer { state.offset += Self.pieceSize }
      return state.offset
    }
    guard let offset else { return .bytes(head) }
    guard let body, offset < body.size else { return .end }
    do throws(StoreError) {
      let bytes = try body.bytes(offset..<min(body.size, offset + Self.pieceSize))
      return bytes.isEmpty ? .failed : .bytes(bytes)
    } catch { return .failed }
  }

  func report(_ event: ClientEvent, on connection: Connection) {
    watch(event)
    guard case .finished(let outcome) = event else { return }
    finish { $0.succeed(outcome) }
  }

  func failed(_ error: any Error) { state.withLock { $0.error = String(describing: error) } }

  func ended(_ connection: Connection) {
    let error = state.withLock { $0.error }
    finish { $0.fail(ServiceUnavailable(error ?? "the connection ended")) }
  }

  private func finish(_ body: (EventLoopPromise<DeliveryOutcome>) -> Void) {
    let isFirst = state.withLock { state in
      defer { state.isOver = true }
      return !state.isOver
    }
    if isFirst { body(promise) }
  }
}
