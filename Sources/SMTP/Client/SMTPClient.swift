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

  private let pool = ConnectionPool()
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
    let key = ConnectionPool.Key(
      target: target, security: plan.security, helloName: plan.helloName, user: plan.userName,
      isLMTP: plan.isLMTP)
    while plan.keepsConnection, let handler = pool.take(key), let channel = handler.channel {
      let job = ClientJob(
        plan: plan, head: message, body: body, promise: channel.eventLoop.makePromise(), watch: watch)
      guard handler.begin(job) else {
        job.promise.fail(ServiceUnavailable("the connection has ended"))
        continue
      }
      let outcome = try? await outcome(of: job, on: channel)
      // One that had ended before it heard of this message: another is made.
      if let outcome, outcome.failure == nil || outcome.wasAnswered { return outcome }
      if Task.isCancelled { return Self.unreachable(plan, "given up") }
    }
    let eventLoop = group.next()
    let job = ClientJob(plan: plan, head: message, body: body, promise: eventLoop.makePromise(), watch: watch)
    let handler = ClientHandler(job, key: key, pool: pool)
    do {
      let context = plan.security == .never ? nil : try context(target)
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
      handler.attach(channel)
      return try await outcome(of: job, on: channel)
    } catch {
      job.promise.fail(error)
      return Self.unreachable(plan, "\(target.endpoint) can't be reached: \(Self.words(for: error))")
    }
  }

  private func outcome(of job: ClientJob, on channel: any Channel) async throws -> DeliveryOutcome {
    let deadline = channel.eventLoop.scheduleTask(in: .nanoseconds(configuration.totalTime.wholeNanoseconds)) {
      channel.close(promise: nil)
    }
    defer { deadline.cancel() }
    return try await withTaskCancellationHandler {
      try await job.promise.futureResult.get()
    } onCancel: {
      channel.close(promise: nil)
    }
  }

  /// Ends connections that wait for more; those that serve go on.
  public func close() { pool.close() }

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

  private func context(_ target: Target) throws -> NIOSSLContext {
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.minimumTLSVersion = .tlsv12
    if !target.verifies { tls.certificateVerification = .none }
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
