import ConsoleCore
import NIOCore
import NIOPosix
import Services
import Synchronization
import WireKit

/// The gate as a worker sees it: accounts, penalties, sessions, certificates and events over one Unix socket.
///
/// While the gate is away, log-ins throw `ServiceUnavailable` at once, penalties stay as last known, events wait in a
/// bounded ring, and the connection is tried again with growing pauses. When the gate is back, the sessions that live are
/// entered anew.
public final class GateClient: Sendable {
  /// Events that wait for the gate at most.
  static let eventCapacity = 8192
  static let eventsPerMessage = 128
  /// Reports of misbehaviour that wait for the gate at most.
  static let reportCapacity = 4096
  static let firstPause = Duration.milliseconds(50)
  static let longestPause = Duration.seconds(2)

  struct Report: Sendable {
    var misbehaviour: Misbehaviour
    var source: IPAddress
    var service: ServiceName
  }

  struct State {
    /// The connection, once the gate has said welcome.
    var channel: (any Channel)?
    var nextID: UInt64 = 0
    var pending: [UInt64: CheckedContinuation<GateReply, Never>] = [:]
    var sessions: [SessionID: (record: SessionRecord, end: @Sendable () -> Void)] = [:]
    var penalties = PenaltyTable()
    var reports: [Report] = []
    var watched: Set<ServiceName> = []
    var ring = EventRing(capacity: GateClient.eventCapacity)
    var isFlushing = false
    var identities: [TLSIdentity]?
    var incoming: [TLSIdentity] = []
    /// Told of the challenges that are to be shown.
    var challengeFollower: @Sendable ([PublishedChallenge]) -> Void = { _ in }
    var followers: [UInt64: AsyncStream<[TLSIdentity]>.Continuation] = [:]
    var watchers: [UInt64: AsyncStream<Event>.Continuation] = [:]
    var arrivals: [UInt64: CheckedContinuation<Bool, Never>] = [:]
    var task: Task<Void, Never>?
    var isStopped = false
    /// Answers console commands that the gate passes on.
    var answerer: @Sendable (ConsoleQuestion) async -> ConsoleAnswer? = { _ in nil }
    /// How often the gate has said welcome: who is refused each time must not try again without a pause.
    var welcomes = 0
  }

  let state = Mutex(State())
  private let path: String
  private let name: String
  private let takesPushes: Bool
  let clock: any Clock
  private let group: any EventLoopGroup
  private let metrics: @Sendable () -> String

  /// A worker's client. `name` is the worker's; `metrics` gives its metrics text when the gate asks.
  public convenience init(
    path: String, name: String, clock: any Clock, group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton,
    metrics: @escaping @Sendable () -> String = { "" }
  ) {
    self.init(path: path, name: name, takesPushes: true, clock: clock, group: group, metrics: metrics)
  }

  init(
    path: String, name: String, takesPushes: Bool, clock: any Clock, group: any EventLoopGroup,
    metrics: @escaping @Sendable () -> String
  ) {
    self.path = path
    self.name = name
    self.takesPushes = takesPushes
    self.clock = clock
    self.group = group
    self.metrics = metrics
  }

  /// Starts to connect, and to connect again whenever the connection is lost.
  public func start() {
    state.withLock { state in
      guard state.task == nil, !state.isStopped else { return }
      state.task = Task { await self.run() }
    }
  }

  /// Ends the connection for good. Events that wait are sent first, as far as the gate takes them within a second.
  public func stop() async {
    for _ in 0..<50 {
      guard state.withLock({ $0.channel != nil && !$0.ring.isEmpty }) else { break }
      try? await Task.sleep(for: .milliseconds(20))
    }
    let last = state.withLock { state in
      state.isStopped = true
      return state
    }
    last.task?.cancel()
    for follower in last.followers.values { follower.finish() }
    await last.task?.value
  }

  /// Waits until the gate has said welcome; false when it has not within the limit.
  public func waitUntilConnected(timeLimit: Duration) async -> Bool {
    let id = takeID()
    let timer = Task {
      try? await Task.sleep(for: timeLimit)
      state.withLock { $0.arrivals.removeValue(forKey: id) }?.resume(returning: false)
    }
    defer { timer.cancel() }
    return await withCheckedContinuation { continuation in
      let isThere = state.withLock { state in
        if state.channel == nil { state.arrivals[id] = continuation }
        return state.channel != nil
      }
      if isThere { continuation.resume(returning: true) }
    }
  }

  /// Whether the gate answers at the moment.
  public var isConnected: Bool { state.withLock { $0.channel != nil } }

  func takeID() -> UInt64 {
    state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
  }

  /// Always by way of the event loop, so that messages keep their order and nothing runs under the caller's lock.
  static func send(_ frame: ByteBuffer, on channel: any Channel) {
    channel.eventLoop.execute { channel.writeAndFlush(frame, promise: nil) }
  }

  /// Sends when the gate is there; otherwise nothing.
  func send(_ message: ClientMessage) {
    guard let frame = Frame.encode(message), let channel = state.withLock({ $0.channel }) else { return }
    Self.send(frame, on: channel)
  }

  /// Asks, and waits for the answer. Throws at once when the gate is away.
  func request(
    _ request: GateRequest, timeLimit: TimeAmount = .seconds(30)
  ) async throws(ServiceUnavailable) -> GateReply {
    let id = takeID()
    guard let frame = Frame.encode(ClientMessage.request(id: id, request)) else {
      throw ServiceUnavailable("the request is too long")
    }
    let reply = await withCheckedContinuation { continuation in
      let channel = state.withLock { state in
        if state.channel != nil { state.pending[id] = continuation }
        return state.channel
      }
      guard let channel else { return continuation.resume(returning: .unavailable("gate is away")) }
      Self.send(frame, on: channel)
      channel.eventLoop.scheduleTask(in: timeLimit) { [self] in
        resume(id, .unavailable("gate did not answer in time"))
      }
    }
    if case .unavailable(let diagnosis) = reply { throw ServiceUnavailable(diagnosis) }
    return reply
  }

  func resume(_ id: UInt64, _ reply: GateReply) {
    state.withLock { $0.pending.removeValue(forKey: id) }?.resume(returning: reply)
  }

  private func run() async {
    var pause = Self.firstPause
    while !Task.isCancelled {
      if await connectOnce() { pause = Self.firstPause }
      do { try await Task.sleep(for: pause) } catch { break }
      pause = min(pause * 2, Self.longestPause)
    }
  }

  /// One connection from its start to its end; true when the gate had said welcome.
  private func connectOnce() async -> Bool {
    guard let hello = Frame.encode(ClientMessage.hello(name: name, takesPushes: takesPushes)) else { return false }
    let bootstrap = ClientBootstrap(group: group).channelInitializer { [self] channel in
      channel.eventLoop.makeCompletedFuture {
        let handler = FrameHandler<ServerMessage> { [self] message in
          receive(message, channel)
        } closed: { [self] in
          disconnected(channel)
        } writabilityChanged: { [self] in
          if channel.isWritable { flush(channel) }
        }
        try channel.pipeline.syncOperations.addHandler(handler)
      }
    }
    guard let channel = try? await bootstrap.connect(unixDomainSocketPath: path).get() else { return false }
    let welcomes = state.withLock { $0.welcomes }
    Self.send(hello, on: channel)
    await withTaskCancellationHandler {
      try? await channel.closeFuture.get()
    } onCancel: {
      channel.close(promise: nil)
    }
    return state.withLock { $0.welcomes } != welcomes
  }

  private func disconnected(_ channel: any Channel) {
    let (pending, watchers) = state.withLock { state in
      defer { (state.channel, state.pending, state.isFlushing, state.watchers) = (nil, [:], false, [:]) }
      return (state.pending, state.watchers)
    }
    for waiting in pending.values { waiting.resume(returning: .unavailable("the connection to gate was lost")) }
    for watcher in watchers.values { watcher.finish() }
  }

  private func receive(_ message: ServerMessage, _ channel: any Channel) {
    switch message {
    case .welcome: welcomed(channel)
    case .reply(let id, let reply): resume(id, reply)
    case .penalties(let update):
      let now = clock.now()
      state.withLock { $0.penalties.apply(update, now: now) }
    case .identities(let identities, let isFirst, let isLast): take(identities, isFirst, isLast)
    case .challenges(let challenges): state.withLock { $0.challengeFollower }(challenges)
    case .endSession(let id): state.withLock { $0.sessions[id]?.end }?()
    case .watched(let services): state.withLock { $0.watched = services }
    case .collectMetrics(let id): send(.metrics(id: id, text: metrics()))
    case .ask(let id, let question):
      let answerer = state.withLock { $0.answerer }
      Task {
        let answer = await answerer(question)
        // Too long for a frame: a worker's page is meant to be far shorter.
        let message = ClientMessage.answer(id: id, answer)
        self.send(Frame.encode(message) == nil ? .answer(id: id, .failure("the answer is too long")) : message)
      }
    case .event(let event):
      for watcher in state.withLock({ Array($0.watchers.values) }) { watcher.yield(event) }
    }
  }

  /// The gate is there: sessions are entered anew, in the same breath in which new ones begin to be sent.
  private func welcomed(_ channel: any Channel) {
    let arrivals = state.withLock { state in
      for report in state.reports {
        let message = ClientMessage.misbehaviour(report.misbehaviour, source: report.source, service: report.service)
        if let frame = Frame.encode(message) { Self.send(frame, on: channel) }
      }
      for session in state.sessions.values {
        if let frame = Frame.encode(ClientMessage.openSession(session.record)) { Self.send(frame, on: channel) }
      }
      defer { (state.arrivals, state.reports) = ([:], []) }
      state.channel = channel
      state.welcomes += 1
      state.isFlushing = !state.ring.isEmpty
      return state.arrivals
    }
    for arrival in arrivals.values { arrival.resume(returning: true) }
    flush(channel)
  }

  private func take(_ identities: [TLSIdentity], _ isFirst: Bool, _ isLast: Bool) {
    let (complete, followers) = state.withLock { state in
      if isFirst { state.incoming = [] }
      state.incoming += identities
      guard isLast else { return ([TLSIdentity]?.none, [AsyncStream<[TLSIdentity]>.Continuation]()) }
      defer { state.incoming = [] }
      state.identities = state.incoming
      return (state.incoming, Array(state.followers.values))
    }
    guard let complete else { return }
    for follower in followers { follower.yield(complete) }
  }
}
