import Glibc
import NIOCore
import NIOPosix
import Services
import Synchronization

/// Serves the gate to workers and to the command line, over a Unix socket that was bound elsewhere.
///
/// Only processes of root, of this process's own user and of the service user are let in (SO_PEERCRED).
public final class GateServer: Sendable {
  public struct Configuration: Sendable {
    /// The user whose processes the workers are, beside root and this process's own user.
    public var serviceUserID: uid_t?
    /// Users that are let in; `nil` for those named above. For tests.
    var allowedUserIDs: Set<uid_t>?
    /// Whether administration and watching are served here. A program may serve its workers on one socket and its
    /// administrators on another that workers can't reach.
    public var allowsAdministration: Bool
    public var maximumConnections: Int

    public init(serviceUserID: uid_t? = nil, allowsAdministration: Bool = true, maximumConnections: Int = 256) {
      self.serviceUserID = serviceUserID
      self.allowsAdministration = allowsAdministration
      self.maximumConnections = maximumConnections
    }
  }

  private struct State {
    var listener: (any Channel)?
    var connections: [UInt64: GateConnection] = [:]
    var identities: [TLSIdentity]?
    var challenges: [PublishedChallenge] = []
    var certificateTask: Task<Void, Never>?
    var isStopped = false
  }

  private let parts: GateParts
  private let configuration: Configuration
  private let group: any EventLoopGroup
  private let state = Mutex(State())

  public init(
    _ parts: GateParts, configuration: Configuration = Configuration(),
    group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
  ) {
    self.parts = parts
    self.configuration = configuration
    self.group = group
  }

  /// Starts to accept on a listening stream socket. The descriptor is this server's from here on, also when it throws.
  public func start(descriptor: CInt) async throws {
    let bootstrap = ServerBootstrap(group: group)
      .childChannelOption(.maxMessagesPerRead, value: 4)
      .childChannelInitializer { [self] channel in channel.eventLoop.makeCompletedFuture { try accept(channel) } }
    let listener = try await bootstrap.withBoundSocket(descriptor).get()
    let identities = parts.certificates.identities()
    let task = Task { [weak self] in
      for await identities in identities { self?.take(identities) }
    }
    let isStopped = state.withLock { state in
      (state.listener, state.certificateTask) = (listener, task)
      return state.isStopped
    }
    if isStopped { await stop() }
  }

  /// Stops to accept and closes every connection.
  public func stop() async {
    let last = state.withLock { state in
      state.isStopped = true
      return state
    }
    last.certificateTask?.cancel()
    try? await last.listener?.close()
    for connection in last.connections.values { connection.close() }
  }

  /// Asks every worker for its metrics. Who does not answer within the limit is left out.
  public func collectMetrics(timeLimit: Duration = .seconds(2)) async -> [(worker: String, text: String)] {
    let connections = state.withLock { Array($0.connections.values) }
    let limit = TimeAmount(timeLimit)
    return await withTaskGroup(of: (String, String)?.self) { group in
      for connection in connections {
        guard let name = connection.workerName else { continue }
        group.addTask { await connection.collectMetrics(timeLimit: limit).map { (name, $0) } }
      }
      return await group.reduce(into: [(worker: String, text: String)]()) { list, answer in
        if let (name, text) = answer { list.append((name, text)) }
      }.sorted { $0.worker < $1.worker }
    }
  }

  /// The names of the workers that are connected.
  public var workers: [String] {
    state.withLock { Array($0.connections.values) }.compactMap(\.workerName).sorted()
  }

  private func accept(_ channel: any Channel) throws {
    guard let peer = PeerCredentials(channel), isAllowed(peer.userID) else {
      parts.events.emit(
        Event(
          time: parts.clock.wallTime(), severity: .warning, message: "a foreign user's process was refused by gate",
          fields: [.init("uid", .integer(PeerCredentials(channel).map { Int64($0.userID) } ?? -1))]))
      throw ChannelError.operationUnsupported
    }
    let connection = state.withLock { state -> GateConnection? in
      guard !state.isStopped, state.connections.count < configuration.maximumConnections else { return nil }
      let connection = GateConnection(
        number: parts.board.takeNumber(), channel: channel, peer: peer, parts: parts,
        allowsAdministration: configuration.allowsAdministration)
      state.connections[connection.number] = connection
      return connection
    }
    guard let connection else { throw ChannelError.inappropriateOperationForState }
    let handler = FrameHandler<ClientMessage> { [weak self, parts] message in
      connection.receive(message)
      if case .hello(_, let takesPushes) = message {
        if takesPushes { parts.board.add(connection) }
        self?.greet(connection)
      }
    } closed: { [weak self, parts] in
      parts.board.remove(connection)
      self?.state.withLock { _ = $0.connections.removeValue(forKey: connection.number) }
      connection.closed()
    }
    try channel.pipeline.syncOperations.addHandler(handler)
  }

  private func isAllowed(_ userID: uid_t) -> Bool {
    if let allowed = configuration.allowedUserIDs { return allowed.contains(userID) }
    return userID == 0 || userID == geteuid() || userID == configuration.serviceUserID
  }

  private func take(_ identities: [TLSIdentity]) {
    let connections = state.withLock { state in
      state.identities = identities
      return Array(state.connections.values)
    }
    for connection in connections { connection.push(identities) }
  }

  /// Has all workers show these challenges, and no others.
  public func publish(_ challenges: [PublishedChallenge]) {
    let connections = state.withLock { state in
      state.challenges = challenges
      return Array(state.connections.values)
    }
    for connection in connections where connection.workerName != nil { connection.send(.challenges(challenges)) }
  }

  private func greet(_ connection: GateConnection) {
    let challenges = state.withLock { $0.challenges }
    if !challenges.isEmpty, connection.workerName != nil { connection.send(.challenges(challenges)) }
    if let identities = state.withLock({ $0.identities }) { connection.push(identities) }
  }
}
