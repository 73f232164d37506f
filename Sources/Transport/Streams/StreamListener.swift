import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Services
import Synchronization
import WireKit

/// Accepts the connections of a listening socket that somebody else has bound, and gives each a session.
///
/// What stands in its configuration can change while it runs; connections that stand keep what they began with.
public final class StreamListener<Session: StreamSession & ~Copyable, Handler: RequestHandler>: Sendable
where
  Handler.Request == Session.Request, Handler.Reply == Session.Reply, Handler.Body == Session.Body,
  Handler.Event == Session.Event
{
  private struct State {
    var configuration: StreamListenerConfiguration
    var server: (any Channel)?
    var connections: [ObjectIdentifier: any Channel] = [:]
  }

  private let context: ServerContext
  private let contexts: TLSContextStore
  private let numbers: SessionNumbers
  private let handler: Handler
  private let makeSession: @Sendable (Connection) -> Session
  private let counter: ConnectionCounter
  private let meter: Meter
  private let state: Mutex<State>

  public init(
    configuration: StreamListenerConfiguration, context: ServerContext, contexts: TLSContextStore,
    counter: ConnectionCounter, numbers: SessionNumbers, handler: Handler,
    makeSession: @escaping @Sendable (Connection) -> Session
  ) {
    self.context = context
    self.contexts = contexts
    self.numbers = numbers
    self.handler = handler
    self.makeSession = makeSession
    self.counter = counter
    meter = context.meters.meter(configuration.service, Handler.operations)
    state = Mutex(State(configuration: configuration))
  }

  /// Connections that stand now.
  public var connectionCount: Int { state.withLock { $0.connections.count } }

  /// Begins to accept on a bound socket. The descriptor is taken over.
  public func start(descriptor: Int32, on group: any EventLoopGroup) async throws {
    let channel = try await ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 1024)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelOption(.maxMessagesPerRead, value: 4)
      .childChannelInitializer { [self] channel in
        channel.eventLoop.makeCompletedFuture {
          // TCP's own option; a Unix socket has none of it.
          if channel.localAddress?.protocol != .unix {
            try channel.syncOptions?.setOption(.tcpOption(.tcp_nodelay), value: 1)
          }
          try open(channel)
        }
      }
      .withBoundSocket(descriptor)
      .get()
    state.withLock { $0.server = channel }
  }

  /// The address that it listens on.
  public var localEndpoint: Endpoint? {
    state.withLock { $0.server?.localAddress }.flatMap { Endpoint($0) }
  }

  /// Changes what applies to connections from now on.
  public func update(_ configuration: StreamListenerConfiguration) {
    state.withLock { $0.configuration = configuration }
  }

  /// Stops accepting. Connections go on.
  public func stopAccepting() async {
    let server = state.withLock { state in
      defer { state.server = nil }
      return state.server
    }
    try? await server?.close()
  }

  /// Stops accepting, lets the sessions finish what they have begun, and ends those that last longer than `limit`.
  public func drain(within limit: Duration) async {
    await stopAccepting()
    let channels = state.withLock { Array($0.connections.values) }
    for channel in channels { channel.pipeline.fireUserInboundEventTriggered(DrainRequest()) }
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        for channel in channels { try? await channel.closeFuture.get() }
      }
      group.addTask { try? await Task.sleep(for: limit) }
      await group.next()
      group.cancelAll()
      for channel in channels { channel.close(promise: nil) }
    }
  }

  // MARK: One connection

  private func open(_ channel: any Channel) throws {
    // Whoever reaches a Unix socket of ours is on this machine.
    let isUnix = channel.localAddress?.protocol == .unix
    let ourselves = isUnix ? Endpoint(IPAddress(127, 0, 0, 1), 0) : nil
    guard let remote = channel.remoteAddress.flatMap({ Endpoint($0) }) ?? ourselves,
      let local = channel.localAddress.flatMap({ Endpoint($0) }) ?? ourselves
    else {
      channel.close(promise: nil)
      return
    }
    let configuration = state.withLock { $0.configuration }
    if let fault = context.faults[configuration.service] {
      guard fault != .refuse else { return FaultHandler.reset(channel) }
      try channel.pipeline.syncOperations.addHandler(FaultHandler(fault))
    }
    guard configuration.proxies.contains(where: { $0.contains(remote.address) }) else {
      try admit(channel, peer: remote.unmapped, local: local.unmapped, configuration)
      return
    }
    let loopBound = NIOLoopBound(channel, eventLoop: channel.eventLoop)
    try channel.pipeline.syncOperations.addHandler(
      ProxyHeaderHandler(timeout: configuration.limits.handshakeTimeout) { [self] endpoints in
        let channel = loopBound.value
        do {
          try admit(
            channel, peer: (endpoints?.source ?? remote).unmapped, local: (endpoints?.destination ?? local).unmapped,
            configuration)
        } catch {
          channel.close(promise: nil)
        }
      })
  }

  private func admit(
    _ channel: any Channel, peer: Endpoint, local: Endpoint, _ configuration: StreamListenerConfiguration
  ) throws {
    if configuration.heedsPenalties,
      let rest = context.penalties.penalty(for: peer.address, now: context.clock.now())
    {
      turnAway(
        channel, peer, configuration, "refused: source under a penalty",
        [.init("rest", .nanoseconds(rest.wholeNanoseconds))])
      return
    }
    let source: IPNetwork?
    switch counter.admit(peer.address, now: context.clock.now()) {
    case .admitted(let counted): source = counted
    case .tooMany: return turnAway(channel, peer, configuration, "refused: too many connections")
    case .tooManyFromSource:
      return turnAway(channel, peer, configuration, "refused: too many connections from one source")
    case .tooFast:
      return turnAway(channel, peer, configuration, "refused: too many connections a second from one source")
    }
    let key = ObjectIdentifier(channel)
    state.withLock { $0.connections[key] = channel }
    let meter = meter.shard(Int(bitPattern: ObjectIdentifier(channel.eventLoop)))
    meter.noteOpened()
    channel.closeFuture.whenComplete { [self] _ in
      meter.noteClosed()
      counter.release(source)
      state.withLock { _ = $0.connections.removeValue(forKey: key) }
    }
    if let limit = configuration.limits.totalTime {
      let end = channel.eventLoop.scheduleTask(in: .nanoseconds(limit.wholeNanoseconds)) { channel.close(promise: nil) }
      channel.closeFuture.whenComplete { _ in end.cancel() }
    }
    let connection = Connection(
      id: numbers.next(), service: configuration.service, peer: peer, local: local, tls: nil,
      eventLoop: channel.eventLoop)
    if configuration.isRegistered { register(connection, channel, configuration.encryption) }
    try addHandlers(to: channel, connection, configuration, meter)
  }

  private func register(_ connection: Connection, _ channel: any Channel, _ encryption: String?) {
    context.sessions.open(
      SessionRecord(
        id: connection.id, service: connection.service, peer: connection.peer, local: connection.local,
        since: context.clock.wallTime(), encryption: encryption)
    ) { channel.close(promise: nil) }
    let sessions = context.sessions
    channel.closeFuture.whenComplete { _ in sessions.close(connection.id) }
  }

  private func addHandlers(
    to channel: any Channel, _ connection: Connection, _ configuration: StreamListenerConfiguration,
    _ meter: MeterShard
  ) throws {
    let makeGate = { [self] in
      TLSGate(
        contexts: contexts, service: configuration.service, applicationProtocols: configuration.applicationProtocols,
        local: connection.local.address, timeout: configuration.limits.handshakeTimeout,
        plainTextRefusal: configuration.plainTextRefusal
      ) { [self] in report($0, connection) }
    }
    var settings = SessionHandlerSettings(
      startsWithTLS: configuration.tls == .implicit, closeTimeout: configuration.limits.closeTimeout,
      onError: { [self] in report($0, $1) })
    settings.meter = meter
    if configuration.tls == .starttls {
      settings.startTLS = { pipeline, driver in try pipeline.addHandler(makeGate(), position: .before(driver)) }
    }
    settings.tlsParameters = { pipeline, applicationProtocol in
      guard let gate = try? pipeline.syncOperations.handler(type: TLSGate.self) else {
        return TLSParameters(version: "TLS", applicationProtocol: applicationProtocol)
      }
      pipeline.syncOperations.removeHandler(gate, promise: nil)
      return gate.parameters(applicationProtocol: applicationProtocol)
    }
    let driver = SessionHandler<Session, Handler>(
      connection: connection, settings: settings, clock: context.clock, handler: handler, makeSession: makeSession)
    if configuration.tls == .implicit { try channel.pipeline.syncOperations.addHandler(makeGate()) }
    try channel.pipeline.syncOperations.addHandler(driver)
  }

  // MARK: Words

  private func turnAway(
    _ channel: any Channel, _ peer: Endpoint, _ configuration: StreamListenerConfiguration, _ reason: StaticString,
    _ fields: [Event.Field] = []
  ) {
    context.events.emit(
      Event(
        time: context.clock.wallTime(), severity: .notice, message: reason, service: configuration.service, peer: peer,
        fields: fields))
    guard !configuration.refusal.isEmpty, configuration.tls != .implicit else {
      channel.close(promise: nil)
      return
    }
    channel.writeAndFlush(ByteBuffer(bytes: configuration.refusal)).whenComplete { _ in channel.close(promise: nil) }
  }

  private func report(_ error: any Error, _ connection: Connection) {
    let text: String
    switch error {
    case let error as IOError where error.errnoCode == 104 || error.errnoCode == 32: return
    case NIOSSLError.uncleanShutdown: return
    default: text = String(describing: error)
    }
    context.events.emit(
      Event(
        time: context.clock.wallTime(), severity: .info, message: "connection ended by an error",
        service: connection.service, session: connection.id, peer: connection.peer,
        fields: [.init("error", .string(text))]))
  }
}
